//! `wrong-tftp-server`: the founding case.

use std::net::IpAddr;

use crate::conversation::SeenAt;
use crate::diagnosis::{Code, Confidence, Evidence, Fix, FixKind, FixTarget, Outcome, TftpSource};
use crate::findings::context::{DnsAnswer, PhoneContext, TftpUse, WrongServer};
use crate::findings::inference::{load_named_on, right_load};
use crate::findings::{Draft, addresses, and_list, dhcp, evidence, optional, text};
use crate::remedy;

declare_finding! {
    /// ## Trigger
    ///
    /// The TFTP server that the phone turns to is not its cluster's: the one that it sends a read request or GET to, or
    /// that it asks the MAC of; before any of these, the first one that its accepted lease names. Which server is right
    /// is known, strongest first, from the site file; from `--expect-tftp`; from the phones that are registered with the
    /// CallManager that this phone tries, and where they got their files; from that CallManager itself, where it serves
    /// files; from another DHCP server's offer. Without the site file only a phone that a CallManager turned away is
    /// judged, and the finding is `likely` or `possible`; so is it of a phone that has the lease and was not seen to ask
    /// for a file, for Alternate TFTP may be set on it. Where nothing in the capture tells the right server,
    /// `tftp_right` is empty and the finding `possible` at most: it is made only of a phone that took a load from
    /// that server and was turned away after.
    ///
    /// ## Evidence
    ///
    /// The lease that names the server (option 150, 66, sname or siaddr, or option 17 of DHCPv6) and the read request to it, or the read request
    /// alone where no lease names it; the load that the phone took there; the CallManager's answer; the frame that
    /// shows where a registered phone got its files.
    ///
    /// ## Explanation
    ///
    /// Phones fetch their configuration from the TFTP server that DHCP gave them, and register with the CallManagers that
    /// the configuration (or their flash) names. The two can belong to different clusters. Where a site runs CallManager
    /// 3.0 and 3.1 side by side and DHCP hands a phone the 3.1 TFTP server, the phone upgrades itself to a 3.1 load and is
    /// then turned away by the 3.0 CallManager. CallManager upgrades loads by itself and never downgrades them, so the
    /// phone stays stuck until somebody names the right load.
    ///
    /// ## Fix
    ///
    /// Correct option 150 of the scope that handed out the lease, or option 17 of the DHCPv6 server (or take Alternate TFTP back on the phone, where no
    /// lease names the server). For a phone that took a load there: put a `SEP<MAC>.cnf.xml` (MAC in upper case) that
    /// names the right load on the right server's TFTP path, make sure that the load exists there, reset the phone.
    /// Where DHCP can not be changed, set the phone's Alternate TFTP by hand.
    ///
    /// ## Not this
    ///
    /// `tftp-override`: the lease is wrong, but the phone ignores it (Alternate TFTP), or the other way round and to the
    /// right server. `stuck-load`: the server is right, the load is not. `registration-rejected` alone: the CallManager
    /// refuses the phone for a reason of its own, such as an unknown device; a phone that runs the same load as the
    /// phones that are registered there was not turned away for its TFTP server.
    ///
    /// ## References
    ///
    /// Cisco document 5278, "Phone stuck with 3.1(x) load"; RFC 5859 (option 150); RFC 2132 section 9.4 (option 66).
    static WRONG_TFTP_SERVER = {
        code: WrongTftpServer,
        summary: "The TFTP server that the phone turns to is not its cluster's",
        check: check,
    }
}

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    let Some(wrong) = cx.wrong_tftp() else { return Vec::new() };
    let WrongServer { used, right } = wrong;
    let dhcp_server = named_by(cx, used);
    let taken = load_taken(cx, wrong);
    let by_dns = by_dns(cx, wrong);
    let facts = vec![
        ("tftp_used", text(used.server)),
        ("tftp_right", addresses(&right.servers)),
        ("source", optional(used.source.filter(|_| by_dns.is_none()).map(TftpSource::as_str))),
        ("dhcp_server", optional(dhcp_server)),
        ("load_taken", optional(taken.as_deref())),
    ];
    let mut servers = vec![used.server];
    servers.extend(dhcp_server);
    servers.extend(&right.servers);
    let from = match (used.source, dhcp_server) {
        (Some(source), Some(server)) => {
            format!("{} server {server} names it ({})", dhcp(server), source_words(source))
        }
        (Some(TftpSource::Manual), _) if by_dns.is_some() => by_dns.map_or_else(String::new, |dns| {
            format!("no lease names it, but DNS: {} answers that {} is {}", dns.dns_server, dns.name, used.server)
        }),
        (Some(TftpSource::Manual), _) => "no lease in this capture names it: it is set on the phone (Alternate TFTP), \
             stored there, or found by the name CiscoCM1"
            .to_owned(),
        _ if cx.world.registry.leases_v6.name_tftp(used.server) => {
            "a DHCPv6 server names it (option 17), to which phone the capture does not tell".to_owned()
        }
        _ => "the capture holds no lease of the phone, so who named it is not known".to_owned(),
    };
    let it_should = if right.servers.is_empty() {
        "Which server is right, this capture does not tell".to_owned()
    } else {
        format!("It should be {}: {}", and_list(&right.servers), right.basis.because())
    };
    let load = taken.as_ref().map(|l| format!(" The phone came away with load {l}.")).unwrap_or_default();
    let turned_away = cx
        .contacts()
        .iter()
        .find(|c| c.turned_away())
        .map(|c| format!(" CallManager {} then turned it away ({}).", c.server, c.state.as_str()));
    let mut rival = rival(cx, wrong);
    for (server, _) in silent_now(cx, wrong) {
        rival.push_str(&format!(" But {server} does not answer now: it served files before in this capture."));
    }
    vec![
        Draft::from_evidence(
            Code::WrongTftpServer,
            // A phone that was not seen to ask may yet turn to another server, which is set on it.
            if used.asked { right.confidence } else { right.confidence.min(Confidence::Likely) },
            show(cx, wrong),
        )
        .servers(servers)
        .facts(facts)
        .title(format!("{} is not the TFTP server of these phones", used.server))
        .summary(format!(
            "{} gets its files from TFTP server {}; {from}. {it_should}.{load}{}{rival}",
            cx.label(),
            used.server,
            turned_away.unwrap_or_default()
        ))
        .fixes(fixes(cx, wrong, taken.as_deref())),
    ]
}

/// The DHCP server that names the TFTP server used.
fn named_by(cx: &PhoneContext<'_>, used: &TftpUse) -> Option<IpAddr> {
    match used.source? {
        TftpSource::Manual => None,
        TftpSource::Dhcpv6 => cx.lease_v6_at(used.seen_at).map(|l| IpAddr::V6(l.server)),
        _ => cx.terms_at(used.seen_at).map(|t| IpAddr::V4(t.server)),
    }
}

/// How a source is called beside its number.
fn source_words(source: TftpSource) -> &'static str {
    match source {
        TftpSource::Option150 => "option 150",
        TftpSource::Option66 => "option 66",
        TftpSource::Sname => "sname",
        TftpSource::Siaddr => "siaddr, next server",
        TftpSource::Dhcpv6 => "option 17",
        TftpSource::Manual => "manual",
    }
}

/// The load that the phone came away with: fetched there, or configured there and running.
fn load_taken(cx: &PhoneContext<'_>, wrong: &WrongServer) -> Option<String> {
    if let Some((load, fetch)) = cx.phone.fetched()
        && fetch.server == wrong.used.server
    {
        return Some(load);
    }
    let (fetch, config) = cx.phone.config().filter(|(f, _)| f.server == wrong.used.server)?;
    let configured = cx.phone.load_in(config)?;
    let (running, _) = cx.running()?;
    let _ = fetch;
    crate::wire::load::same_load(running.raw(), configured.raw()).then(|| running.raw().to_owned())
}

/// The explanation that is ruled out, and why.
fn rival(cx: &PhoneContext<'_>, wrong: &WrongServer) -> String {
    if wrong.used.source == Some(TftpSource::Dhcpv6) {
        return match (named_by(cx, &wrong.used), cx.terms()) {
            (_, Some(terms)) => {
                let named = terms.tftp();
                let named = if named.is_empty() { "no TFTP server".to_owned() } else { and_list(&named) };
                format!(" Not the lease by DHCPv4: {} names {named}.", terms.server)
            }
            (Some(server), None) if wrong.used.asked => {
                format!(" Not a manual setting: option 17 of the lease from {server} names the same server.")
            }
            _ => String::new(),
        };
    }
    match (wrong.used.source, cx.terms_at(wrong.used.seen_at)) {
        (Some(source), Some(terms)) if source != TftpSource::Manual && wrong.used.asked => {
            format!(
                " Not a manual setting: {} of the lease from {} names the same server.",
                source_words(source),
                terms.server
            )
        }
        (Some(TftpSource::Manual), Some(terms)) => {
            let named = terms.tftp();
            let named = if named.is_empty() { "no TFTP server".to_owned() } else { and_list(&named) };
            format!(" Not the lease: {} names {named}.", terms.server)
        }
        _ => String::new(),
    }
}

/// The DNS answer that sends the phone to a server that no lease names.
fn by_dns<'a>(cx: &PhoneContext<'a>, wrong: &WrongServer) -> Option<DnsAnswer<'a>> {
    cx.named_by_dns(wrong.used.server).filter(|_| wrong.used.source == Some(TftpSource::Manual))
}

/// The right servers that served files and answer nobody any more, with the latest question in vain.
fn silent_now(cx: &PhoneContext<'_>, wrong: &WrongServer) -> Vec<(IpAddr, SeenAt)> {
    let silent = |server: &IpAddr| Some((*server, cx.world.peers.silent_since_served(*server)?));
    wrong.right.servers.iter().filter_map(silent).collect()
}

fn show(cx: &PhoneContext<'_>, wrong: &WrongServer) -> Vec<Evidence> {
    let used = &wrong.used;
    let mut shown = Vec::new();
    if used.asked {
        shown.push(evidence(used.seen_at, format!("{} asks TFTP server {}", cx.label(), used.server)));
    }
    let lease =
        cx.lease_at(used.seen_at).or(cx.phone.lease()).filter(|_| used.source.is_some_and(|s| s != TftpSource::Manual));
    let granted = match used.source {
        Some(TftpSource::Dhcpv6) => cx.lease_v6_at(used.seen_at).map(|l| (l.seen_at, IpAddr::V6(l.server))),
        _ => lease.map(|l| (l.seen_at, IpAddr::V4(l.terms.server))),
    };
    if let Some((seen_at, server)) = granted {
        let text = format!("{} server {server} names TFTP server {}", dhcp(server), used.server);
        shown.push(evidence(seen_at, text));
    }
    if shown.is_empty() {
        shown.push(evidence(used.seen_at, format!("{} is pointed at TFTP server {}", cx.label(), used.server)));
    }
    if let Some((load, fetch)) = cx.phone.fetched()
        && fetch.server == used.server
    {
        shown.push(evidence(fetch.request.first, format!("{} takes load {load} from {}", cx.label(), used.server)));
    }
    for contact in cx.contacts().iter().filter(|c| c.turned_away()) {
        shown.push(evidence(
            contact.answered_at(),
            format!("CallManager {}: {}", contact.server, contact.state.as_str()),
        ));
    }
    shown.extend(wrong.right.basis.evidence());
    if let Some(dns) = by_dns(cx, wrong) {
        shown.push(evidence(dns.seen_at, format!("{} answers that {} is {}", dns.dns_server, dns.name, used.server)));
    }
    for (server, seen_at) in silent_now(cx, wrong) {
        shown.push(evidence(seen_at, format!("{server} is asked for a file, and does not answer")));
    }
    shown
}

/// Whether DHCPv6 named the server used, to this phone or to one that the capture does not tell.
fn is_by_dhcpv6(cx: &PhoneContext<'_>, used: &TftpUse) -> bool {
    let named =
        || used.source.is_none() && (used.server.is_ipv6() || cx.world.registry.leases_v6.name_tftp(used.server));
    used.source == Some(TftpSource::Dhcpv6) || named()
}

fn fixes(cx: &PhoneContext<'_>, wrong: &WrongServer, taken: Option<&str>) -> Vec<Fix> {
    // What is only possible is told, and never handed over to be pasted.
    let right = match wrong.right.confidence {
        Confidence::Possible => &[],
        _ => wrong.right.servers.as_slice(),
    };
    let mut fixes = Vec::new();
    let by_dns = by_dns(cx, wrong);
    if let Some(dns) = by_dns {
        fixes.push(remedy::network::dns_record(dns.name.raw(), dns.dns_server, wrong.used.server, right));
    }
    match wrong.used.source {
        _ if by_dns.is_some() => {}
        Some(TftpSource::Manual) => fixes.push(remedy::phone::no_alternate_tftp(wrong.used.server, cx.phone.model())),
        _ if is_by_dhcpv6(cx, &wrong.used) => fixes.extend(cx.set_dhcpv6(&wrong.used, right)),
        _ => {
            if let Some(lease) = cx.lease_at(wrong.used.seen_at).or(cx.phone.lease()) {
                let scope = remedy::dhcp::Scope::of(&lease.terms, lease.address);
                fixes.extend(cx.set_option_150(&scope, right));
            }
        }
    }
    let by_hand = if is_by_dhcpv6(cx, &wrong.used) {
        remedy::phone::alternate_tftp_v6(right)
    } else {
        remedy::phone::alternate_tftp(right, cx.phone.model())
    };
    let by_hand = by_hand.map(|f| f.instead_of(&fixes));
    fixes.extend(by_hand);
    let load = right_load(cx).map(|(load, _)| load).or_else(|| load_named_on(cx, right));
    let load = load.filter(|_| wrong.right.confidence >= Confidence::Likely);
    if let (Some(load), Some(server)) = (&load, right.first())
        && taken.is_some_and(|t| !crate::wire::load::same_load(t, load.raw()))
    {
        fixes.push(remedy::phone::name_load(cx.phone.mac, load.raw(), taken, *server));
    }
    let default = cx.files().iter().any(|f| {
        f.server == wrong.used.server
            && f.outcome() == Outcome::Served
            && crate::wire::phone_config::is_config_name(f.name.raw())
            && crate::wire::phone_config::device_of_name(f.name.raw()).is_none()
    });
    if default {
        fixes.push(remedy::phone::no_auto_registration(wrong.used.server));
    }
    if fixes.is_empty() {
        fixes.push(Fix::new(FixKind::FindTftpServer, FixTarget::DhcpServer, "Find the TFTP server of the CallManager that these phones belong to")
            .step("This capture does not tell the right server. Give it with --expect-tftp, or in a site file (--site), and run again.")
            .step(if is_by_dhcpv6(cx, &wrong.used) {
                format!("Then correct option 17 on the DHCPv6 server that names {}.", wrong.used.server)
            } else {
                format!("Then correct option 150 in the scope that names {}.", wrong.used.server)
            })
            .verify("The phones' read requests go to the right server."));
    }
    // What rests on a comparison says so before it is pasted.
    if wrong.right.confidence != Confidence::Certain && !right.is_empty() {
        for fix in fixes.iter_mut().filter(|f| f.config.is_some()) {
            fix.steps
                .insert(0, format!("Check first that {} is right: {}.", and_list(right), wrong.right.basis.because()));
        }
    }
    for (server, _) in silent_now(cx, wrong) {
        for fix in fixes
            .iter_mut()
            .filter(|f| matches!(f.target, FixTarget::DhcpServer | FixTarget::Phone | FixTarget::Network))
        {
            let first = format!(
                "First make {server} answer: it served files and does not answer now. Until it does, a phone that is sent \
                 there gets no file at all."
            );
            fix.steps.insert(0, first);
        }
    }
    fixes
}
