//! The lab: networks of real DHCP, TFTP and SCCP programs with phones in them, and the truth of what was wrong.

use std::collections::BTreeSet;
use std::fmt::Write;

use phonescope::site::Site;
use serde_json::Value;

use super::{capture, documents, folder};
use crate::product::{codes_of, findings_of, list, parse_site, phone, report_on, text};

/// What the operator of the lab knows.
pub(super) fn site(known: &Value) -> Site {
    parse_site("site.toml", &site_file(known))
}

/// The same as a site file.
fn site_file(known: &Value) -> String {
    let mut out = format!("[network]\ndhcp_servers = {}\n", known["authorized_dhcp_servers"]);
    if let Some(vlan) = known["voice_vlan"].as_u64() {
        writeln!(out, "voice_vlans = [{vlan}]").unwrap();
    }
    for cluster in list(known, "clusters") {
        let name = &cluster["name"];
        let macs: Vec<&Value> =
            list(known, "phones").iter().filter(|p| p["cluster"] == *name).map(|p| &p["mac"]).collect();
        let macs: Vec<String> = macs.iter().map(ToString::to_string).collect();
        let version: String =
            text(cluster, "callmanager_version").chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        writeln!(out, "\n[[cluster]]\nname = {name}\nversion = \"{version}\"\ntftp = {}", cluster["tftp"]).unwrap();
        writeln!(out, "call_managers = {}\nphones = [{}]", cluster["callmanagers"], macs.join(", ")).unwrap();
        writeln!(out, "[cluster.loads]").unwrap();
        for (model, load) in cluster["loads"].as_object().unwrap() {
            writeln!(out, "\"{model}\" = {load}").unwrap();
        }
    }
    out
}

/// How a CallManager may turn a phone away.
const TURNED_AWAY: [&str; 3] = ["registration-rejected", "call-manager-closed", "call-manager-no-answer"];

/// What the truth says of one phone, and what a right report may say of it.
struct Truth<'t> {
    truth: &'t Value,
    /// The analyzer was given the site file.
    site: bool,
    /// The capture is cut, one-way or lossy: the cause is what it is, the capture may not show it.
    degraded: bool,
}

impl<'t> Truth<'t> {
    fn text(&self, key: &str) -> Option<&'t str> {
        self.truth[key].as_str()
    }

    fn cause(&self) -> &'t str {
        self.text("cause").unwrap()
    }

    /// Whether the capture itself holds what the right TFTP server is.
    fn is_shown(&self) -> bool {
        let ways = self.truth["right_tftp_evidence"].as_array();
        let way = |w: &Value| w != "inventory" && w != "colocated_with_callmanager";
        ways.is_some_and(|ways| ways.iter().any(way))
    }

    fn verdicts(&self) -> BTreeSet<&'static str> {
        let (cause, detail) = (self.cause(), self.text("detail"));
        let mut right: BTreeSet<&'static str> = match cause {
            "ok" => ["healthy"].into(),
            "wrong_tftp_by_dhcp" => ["wrong-tftp-server"].into(),
            "wrong_tftp_manual" => ["wrong-tftp-server", "tftp-override"].into(),
            "rogue_dhcp" if self.site => ["unknown-dhcp-server"].into(),
            "rogue_dhcp" => ["unknown-dhcp-server", "conflicting-dhcp-offers", "wrong-tftp-server"].into(),
            "server_downgraded_load_missing" => ["stuck-load"].into(),
            "dhcp_no_offer" => ["no-dhcp-answer"].into(),
            "dhcp_no_tftp_option" => ["no-tftp-address"].into(),
            "tftp_file_missing" => ["config-file-missing", "registers-with-tftp-server"].into(),
            "tftp_silent" if detail == Some("stall") => ["tftp-transfer-failed"].into(),
            "tftp_silent" => ["tftp-no-answer"].into(),
            "cm_tcp_refused" => ["call-manager-refused"].into(),
            "cm_tcp_silent" => ["call-manager-no-answer"].into(),
            other => panic!("what is {other}?"),
        };
        if detail == Some("load_file_missing") {
            right.insert("load-file-missing");
        }
        if cause == "tftp_silent" && self.text("wrong_tftp_ip").is_some() {
            if self.site && !self.degraded {
                right.clear();
            }
            right.insert("wrong-tftp-server");
        }
        if !self.site && cause == "server_downgraded_load_missing" {
            right.extend(TURNED_AWAY);
        }
        if !self.site && matches!(cause, "wrong_tftp_by_dhcp" | "rogue_dhcp") && !self.is_shown() {
            right.extend(TURNED_AWAY);
        }
        if self.degraded {
            right.insert("incomplete");
            if cause != "ok" {
                right.extend(TURNED_AWAY);
            }
        }
        right
    }

    fn states(&self) -> &'static [&'static str] {
        match self.text("callmanager_response") {
            Some("ack") => &["registered"],
            Some("reject") => &["rejected"],
            Some("closed" | "rst") => &["closed"],
            Some("tcp_refused") => &["refused"],
            Some("tcp_timeout") => &["no-answer"],
            Some("no_answer") => &["no-answer", "closed"],
            Some("no_lease") => &["not-seen"],
            None => &["not-seen", "refused", "no-answer"],
            Some(other) => panic!("what is {other}?"),
        }
    }

    /// What is wrong with the report's phone.
    fn differences(&self, report: &Value, phone: &Value) -> Vec<String> {
        let verdict = text(phone, "verdict");
        let mut wrong = Vec::new();
        if !self.verdicts().contains(verdict) {
            wrong.push(format!("verdict {verdict}, not one of {:?}", self.verdicts()));
        }
        if self.degraded {
            return wrong;
        }
        let state = text(&phone["registration"], "state");
        if !self.states().contains(&state) {
            wrong.push(format!("registration {state}, not one of {:?}", self.states()));
        }
        if let Some(load) = self.text("current_load") {
            let running = phone["load"]["running"].as_str();
            let must_be_known = matches!(state, "registered" | "rejected" | "closed");
            if running.is_some_and(|r| r != load) || (must_be_known && running.is_none()) {
                wrong.push(format!("load {running:?}, not {load}"));
            }
        }
        if let Some(server) = self.text("dhcp_server_ip")
            && phone["dhcp"]["server"] != server
        {
            wrong.push(format!("DHCP server {}, not {server}", phone["dhcp"]["server"]));
        }
        if self.text("wrong_tftp_ip").is_some() {
            self.wrong_server(report, phone, &mut wrong);
        }
        let errors = codes_of(report, phone, "error");
        if self.cause() == "ok" && !errors.is_empty() {
            wrong.push(format!("it is well and has {errors:?}"));
        }
        wrong
    }

    /// What is wrong with what is said of the wrong TFTP server.
    fn wrong_server(&self, report: &Value, phone: &Value, wrong: &mut Vec<String>) {
        let findings = findings_of(report, phone);
        let of = |code: &str| findings.iter().find(|f| f["code"] == code);
        let Some(finding) = of("wrong-tftp-server").or_else(|| of("tftp-override")) else {
            if self.site || self.is_shown() {
                wrong.push("the wrong TFTP server is not found".to_owned());
            }
            return;
        };
        let own = &finding["phone_facts"][text(phone, "mac")];
        let fact = |name: &str| if own[name].is_null() { &finding["facts"][name] } else { &own[name] };
        if fact("tftp_used") != self.text("wrong_tftp_ip").unwrap() {
            wrong.push(format!("tftp_used {}", fact("tftp_used")));
        }
        let right = self.text("right_tftp_ip").unwrap();
        let named = fact("tftp_right").as_array().cloned().unwrap_or_default();
        let must = self.site || self.is_shown();
        if !named.iter().any(|n| n == right) && (must || !named.is_empty()) {
            wrong.push(format!("tftp_right {named:?}, not {right}"));
        }
        if !self.site && finding["confidence"] == "certain" {
            wrong.push("certain without a site file".to_owned());
        }
        if let Some(server) = self.text("offending_dhcp_server_ip")
            && fact("dhcp_server") != server
        {
            wrong.push(format!("dhcp_server {}, not {server}", fact("dhcp_server")));
        }
        let fixes: String = findings.iter().map(|f| f["fixes"].to_string()).collect();
        if self.site && !fixes.contains(right) {
            wrong.push(format!("no fix names {right}"));
        }
        if self.site
            && self.truth["load_fetched_in_capture"] == true
            && !fixes.contains(self.text("expected_load").unwrap())
        {
            wrong.push("no fix names the right load".to_owned());
        }
        if list(finding, "fixes").is_empty() {
            wrong.push("no fix".to_owned());
        }
    }
}

fn judge(with_site: bool) {
    if folder().is_none() {
        return;
    }
    let known = documents("lab", ".site.json");
    let mut wrong = Vec::new();
    let mut judged = 0;
    for (name, truth) in documents("lab", ".expected.json") {
        let site = match known.iter().find(|(n, _)| *n == name).filter(|_| with_site) {
            Some((_, known)) => site(known),
            None => Site::none(),
        };
        let report = report_on(&[(name.as_str(), &capture("lab", &truth, "capture_file"))], &site);
        let degraded = !truth["degraded"].is_null();
        let phones = list(&truth, "phones");
        for extra in list(&report, "phones").iter().filter(|p| !phones.iter().any(|t| t["mac"] == p["mac"])) {
            wrong.push(format!("{name}: {} is no phone", extra["mac"]));
        }
        for truth in phones {
            judged += 1;
            let mac = text(truth, "mac");
            let differences = match phone(&report, mac) {
                Some(phone) => Truth { truth, site: with_site, degraded }.differences(&report, phone),
                None if degraded => Vec::new(),
                None => vec!["is not in the report".to_owned()],
            };
            wrong.extend(differences.iter().map(|d| format!("{name}: {mac} ({}): {d}", truth["cause"])));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(judged > 50, "only {judged} phones");
}

#[test]
fn phones_of_the_lab_get_their_verdicts_without_a_site_file() {
    judge(false);
}

#[test]
fn phones_of_the_lab_get_their_verdicts_with_the_site_file() {
    judge(true);
}
