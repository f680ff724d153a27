//! What the capture could show, and so what may be concluded from what it does not.
//!
//! No finding rests on the absence of packets that the capture could not have held. One-way capture is recognised by
//! its contradictions: a phone takes an offer, acknowledges a block, speaks on a connection, and the packets that it
//! answers are not there.

use std::time::Duration;

use crate::conversation::dhcp::Kind;
use crate::diagnosis::{Coverage, Directions};
use crate::event::InputSummary;
use crate::phone::registry::Registry;
use crate::phone::traffic::BySender;

/// Which absences mean something.
#[derive(Clone, Copy, Debug, Default)]
pub struct Visibility {
    /// DHCP servers' answers are not captured.
    pub blind_dhcp: bool,
    /// File servers' answers are not captured.
    pub blind_files: bool,
    /// CallManagers' answers are not captured.
    pub blind_registration: bool,
    /// Phones' own packets are not captured.
    pub deaf_to_phones: bool,
    /// ARP answers are not captured.
    pub blind_arp: bool,
    /// Single packets are missing.
    pub lossy: bool,
    /// The clock went back: how long nothing came is not known.
    pub unsteady: bool,
    /// Frames were cut, so what they carried is not all there.
    pub cut: bool,
}

/// Proofs that packets reached a phone which the capture does not hold.
#[derive(Clone, Copy, Debug, Default)]
struct Proofs {
    dhcp: u64,
    files: u64,
    registration: u64,
}

fn proofs(registry: &Registry) -> Proofs {
    let mut proofs = Proofs::default();
    for phone in registry.phones() {
        proofs.dhcp += phone.dhcp.list.iter().filter(|e| e.answer_not_captured()).count() as u64;
        proofs.dhcp += phone.dhcpv6.list.iter().filter(|e| e.answer_not_captured()).count() as u64;
        proofs.files += phone.files.iter().filter(|f| f.unseen || phone.answer_lost(f)).count() as u64;
        let spoke_unanswered = phone.attempts.iter().filter(|a| a.gap || (a.connected.is_some() && !a.server_seen));
        proofs.registration += spoke_unanswered.count() as u64;
    }
    proofs
}

impl Visibility {
    /// What this capture could show.
    pub fn new(registry: &Registry, inputs: &[InputSummary]) -> Visibility {
        let proofs = proofs(registry);
        let traffic = registry.traffic;
        let any_proof = proofs.dhcp + proofs.files + proofs.registration > 0;
        let answers = traffic.dhcp.from_servers + traffic.files.from_servers + traffic.registration.from_servers;
        // Where no server of any kind is heard and one phone proves that one spoke, none can be heard.
        let deaf = any_proof && answers == 0;
        let blind_dhcp = traffic.dhcp.from_servers == 0 && (proofs.dhcp > 0 || deaf);
        let blind_files = traffic.files.from_servers == 0 && (proofs.files > 0 || deaf);
        let blind_registration = traffic.registration.from_servers == 0 && (proofs.registration > 0 || deaf);
        let one_way = blind_files || blind_registration;
        Visibility {
            blind_dhcp,
            blind_files: blind_files || (blind_registration && traffic.files.from_servers == 0),
            blind_registration: blind_registration || (blind_files && traffic.registration.from_servers == 0),
            deaf_to_phones: traffic.dhcp.from_phones + traffic.files.from_phones + traffic.registration.from_phones
                == 0
                && answers > 0,
            blind_arp: one_way,
            lossy: dropped(registry, inputs) || (any_proof && !one_way),
            unsteady: registry.clock_steps.count > 0,
            cut: inputs.iter().any(|i| i.cut_frames > 0),
        }
    }
}

/// Whether frames were dropped; in a run of months, not so long ago.
fn dropped(registry: &Registry, inputs: &[InputSummary]) -> bool {
    match registry.age_limit() {
        Some(limit) => registry.last_drop.is_some_and(|at| registry.now.since(at) <= limit),
        None => inputs.iter().any(|i| i.dropped.unwrap_or(0) > 0),
    }
}

fn seen(messages: BySender) -> Directions {
    match (messages.from_phones > 0, messages.from_servers > 0) {
        (true, true) => Directions::BothWays,
        (false, false) => Directions::None,
        _ => Directions::OneWay,
    }
}

/// The coverage of the report, with a note for every conclusion that it lowers or withholds.
pub fn coverage(
    registry: &Registry,
    visible: &Visibility,
    inputs: &[InputSummary],
    limits: &[String],
    notes: &[String],
) -> Coverage {
    let traffic = registry.traffic;
    let mut notes = notes.to_vec();
    let mut note = |when: bool, text: &str| {
        if when {
            notes.push(text.to_owned());
        }
    };
    let lists = registry.phones();
    note(
        lists.is_empty(),
        "no phone was seen: nothing in this capture boots or registers as a Cisco phone, which does not say that none is \
         there; capture on the phone's own switch port, or on the voice VLAN's trunk, while it powers up",
    );
    note(
        visible.blind_dhcp,
        "answers of DHCP servers are not in this capture (phones take offers that it does not hold): that nobody answers \
         is not concluded; mirror both directions of the port",
    );
    note(
        visible.blind_files,
        "answers of TFTP servers are not in this capture (phones acknowledge blocks that it does not hold): silence and \
         unfinished transfers are not concluded; mirror both directions of the port",
    );
    note(
        visible.blind_registration,
        "answers of CallManagers are not in this capture (phones go on as if answered): whether a phone registered is \
         known only where the phone itself shows it; mirror both directions of the port",
    );
    note(
        visible.deaf_to_phones,
        "what phones send is not in this capture: whom they ask is not known, only what they are told; mirror both \
         directions of the port",
    );
    note(visible.lossy, "packets are missing from this capture: what rests on silence is at most possible");
    note(
        visible.cut,
        "frames were cut by the snap length: configurations and long messages in them were not read; capture with \
         snap length 0 (tcpdump -s 0)",
    );
    let steps = registry.clock_steps;
    if steps.count > 0 {
        notes.push(format!(
            "the times of frames go back {} times, by up to {} s (a clock that was set, or captures joined out of \
             order): what rests on how long nothing came is at most possible",
            steps.count,
            steps.largest.as_secs()
        ));
    }
    let began_late = lists
        .iter()
        .filter(|p| !p.dhcp.list.iter().any(|e| matches!(e.kind, Kind::Boot | Kind::Reboot)))
        .filter(|p| p.announced.is_none() && !p.dhcpv6.list.iter().any(|e| e.solicit.is_some()));
    let late = began_late.count();
    if late > 0 {
        notes.push(format!(
            "of {late} of {} phones the capture holds no start of a boot: who told them their TFTP server is not known",
            lists.len()
        ));
    }
    if traffic.encrypted > 0 {
        notes.push(
            "registrations over TLS are seen only as connections: their outcome is not in the capture".to_owned(),
        );
    }
    if registry.nameless > 0 {
        let (who, them) = match registry.nameless {
            1 => ("1 device is registered and gives".to_owned(), "it is"),
            n => (format!("{n} devices are registered and give"), "they are"),
        };
        notes.push(format!(
            "{who} no name in this capture, nor does it show a MAC address that is not a router's: {them} not listed"
        ));
    }
    if let Some(limit) = registry.age_limit().filter(|_| registry.evicted_phones > 0) {
        let n = registry.evicted_phones;
        let which = if n == 1 { "1 phone that was".to_owned() } else { format!("{n} phones that were") };
        notes.push(format!(
            "{which} not seen for {} left this report; what is said of servers is of the phones in it",
            duration(limit)
        ));
    }
    let mut limits = limits.to_vec();
    if registry.refused_phones() > 0 {
        limits.push(format!("more than {} phones: messages of others were left out", crate::phone::limits::PHONES));
    }
    if registry.configs_refused() > 0 {
        limits.push(format!(
            "more than {} MiB of different configurations: {} were left out",
            crate::phone::limits::CONFIG_BYTES >> 20,
            registry.configs_refused()
        ));
    }
    if registry.bodies_refused() > 0 {
        limits.push(format!(
            "more than {} MiB of configurations: {} were not kept whole, and can not be edited",
            crate::phone::limits::CONFIG_BODY_BYTES >> 20,
            registry.bodies_refused()
        ));
    }
    let evicted = |f: fn(&crate::phone::Phone) -> u32| lists.iter().map(|p| u64::from(f(p))).sum::<u64>();
    for (what, count) in [
        ("DHCP exchanges", evicted(|p| p.dhcp.evicted)),
        ("file requests", evicted(|p| p.files_evicted)),
        ("registration attempts", evicted(|p| p.attempts_evicted)),
    ] {
        if count > 0 {
            limits.push(format!("{count} older {what} of phones were let go; the latest of each phone are kept"));
        }
    }
    Coverage {
        dhcp: seen(traffic.dhcp),
        tftp: seen(traffic.files),
        registration: seen(traffic.registration),
        cdp_lldp: seen(traffic.announcements),
        cut_frames: inputs.iter().map(|i| i.cut_frames).sum(),
        duplicate_frames: inputs.iter().map(|i| i.duplicate_frames).sum(),
        limits_reached: limits,
        notes,
    }
}

/// `24 h`, `90 min`, `45 s`.
fn duration(lasting: Duration) -> String {
    match lasting.as_secs() {
        s if s >= 3_600 && s % 3_600 == 0 => format!("{} h", s / 3_600),
        s if s >= 60 && s % 60 == 0 => format!("{} min", s / 60),
        s => format!("{s} s"),
    }
}
