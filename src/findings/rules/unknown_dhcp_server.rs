//! `unknown-dhcp-server`: somebody answers who should not.

use std::net::{IpAddr, Ipv4Addr};

use crate::conversation::SeenAt;
use crate::diagnosis::{Code, Confidence, Severity};
use crate::findings::context::PhoneContext;
use crate::findings::{Draft, and_list, evidence, text, wire_texts};
use crate::remedy;
use crate::types::WireText;

declare_finding! {
    /// ## Trigger
    ///
    /// A DHCP server that the site file does not name in `dhcp_servers` answers phones. An error for the phones that took
    /// its lease, a warning for those that it only made an offer. A site file that lists no DHCP servers states nothing.
    ///
    /// ## Evidence
    ///
    /// Its offer or acknowledgement, or the REQUEST that names it; of a REQUEST alone it is likely.
    ///
    /// ## Explanation
    ///
    /// A router, a lab server or an access point with DHCP left on answers faster than the right server, and hands out
    /// its own idea of option 150, or none. All that follows (wrong TFTP server, foreign load, refused registration)
    /// comes of that.
    ///
    /// ## Fix
    ///
    /// Take the server off the voice VLAN and keep it off (DHCP snooping); reset the phones that took its lease. If it is
    /// legitimate, add it to `dhcp_servers` in the site file.
    ///
    /// ## Not this
    ///
    /// A relay: the server identifier (option 54) counts, not the address that the packet came from. Nor a relay that puts
    /// its own address there (RFC 5107), or a wireless controller its virtual one: the server behind
    /// it is not to be seen.
    /// `conflicting-dhcp-offers`: no site file tells which of two servers is right.
    ///
    /// ## References
    ///
    /// RFC 2131 section 4.3.1, RFC 2132 section 9.7 (server identifier).
    static UNKNOWN_DHCP_SERVER = {
        code: UnknownDhcpServer,
        summary: "A DHCP server that the site file does not name answers phones",
        check: check,
    }
}

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    let known = &cx.world.site.network.dhcp_servers;
    if known.is_empty() {
        return Vec::new();
    }
    let took = cx.terms().map(|t| t.server).or(taken_by_request(cx).map(|(server, _)| server));
    let mut drafts: Vec<Draft> = Vec::new();
    let mut seen: Vec<Ipv4Addr> = Vec::new();
    let replies = cx.phone.dhcp.list.iter().rev().flat_map(|e| e.ack.iter().chain(&e.offers));
    let replies = replies.map(|o| (o.terms.server, o.seen_at, (!o.terms.cut).then(|| o.terms.tftp())));
    // Where the replies are not in the capture the phone's own REQUEST says whose offer it takes.
    let requests = taken_by_request(cx).into_iter().map(|(server, seen_at)| (server, seen_at, None));
    for (server, seen_at, tftp) in replies.chain(requests) {
        if !cx.is_foreign_dhcp_server(server) || seen.contains(&server) {
            continue;
        }
        seen.push(server);
        drafts.push(draft(cx, server, seen_at, tftp, took == Some(server), known));
    }
    drafts
}

/// The server that the latest REQUEST names.
fn taken_by_request(cx: &PhoneContext<'_>) -> Option<(Ipv4Addr, SeenAt)> {
    let exchange = cx.phone.dhcp.list.iter().rev().find(|e| e.requested.is_some())?;
    Some((exchange.requested?, exchange.request?.first))
}

fn draft(
    cx: &PhoneContext<'_>,
    server: Ipv4Addr,
    seen_at: SeenAt,
    tftp: Option<Vec<WireText>>,
    is_taken: bool,
    known: &[Ipv4Addr],
) -> Draft {
    // By the REQUEST alone a relay agent that names itself is not to be told from a server.
    let confidence = cx.world.site.certainty();
    let confidence = if tftp.is_none() { confidence.min(Confidence::Likely) } else { confidence };
    let names = match tftp.as_deref() {
        None => "a TFTP server that the capture does not show".to_owned(),
        Some([]) => "no TFTP server".to_owned(),
        Some(tftp) => format!("TFTP server {}", and_list(tftp)),
    };
    let did = if is_taken { "took its lease" } else { "did not take its offer" };
    Draft::from_evidence(
        Code::UnknownDhcpServer,
        confidence,
        vec![evidence(seen_at, format!("DHCP server {server} answers {} and names {names}", cx.label()))],
    )
    .severity(if is_taken { Severity::Error } else { Severity::Warning })
    .server(IpAddr::V4(server))
    .fact("dhcp_server", text(server))
    .fact("tftp_offered", wire_texts(&tftp.unwrap_or_default()))
    .title(format!("DHCP server {server} is not one of this site"))
    .summary(format!(
        "DHCP server {server}, which the site file does not name, answers {} and names {names}; the phone {did}. \
                 The site's servers are {}.",
        cx.label(),
        and_list(known)
    ))
    .fix(remedy::dhcp::remove_server(server, cx.phone.vlan))
}
