//! ISC dhcpd (`dhcp-platforms.md` 3.1): the line that sets option 150, under the name that the site gives it.
//!
//! No `subnet` block is written: a second one stops all leases of the network and passes `dhcpd -t`. The name in the
//! lines is a placeholder that `dhcpd -t` refuses, so that nothing happens by pasting alone.

use super::change::{Change, Text, joined};
use crate::diagnosis::TftpSource;

pub(super) fn text(change: &Change<'_>) -> Text {
    let label = change.scope.label();
    let set = joined(change.right, ", ");
    let mut steps = vec![
        "Edit in place; do not append (dhcpd -t refuses these lines as they stand).".to_owned(),
        "1. cp -p /etc/dhcp/dhcpd.conf /etc/dhcp/dhcpd.conf.before".to_owned(),
        "2. grep -rnE 'code 150|tftp-server-address|tftp-server-name|next-server' /etc/dhcp/".to_owned(),
        "   \"option NAME code 150 = array of ip-address;\" shows what to write for NAME below. Without such a line use"
            .to_owned(),
        "   tftp-server-address. With \"= text\" change the definition to \"= array of ip-address\" as well.".to_owned(),
    ];
    let (lines, undo);
    match change.phones {
        None => {
            let was = if change.old.is_empty() { "add".to_owned() } else { "change option NAME to".to_owned() };
            steps.push(format!("3. In the block that serves {label}, {was}:   ({})", change.was));
            steps.push(
                "   A host, class or pool that sets the option beats the subnet: change it there too.".to_owned(),
            );
            lines = format!("option NAME {set};\n");
            undo = match change.old.is_empty() {
                true => format!("# take out: option NAME {set};\n"),
                false => format!("option NAME {};\n", joined(&change.old, ", ")),
            };
        }
        Some(phones) => {
            steps.push(format!(
                "3. At the top level, one host entry a phone of {label}; an entry that a phone has already"
            ));
            steps.push(format!("   takes the option line instead.   ({})", change.was));
            let entry = |p: &crate::diagnosis::ScopePhone| {
                format!("host {} {{ hardware ethernet {}; option NAME {set}; }}\n", p.mac.device_name(), p.mac)
            };
            lines = phones.iter().map(entry).collect();
            undo = phones.iter().map(|p| format!("# take out: host {}\n", p.mac.device_name())).collect();
        }
    }
    steps.extend(change.beside_steps(word).into_iter().map(|s| format!("   {s}")));
    steps.push(
        "4. dhcpd -4 -t -cf /etc/dhcp/dhcpd.conf 2>&1 | grep -iE 'overlap|error|unknown|expected'   (prints nothing)"
            .to_owned(),
    );
    steps.push("5. systemctl restart isc-dhcp-server. A failover partner has a file of its own.".to_owned());
    steps.extend(change.not_restored().map(|why| format!("The old value is {why}.")));
    Text { steps, set: lines, undo }
}

fn word(place: TftpSource) -> &'static str {
    match place {
        TftpSource::Siaddr => "next-server",
        TftpSource::Sname => "server-name",
        _ => "option tftp-server-name",
    }
}
