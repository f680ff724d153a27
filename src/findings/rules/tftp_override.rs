//! `tftp-override`: the phone has a TFTP server of its own.

use crate::diagnosis::{Code, Confidence, TftpSource};
use crate::findings::context::PhoneContext;
use crate::findings::inference::stated;
use crate::findings::{Draft, and_list, evidence, text, wire_texts};
use crate::remedy;

declare_finding! {
    /// ## Trigger
    ///
    /// The phone turns to a TFTP server that no DHCP server gave it, although the capture holds its lease. `likely`: that
    /// nobody gave it before the capture began is not seen; `certain` where the site file says which server is right.
    ///
    /// ## Evidence
    ///
    /// The lease, and the read request to another server.
    ///
    /// ## Explanation
    ///
    /// Alternate TFTP, set by hand on the phone, beats DHCP and survives moves; so does an address stored from before, or
    /// the name CiscoCM1 where DNS resolves it. It may be meant (the cure of a wrong scope), or be the one phone of many
    /// that asks a wrong server.
    ///
    /// ## Fix
    ///
    /// Where it is not meant: set Alternate TFTP to No on the phone.
    ///
    /// ## Not this
    ///
    /// `wrong-tftp-server`: the server is also the wrong one.
    ///
    /// ## References
    ///
    /// Cisco IP phone administration guides, "Alternate TFTP".
    static TFTP_OVERRIDE = {
        code: TftpOverride,
        summary: "The phone uses a TFTP server that no DHCP server gave it",
        check: check,
    }
}

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    let Some(used) = cx.tftp_use().filter(|u| u.asked && u.source == Some(TftpSource::Manual)) else {
        return Vec::new();
    };
    let Some(lease) = cx.phone.lease() else { return Vec::new() };
    if lease.terms.cut {
        return Vec::new();
    }
    // An offer of any server may be where it has it from.
    let offered = cx.phone.dhcp.list.iter().flat_map(|e| e.offers.iter().chain(&e.ack));
    if offered.flat_map(|o| o.terms.tftp()).any(|n| cx.world.registry.resolve(n.raw()).contains(&used.server)) {
        return Vec::new();
    }
    let named = lease.terms.tftp();
    let names = if named.is_empty() { "no TFTP server".to_owned() } else { and_list(&named) };
    let right = stated(cx).map(|r| r.servers);
    let by_dns = cx.named_by_dns(used.server);
    let mut fix = match by_dns {
        Some(dns) => {
            let right = right.as_deref().unwrap_or_default();
            remedy::network::dns_record(dns.name.raw(), dns.dns_server, used.server, right)
        }
        None => remedy::phone::no_alternate_tftp(used.server, cx.phone.model()),
    };
    let (title, whence) = match by_dns {
        Some(dns) => (
            format!("TFTP server {} comes from DNS, not from DHCP", used.server),
            format!("DNS server {} names it: {} is {}.", dns.dns_server, dns.name, used.server),
        ),
        None => (
            format!("TFTP server {} comes from the phone, not from DHCP", used.server),
            "It is set on the phone (Alternate TFTP), stored there, or found by the name CiscoCM1.".to_owned(),
        ),
    };
    let mut shown = vec![
        evidence(used.seen_at, format!("{} asks TFTP server {}", cx.label(), used.server)),
        evidence(lease.seen_at, format!("its lease from {} names {names}", lease.terms.server)),
    ];
    shown.extend(
        by_dns.map(|d| evidence(d.seen_at, format!("{} answers that {} is {}", d.dns_server, d.name, used.server))),
    );
    // A phone that works with it, or would, loses its server with it while the lease names another.
    if right.as_ref().map_or(cx.is_registered(), |r| r.contains(&used.server)) {
        fix.steps.insert(
            0,
            format!(
                "Leave it where it is meant. Else first let the lease of {} name {}.",
                lease.terms.server, used.server
            ),
        );
    }
    vec![
        Draft::from_evidence(
            Code::TftpOverride,
            if right.is_some() { cx.world.site.certainty() } else { Confidence::Likely },
            shown,
        )
        .server(used.server)
        .fact("tftp_used", text(used.server))
        .fact("tftp_offered", wire_texts(&named))
        .title(title)
        .summary(format!(
            "{} asks TFTP server {}, which no DHCP server gave it: its lease from {} names {names}. {whence}",
            cx.label(),
            used.server,
            lease.terms.server
        ))
        .fix(fix),
    ]
}
