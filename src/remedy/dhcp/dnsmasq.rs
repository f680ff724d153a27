//! dnsmasq (`dhcp-platforms.md` 3.3): `dhcp-option` with a tag of its own, which nothing sets until the range or the
//! phones get it.

use super::change::{Change, Text, joined};
use crate::diagnosis::TftpSource;

/// Tags that nobody has already.
const TAG: &str = "phonescope";

pub(super) fn text(change: &Change<'_>) -> Text {
    let label = change.scope.label();
    let tag = match change.prefix() {
        Some((network, length)) => format!("{TAG}-{}-{length}", network.to_string().replace('.', "-")),
        None => TAG.to_owned(),
    };
    let servers = joined(change.right, ",");
    let mut steps = vec![
        "1. cp -p /etc/dnsmasq.conf /etc/dnsmasq.conf.before".to_owned(),
        "2. grep -rnE '^ *dhcp-(option|option-force|boot|host|vendorclass|match|mac|range)' /etc/dnsmasq.conf \
         /etc/dnsmasq.d/"
            .to_owned(),
    ];
    let mut set = format!("dhcp-option=tag:{tag},150,{servers}\n");
    let undo;
    match change.phones {
        None => {
            let old = if change.old.is_empty() { "ADDRESSES".to_owned() } else { joined(&change.old, ",") };
            steps.push(format!("3. In the line that sets 150 (or option:tftp-server-address) for {label}, change the"));
            steps.push(format!("   addresses and keep its tags: dhcp-option=TAGS,150,{old} becomes"));
            steps.push(format!("   dhcp-option=TAGS,150,{servers}   ({})", change.was));
            steps.push(
                "   A line without a tag is for all ranges: it moves them all. A tag that the client sets beats"
                    .to_owned(),
            );
            steps.push("   one of the range, and a later line an earlier one.".to_owned());
            steps.push(format!(
                "   Or use the line below: it does nothing until the range has its tag (dhcp-range=set:{tag},...)."
            ));
            undo = match change.old.is_empty() {
                true => format!("# take out: {set}"),
                false => format!("dhcp-option=tag:{tag},150,{}\n", joined(&change.old, ",")),
            };
        }
        Some(phones) => {
            steps.push(format!("3. These lines hold for single phones of {label} only.   ({})", change.was));
            let tagged: String = phones.iter().map(|p| format!("dhcp-mac=set:{tag},{}\n", p.mac)).collect();
            set = tagged + &set;
            undo = set.lines().map(|l| format!("# take out: {l}\n")).collect();
        }
    }
    steps.extend(change.beside_steps(word).into_iter().map(|s| format!("   {s}")));
    steps.push("4. dnsmasq --test -C /etc/dnsmasq.conf, then restart (a reload does not read the file).".to_owned());
    steps.extend(change.not_restored().map(|why| format!("The old value is {why}.")));
    Text { steps, set, undo }
}

fn word(place: TftpSource) -> &'static str {
    match place {
        TftpSource::Siaddr => "dhcp-boot with the address",
        TftpSource::Sname => "dhcp-boot with the name",
        _ => "dhcp-option=66",
    }
}
