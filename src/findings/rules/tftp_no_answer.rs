//! `tftp-no-answer`: the phone asks, and nobody answers.

use std::net::IpAddr;
use std::time::Duration;

use crate::conversation::RetryCount;
use crate::conversation::file::{Fetch, StrayAnswer, Unreachable, Why};
use crate::diagnosis::{Code, Confidence, Evidence, Fact, Fix, FixKind, FixTarget, Severity, TftpSource};
use crate::findings::context::{ARP_INTERVAL, PhoneContext, TFTP_INTERVAL, TftpUse};
use crate::findings::fallback::Fallback;
use crate::findings::inference::stated;
use crate::findings::{Draft, and_list, evidence, optional, text};
use crate::phone::ArpAsk;
use crate::remedy;
use crate::wire::phone_config::is_config_name;

declare_finding! {
    /// ## Trigger
    ///
    /// All that the phone asks a TFTP server for in this boot stays without answer: read requests sent three times, or
    /// given up, or older than the retransmission interval when the capture ends; an ICMP error that quotes them;
    /// answers from another address alone, which a phone drops; or ARP questions for the server that nobody answers. A
    /// server that answered a probe before and never the configuration counts too. A warning where another server of
    /// the lease served the configuration, or the phone is registered with what it has stored; an error where only its SRST
    /// router has it. Not where the capture does not hold file servers' answers at all.
    ///
    /// ## Evidence
    ///
    /// The first and the latest request, and the ICMP error where there is one. `why` says which it is: silent,
    /// icmp-port, icmp-host, icmp-filtered, arp, or other-address, where answers come from an address that was not asked
    /// (`answered_from`). Certain once an error says so or three requests had their time, and the
    /// lease names no other server that the phone could turn to.
    ///
    /// ## Explanation
    ///
    /// The TFTP service is down, the address is wrong or no host, or a filter drops the request, or only the answer, which
    /// comes from another port than 69. Or the server answers from another of its addresses, or something on the way puts
    /// its own address there: an answer counts only if it comes from the address that was asked.
    ///
    /// ## Fix
    ///
    /// Start the service; where the address is set on the phone (Alternate TFTP), take it back there; check the address that
    /// the lease names; let UDP 69 and the answers from ephemeral ports pass.
    ///
    /// ## Not this
    ///
    /// `config-file-missing`: the server answers that it does not have the file. `tftp-transfer-failed`: an answer begins
    /// and stops. `no-default-router`: the phone looks for it by ARP in its own subnet, where it is not. A single lost answer between answered ones.
    ///
    /// ## References
    ///
    /// RFC 1350 sections 2 and 4; RFC 792 (destination unreachable).
    static TFTP_NO_ANSWER = {
        code: TftpNoAnswer,
        summary: "Read requests to the TFTP server stay without answer",
        check: check,
    }
}

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    let files = cx.files();
    let need = Need::of(cx);
    let mut servers: Vec<IpAddr> = Vec::new();
    let again = asked_again(cx);
    for fetch in again.iter().copied().chain(files) {
        if !servers.contains(&fetch.server) {
            servers.push(fetch.server);
        }
    }
    let mut drafts: Vec<Draft> = Vec::new();
    for server in &servers {
        let all: Vec<_> = again.iter().copied().chain(files).filter(|f| f.server == *server).collect();
        // A server that answers a probe and then not the configuration does not answer what the phone needs.
        let heard = all.iter().rposition(|f| f.answered.is_some()).map_or(0, |last| last + 1);
        let (before, asked) = all.split_at(heard);
        let is_new = |f: &&&Fetch| is_config_name(f.name.raw()) && before.iter().all(|b| b.name != f.name);
        if !asked.iter().all(|f| cx.is_unanswered(f)) || (heard > 0 && !asked.iter().any(|f| is_new(&f))) {
            continue;
        }
        let (Some(first), Some(last)) = (asked.first(), asked.last()) else { continue };
        let tries: u32 = asked.iter().map(|f| f.request.count).sum();
        let error = asked.iter().rev().find_map(|f| f.unreachable);
        // A phone repeats a request. One that goes on to a CallManager after a single one had its answer.
        let went_on = cx.phone.attempts.iter().any(|a| a.began > last.request.last && a.server != *server)
            || cx.asks_for_another(last.request.last, *server);
        if tries == 1 && error.is_none() && went_on {
            continue;
        }
        if need != Need::Files && !(need.holds(cx, *server) && (tries >= SURE_TRIES || error.is_some())) {
            continue;
        }
        let stray = asked.iter().rev().find_map(|f| f.stray);
        let why = error.map_or(if stray.is_some() { Why::OtherAddress } else { Why::Silent }, |e| e.why);
        let mut shown = vec![evidence(first.request.first, format!("{} asks {server} for {}", cx.label(), first.name))];
        if last.request.last > first.request.first {
            shown.push(evidence(
                last.request.last,
                format!("{} asks for the last time seen ({tries} in all)", cx.label()),
            ));
        }
        if let Some(Unreachable { seen_at, why }) = error {
            shown.push(evidence(seen_at, format!("ICMP: {server} can not be reached ({})", why.as_str())));
        }
        if let Some(StrayAnswer { seen_at, from, .. }) = stray {
            shown.push(evidence(seen_at, format!("{from}, which was not asked, answers the request to {server}")));
        }
        let gap = asked.iter().map(|f| f.request.gap).min().unwrap_or(Duration::MAX);
        let all = RetryCount { count: tries, first: first.request.first, last: last.request.last, gap };
        let sure = match error {
            _ if has_another(cx) => Confidence::Likely,
            Some(_) => Confidence::Certain,
            // It asks again, with the answer in its hands.
            None if stray.is_some() && tries > 1 => Confidence::Certain,
            None => cx.confidence_from_silence(&all, TFTP_INTERVAL),
        };
        let from = stray.map(|s| s.from).filter(|_| why == Why::OtherAddress);
        drafts.push(need.tell(draft(cx, Silence { server: *server, tries, why, from }, sure, shown)));
    }
    // Nobody has the MAC of the server that the lease names: it never comes to a request, or to no other.
    let silent_since = |used: &TftpUse, ask: &ArpAsk| {
        let asked = files.iter().filter(|f| f.server == used.server);
        asked.into_iter().all(|f| f.last < ask.tries.first && !is_config_name(f.name.raw()))
    };
    if drafts.is_empty()
        && need == Need::Files
        && cx.stranded().is_none()
        && let Some(used) = cx.tftp_use()
        && let Some(ask) = cx.unanswered_arp(used.server).filter(|ask| silent_since(&used, ask))
    {
        let shown =
            vec![evidence(ask.tries.first, format!("{} asks who has {}, and nobody answers", cx.label(), used.server))];
        let another = cx.lease_servers().iter().any(|(server, _)| *server != used.server);
        let sure = if another { Confidence::Likely } else { cx.confidence_from_silence(&ask.tries, ARP_INTERVAL) };
        let silence = Silence { server: used.server, tries: ask.tries.count, why: Why::Arp, from: None };
        drafts.push(draft(cx, silence, cx.confidence_from_absence(sure), shown));
    }
    drafts
}

/// So many requests without answer say that a server is silent, whatever else the phone has.
const SURE_TRIES: u32 = 3;

/// What a phone lacks for want of an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    /// Its configuration, and with it a CallManager.
    Files,
    /// Its configuration; its SRST router has it meanwhile.
    Srst,
    /// Its configuration; it is registered with what it has stored.
    Stored,
    /// Nothing: another server served it.
    Nothing,
}

impl Need {
    fn of(cx: &PhoneContext<'_>) -> Need {
        match (cx.files().iter().any(|f| f.config.is_some()), cx.is_registered()) {
            (true, _) => Need::Nothing,
            (false, false) => Need::Files,
            (false, true) if Fallback::of(cx).is_some_and(|f| f.srst) => Need::Srst,
            (false, true) => Need::Stored,
        }
    }

    /// Whether a silent server is worth telling: beside another one that served it, the lease has to name it.
    fn holds(self, cx: &PhoneContext<'_>, server: IpAddr) -> bool {
        self != Need::Nothing || cx.lease_servers().iter().any(|(named, _)| *named == server)
    }

    /// How bad it is, and what it means for the phone.
    fn tell(self, mut draft: Draft) -> Draft {
        let (severity, meaning) = match self {
            Need::Files => return draft,
            Need::Srst => (Severity::Error, " It is on its SRST router with what it has stored."),
            Need::Stored => (
                Severity::Warning,
                " It is registered with what it has stored; a change of its configuration or its load does not reach it.",
            ),
            Need::Nothing => (Severity::Warning, " Another server of its lease served it after that wait."),
        };
        draft.says.summary.push_str(meaning);
        draft.severity(severity)
    }
}

/// Questions of an earlier boot, from one port, that the phone went on with in the boot that counts.
fn asked_again<'a>(cx: &PhoneContext<'a>) -> Vec<&'a Fetch> {
    let Some(first) = cx.files().first().map(|f| f.request.first) else { return Vec::new() };
    let Some(began) = cx.phone.boots.iter().rev().find(|b| **b <= first) else { return Vec::new() };
    let earlier = cx.phone.files.iter().take_while(|f| f.request.first < *began);
    earlier.filter(|f| f.answered.is_none() && f.request.last >= *began).collect()
}

/// Whether there is a server that may yet answer: one that the phone has just asked, or that its lease names too.
fn has_another(cx: &PhoneContext<'_>) -> bool {
    let files = cx.files();
    files.iter().any(|f| !cx.is_unanswered(f))
        || cx.lease_servers().iter().any(|(server, _)| !files.iter().any(|f| f.server == *server))
}

/// How a server does not answer.
struct Silence {
    server: IpAddr,
    tries: u32,
    why: Why,
    /// The address that answers in its place.
    from: Option<IpAddr>,
}

fn draft(cx: &PhoneContext<'_>, silence: Silence, confidence: Confidence, shown: Vec<Evidence>) -> Draft {
    let Silence { server, tries, why, from } = silence;
    let draft = Draft::from_evidence(Code::TftpNoAnswer, confidence, shown)
        .server(server)
        .fact("tftp_server", text(server))
        .fact("tries", Fact::Number(u64::from(tries)))
        .fact("why", text(why.as_str()))
        .fact("answered_from", optional(from.map(|ip| ip.to_string())));
    if let Some(from) = from {
        return draft
            .title(format!("the answers of TFTP server {server} come from {from}"))
            .summary(format!(
                "{} asks TFTP server {server} {tries} times, and answers come from {from}, which it did not ask. The \
                 phone drops what another address sends, and goes without its files.",
                cx.label()
            ))
            .fix(answer_from_one_address(server, from));
    }
    let what = match why {
        Why::Silent | Why::OtherAddress => "and gets no answer at all",
        Why::IcmpPort => "and the host answers that nothing listens there (ICMP port unreachable)",
        Why::IcmpHost => "and a router answers that the host can not be reached (ICMP)",
        Why::IcmpFiltered => "and a filter answers that this is prohibited (ICMP)",
        Why::Arp if server.is_ipv6() => "and no host has that address (neighbour solicitations stay without answer)",
        Why::Arp => "and no host has that address (ARP stays without answer)",
    };
    let step = match why {
        Why::Silent | Why::OtherAddress => {
            "Is the TFTP service running there, and do UDP 69 and its answers from ephemeral ports pass every filter on the way, both ways?"
        }
        Why::IcmpPort => "Start the TFTP service on that host, or correct the address.",
        Why::IcmpHost => "Is the host up, and does the router have a route to it?",
        Why::IcmpFiltered => "Let UDP 69 and the answers from ephemeral ports pass the filter that answers.",
        Why::Arp => "Is the host up, and is the address right? It lies in the phone's own subnet.",
    };
    let named = if server.is_ipv6() {
        "correct option 17 (Cisco's TFTP servers) on the DHCPv6 server that names it."
    } else {
        "correct option 150 in the scope that names it."
    };
    draft
        .title(format!("TFTP server {server} does not answer"))
        .summary(format!("{} asks TFTP server {server} {tries} times, {what}.", cx.label()))
        .fixes(fixes(cx, server, step, named))
}

fn fixes(cx: &PhoneContext<'_>, server: IpAddr, step: &str, named: &str) -> Vec<Fix> {
    if let Some(fix) = by_lease(cx, server) {
        return vec![fix];
    }
    let answer = Fix::new(FixKind::ReachTftpServer, FixTarget::TftpServer, format!("Make TFTP server {server} answer"))
        .verify(format!("A read request to {server} is followed by DATA, OACK or ERROR."));
    // No lease sent the phone there: no scope is wrong.
    let is_manual = cx.tftp_use().is_some_and(|u| u.server == server && u.source == Some(TftpSource::Manual));
    if is_manual {
        let own = match cx.named_by_dns(server) {
            Some(dns) => {
                let right = stated(cx).map(|r| r.servers).unwrap_or_default();
                remedy::network::dns_record(dns.name.raw(), dns.dns_server, server, &right)
            }
            None => remedy::phone::no_alternate_tftp(server, cx.phone.model()),
        };
        let answer = answer.step(format!("Where {server} is meant to serve these phones: {step}"));
        let answer = answer.instead_of(std::slice::from_ref(&own));
        return vec![own, answer];
    }
    let answer = answer.step(step).step(format!("If it is not the phones' TFTP server at all: {named}"));
    vec![answer]
}

/// The address that is asked and the one that answers made one.
fn answer_from_one_address(server: IpAddr, from: IpAddr) -> Fix {
    let title = format!("Let TFTP server {server} answer from {server}, not from {from}");
    Fix::new(FixKind::ReachTftpServer, FixTarget::TftpServer, title)
        .step(format!(
            "Are {server} and {from} two addresses of one host (a second or virtual one, or a second interface)? Bind the \
             TFTP service to {server}, or name {from} in option 150 in its place."
        ))
        .step(format!(
            "Are they two hosts? A load balancer or NAT on the way passes requests for {server} on to {from}: let it \
             translate the answers too, which come from another port than 69 (an inspection of TFTP does that), or take it \
             out of the way."
        ))
        .verify(format!("A read request to {server} is followed by DATA, OACK or ERROR from {server}."))
}

/// Where the phone asks the DHCP server itself for want of a better address: the lease is to be put right.
fn by_lease(cx: &PhoneContext<'_>, server: IpAddr) -> Option<Fix> {
    let terms = cx.terms().filter(|_| cx.is_last_resort(server))?;
    let right: Vec<IpAddr> = cx.lease_servers().into_iter().map(|(ip, _)| ip).filter(|ip| *ip != server).collect();
    let right = stated(cx).map(|r| r.servers).unwrap_or(right);
    let to = if right.is_empty() { "the TFTP server of the phones' cluster".to_owned() } else { and_list(&right) };
    Some(Fix::new(FixKind::SetDhcpOption, FixTarget::DhcpServer, format!("On DHCP server {}: name the TFTP server in option 150", terms.server)).steps(vec![
            format!(
                "{server} is the DHCP server itself, which put its own address into siaddr (next-server); it serves no files."
            ),
            format!(
                "In the phones' scope: set option 150 to {to}, as a list of addresses, and take the next server out."
            ),
        ]).verify(format!("The next ACK carries option 150, and the phone's read requests do not go to {server}.")))
}
