//! What the counters mean: the checks of `doctor`, in the order of cause and effect.

use super::survey::{Signalling, Survey};
use super::{Check, State};
use crate::capture::live::{Drops, HostFacts, PortFacts};
use crate::diagnosis::and_list;
use crate::report::number;
use crate::types::LinkType;

/// Frames between others from which on their share means something.
const FEW: u64 = 20;
/// Conversations from which on their directions mean something.
const FEW_PAIRS: u64 = 3;

/// How the kernel's filter did, beside a capture of everything.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Proof {
    /// Why there is no filter in the kernel; `None`: there is one.
    pub refused: Option<String>,
    /// Frames that it let through.
    pub passed: u64,
    /// Frames of which the decoders made something.
    pub used: u64,
    /// Of these, those that the filter did not let through.
    pub lost: u64,
    /// Why the two can not be compared.
    pub inconclusive: Option<String>,
}

/// All that was found out of a port.
#[derive(Debug)]
pub struct Examined<'a> {
    /// The port.
    pub port: &'a PortFacts,
    /// This host.
    pub host: &'a HostFacts,
    /// How frames begin.
    pub link_type: LinkType,
    /// The kernel's buffer, bytes.
    pub buffer: u32,
    /// Promiscuous mode was asked for.
    pub promiscuous: bool,
    /// What came in.
    pub survey: &'a Survey,
    /// What did not, while everything was captured.
    pub drops: Drops,
    /// How long was listened, seconds.
    pub seconds: u64,
    /// Copies of messages that the mirror or routers made.
    pub copies: u64,
    /// The filter.
    pub proof: &'a Proof,
    /// What happened to the port meanwhile.
    pub notices: &'a [String],
}

/// Judges a port.
pub fn judge(e: &Examined<'_>) -> Vec<Check> {
    let mut checks = vec![
        Check::new("rights", State::Ok, "this user may capture on this port"),
        libpcap(e),
        link(e),
        link_type(e),
        promiscuous(e),
        Check::new("buffer", State::Ok, format!("the kernel took a buffer of {} MiB", e.buffer >> 20)),
        clock(e),
        drops(e),
        filter(e),
        frames(e),
    ];
    if e.survey.frames > 0 {
        checks.extend([span(e), directions(e), tags(e), long_frames(e)]);
        checks.extend(copies(e));
        checks.extend(cut(e));
        checks.extend(signalling(&e.survey.signalling));
    }
    checks
}

fn libpcap(e: &Examined<'_>) -> Check {
    let name =
        |text: &Option<crate::types::WireText>| text.as_ref().map_or("not known".to_owned(), ToString::to_string);
    Check::new("libpcap", State::Ok, format!("library {}, kernel {}", name(&e.host.libpcap), name(&e.host.kernel)))
}

fn link(e: &Examined<'_>) -> Check {
    let port = e.port;
    let speed = port.speed.map_or_else(String::new, |speed| format!(", {speed} Mbit/s"));
    let mtu = port.mtu.map_or_else(String::new, |mtu| format!(", largest packet {mtu} octets"));
    let driver = port.driver.as_ref().map_or_else(String::new, |driver| format!(", driver {driver}"));
    if let Some(notice) = e.notices.first() {
        return Check::new("link", State::Problem, format!("while it was listened: {notice}"));
    }
    match (port.is_up, port.has_link) {
        (Some(false), _) => Check::new("link", State::Problem, "the port is switched off")
            .advise(format!("switch it on: ip link set {} up", port.name)),
        (_, Some(false)) => Check::new("link", State::Problem, "the port has no link")
            .advise("plug it in; a switch shows a span destination as down (monitoring), which is right"),
        (None, None) => Check::new("link", State::Unknown, "this host does not say whether there is a link"),
        _ => Check::new("link", State::Ok, format!("up{speed}{mtu}{driver}")),
    }
}

fn link_type(e: &Examined<'_>) -> Check {
    let name = e.link_type.name();
    match e.link_type {
        LinkType::ETHERNET => Check::new("link-type", State::Ok, "Ethernet"),
        LinkType(113 | 276) => Check::new("link-type", State::Warning, format!("{name}: several ports as one"))
            .advise("name the one port: then frames have both addresses, and promiscuous mode is possible"),
        LinkType(101) => {
            Check::new("link-type", State::Warning, format!("{name}: packets without addresses of the link"))
                .advise("a tunnel shows neither CDP nor who is behind a router: use the port it runs over")
        }
        _ => Check::new("link-type", State::Warning, format!("{name}: voice can not be kept out here")),
    }
}

fn promiscuous(e: &Examined<'_>) -> Check {
    let check = |state, text: &str| Check::new("promiscuous", state, text);
    match (e.promiscuous, e.port.is_promiscuous) {
        (_, Some(true)) => check(State::Ok, "takes in frames for others"),
        (false, _) => {
            check(State::Warning, "not asked for: frames for others are left to the port's own address filter")
                .advise("leave -p out, and name a port instead of any")
        }
        (true, Some(false)) => check(State::Problem, "asked for, and the port does not take in frames for others")
            .advise("a virtual machine's switch may forbid it (allow promiscuous mode on its port group)"),
        (true, None) => check(State::Unknown, "asked for; this host does not say whether it took"),
    }
}

fn clock(e: &Examined<'_>) -> Check {
    match &e.host.clock {
        Some(clock) if clock.raw() == "jiffies" || clock.raw() == "refined-jiffies" => {
            Check::new("clock", State::Warning, format!("the kernel's clock ({clock}) counts in milliseconds"))
                .advise("order within a millisecond is not known; another clock source is set with clocksource=")
        }
        Some(clock) => Check::new("clock", State::Ok, format!("times in nanoseconds, from {clock}")),
        None => Check::new("clock", State::Ok, "times in nanoseconds"),
    }
}

fn drops(e: &Examined<'_>) -> Check {
    let Drops { kernel, port } = e.drops;
    if kernel == 0 && port == 0 {
        return Check::new("drops", State::Ok, "nothing was dropped, even with every frame read");
    }
    let text = format!(
        "{} frames found no room in the buffer and the port dropped {}, of {} with every frame read",
        number(kernel),
        number(port),
        number(e.survey.frames)
    );
    let advice = if port > 0 {
        format!("more room in the port: ethtool -G {} rx 4096; fewer sources on the mirror", e.port.name)
    } else {
        "with the filter of watch fewer frames are read; a larger buffer (-B) helps too".to_owned()
    };
    // The port's own losses do not heed the filter.
    let state = if port > 0 { State::Problem } else { State::Warning };
    Check::new("drops", state, text).advise(advice)
}

fn filter(e: &Examined<'_>) -> Check {
    let Proof { refused, passed, used, lost, inconclusive } = e.proof;
    let check = |state, text: String| Check::new("filter", state, text);
    let share = || {
        let (passed, frames) = (number(*passed), number(e.survey.frames));
        format!("the kernel's filter let {passed} of {frames} frames through")
    };
    if let Some(reason) = refused {
        return check(State::Warning, format!("there is none in the kernel ({reason}): every frame has to be read"));
    }
    if *lost > 0 {
        return check(State::Problem, format!("{}, and held {lost} of {used} back that are needed", share()))
            .advise("a fault of phonescope: capture without the filter (-f \"\"), and report it with the frames");
    }
    if let Some(reason) = inconclusive {
        return check(State::Unknown, format!("{}; whether all that are needed is not known: {reason}", share()));
    }
    match used {
        0 => check(State::Unknown, format!("{}; none came that is needed, so nothing is proved", share())),
        used => check(State::Ok, format!("{}, among them all {} that are needed", share(), number(*used))),
    }
}

fn frames(e: &Examined<'_>) -> Check {
    let s = e.survey;
    if s.frames == 0 {
        return Check::new("frames", State::Problem, format!("nothing came in {} s", e.seconds))
            .advise("is the mirror's session up? (show monitor session 1); is this its destination port?");
    }
    let rate = s.frames / e.seconds.max(1);
    let text = format!(
        "{} frames in {} s: {} a second, {} in the busiest, {} kbit/s; {} of them voice, as it seems",
        number(s.frames),
        e.seconds,
        number(rate),
        number(s.peak),
        number(s.octets.saturating_mul(8) / 1000 / e.seconds.max(1)),
        number(s.voice)
    );
    Check::new("frames", State::Ok, text)
}

fn span(e: &Examined<'_>) -> Check {
    let s = e.survey;
    let text = format!(
        "{} frames between others, {} to all or a group, {} of this host's own",
        number(s.foreign),
        number(s.group),
        number(s.own_frames)
    );
    let tunnels: Vec<String> = s.tunnels.iter().map(|(name, n)| format!("{} in {name}", number(*n))).collect();
    let text = if tunnels.is_empty() { text } else { format!("{text} ({})", and_list(&tunnels)) };
    if e.link_type != LinkType::ETHERNET {
        return Check::new("span", State::Unknown, "without the addresses of frames it is not known whose they are");
    }
    if s.foreign == 0 {
        return Check::new("span", State::Problem, format!("this is no span port: {text}"))
            .advise("mirror the phones' ports, or their voice VLAN, to this port");
    }
    let state = if s.foreign < FEW { State::Unknown } else { State::Ok };
    Check::new("span", state, text)
}

fn directions(e: &Examined<'_>) -> Check {
    let (both, one) = e.survey.directions();
    let all = both + one;
    let text = format!("{} of {} conversations between others are seen both ways", number(both), number(all));
    let advice = "mirror both directions (monitor session 1 source … both); or the answers take another way";
    let check = |state| Check::new("directions", state, text.clone());
    match () {
        () if all < FEW_PAIRS => check(State::Unknown),
        () if both == 0 => check(State::Problem).advise(advice),
        () if both < one => check(State::Warning).advise(advice),
        () => check(State::Ok),
    }
}

fn tags(e: &Examined<'_>) -> Check {
    let s = e.survey;
    let vlans: Vec<String> = s.vlans.iter().take(12).map(|(id, _)| id.to_string()).collect();
    let more = s.vlans.len().saturating_sub(vlans.len());
    if vlans.is_empty() {
        let priority = if s.priority_tagged > 0 { " but priority tags" } else { "" };
        return Check::new(
            "tags",
            State::Warning,
            format!("no VLAN tags{priority}: a phone in the wrong VLAN does not show"),
        )
        .advise(
            "add encapsulation replicate to the destination of the mirror (older: encapsulation dot1q); right where \
                 the sources are access ports without a voice VLAN",
        );
    }
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let double =
        if s.double_tagged > 0 { format!("; {} frames with two", number(s.double_tagged)) } else { String::new() };
    Check::new("tags", State::Ok, format!("VLAN tags of {}{more}{double}", and_list(&vlans)))
}

fn long_frames(e: &Examined<'_>) -> Check {
    match e.survey.longer_than_mtu {
        0 => Check::new("long-frames", State::Ok, "no frame is longer than the port allows"),
        n => {
            let text =
                format!("{} frames are longer than the port allows: it joins packets before they are seen", number(n));
            Check::new("long-frames", State::Warning, text)
                .advise(format!("ethtool -K {} gro off lro off tso off gso off", e.port.name))
        }
    }
}

fn copies(e: &Examined<'_>) -> Option<Check> {
    (e.copies > 0).then(|| {
        let text = format!(
            "{} messages came more than once: the mirror shows frames as they come and as they go",
            number(e.copies)
        );
        Check::new("copies", State::Ok, format!("{text}; they count once"))
    })
}

fn cut(e: &Examined<'_>) -> Option<Check> {
    (e.survey.cut > 0).then(|| {
        Check::new("cut-frames", State::Warning, format!("{} frames are cut", number(e.survey.cut))).advise(
            "configurations and long messages in them can not be read: leave -s out, and let the mirror not truncate",
        )
    })
}

fn signalling(s: &Signalling) -> Vec<Check> {
    let reboot = "restart a phone while this runs (-a duration:180)";
    let check = |name, what: &str, (asked, answered): (u64, u64)| {
        let text = format!("{what}: {} from phones, {} from servers", number(asked), number(answered));
        match (asked, answered) {
            (0, 0) => Check::new(name, State::Unknown, format!("{what}: none seen")).advise(reboot),
            (_, 0) => Check::new(name, State::Problem, text)
                .advise("the servers' answers are missing: mirror both directions, and the ports of the servers too"),
            (0, _) => Check::new(name, State::Problem, text)
                .advise("what phones send is missing: mirror both directions of the phones' ports"),
            _ => Check::new(name, State::Ok, text),
        }
    };
    let announced = s.announcements.0;
    vec![
        check("dhcp", "DHCP", s.dhcp),
        check("files", "TFTP and files over HTTP", s.files),
        check("registration", "SCCP and SIP registration", s.registration),
        match announced {
            0 => Check::new("announcements", State::Unknown, "CDP and LLDP: none seen")
                .advise("switches send them once a minute (-a duration:70); many mirrors leave them out unless told: encapsulation replicate"),
            n => Check::new("announcements", State::Ok, format!("CDP and LLDP: {}", number(n))),
        },
    ]
}

#[cfg(test)]
mod tests;
