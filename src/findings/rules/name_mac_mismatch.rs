//! `name-mac-mismatch`: the phone goes by a name that is not its own.

use crate::diagnosis::{Code, Confidence, Fact, Fix, FixKind, FixTarget};
use crate::findings::context::PhoneContext;
use crate::findings::{Draft, evidence, text};
use crate::remedy;
use crate::types::Mac;

declare_finding! {
    /// ## Trigger
    ///
    /// The phone registers under `SEP` or `ATA` and twelve digits that are not its MAC address, in frames that bear its own
    /// MAC. That the MAC is its own is known from its DHCP messages, its ARP or its announcements, and no other address is
    /// seen behind it.
    ///
    /// ## Evidence
    ///
    /// The Register with the name, and its source MAC.
    ///
    /// ## Explanation
    ///
    /// A phone makes its name of its MAC. Another name means a softphone or an emulator that was given a name, a
    /// configuration that was copied, or a replaced board. It works until the device that the name belongs to comes up:
    /// then the two throw each other out.
    ///
    /// ## Fix
    ///
    /// Find the device by its MAC, and give it its own name; in CallManager the entry must bear the MAC of the device.
    ///
    /// ## Not this
    ///
    /// A router between phone and capture: its MAC on the frames says nothing. The second line of an ATA, whose name is
    /// the MAC moved by two digits. IP Communicator, whose name is that of any of the computer's cards.
    /// `duplicate-device`: the device that the name belongs to is there as well.
    ///
    /// ## References
    ///
    /// Unified CM Administration Guide, "Cisco Unified IP Phone setup" (device name and MAC address).
    static NAME_MAC_MISMATCH = {
        code: NameMacMismatch,
        summary: "The registered name is not the MAC address of the sender",
        check: check,
    }
}

/// Device type of IP Communicator (SCCP reference, section 6).
const IP_COMMUNICATOR: u32 = 30016;

/// The twelve digits of a name that stand for a MAC.
fn digits(name: &str) -> Option<String> {
    let (prefix, digits) = name.split_at_checked(3)?;
    let is_mac = digits.len() == 12 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    let known = ["SEP", "ATA"].iter().any(|p| prefix.eq_ignore_ascii_case(p));
    (is_mac && known).then(|| digits.to_ascii_uppercase())
}

fn is_of(digits: &str, mac: Mac) -> bool {
    let own = mac.device_name();
    let own = own.trim_start_matches("SEP");
    // The second line of an ATA: the first two digits go, a number comes behind.
    own == digits || own.get(2..).is_some_and(|rest| digits.starts_with(rest))
}

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    let phone = cx.phone;
    let registry = cx.world.registry;
    let Some(attempt) = phone.attempts.iter().rev().find(|a| a.name.is_some()) else { return Vec::new() };
    let (Some(name), Some(register)) = (&attempt.name, attempt.register) else { return Vec::new() };
    // Where several names are at one address, the MAC is that of whoever stands in front of them.
    let is_own = attempt.client_mac == Some(phone.mac)
        && !phone.shares
        && !registry.is_router(phone.mac)
        && (!phone.dhcp.list.is_empty()
            || phone.announced.is_some()
            || registry.is_neighbour(attempt.client, phone.mac));
    let is_strange = digits(name.raw()).is_some_and(|d| !is_of(&d, phone.mac));
    if !is_strange || !is_own || phone.device_type == Some(IP_COMMUNICATOR) {
        return Vec::new();
    }
    let own = phone.mac.device_name();
    vec![
        Draft::from_evidence(
            Code::NameMacMismatch,
            Confidence::Certain,
            vec![evidence(register.last, format!("{name} registers from {}", phone.mac))],
        )
        .servers(Vec::new())
        .fact("name", Fact::Text(name.clone()))
        .fact("mac", text(phone.mac))
        .title("a phone registers under a name that is not its MAC address".to_owned())
        .summary(format!(
            "The device with MAC {} registers with {} as {name}; by its MAC its name would be {own}.",
            phone.mac, attempt.server
        ))
        .fix(
            Fix::new(
                FixKind::RenameDevice,
                FixTarget::Phone,
                format!("Find the device with MAC {}, and give it its own name", phone.mac),
            )
            .step(remedy::network::find_port(phone.mac))
            .step(format!("A softphone or emulator: set its device name to {own}, or to one that no phone has."))
            .step(format!(
                "A phone: erase its configuration; in CallManager add {own}, and delete {name} if that device is gone."
            ))
            .verify(format!("Its Register says {own}.")),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_compared_with_its_mac_in_every_form() {
        let mac: Mac = "00:30:94:c2:d3:fa".parse().unwrap();
        for name in ["SEP003094C2D3FA", "sep003094c2d3fa", "ATA003094C2D3FA", "ATA3094C2D3FA01"] {
            assert!(is_of(&digits(name).unwrap(), mac), "{name}");
        }
        assert!(!is_of(&digits("SEP003094C2D3FB").unwrap(), mac));
        for name in ["", "SEP", "lobby", "VGC003094C2D3FA", "SEP003094C2D3FAA", "SEP003094C2D3Fé"] {
            assert_eq!(digits(name), None, "{name}");
        }
    }
}
