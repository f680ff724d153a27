//! A phone's messages as arrows between lifelines: it and its servers, from top to bottom.

use std::net::IpAddr;
use std::time::Duration;

use phonescope::diagnosis::{Arrow, LadderRole};
use phonescope::report::clock;
use phonescope::types::Timestamp;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::cli::commands::watch::screen::look::Look;

/// Where the phone's lifeline is: to its left is the time.
const PHONE: usize = 11;
/// To the right of the last lifeline, for the half of its title.
const MARGIN: usize = 8;
/// A lifeline takes at least so much.
const NARROWEST: usize = 16;

/// One line of the ladder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Rung {
    pub(super) text: String,
    /// The same in full, for the line below; empty where there is no more to say.
    pub(super) full: String,
    pub(super) is_bad: bool,
}

/// A lifeline: the hosts that share it. There is more than one only where there is no room for each.
struct Lifeline {
    hosts: Vec<Option<IpAddr>>,
    roles: Vec<LadderRole>,
}

impl Lifeline {
    fn titles(&self) -> [String; 2] {
        let roles: Vec<&str> = self.roles.iter().map(|r| r.as_str()).collect();
        let host = match self.hosts.as_slice() {
            [] | [None] => "broadcast".to_owned(),
            [Some(ip)] => ip.to_string(),
            several => match several.iter().flatten().count() {
                1 => several.iter().flatten().map(ToString::to_string).collect(),
                n => format!("{n} hosts"),
            },
        };
        [roles.join("+"), host]
    }
}

/// The titles of the lifelines, two lines, and the rungs.
pub(super) fn ladder(arrows: &[Arrow], ports: &[String], width: usize, look: Look) -> (Vec<String>, Vec<Rung>) {
    let lifelines = lifelines(arrows, width);
    let gap = width.saturating_sub(PHONE + MARGIN) / lifelines.len().max(1);
    let columns: Vec<usize> = (1..=lifelines.len()).map(|n| PHONE + n * gap).collect();
    let mut titles = vec![Canvas::new(width), Canvas::new(width)];
    for (line, title) in titles.iter_mut().zip(["phone", ""]) {
        line.centre(title, PHONE);
    }
    for (lifeline, column) in lifelines.iter().zip(&columns) {
        for (line, title) in titles.iter_mut().zip(lifeline.titles()) {
            line.centre(&title, *column);
        }
    }
    let mut rungs = Vec::new();
    let mut began: Option<Timestamp> = None;
    let mut had_lease = false;
    for arrow in arrows {
        // Where a lease is asked for after something else was done, the phone starts anew.
        let asks = arrow.role == LadderRole::Dhcp && arrow.from_phone;
        if began.is_none() || (asks && had_lease) {
            began = Some(arrow.time);
            had_lease = false;
            let text = format!("{} boot at {} UTC", dashes(look, 2), clock(arrow.time));
            rungs.push(Rung { text, full: String::new(), is_bad: false });
        }
        had_lease |= arrow.role != LadderRole::Dhcp;
        let offset = arrow.time.since(began.unwrap_or_default());
        rungs.push(rung(arrow, offset, &lifelines, &columns, ports, width, look));
    }
    (titles.into_iter().map(Canvas::text).collect(), rungs)
}

fn rung(
    arrow: &Arrow,
    offset: Duration,
    lifelines: &[Lifeline],
    columns: &[usize],
    ports: &[String],
    width: usize,
    look: Look,
) -> Rung {
    let (line, dash, right, left) = look.arrow();
    let mut canvas = Canvas::new(width);
    canvas.write(0, &format!("{:>9}", seconds(offset)));
    canvas.set(PHONE, line);
    columns.iter().for_each(|column| canvas.set(*column, line));
    let at = lifelines.iter().position(|l| l.hosts.contains(&arrow.peer) && l.roles.contains(&arrow.role));
    let peer = at.and_then(|at| columns.get(at)).copied().unwrap_or(PHONE + NARROWEST);
    (PHONE + 1..peer).for_each(|x| canvas.set(x, dash));
    if arrow.from_phone {
        canvas.set(peer.saturating_sub(1), right)
    } else {
        canvas.set(PHONE + 1, left)
    }
    let room = peer.saturating_sub(PHONE + 6);
    let label = shortened(&arrow.label, room, look);
    canvas.write(PHONE + 3 + room.saturating_sub(label.width()) / 2, &format!(" {label} "));
    let host = arrow.peer.map_or("all".to_owned(), |ip| ip.to_string());
    let (from, to) = if arrow.from_phone { ("phone".to_owned(), host) } else { (host, "phone".to_owned()) };
    let port = match ports {
        [_, _, ..] => ports.get(arrow.at.input as usize).map(|p| format!(" of {p}")).unwrap_or_default(),
        _ => String::new(),
    };
    let full = format!("{} frame {}{port}, {from} to {to}: {}", clock(arrow.time), arrow.at.frame, arrow.label);
    Rung { text: canvas.text(), full, is_bad: arrow.is_bad }
}

/// The hosts in the order of their roles and of their first message. What comes from a host and what is sent to all
/// in its role share a lifeline.
fn lifelines(arrows: &[Arrow], width: usize) -> Vec<Lifeline> {
    let mut all: Vec<Lifeline> = Vec::new();
    for role in [LadderRole::Dhcp, LadderRole::Dns, LadderRole::Tftp, LadderRole::CallManager] {
        let first = all.len();
        let of_role = || arrows.iter().filter(move |a| a.role == role);
        for host in of_role().filter_map(|a| a.peer) {
            match all.iter_mut().find(|l| l.hosts.contains(&Some(host))) {
                Some(known) if known.roles.contains(&role) => {}
                Some(known) => known.roles.push(role),
                None => all.push(Lifeline { hosts: vec![Some(host)], roles: vec![role] }),
            }
        }
        if of_role().any(|a| a.peer.is_none()) {
            match all.iter_mut().find(|l| l.roles.contains(&role)) {
                Some(lifeline) => lifeline.hosts.push(None),
                None => all.insert(first, Lifeline { hosts: vec![None], roles: vec![role] }),
            }
        }
    }
    // Without room for each the last ones share one.
    let room = (width.saturating_sub(PHONE + MARGIN) / NARROWEST).max(1);
    while all.len() > room {
        let Some(last) = all.pop() else { break };
        if let Some(lifeline) = all.last_mut() {
            lifeline.hosts.extend(last.hosts);
            lifeline
                .roles
                .extend(last.roles.iter().filter(|r| !lifeline.roles.contains(*r)).copied().collect::<Vec<_>>());
        }
    }
    all
}

/// `0.000`, `12.345`, `2:03.100`.
fn seconds(duration: Duration) -> String {
    let (secs, millis) = (duration.as_secs(), duration.subsec_millis());
    match secs {
        0..60 => format!("{secs}.{millis:03}"),
        60..3_600 => format!("{}:{:02}.{millis:03}", secs / 60, secs % 60),
        _ => format!("{}:{:02}:{:02}", secs / 3_600, secs % 3_600 / 60, secs % 60),
    }
}

fn dashes(look: Look, count: usize) -> String {
    std::iter::repeat_n(look.arrow().1, count).collect()
}

/// As much of a text as there is room for.
pub(super) fn shortened(text: &str, room: usize, look: Look) -> String {
    if text.width() <= room {
        return text.to_owned();
    }
    let mut short = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > room {
            break;
        }
        short.push(c);
    }
    if room > 0 {
        short.push(look.cut());
    }
    short
}

/// One line, character by character; each takes one column.
struct Canvas(Vec<char>);

impl Canvas {
    fn new(width: usize) -> Canvas {
        Canvas(vec![' '; width])
    }

    fn set(&mut self, x: usize, c: char) {
        if let Some(cell) = self.0.get_mut(x) {
            *cell = c;
        }
    }

    fn write(&mut self, x: usize, text: &str) {
        for (n, c) in text.chars().enumerate() {
            self.set(x + n, if c.width() == Some(1) { c } else { '?' });
        }
    }

    fn centre(&mut self, text: &str, column: usize) {
        self.write(column.saturating_sub(text.chars().count() / 2), text);
    }

    fn text(self) -> String {
        self.0.into_iter().collect::<String>().trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use phonescope::types::FrameRef;

    const LOOK: Look = Look { color: false, unicode: true };

    fn arrow(ms: i64, role: LadderRole, peer: Option<u8>, from_phone: bool, label: &str) -> Arrow {
        Arrow {
            time: Timestamp(1_795_417_200_000_000_000 + ms * 1_000_000),
            at: FrameRef { input: 0, frame: 7 },
            role,
            peer: peer.map(|d| IpAddr::from([10, 30, 0, d])),
            from_phone,
            label: label.to_owned(),
            is_bad: false,
        }
    }

    fn boot() -> Vec<Arrow> {
        vec![
            arrow(0, LadderRole::Dhcp, None, true, "DISCOVER"),
            arrow(3, LadderRole::Dhcp, Some(2), false, "OFFER 10.30.110.20"),
            arrow(1_250, LadderRole::Tftp, Some(5), true, "RRQ SEP003094C2D3FA.cnf.xml"),
            arrow(1_300, LadderRole::Tftp, Some(5), false, "812 octets"),
            arrow(2_000, LadderRole::CallManager, Some(10), true, "SYN 2000"),
            arrow(2_100, LadderRole::CallManager, Some(10), false, "RegisterReject Error: DB Config"),
            arrow(70_000, LadderRole::Dhcp, None, true, "DISCOVER"),
            arrow(131_000, LadderRole::Tftp, Some(5), true, "RRQ a"),
        ]
    }

    #[test]
    fn a_boot_is_drawn() {
        let (titles, rungs) = ladder(&boot(), &[], 80, LOOK);
        let text: Vec<&str> = titles.iter().map(String::as_str).chain(rungs.iter().map(|r| r.text.as_str())).collect();
        insta::assert_snapshot!(text.join("\n"));
    }

    #[test]
    fn every_width_is_drawn_and_none_exceeded() {
        for width in 0..130 {
            let (titles, rungs) = ladder(&boot(), &[], width, LOOK);
            let boots = rungs.iter().filter(|r| r.full.is_empty()).count();
            assert_eq!((titles.len(), rungs.len(), boots), (2, boot().len() + 2, 2));
            let widest = titles.iter().chain(rungs.iter().filter(|r| !r.full.is_empty()).map(|r| &r.text));
            assert!(widest.map(|t| t.width()).max().unwrap() <= width, "{width}");
        }
    }

    #[test]
    fn more_servers_than_fit_share_a_lifeline_and_one_host_has_one() {
        let many: Vec<Arrow> = (0..30).map(|n| arrow(n, LadderRole::Tftp, Some(n as u8), true, "RRQ a")).collect();
        let (titles, rungs) = ladder(&many, &[], 80, LOOK);
        assert!(titles[1].contains("hosts"), "{titles:?}");
        assert!(rungs.iter().skip(1).all(|r| r.text.contains("RRQ a")));
        let both = [
            arrow(0, LadderRole::Tftp, Some(5), true, "RRQ a"),
            arrow(1, LadderRole::CallManager, Some(5), true, "SYN"),
        ];
        let (titles, _) = ladder(&both, &[], 80, LOOK);
        assert!(titles[0].contains("TFTP+CallManager"), "{titles:?}");
    }

    #[test]
    fn what_is_cut_off_is_told_in_full_below() {
        let (_, rungs) = ladder(&boot()[..2], &["eth0".to_owned(), "eth1".to_owned()], 40, LOOK);
        assert!(rungs[2].text.contains('…'), "{}", rungs[2].text);
        assert_eq!(rungs[2].full, "07:00:00.003 frame 7 of eth0, 10.30.0.2 to phone: OFFER 10.30.110.20");
    }
}
