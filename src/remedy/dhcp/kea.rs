//! Kea (`dhcp-platforms.md` 3.2): an entry by code, in hexadecimal, which works beside a definition of any name and
//! without one.

use std::net::Ipv4Addr;

use super::change::{Change, Text, joined};
use crate::diagnosis::TftpSource;

pub(super) fn text(change: &Change<'_>) -> Text {
    let label = change.scope.label();
    let mut steps = vec![
        "Merge in place; do not append (kea-dhcp4 -t refuses that).".to_owned(),
        "1. cp -p /etc/kea/kea-dhcp4.conf /etc/kea/kea-dhcp4.conf.before".to_owned(),
    ];
    let entry = entry(change.right);
    let (set, undo);
    match change.phones {
        None => {
            steps.push(format!("2. In the option-data of {label}, put this entry in place of the one for option 150"));
            steps.push(format!("   ({}). Pools, reservations and client classes", change.was));
            steps.push("   with an option 150 of their own: change it there too.".to_owned());
            set = place(change, &format!("\"option-data\": [ {entry} ]"));
            undo = match change.old.is_empty() {
                true => format!("// take out the entry for option 150 of {label}\n"),
                false => place(change, &format!("\"option-data\": [ {} ]", self::entry(&change.old))),
            };
        }
        Some(phones) => {
            steps.push(format!(
                "2. Merge these reservations into those of {label}; a phone that has one takes the entry"
            ));
            steps.push(format!("   into its option-data.   ({})", change.was));
            let one = |p: &crate::diagnosis::ScopePhone| {
                format!("\n        {{ \"hw-address\": \"{}\", \"option-data\": [ {entry} ] }}", p.mac)
            };
            let all: Vec<String> = phones.iter().map(one).collect();
            set = place(change, &format!("\"reservations\": [{}\n      ]", all.join(",")));
            undo = phones.iter().map(|p| format!("// take out the reservation of {}\n", p.mac)).collect();
        }
    }
    steps.extend(change.beside_steps(word).into_iter().map(|s| format!("   {s}")));
    steps.push("3. kea-dhcp4 -t /etc/kea/kea-dhcp4.conf".to_owned());
    steps.push("4. systemctl restart kea-dhcp4-server. A partner (HA) has a file of its own.".to_owned());
    steps.extend(change.not_restored().map(|why| format!("The old value is {why}.")));
    Text { steps, set, undo }
}

/// Around it what shows where it belongs: the subnet, by its prefix.
fn place(change: &Change<'_>, inner: &str) -> String {
    match change.prefix() {
        Some((network, length)) => format!(
            "{{\n  \"Dhcp4\": {{\n    \"subnet4\": [ {{\n      \"subnet\": \"{network}/{length}\",\n      {inner}\n    }} ]\n  \
             }}\n}}\n"
        ),
        None => format!("{{\n      {inner}\n}}\n"),
    }
}

fn entry(servers: &[Ipv4Addr]) -> String {
    let hexadecimal: String = servers.iter().map(|ip| format!("{:08X}", ip.to_bits())).collect();
    format!(
        "{{ \"code\": 150, \"space\": \"dhcp4\", \"csv-format\": false, \"data\": \"{hexadecimal}\",\n          \"comment\": \
         \"option 150: {}\" }}",
        joined(servers, ", ")
    )
}

fn word(place: TftpSource) -> &'static str {
    match place {
        TftpSource::Siaddr => "next-server",
        TftpSource::Sname => "server-hostname",
        _ => "tftp-server-name (option 66)",
    }
}
