//! `tftp-name-unresolved`: the lease names the TFTP server by a name that leads to no address.

use std::net::IpAddr;
use std::time::Duration;

use crate::conversation::SeenAt;
use crate::diagnosis::{Code, Confidence, Evidence, Fact, Fix, FixKind, FixTarget};
use crate::findings::context::{PhoneContext, SETTLED};
use crate::findings::inference::stated;
use crate::findings::{Draft, and_list, evidence, optional};
use crate::phone::DnsAnswer;
use crate::phone::NameAsk;
use crate::remedy;
use crate::types::WireText;

declare_finding! {
    /// ## Trigger
    ///
    /// The lease names its TFTP server by name (option 66 or sname) and by no address, the phone asks DNS for that name,
    /// and no answer gives an address: the name does not exist, the server fails, or it stays silent (three questions,
    /// or older than the retransmission interval when the capture ends). Also where the lease names no DNS server to ask,
    /// and the phone asks nobody for a file. Not where an address came for the name with a domain behind it, and not
    /// where the phone was answered by any TFTP server after that.
    ///
    /// ## Evidence
    ///
    /// The lease with the name, the first question, and the answer.
    ///
    /// ## Explanation
    ///
    /// A phone looks the name up with the DNS server that its lease names (option 6), before it knows anything else. A
    /// name that only the computers' DNS knows, a missing domain (option 15) or a missing DNS server stop it there: it
    /// never asks for a file, and shows "DNS unknown host" or "No DNS server IP".
    ///
    /// ## Fix
    ///
    /// Name the server by address in option 150: then no DNS is needed. Or give the name an address on the DNS server that
    /// the phones ask.
    ///
    /// ## Not this
    ///
    /// The name CiscoCM1, which old loads always try and which is mostly not there. `malformed-tftp-option`: the option
    /// holds no name at all. `tftp-no-answer`: the name resolves, and the server is silent.
    ///
    /// ## References
    ///
    /// RFC 2132 section 9.4 (option 66); RFC 1035 section 4.1.1 (response codes); Cisco IP phone administration guides,
    /// "DNS unknown host".
    static TFTP_NAME_UNRESOLVED = {
        code: TftpNameUnresolved,
        summary: "The name of the TFTP server does not resolve",
        check: check,
    }
}

/// First retransmission of a DNS question: the usual five seconds (RFC 1035 section 4.2.1).
const DNS_INTERVAL: Duration = Duration::from_secs(5);

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    let Some(lease) = cx.phone.lease() else { return Vec::new() };
    let began = cx.phone.boot_began().unwrap_or(lease.seen_at).min(lease.seen_at);
    let is_address = |n: &WireText| n.raw().parse::<IpAddr>().is_ok();
    let names = lease.terms.tftp();
    // An address beside the name is all that the phone needs.
    if cx.is_registered() || lease.terms.cut || names.is_empty() || names.iter().any(is_address) {
        return Vec::new();
    }
    if cx.phone.files.iter().any(|f| f.request.first >= began && f.answered.is_some()) {
        return Vec::new();
    }
    let mut drafts = Vec::new();
    for name in &names {
        let asks: Vec<&NameAsk> = cx
            .phone
            .dns
            .iter()
            .filter(|a| a.tries.last >= began && is_question_for(a.name.raw(), name.raw()))
            .collect();
        if asks.iter().any(|a| a.answer.as_ref().is_some_and(|a| !a.addresses.is_empty())) {
            return Vec::new();
        }
        let Some((how, ask, confidence)) = failure(cx, &asks, lease.seen_at, lease.terms.dns.is_empty()) else {
            return Vec::new();
        };
        drafts.push(draft(cx, name, &how, ask, confidence));
    }
    drafts
}

/// Whether a question is one for `name`: the same, or with a domain behind it.
fn is_question_for(asked: &str, name: &str) -> bool {
    let (asked, name) =
        (asked.trim_end_matches('.').to_ascii_lowercase(), name.trim_end_matches('.').to_ascii_lowercase());
    asked.strip_prefix(&name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Why no address came, in words, the question that shows it, and how sure that is. `None`: it may still come.
fn failure<'p>(
    cx: &PhoneContext<'_>,
    asks: &[&'p NameAsk],
    leased: SeenAt,
    no_server: bool,
) -> Option<(String, Option<&'p NameAsk>, Confidence)> {
    let refused = asks.iter().find_map(|a| a.answer.as_ref().map(|answer| (*a, &answer.code)));
    if let Some((ask, code)) = refused {
        return Some(match code.raw() {
            "NXDOMAIN" => {
                (format!("{} answers that there is no such name", ask.server), Some(ask), Confidence::Certain)
            }
            // A name that has addresses of another kind, or an answer that was cut.
            "NOERROR" => (format!("{} answers without an address", ask.server), Some(ask), Confidence::Likely),
            code => (format!("{} answers {code}", ask.server), Some(ask), Confidence::Certain),
        });
    }
    if let Some(ask) = asks.first() {
        let silent = asks.iter().all(|a| a.tries.unanswered(cx.now(), DNS_INTERVAL));
        let sure = if ask.tries.count >= 3 { Confidence::Certain } else { Confidence::Likely };
        return (silent && !cx.world.visible.blind_arp)
            .then(|| (format!("{} does not answer", ask.server), Some(*ask), cx.confidence_from_absence(sure)));
    }
    let settled = cx.now().since(leased.time) >= SETTLED;
    (no_server && settled && cx.phone.files.iter().all(|f| f.request.first < leased)).then(|| {
        (
            "the lease names no DNS server to ask (option 6)".to_owned(),
            None,
            cx.confidence_from_absence(Confidence::Likely),
        )
    })
}

fn draft(cx: &PhoneContext<'_>, name: &WireText, how: &str, ask: Option<&NameAsk>, confidence: Confidence) -> Draft {
    let lease = cx.phone.lease();
    let dhcp_server = lease.map(|l| l.terms.server);
    let mut shown: Vec<Evidence> = Vec::new();
    if let Some(ask) = ask {
        shown
            .push(evidence(ask.tries.first, format!("{} asks DNS server {} for {}", cx.label(), ask.server, ask.name)));
        if let Some(DnsAnswer { seen_at, code, .. }) = &ask.answer {
            shown.push(evidence(*seen_at, format!("{} answers {code}", ask.server)));
        } else if ask.tries.count > 1 {
            shown.push(evidence(ask.tries.last, format!("the latest of {} questions", ask.tries.count)));
        }
    }
    if let Some(lease) = lease {
        shown.push(evidence(lease.seen_at, format!("DHCP server {} names TFTP server {name}", lease.terms.server)));
    }
    let mut servers: Vec<IpAddr> = ask.map(|a| a.server).into_iter().collect();
    servers.extend(dhcp_server.map(IpAddr::V4));
    let from = dhcp_server.map_or_else(String::new, |s| format!(" from DHCP server {s}"));
    Draft::from_evidence(Code::TftpNameUnresolved, confidence, shown)
        .servers(servers)
        .fact("name", Fact::Text(name.clone()))
        .fact("dns_server", optional(ask.map(|a| a.server)))
        .title(format!("the TFTP server's name {name} does not resolve"))
        .summary(format!(
            "The lease of {}{from} names its TFTP server by the name {name}, and {how}. Without an address the phone \
                 asks nobody for its configuration.",
            cx.label()
        ))
        .fixes(fixes(cx, name, ask.map(|a| a.server)))
}

fn fixes(cx: &PhoneContext<'_>, name: &WireText, dns_server: Option<IpAddr>) -> Vec<Fix> {
    // The site file's word, or the address that this capture shows for the name elsewhere.
    let right = stated(cx).map(|r| r.servers).unwrap_or_else(|| cx.world.registry.resolve(name.raw()));
    let mut fixes = Vec::new();
    if let Some(lease) = cx.phone.lease() {
        let terms = &lease.terms;
        let scope = remedy::dhcp::Scope::of(terms, lease.address);
        fixes.extend(cx.set_option_150(&scope, &right));
    }
    let to = if right.is_empty() { "the TFTP server's address".to_owned() } else { and_list(&right) };
    let steps = match dns_server {
        Some(server) => vec![
            format!("On DNS server {server}: add a record of type A for {name} with {to}."),
            "Or name a DNS server that knows it in the phones' scope (option 6), and the domain (option 15)."
                .to_owned(),
        ],
        None => vec!["In the phones' scope: name the DNS server (option 6) and the domain (option 15).".to_owned()],
    };
    let fix = Fix::new(
        FixKind::ResolveName,
        if dns_server.is_some() { FixTarget::Network } else { FixTarget::DhcpServer },
        format!("Let {name} resolve for the phones"),
    )
    .steps(steps)
    .verify(format!("The phone's question for {name} is answered with an address, and a read request follows."));
    if fixes.is_empty() {
        let steps = vec![
            format!(
                "In place of the name {name} (option 66), name the server by address in option 150: phones need no DNS for it."
            ),
            "Give the address to this program with --expect-tftp for the lines to paste.".to_owned(),
        ];
        fixes.push(
            Fix::new(
                FixKind::SetDhcpOption,
                FixTarget::DhcpServer,
                "Name the TFTP server by its address, in option 150",
            )
            .steps(steps)
            .verify("The next ACK carries option 150, and a read request follows."),
        );
    }
    fixes.push(fix.instead_of(&fixes));
    fixes
}

#[cfg(test)]
mod tests {
    use super::is_question_for;

    #[test]
    fn dns_question_with_domain_matches_the_bare_name() {
        for (asked, name, expected) in [
            ("tftp.phones.example", "tftp.phones.example", true),
            ("TFTP.phones.example.", "tftp.phones.example", true),
            ("tftp.phones.example", "tftp", true),
            ("tftp2.phones.example", "tftp", false),
            ("tftp", "tftp.phones.example", false),
            ("ciscocm1.phones.example", "tftp", false),
        ] {
            assert_eq!(is_question_for(asked, name), expected, "{asked} for {name}");
        }
    }
}
