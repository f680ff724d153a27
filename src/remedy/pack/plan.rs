//! `plan.json`: the pack for programs.

use super::Work;
use super::configurations::Outcome;
use crate::remedy::plan::{Plan, PlannedPhone, SCHEMA};
use crate::remedy::probe::FileName;
use crate::types::WireText;

/// What is to be achieved.
pub(super) fn plan(work: &Work<'_>) -> Plan {
    let inputs = &work.diagnosis.inputs;
    let phone = |patient: &super::PhoneToFix| {
        let p = &patient.phone;
        let wanted = &p.wanted;
        let own = p.mac.device_name();
        PlannedPhone {
            mac: p.mac,
            name: p.name.clone().unwrap_or_else(|| WireText::from(own.as_str())),
            model: p.model.clone(),
            ip: p.ip,
            vlan: p.vlan,
            cause: patient.cause.to_string(),
            dhcp_server: p.dhcp_server,
            tftp_now: wanted.tftp_now,
            tftp_right: wanted.tftp_right.clone(),
            load_now: p.load.running.clone().or_else(|| p.load.fetched.clone()),
            load_wanted: wanted.load.clone().or_else(|| match &patient.configuration {
                Outcome::File(made) => Some(WireText::from(made.load.as_str())),
                _ => None,
            }),
            load_first: match &patient.configuration {
                Outcome::File(made) if made.then.is_some() => Some(WireText::from(made.load.as_str())),
                _ => None,
            },
            call_managers: wanted.call_managers.clone(),
            cluster: p.cluster_expected.clone(),
            config_name: config_name(wanted.config_name.as_ref(), &own),
            config_file: match &patient.configuration {
                Outcome::File(made) => Some(made.path.clone()),
                _ => None,
            },
        }
    };
    Plan {
        schema: SCHEMA.to_owned(),
        made_from: inputs.iter().map(|i| i.path.clone()).collect(),
        as_of: inputs.iter().filter_map(|i| i.last).max(),
        phones: work.patients.iter().map(phone).collect(),
    }
}

/// The name under which the phone asks, without folders. What no server would be asked for is the usual one: the plan
/// is read again, and one odd name must not cost the others their proof.
fn config_name(asked: Option<&WireText>, own: &str) -> WireText {
    let asked = asked.and_then(|name| FileName::new(name.raw().rsplit(['/', '\\']).next().unwrap_or_default()));
    WireText::from(asked.map_or_else(|| format!("{own}.cnf.xml"), |name| name.as_str().to_owned()).as_str())
}

/// The file.
pub(super) fn write(plan: &Plan) -> Vec<u8> {
    let mut out = Vec::new();
    // Writing to memory does not fail.
    let _ = crate::report::json::write_document(plan, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_of_the_wire_makes_a_plan_that_can_not_be_read_again() {
        let name = |asked: &str| config_name(Some(&WireText::from(asked)), "SEP003094C2D3FA").raw().to_owned();
        assert_eq!(name("/tftpboot/sep003094c2d3fa.cnf.xml"), "sep003094c2d3fa.cnf.xml");
        assert_eq!(name("Desktops\\SEP003094C2D3FA.cnf.xml.sgn"), "SEP003094C2D3FA.cnf.xml.sgn");
        for odd in ["SEP003094C2D3FA. x\n.cnf.xml", "SEP003094C2D3FA.\u{e9}.cnf.xml", "", "/", ".."] {
            assert_eq!(name(odd), "SEP003094C2D3FA.cnf.xml", "{odd:?}");
        }
        assert_eq!(config_name(None, "SEP003094C2D3FA").raw(), "SEP003094C2D3FA.cnf.xml");
    }
}
