//! `offer-not-taken`: a server offers, and the phone does not hear it.

use std::net::{IpAddr, Ipv4Addr};

use crate::conversation::dhcp::{OfferSeen, Untaken};
use crate::diagnosis::{Code, Confidence, Fact, Fix, FixKind, FixTarget};
use crate::findings::context::PhoneContext;
use crate::findings::leases::AGAIN_AND_AGAIN;
use crate::findings::{Draft, evidence, optional, text};

declare_finding! {
    /// ## Trigger
    ///
    /// A DHCP server answers three DISCOVERs of the phone or more, the latest ones, with offers that are in order; the phone
    /// requests none of them and asks again. Not where the phone is seen to have an address all the same.
    ///
    /// ## Evidence
    ///
    /// The first offer, the latest one, and the DISCOVER after it. Certain where a DISCOVER follows the offers; likely in a
    /// capture that lost packets.
    ///
    /// ## Explanation
    ///
    /// A phone takes the first sound offer that reaches it. If it asks again, the offers are lost between the server and
    /// the phone: the relay agent does not hand them on or can not be reached from the server, DHCP snooping drops them
    /// because the port that they come in by is not trusted, or they go out in another VLAN. Where a switch adds option 82,
    /// a relay agent may drop what carries it.
    ///
    /// ## Fix
    ///
    /// Follow the offer on its way: from the server to the relay agent, from there into the phone's VLAN, through the
    /// trusted ports of the switches to the phone.
    ///
    /// ## Not this
    ///
    /// `malformed-tftp-option`: the offers carry an option that the phone can not use. `no-dhcp-answer`: there is no offer.
    /// `dhcp-refused`: the phone requests the address, and the server refuses it. A phone that leaves an offer in the data
    /// VLAN and takes one in the voice VLAN.
    ///
    /// ## References
    ///
    /// RFC 2131 sections 3.1 and 4.1 (exchange, retransmission); RFC 3046 (option 82); RFC 1542 section 4 (relay agents).
    static OFFER_NOT_TAKEN = {
        code: OfferNotTaken,
        summary: "DHCP servers offer again and again, and the phone never takes an offer",
        check: check,
    }
}

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    let Some(untaken) = cx.untaken_offers().filter(|u| u.offered >= AGAIN_AND_AGAIN) else { return Vec::new() };
    let sound: Vec<&OfferSeen> = untaken.offers.iter().copied().filter(|o| is_sound(o)).collect();
    let Some(offer) = sound.first() else { return Vec::new() };
    let Untaken { offered, first, discovered, .. } = untaken;
    let server = offer.terms.server;
    let mut shown = vec![evidence(first, format!("DHCP server {server} offers {} an address", cx.label()))];
    if offer.seen_at > first {
        shown.push(evidence(offer.seen_at, format!("DHCP server {server} offers again ({offered} in all)")));
    }
    if discovered.last.is_after(first) {
        shown.push(evidence(
            discovered.last,
            format!("{} asks for the last time seen, and has requested no address", cx.label()),
        ));
    }
    // A phone that asks again has not requested what it was offered, whatever the capture lost. It may take the next one.
    let is_settled = discovered.last.is_after(first) && offered > AGAIN_AND_AGAIN + 1;
    let confidence = if is_settled { Confidence::Certain } else { Confidence::Likely };
    let confidence = if cx.world.visible.lossy { confidence.min(Confidence::Likely) } else { confidence };
    let address = offer.address.map_or("an address".to_owned(), |a| a.to_string());
    let way = match offer.relay {
        Some(relay) => format!(
            "They are addressed to relay agent {relay} (giaddr): they are lost on the way to it, there, or between it and \
             the phone, such as by DHCP snooping."
        ),
        None => {
            "They come through no relay agent: they are lost between the server and the phone, mostly by DHCP snooping \
                 on a switch that does not trust the server's port."
                .to_owned()
        }
    };
    let nameless = if sound.iter().all(|o| o.terms.sources.is_empty()) {
        " None of them names a TFTP server; that has to be put right too."
    } else {
        ""
    };
    let mut servers: Vec<IpAddr> = sound.iter().map(|o| IpAddr::V4(o.terms.server)).collect();
    servers.sort_unstable();
    servers.dedup();
    vec![
        Draft::from_evidence(Code::OfferNotTaken, confidence, shown)
            .servers(servers)
            .fact("dhcp_server", text(server))
            .fact("offers", Fact::Number(u64::from(offered)))
            .fact("relay", optional(offer.relay))
            .title(format!("the offers of DHCP server {server} do not reach the phones"))
            .summary(format!(
                "DHCP server {server} answers {} {offered} times with an offer of {address}, and the phone never requests it: it keeps \
                 asking. The offers are in order. {way}{nameless}",
                cx.label()
            ))
            .fix(fix(cx, server, offer.relay)),
    ]
}

/// Whether a phone can take it: what is wrong with the others, `malformed-tftp-option` says.
fn is_sound(offer: &OfferSeen) -> bool {
    let terms = &offer.terms;
    terms.unusable.is_empty() || !terms.sources.is_empty()
}

fn fix(cx: &PhoneContext<'_>, server: Ipv4Addr, relay: Option<Ipv4Addr>) -> Fix {
    let vlan = cx.phone.vlan.map_or("the phone's VLAN".to_owned(), |v| format!("VLAN {v}"));
    let fix = Fix::new(
        FixKind::ReachDhcpServer,
        FixTarget::Network,
        format!("Let the offers of DHCP server {server} reach the phones"),
    );
    let fix = match relay {
        Some(relay) => fix
            .step(format!(
                "From {server}: does {relay} answer a ping? The server sends its offers there (giaddr); without a route, or \
                 with a filter on UDP 67, they are lost before it."
            ))
            .step(format!(
                "On {relay}: is it the router of {vlan}? Where a switch adds option 82, let the relay agent take it: ip dhcp \
                 relay information trusted on that interface, or no ip dhcp snooping information option on the switch."
            )),
        None => fix.step(format!("Is {server} in {vlan}? Its offers have to arrive there untagged or in that VLAN.")),
    };
    fix.step(
        "On each switch between: show ip dhcp snooping. Ports towards the DHCP server and the relay agent have to be trusted \
         (ip dhcp snooping trust).",
    )
    .step("Capture at the phone's own switch port: an OFFER that is not seen there is lost before it.")
    .verify("The phone's DISCOVER is followed by an OFFER, and that by a REQUEST.")
}
