//! Reading a plan from its file, which anybody may have edited since.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::plan::{Plan, PlannedPhone, SCHEMA};
use super::probe::FileName;

/// Name of the file in its pack.
pub const NAME: &str = "plan.json";
/// Most bytes of a plan that are read: one of fifty thousand phones has some 30 MB.
pub const LONGEST: usize = 64 << 20;
/// Most phones of a plan.
const MAX_PHONES: usize = 100_000;

/// Why a plan can not be used.
#[derive(thiserror::Error, Debug)]
pub enum PlanError {
    /// No JSON, or a value of another shape.
    #[error("{path}:{line}:{column}: {why}: run phonescope fix again, or mend it")]
    Shape {
        #[allow(missing_docs)]
        path: String,
        #[allow(missing_docs)]
        line: usize,
        #[allow(missing_docs)]
        column: usize,
        #[allow(missing_docs)]
        why: String,
    },
    /// Another format.
    #[error("{path}: its schema is \"{schema}\", and this version reads {SCHEMA}: use the version that wrote it")]
    Schema {
        #[allow(missing_docs)]
        path: String,
        #[allow(missing_docs)]
        schema: String,
    },
    /// A value that can not be.
    #[error("{path}: {why}")]
    Value {
        #[allow(missing_docs)]
        path: String,
        #[allow(missing_docs)]
        why: String,
    },
}

impl Plan {
    /// Reads the text of the plan at `path`, which is for messages only.
    ///
    /// # Errors
    /// Where it is no plan of this version, or holds what can not be meant.
    pub fn parse(path: &str, text: &[u8]) -> Result<Plan, PlanError> {
        let shape = |e: serde_json::Error| PlanError::Shape {
            path: path.to_owned(),
            line: e.line(),
            column: e.column(),
            why: why(&e),
        };
        let value = |why: String| PlanError::Value { path: path.to_owned(), why };
        if text.len() > LONGEST {
            return Err(value(format!("longer than {} MiB: this is no plan of phonescope", LONGEST >> 20)));
        }
        // The schema first: of another version nothing else need fit.
        #[derive(serde::Deserialize)]
        struct Schema {
            schema: String,
        }
        let schema: Schema = serde_json::from_slice(text).map_err(shape)?;
        if schema.schema != SCHEMA {
            return Err(PlanError::Schema { path: path.to_owned(), schema: schema.schema.chars().take(64).collect() });
        }
        let plan: Plan = serde_json::from_slice(text).map_err(shape)?;
        if plan.phones.len() > MAX_PHONES {
            return Err(value(format!("{} phones, where {MAX_PHONES} are the most", plan.phones.len())));
        }
        let mut macs = BTreeSet::new();
        for phone in &plan.phones {
            if !macs.insert(phone.mac) {
                return Err(value(format!("phone {} stands in it twice: take one out", phone.mac)));
            }
            if let Err(why) = check(phone) {
                return Err(value(format!("phone {}: {why}", phone.mac)));
            }
        }
        Ok(plan)
    }
}

fn check(phone: &PlannedPhone) -> Result<(), String> {
    if FileName::new(phone.config_name.raw()).is_none() {
        return Err(format!("config_name \"{}\" is no name of a configuration", phone.config_name));
    }
    if let Some(file) = &phone.config_file
        && in_pack(file).is_none()
    {
        return Err(format!("config_file \"{}\" is no file of the pack", crate::types::WireText::from(file.as_str())));
    }
    Ok(())
}

/// The path of a file of the pack, relative to it: folders and a name of plain letters, and no way out.
pub fn in_pack(file: &str) -> Option<PathBuf> {
    let parts: Option<Vec<FileName>> = file.split('/').map(FileName::new).collect();
    let parts = parts.filter(|p| p.len() <= 4)?;
    Some(parts.iter().map(|p| Path::new(p.as_str())).collect())
}

/// What serde says, without its position, which is said in front.
fn why(e: &serde_json::Error) -> String {
    let text = e.to_string();
    let at = text.rfind(" at line ").unwrap_or(text.len());
    text.get(..at).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(change: impl FnOnce(&mut serde_json::Value)) -> Vec<u8> {
        let mut plan = serde_json::json!({
            "schema": SCHEMA, "made_from": ["a.pcap"], "as_of": "2026-11-23T07:00:00.000000000Z",
            "phones": [{
                "mac": "00:30:94:c2:d3:fa", "name": "SEP003094C2D3FA", "model": "7960", "ip": "10.50.0.10", "vlan": 110,
                "cause": "wrong-tftp-server", "dhcp_server": "10.30.0.2", "tftp_now": "10.31.0.5",
                "tftp_right": ["10.30.0.5"], "load_now": "P00303010102", "load_wanted": "P00303000300",
                "call_managers": ["10.30.0.10"], "cluster": "hq-3.0", "config_name": "SEP003094C2D3FA.cnf.xml",
                "config_file": "tftp/SEP003094C2D3FA.cnf.xml"
            }]
        });
        change(&mut plan);
        serde_json::to_vec_pretty(&plan).unwrap()
    }

    fn refused(text: &[u8]) -> String {
        Plan::parse("pack/plan.json", text).unwrap_err().to_string()
    }

    #[test]
    fn a_plan_is_read() {
        let plan = Plan::parse("plan.json", &text(|_| {})).unwrap();
        assert_eq!(plan.phones.len(), 1);
        assert_eq!(plan.phones[0].load_wanted.as_ref().unwrap().raw(), "P00303000300");
    }

    #[test]
    fn what_is_no_plan_is_refused_with_its_place() {
        assert!(refused(b"").starts_with("pack/plan.json:1:0: EOF while parsing"), "{}", refused(b""));
        let broken = text(|p| p["phones"][0]["mac"] = "x".into());
        let message = refused(&broken);
        assert!(message.starts_with("pack/plan.json:") && message.contains("not a MAC address"), "{message}");
        let line: usize = message.split(':').nth(1).unwrap().parse().unwrap();
        assert!(String::from_utf8(broken).unwrap().lines().nth(line - 1).unwrap().contains("\"mac\""), "{message}");
        let message = refused(&text(|p| p["schema"] = "phonescope.plan/2\u{1b}[2J".into()));
        assert!(message.contains("this version reads phonescope.plan/1"), "{message}");
        assert!(refused(b"{\"schema\": 1}").contains("plan.json:1:12: invalid type"));
        assert!(refused(&[b' '; LONGEST + 1]).contains("longer than 64 MiB"));
        assert!(refused(&b"[".repeat(100_000)).contains("recursion") || refused(b"[").contains("plan.json:1:"));
    }

    #[test]
    fn what_can_not_be_meant_is_refused() {
        let twice = text(|p| {
            let phone = p["phones"][0].clone();
            p["phones"].as_array_mut().unwrap().push(phone);
        });
        assert_eq!(refused(&twice), "pack/plan.json: phone 00:30:94:c2:d3:fa stands in it twice: take one out");
        for file in ["/etc/passwd", "../x", "tftp/../../x", "tftp//x", "", "a/b/c/d/e", "tftp/.x", "tftp\\x"] {
            let message = refused(&text(|p| p["phones"][0]["config_file"] = file.into()));
            assert!(message.contains("is no file of the pack"), "{file}: {message}");
        }
        for name in ["a/b", "", "../x", "x\0octet", "x y"] {
            let message = refused(&text(|p| p["phones"][0]["config_name"] = name.into()));
            assert!(message.contains("is no name of a configuration"), "{name}: {message}");
        }
    }
}
