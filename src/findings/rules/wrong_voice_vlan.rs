//! `wrong-voice-vlan`: the phone asks where nobody waits for it.

use crate::conversation::SeenAt;
use crate::conversation::dhcp::{Exchange, Kind, SeenIn};
use crate::diagnosis::{Code, Confidence, Evidence, Fact};
use crate::findings::context::PhoneContext;
use crate::findings::site_wide::input_of;
use crate::findings::{Draft, and_list, evidence};
use crate::phone::VoiceVlanSeen;
use crate::phone::identity::VoicePort;
use crate::remedy;

declare_finding! {
    /// ## Trigger
    ///
    /// The phone's latest DHCP messages are in another VLAN than the voice VLAN that the switch on its port announces (CDP
    /// or LLDP-MED), or than those of the site file. The announcement came before them, so that the phone could know.
    /// Mirrors add and translate tags, so the site file alone speaks only against phones that are not registered, and
    /// only where another phone is registered from one of its voice VLANs.
    /// Frames without a tag count only where this capture shows tags of phones at all; where it shows none, only together
    /// with a lease that never came or that names no TFTP server, and then the finding is `possible`.
    ///
    /// ## Evidence
    ///
    /// The DISCOVER or REQUEST with its tag, or without one, and the switch's announcement.
    ///
    /// ## Explanation
    ///
    /// A phone asks its switch for the voice VLAN, and then for an address in it. Where it does not hear the answer (CDP
    /// and LLDP off, a device between that drops them), or has another VLAN set by hand, it asks in the data VLAN; the
    /// DHCP server there names no TFTP server, or a wrong one.
    ///
    /// ## Fix
    ///
    /// Set `switchport voice vlan` on the port, let CDP or LLDP run there, allow the VLAN on the trunk; clear Admin. VLAN
    /// Id on the phone; reset it.
    ///
    /// ## Not this
    ///
    /// The first DISCOVER of a boot, untagged, before the phone has heard its VLAN: the boot's last state counts. A span
    /// port or a network card that takes tags off. `no-dhcp-answer` and `no-tftp-address` in the right VLAN.
    ///
    /// ## References
    ///
    /// IEEE 802.1Q; ANSI/TIA-1057 (LLDP-MED) section 10.2.3, network policy; Cisco, "Configuring Voice VLAN".
    static WRONG_VOICE_VLAN = {
        code: WrongVoiceVlan,
        summary: "The phone asks for its address in another VLAN than the switch's voice VLAN",
        check: check,
    }
}

/// What the switch wants of this phone.
struct AnnouncedVlan<'a> {
    vlan: u16,
    seen_at: SeenAt,
    port: Option<&'a VoicePort>,
    /// The phone said so itself, or is the only one there.
    sure: bool,
}

/// The voice VLAN of the phone's port. An announcement does not say which phone it is for, so it must be that of all
/// ports seen there.
fn wanted<'a>(cx: &PhoneContext<'a>) -> Option<AnnouncedVlan<'a>> {
    let input = input_of(cx.phone)?;
    let mut ports = cx.world.registry.vlans.ports.iter().filter(|p| p.seen_at.at.input == input);
    if let Some(VoiceVlanSeen { id: vlan, seen_at }) = cx.phone.voice_vlan {
        let port = ports.find(|p| p.vlan == Some(vlan));
        return Some(AnnouncedVlan { vlan, seen_at, port, sure: true });
    }
    let first = ports.next()?;
    let vlan = first.vlan.filter(|_| ports.all(|p| p.vlan == first.vlan))?;
    let sure = cx.world.together.is_alone(input);
    Some(AnnouncedVlan { vlan, seen_at: first.seen_at, port: Some(first), sure })
}

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    let last = |e: &&Exchange| e.kind != Kind::Inform && e.seen_in != SeenIn::Unknown;
    let Some(exchange) = cx.phone.dhcp.list.iter().rev().find(last) else { return Vec::new() };
    let draft = match exchange.seen_in {
        SeenIn::Unknown => None,
        // Later frames in another VLAN: it has moved on.
        SeenIn::Vlan(vlan) if cx.phone.vlan.is_some_and(|v| v != vlan) => None,
        SeenIn::Vlan(vlan) => tagged(cx, exchange, vlan),
        SeenIn::Untagged => untagged(cx, exchange),
    };
    draft.into_iter().collect()
}

fn tagged(cx: &PhoneContext<'_>, exchange: &Exchange, vlan: u16) -> Option<Draft> {
    let stated = &cx.world.site.network.voice_vlans;
    let asks = evidence(exchange.began, format!("{} asks for an address in VLAN {vlan}", cx.label()));
    let wanted = wanted(cx).filter(|w| w.vlan != vlan && w.seen_at < exchange.last);
    if !stated.is_empty() {
        if stated.contains(&vlan) {
            return None;
        }
        // The switch's word is the closer one.
        let told = wanted.filter(|w| stated.contains(&w.vlan));
        // Mirrors add and translate tags: without the switch's word the ids in this capture must be known to be those
        // of the site file, by a phone that is well in one of them.
        let same_ids = stated.iter().any(|v| cx.world.together.well_in.contains(v));
        if told.is_none() && (cx.is_registered() || !same_ids) {
            return None;
        }
        let right: Vec<u16> = told.as_ref().map_or_else(|| stated.clone(), |w| vec![w.vlan]);
        let because = format!("the site file's voice VLANs are {}", and_list(stated));
        let shown = std::iter::once(asks).chain(told.as_ref().map(announced)).collect();
        return Some(draft(
            cx,
            Some(vlan),
            &right,
            cx.world.site.certainty(),
            shown,
            &because,
            told.and_then(|w| w.port),
        ));
    }
    let wanted = wanted?;
    if !wanted.sure && (cx.is_registered() || cx.world.together.well_in.contains(&vlan)) {
        return None;
    }
    let confidence = if wanted.sure { Confidence::Certain } else { Confidence::Likely };
    let because = format!("the switch announces voice VLAN {}", wanted.vlan);
    Some(draft(cx, Some(vlan), &[wanted.vlan], confidence, vec![asks, announced(&wanted)], &because, wanted.port))
}

fn untagged(cx: &PhoneContext<'_>, exchange: &Exchange) -> Option<Draft> {
    let wanted = wanted(cx).filter(|w| w.seen_at < exchange.last)?;
    let native = wanted.port.and_then(|p| p.native);
    if cx.phone.vlan.is_some() || native == Some(wanted.vlan) {
        return None;
    }
    let shows_tags = cx.world.registry.vlans.shows_tags(exchange.began.at.input);
    let got_nowhere = cx.phone.lease().is_none_or(|l| l.terms.sources.is_empty());
    let confidence = match (shows_tags, wanted.sure) {
        (true, true) => Confidence::Likely,
        (true, false) if !cx.is_registered() => Confidence::Possible,
        (false, _) if got_nowhere && !cx.is_registered() => Confidence::Possible,
        _ => return None,
    };
    let asks = evidence(exchange.began, format!("{} asks for an address in frames without a VLAN tag", cx.label()));
    let because = format!("the switch announces voice VLAN {}", wanted.vlan);
    Some(draft(cx, native, &[wanted.vlan], confidence, vec![asks, announced(&wanted)], &because, wanted.port))
}

fn announced(wanted: &AnnouncedVlan<'_>) -> Evidence {
    let place = match wanted.port {
        Some(port) if !port.device.is_empty() => format!("switch {} port {}", port.device, port.port),
        _ => "the switch".to_owned(),
    };
    evidence(wanted.seen_at, format!("{place} announces voice VLAN {}", wanted.vlan))
}

fn draft(
    cx: &PhoneContext<'_>,
    vlan: Option<u16>,
    right: &[u16],
    confidence: Confidence,
    shown: Vec<Evidence>,
    because: &str,
    port: Option<&VoicePort>,
) -> Draft {
    let number = |v: &u16| Fact::Number(u64::from(*v));
    let place = vlan.map_or("without a VLAN tag".to_owned(), |v| format!("in VLAN {v}"));
    let lease = match cx.phone.lease() {
        Some(lease) if lease.terms.sources.is_empty() => {
            format!(" DHCP server {} gives it a lease there that names no TFTP server.", lease.terms.server)
        }
        Some(lease) => {
            format!(
                " DHCP server {} gives it a lease with TFTP server {}.",
                lease.terms.server,
                and_list(&lease.terms.tftp())
            )
        }
        None => String::new(),
    };
    let (switch, name) = port.map(|p| (p.device.to_string(), p.port.to_string())).unwrap_or_default();
    Draft::from_evidence(Code::WrongVoiceVlan, confidence, shown)
        .servers(Vec::new())
        .fact("vlan", vlan.as_ref().map_or(Fact::Null, number))
        .fact(
            "voice_vlan",
            match right {
                [only] => number(only),
                all => Fact::List(all.iter().map(number).collect()),
            },
        )
        .title(format!("asks for its address {place}, not in voice VLAN {}", and_list(right)))
        .summary(format!("{} asks for its address {place}, but {because}.{lease}", cx.label()))
        .fixes(right.iter().take(1).map(|v| remedy::network::voice_vlan(&switch, &name, *v)))
}
