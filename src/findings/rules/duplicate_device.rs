//! `duplicate-device`: one name, or one address, and two who have it.

use std::net::IpAddr;
use std::time::Duration;

use crate::conversation::SeenAt;
use crate::conversation::registration::Attempt;
use crate::diagnosis::{Code, Confidence, Fact, Fix, FixKind, FixTarget, Platform};
use crate::findings::context::PhoneContext;
use crate::findings::site_wide::registered_as;
use crate::findings::{Draft, addresses, and_list, evidence, text};
use crate::phone::AddressConflict;
use crate::phone::Phone;
use crate::remedy;
use crate::types::{Mac, WireText};

declare_finding! {
    /// ## Trigger
    ///
    /// Two MACs (or, behind a router, two addresses) register under one name, at the same time or by turns. Or another MAC
    /// claims a phone's address, by ARP or with a lease of its own, and the phone goes on using it without a new lease.
    ///
    /// ## Evidence
    ///
    /// The two Registers; the other device's claim to the address, and the phone's use of it before and after.
    ///
    /// ## Explanation
    ///
    /// CallManager keeps one registration a name: the second device throws the first one out, which comes back and throws
    /// out the second. With one address answers go to whichever device the network heard last, and connections break.
    ///
    /// ## Fix
    ///
    /// Find both devices by their MACs. One name: give the softphone, emulator or copied configuration another name. One
    /// address: take the fixed address away, or exclude it from the pool.
    ///
    /// ## Not this
    ///
    /// A router, a proxy for ARP, or an address that routers share (VRRP, HSRP): their MACs have other addresses too. An
    /// address that is leased again after its lease ended. One phone that comes back with another address.
    /// `dhcp-refused`: the phone notices that the address is in use, and declines it. `name-mac-mismatch`: only one
    /// device bears the name, and it is not its own.
    ///
    /// ## References
    ///
    /// RFC 5227 (address conflict detection); Unified CM Administration Guide, "Cisco Unified IP Phone setup".
    static DUPLICATE_DEVICE = {
        code: DuplicateDevice,
        summary: "Two devices claim one name or one address",
        check: check,
    }
}

/// Clocks of two captures differ by less than this.
const CLOCKS: Duration = Duration::from_secs(2);
/// Who takes turns within this fights for the name; a softphone that changes its network card does not.
const TURNS: Duration = Duration::from_secs(600);

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    let mut drafts: Vec<Draft> = by_name(cx).or_else(|| by_name_behind_a_router(cx)).into_iter().collect();
    drafts.extend(by_address(cx));
    drafts
}

// ---- one name ----

/// The frames that show two at once, of the one and of the other.
type Shown = (SeenAt, SeenAt);

fn by_name(cx: &PhoneContext<'_>) -> Option<Draft> {
    let name = cx.phone.attempts.iter().rev().find_map(|a| a.name.as_ref())?;
    let others = cx.world.together.others_named(cx.world.registry, cx.phone, name);
    let mine: Vec<&Attempt> = registered_as(cx.phone, name).collect();
    let found = others.into_iter().find_map(|other| {
        let theirs: Vec<&Attempt> = registered_as(other, name).collect();
        at_once(&mine, &theirs).or_else(|| by_turns(&mine, &theirs)).map(|shown| (other, theirs, shown))
    });
    let (other, theirs, (here, there)) = found?;
    let mut macs = vec![cx.phone.mac, other.mac];
    macs.sort_unstable();
    let on_wire = |p: &Phone, list: &[&Attempt]| list.iter().any(|a| a.client_mac == Some(p.mac));
    let sure = on_wire(cx.phone, &mine) && on_wire(other, &theirs);
    let mut from: Vec<IpAddr> = mine.iter().chain(&theirs).map(|a| a.client).collect();
    from.sort_unstable();
    from.dedup();
    let shown = vec![
        evidence(here, format!("{name} registers from {}", cx.phone.mac)),
        evidence(there, format!("{name} registers from {}", other.mac)),
    ];
    let confidence = if sure { Confidence::Certain } else { Confidence::Likely };
    Some(named(name, &macs, from, confidence, shown, Fact::Null))
}

/// Behind a router two devices of one name are one record, with two addresses at once.
fn by_name_behind_a_router(cx: &PhoneContext<'_>) -> Option<Draft> {
    let name = cx.phone.attempts.iter().rev().find_map(|a| a.name.as_ref())?;
    let all: Vec<&Attempt> = registered_as(cx.phone, name).collect();
    let first = all.first()?.client;
    let (here, there): (Vec<&Attempt>, Vec<&Attempt>) =
        all.into_iter().filter(|a| a.client.is_ipv4() == first.is_ipv4()).partition(|a| a.client == first);
    let (one, other) = at_once(&here, &there)?;
    let second = there.first()?.client;
    let mut from = vec![first, second];
    from.sort_unstable();
    let mut macs: Vec<Mac> = here.iter().chain(&there).filter_map(|a| a.client_mac).collect();
    macs.retain(|m| !cx.world.registry.is_router(*m));
    macs.sort_unstable();
    macs.dedup();
    let shown = vec![
        evidence(one, format!("{name} registers from {first}")),
        evidence(other, format!("{name} registers from {second}")),
    ];
    let ip = addresses(&from);
    Some(named(name, &macs, from, Confidence::Likely, shown, ip))
}

/// Registered of one side while the other, registered as well, still speaks.
fn at_once(mine: &[&Attempt], theirs: &[&Attempt]) -> Option<Shown> {
    let span = |a: &Attempt| Some((a.register?.first, a.spoke?));
    let pairs = mine.iter().flat_map(|a| theirs.iter().map(move |b| (a, b)));
    pairs.filter_map(|(a, b)| Some((span(a)?, span(b)?))).find_map(|((from_a, to_a), (from_b, to_b))| {
        let (from, to) = (from_a.max(from_b), to_a.min(to_b));
        let margin = if from_a.at.input == from_b.at.input { Duration::ZERO } else { CLOCKS };
        (to > from && to.time.since(from.time) >= margin).then_some((from_a, from_b))
    })
}

/// The one, the other, and the one again.
fn by_turns(mine: &[&Attempt], theirs: &[&Attempt]) -> Option<Shown> {
    let times = |list: &[&Attempt]| -> Vec<SeenAt> { list.iter().filter_map(|a| Some(a.register?.first)).collect() };
    let (mine, theirs) = (times(mine), times(theirs));
    let between = |list: &[SeenAt], other: &SeenAt| {
        let before = list.iter().filter(|s| *s < other).max()?;
        let after = list.iter().filter(|s| *s > other).min()?;
        (after.time.since(before.time) <= TURNS).then_some(*before)
    };
    let first = theirs.iter().find_map(|t| Some((between(&mine, t)?, *t)));
    first.or_else(|| mine.iter().find_map(|m| Some((*m, between(&theirs, m)?))))
}

fn named(
    name: &WireText,
    macs: &[Mac],
    from: Vec<IpAddr>,
    confidence: Confidence,
    shown: Vec<crate::diagnosis::Evidence>,
    ip: Fact,
) -> Draft {
    let who = if macs.len() > 1 { and_list(macs) } else { and_list(&from) };
    let mut steps: Vec<String> = macs.iter().map(|m| remedy::network::find_port(*m)).collect();
    if macs.len() < 2 {
        steps.extend(from.iter().map(|ip| remedy::network::find_owner(*ip)));
    }
    match Mac::from_device_name(name.raw()) {
        Some(own) => {
            steps.push(format!("The name belongs to the device with MAC {own}; give the other one a name of its own."))
        }
        None => steps.push("Decide which one keeps the name; give the other one a name of its own.".to_owned()),
    }
    steps.push("In CallManager: one entry a device; reset both.".to_owned());
    Draft::from_evidence(Code::DuplicateDevice, confidence, shown)
        .servers(from)
        .fact("macs", Fact::List(macs.iter().map(text).collect()))
        .fact("name", Fact::Text(name.clone()))
        .fact("ip", ip)
        .title(format!("two devices register as {name}"))
        .summary(format!(
            "{who} register as {name}. CallManager keeps one registration a name, so each throws the other one out."
        ))
        .fix(
            Fix::new(
                FixKind::RenameDevice,
                FixTarget::Phone,
                format!("Give one of the two devices another name than {name}"),
            )
            .steps(steps)
            .verify(format!("Registers as {name} come from one MAC only, and KeepAlives go on.")),
        )
}

// ---- one address ----

fn by_address(cx: &PhoneContext<'_>) -> Option<Draft> {
    let AddressConflict { mac, ip, claimed, claims, confirmed, .. } = cx.phone.conflict?;
    let is_router = |mac| cx.world.registry.is_router(mac);
    let still = confirmed.filter(|_| !is_router(mac) && !is_router(cx.phone.mac))?;
    // Where packets are missing, those that show a router may be among them.
    if cx.world.visible.lossy && claims < 2 {
        return None;
    }
    let mut macs = vec![cx.phone.mac, mac];
    macs.sort_unstable();
    let mut shown = vec![
        evidence(claimed, format!("{mac} claims {ip}")),
        evidence(still, format!("{} ({}) still uses {ip}", cx.label(), cx.phone.mac)),
    ];
    let leased = cx.phone.lease().filter(|l| l.address.map(IpAddr::V4) == Some(ip));
    if let Some(lease) = leased {
        shown.push(evidence(lease.seen_at, format!("DHCP server {} gives {ip} to {}", lease.terms.server, cx.label())));
    }
    let by = leased.map(|l| format!(" The phone has it from DHCP server {}.", l.terms.server)).unwrap_or_default();
    let is_v4 = ip.is_ipv4() && leased.is_some();
    Some(Draft::from_evidence(Code::DuplicateDevice, cx.confidence_from_absence(Confidence::Certain), shown)
        .server(ip)
        .fact("macs", Fact::List(macs.iter().map(text).collect()))
        .fact("name", Fact::Null)
        .fact("ip", text(ip))
        .title(format!("two devices have the address {ip}"))
        .summary(format!(
                "{} ({}) has the address {ip}, and {mac} claims it as well.{by} Answers go to whichever the network heard \
                 last.",
                cx.label(),
                cx.phone.mac
            ))
        .fix(Fix::new(FixKind::FreeAddress, FixTarget::Network, format!("Leave {ip} to one of {}", and_list(&macs)))
                .on(Platform::Ios)
                .step(remedy::network::find_port(mac))
                .step(remedy::network::find_port(cx.phone.mac))
                .step(format!("The device with {ip} set by hand gets another address, or a lease; until then exclude {ip} from the pool."))
                .step("Is the pool served by two DHCP servers that do not share their leases? Then split it between them.")
                .step("Reset the phone.")
                .config(is_v4.then(|| format!("ip dhcp excluded-address {ip}\n")))
                .undo(is_v4.then(|| format!("no ip dhcp excluded-address {ip}\n")))
                .verify(format!("ARP for {ip} is answered by one MAC only."))))
}
