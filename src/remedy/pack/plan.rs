//! `plan.json`: the pack for programs.

use super::Work;
use super::configurations::Outcome;
use crate::remedy::plan::{Plan, PlannedPhone, SCHEMA};
use crate::wire::WireText;

/// What is to be achieved.
pub(super) fn plan(work: &Work<'_>) -> Plan {
    let inputs = &work.diagnosis.inputs;
    let phone = |patient: &super::Patient| {
        let p = &patient.phone;
        let wanted = &p.wanted;
        let own = p.mac.device_name();
        PlannedPhone {
            mac: p.mac,
            name: p.name.clone().unwrap_or_else(|| WireText::from(own.as_str())),
            model: p.model.clone(),
            ip: p.ip,
            vlan: p.vlan,
            cause: patient.cause.to_owned(),
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
            config_name: wanted
                .config_name
                .clone()
                .unwrap_or_else(|| WireText::from(format!("{own}.cnf.xml").as_str())),
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

/// The file.
pub(super) fn write(plan: &Plan) -> Vec<u8> {
    let mut out = Vec::new();
    // Writing to memory does not fail.
    let _ = crate::report::json::write_document(plan, &mut out);
    out
}
