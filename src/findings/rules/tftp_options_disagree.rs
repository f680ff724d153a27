//! `tftp-options-disagree`: one lease, several TFTP servers, and the phone chooses.

use std::net::IpAddr;

use crate::diagnosis::{Code, Confidence, Fact, TftpSource};
use crate::findings::context::PhoneContext;
use crate::findings::inference::stated;
use crate::findings::{Draft, and_list, evidence, optional, wire_texts};
use crate::remedy;
use crate::types::WireText;

declare_finding! {
    /// ## Trigger
    ///
    /// Option 150, option 66, `sname` and `siaddr` of the lease in force name different TFTP servers: two of these places
    /// share no address, names resolved as the capture shows. A name that the capture does not resolve is no
    /// disagreement, nor is an option that no phone can use, nor `siaddr` with the DHCP server's own address, which some
    /// servers fill in by themselves.
    ///
    /// ## Evidence
    ///
    /// The acknowledgement of the lease, and the read request that shows which server the phone chose.
    ///
    /// ## Explanation
    ///
    /// Which of these places a phone goes by differs by its generation: old loads look at `siaddr` first, later ones at
    /// option 150; a third one takes what comes last. So of two phones in one scope one comes up and the other asks the
    /// wrong server, and a new load can change a phone's mind.
    ///
    /// ## Fix
    ///
    /// Name the TFTP server once, in option 150, and take the other places out of the phones' scope. Where `siaddr` or
    /// option 66 are for computers that boot from the network, give those a scope or a class of their own.
    ///
    /// ## Not this
    ///
    /// `conflicting-dhcp-offers`: two servers disagree, each in one voice. An option 150 with several addresses, of which
    /// option 66 names one.
    ///
    /// ## References
    ///
    /// RFC 5859 (option 150); RFC 2132 section 9.4 (option 66); RFC 2131 section 2 (`siaddr`, `sname`).
    static TFTP_OPTIONS_DISAGREE = {
        code: TftpOptionsDisagree,
        summary: "Options 150, 66, sname and siaddr of one lease name different TFTP servers",
        check: check,
    }
}

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    let Some(lease) = cx.phone.lease() else { return Vec::new() };
    let terms = &lease.terms;
    let resolve = |name: &str| cx.world.registry.resolve(name);
    let mut sources = terms.sources.clone();
    // The server's own address in siaddr is no accident for a phone that goes by it.
    let asks_own = |f: &crate::conversation::file::Fetch| f.server == IpAddr::V4(terms.server);
    if terms.own_siaddr && !terms.only_own_siaddr() && cx.files().iter().any(asks_own) {
        sources.push((TftpSource::Siaddr, vec![WireText::from(terms.server.to_string().as_str())]));
    }
    if !disagree(&sources, &resolve) {
        return Vec::new();
    }
    let of = |source: TftpSource| sources.iter().find(|(s, _)| *s == source).map(|(_, names)| names.as_slice());
    let first = |source: TftpSource| of(source).and_then(<[WireText]>::first);
    let said: Vec<String> =
        sources.iter().map(|(source, names)| format!("{} names {}", in_words(*source), and_list(names))).collect();
    let mut shown = vec![evidence(lease.seen_at, format!("in the lease of {} {}", cx.label(), said.join(", ")))];
    let used = cx.tftp_use().filter(|u| u.asked);
    let took = used.map_or_else(String::new, |used| {
        shown.push(evidence(used.seen_at, format!("{} asks {}", cx.label(), used.server)));
        format!(" This phone asks {}; one of another generation may ask another.", used.server)
    });
    let scope = remedy::dhcp::Scope::of(terms, lease.address);
    // The servers to keep: the site file's, those that the phone came up with, or what option 150 names.
    let registered = used.filter(|_| cx.registered_with().is_some()).map(|u| vec![u.server]);
    let keep = stated(cx).map(|r| r.servers).or(registered).unwrap_or_else(|| {
        of(TftpSource::Option150).unwrap_or_default().iter().flat_map(|n| resolve(n.raw())).collect()
    });
    let others = (first(TftpSource::Option66), first(TftpSource::Sname), first(TftpSource::Siaddr));
    vec![
        Draft::from_evidence(Code::TftpOptionsDisagree, Confidence::Certain, shown)
            .server(IpAddr::V4(terms.server))
            .fact("option150", of(TftpSource::Option150).map_or_else(|| Fact::List(Vec::new()), wire_texts))
            .fact("option66", optional(first(TftpSource::Option66).map(WireText::raw)))
            .fact("siaddr", optional(first(TftpSource::Siaddr).map(WireText::raw)))
            .title(format!("the leases from {} name several TFTP servers", terms.server))
            .summary(format!(
                "The lease that DHCP server {} gave {} names different TFTP servers: {}.{took}",
                terms.server,
                cx.label(),
                said.join(", ")
            ))
            .fix(remedy::dhcp::only_option_150(&scope, &keep, others)),
    ]
}

/// Whether two places of a lease name servers of which none is the same.
fn disagree(sources: &[(TftpSource, Vec<WireText>)], resolve: &dyn Fn(&str) -> Vec<IpAddr>) -> bool {
    let known: Vec<(&[WireText], Vec<IpAddr>)> = sources
        .iter()
        .filter_map(|(_, names)| {
            let mut addresses = Vec::new();
            for name in names {
                let found = resolve(name.raw());
                // What a name stands for may be any of the others.
                if found.is_empty() {
                    return None;
                }
                addresses.extend(found);
            }
            (!addresses.is_empty()).then_some((names.as_slice(), addresses))
        })
        .collect();
    known.iter().enumerate().any(|(index, (_, one))| {
        known.iter().skip(index + 1).any(|(_, other)| !other.iter().any(|address| one.contains(address)))
    })
}

fn in_words(source: TftpSource) -> &'static str {
    match source {
        TftpSource::Option150 => "option 150",
        TftpSource::Option66 => "option 66",
        TftpSource::Sname => "sname",
        TftpSource::Siaddr => "siaddr",
        TftpSource::Dhcpv6 => "DHCPv6",
        TftpSource::Manual => "the phone",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use TftpSource::{Option66, Option150, Siaddr, Sname};

    #[track_caller]
    fn check(sources: &[(TftpSource, &[&str])], expected: bool) {
        let sources: Vec<(TftpSource, Vec<WireText>)> =
            sources.iter().map(|(s, names)| (*s, names.iter().map(|n| WireText::from(*n)).collect())).collect();
        let resolve = |name: &str| match name {
            "tftp" => vec!["10.1.1.5".parse().unwrap()],
            "other" => vec!["10.1.1.9".parse().unwrap()],
            _ => name.parse().into_iter().collect(),
        };
        assert_eq!(disagree(&sources, &resolve), expected, "{sources:?}");
    }

    #[test]
    fn places_that_share_no_server_disagree() {
        check(&[(Option150, &["10.1.1.5"]), (Option66, &["10.1.1.9"])], true);
        check(&[(Option150, &["10.1.1.5", "10.1.1.6"]), (Siaddr, &["10.1.1.9"])], true);
        check(&[(Option150, &["10.1.1.5"]), (Sname, &["other"])], true);
        check(&[(Option66, &["unknown"]), (Option150, &["10.1.1.5"]), (Siaddr, &["10.1.1.9"])], true);
    }

    #[test]
    fn places_that_can_mean_one_server_do_not() {
        check(&[], false);
        check(&[(Option150, &["10.1.1.5", "10.1.1.6"])], false);
        check(&[(Option150, &["10.1.1.5", "10.1.1.6"]), (Option66, &["10.1.1.6"])], false);
        check(&[(Option150, &["10.1.1.5"]), (Option66, &["tftp"]), (Siaddr, &["10.1.1.5"])], false);
        check(&[(Option150, &["10.1.1.5"]), (Sname, &["unknown"])], false);
    }
}
