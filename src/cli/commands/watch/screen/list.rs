//! The list of phones, and the help.

use std::time::Duration;

use phonescope::diagnosis::Verdict;
use phonescope::report::lasting;
use phonescope::report::table::grid::or_dash;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::cli::commands::watch::screen::ladder::shortened;
use crate::cli::commands::watch::screen::look::Look;
use crate::cli::commands::watch::screen::snapshot::Row;
use crate::cli::commands::watch::screen::{Screen, clear, put};

/// One column of the list.
struct Column {
    title: &'static str,
    width: u16,
    /// Columns that the window needs for it to be there.
    from: u16,
    cell: fn(&Row, Shown) -> String,
}

/// How a row stands on the screen.
#[derive(Clone, Copy)]
struct Shown {
    is_marked: bool,
    now: phonescope::types::Timestamp,
}

/// Mark, phone, address, VLAN, model, state, since, load, TFTP server, CallManager; the verdict takes what is left.
const COLUMNS: [Column; 10] = [
    Column {
        title: "",
        width: 4,
        from: 0,
        cell: |row, shown| format!("{}{}", row.rank.mark(), if shown.is_marked { "*" } else { " " }),
    },
    Column { title: "Phone", width: 15, from: NAMES_FROM, cell: |row, _| row.label.clone() },
    Column { title: "Address", width: 15, from: 72, cell: |row, _| or_dash(row.ip) },
    Column { title: "VLAN", width: 4, from: 78, cell: |row, _| or_dash(row.vlan) },
    Column { title: "Model", width: 7, from: 110, cell: |row, _| or_dash(row.model.as_ref()) },
    Column { title: "State", width: 12, from: 34, cell: |row, _| row.step.as_str().to_owned() },
    Column {
        title: "For",
        width: 7,
        from: 88,
        cell: |row, shown| or_dash(row.since.map(|since| short_time(shown.now.since(since)))),
    },
    Column { title: "Load", width: 14, from: 118, cell: |row, _| or_dash(row.load.as_ref()) },
    Column { title: "TFTP server", width: 15, from: 136, cell: |row, _| or_dash(row.tftp) },
    Column { title: "CallManager", width: 15, from: 152, cell: |row, _| or_dash(row.call_manager) },
];
/// Narrower than this there is no room for a name.
const NAMES_FROM: u16 = 20;
/// Narrower than this the verdict has no column.
const VERDICT_FROM: u16 = 46;

impl Screen {
    pub(super) fn draw_list(&mut self, buf: &mut Buffer, area: Rect) {
        let look = self.look;
        let head = u16::from(area.height > 3);
        if head == 1 {
            let titles = COLUMNS.each_ref().map(|c| c.title.to_owned());
            put(buf, area.x, area.y, area.width, &line(&titles, "Verdict", area.width, look), look.heading());
        }
        self.list_row = area.y + head;
        self.page = usize::from(area.height - head).max(1);
        let at = self.at().unwrap_or(0);
        self.top = self.top.min(at).max((at + 1).saturating_sub(self.page)).min(self.listed.len());
        if self.listed.is_empty() {
            let text = match (self.snapshot.rows.is_empty(), self.snapshot.counters.frames) {
                (false, _) => "No phone is as the filter wants it.",
                (true, 0) => "Nothing came yet. Restart a phone, or see whether this port mirrors its traffic.",
                (true, _) => "No phone yet. A phone shows itself when it boots or registers.",
            };
            put(buf, area.x + 1, self.list_row, area.width.saturating_sub(1), text, Style::new());
            return;
        }
        for (n, row) in self.listed.iter().skip(self.top).take(self.page).enumerate() {
            let (y, Some(row)) = (self.list_row + n as u16, self.snapshot.rows.get(*row)) else { continue };
            if y >= area.bottom() {
                break;
            }
            let shown = Shown { is_marked: self.marked.contains(&row.mac), now: self.snapshot.time };
            let cells = COLUMNS.each_ref().map(|column| (column.cell)(row, shown));
            let room = usize::from(area.width.saturating_sub(verdict_at(area.width)));
            let text = line(&cells, &verdict(row, room), area.width, look);
            let here = self.cursor == Some(row.mac);
            put(buf, area.x, y, area.width, &text, if here { look.cursor() } else { Style::new() });
            let whole = Rect { y, height: 1, ..area };
            if here {
                buf.set_style(whole, look.cursor());
            } else {
                buf.set_style(Rect { width: area.width.min(3), ..whole }, look.rank(row.rank));
                let x = verdict_at(area.width);
                buf.set_style(
                    Rect { x: area.x + x, width: area.width.saturating_sub(x), ..whole },
                    look.rank(row.rank),
                );
            }
        }
    }
}

/// `12 s`, `3 min`, `2 h`.
fn short_time(duration: Duration) -> String {
    let text = lasting(duration.max(Duration::from_secs(1)));
    text.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

/// The verdict; how sure it is where there is room.
fn verdict(row: &Row, room: usize) -> String {
    match (row.verdict, &row.title) {
        (Verdict::Finding(code), Some((_, confidence))) => {
            let full = format!("{code} ({})", confidence.as_str());
            if full.len() <= room { full } else { code.to_string() }
        }
        (Verdict::Incomplete, None) => "-".to_owned(),
        (Verdict::Incomplete, Some(_)) => row.codes.first().map_or_else(String::new, |code| format!("({code})")),
        (Verdict::Healthy, Some(_)) => row.codes.first().map_or_else(String::new, |code| format!("healthy ({code})")),
        (verdict, None) => verdict.as_str().to_owned(),
    }
}

/// The column in which the verdict begins.
fn verdict_at(width: u16) -> u16 {
    COLUMNS.iter().filter(|c| width >= c.from).map(|c| c.width + 1).sum::<u16>().min(width)
}

fn line(cells: &[String; 10], verdict: &str, width: u16, look: Look) -> String {
    let mut line = String::new();
    let [mark, label, ..] = cells;
    if width < NAMES_FROM {
        // The end of a name tells one phone from another.
        let room = usize::from(width.saturating_sub(4));
        let skipped = label.chars().count().saturating_sub(room);
        return format!("{mark}{}", label.chars().skip(skipped).collect::<String>());
    }
    for (column, cell) in COLUMNS.iter().zip(cells).filter(|(c, _)| width >= c.from) {
        let room = usize::from(column.width);
        let cell = shortened(cell, room, look);
        line.push_str(&cell);
        let used = unicode_width::UnicodeWidthStr::width(cell.as_str());
        line.extend(std::iter::repeat_n(' ', room.saturating_sub(used) + 1));
    }
    if width >= VERDICT_FROM {
        line.push_str(&shortened(verdict, usize::from(width - verdict_at(width)), look));
    }
    line
}

/// What the keys do.
const HELP: &[(&str, &str)] = &[
    ("Up Down PgUp PgDn Home End", "move; j k g G too"),
    ("Enter", "open the phone: verdict and fix, timeline, ladder"),
    ("Tab, 1 2 3", "in a phone: the next view, that view"),
    ("v", "in a phone: all evidence, fixes for all platforms"),
    ("Esc", "back; in the list: no marks, no filter"),
    ("/  n  N", "search, the next one, the one before"),
    ("f, F7", "filter: state, verdict, VLAN, server, load"),
    ("Space", "mark the phone for saving"),
    ("s, F2", "save packets (pcapng) or a report"),
    ("p", "pause the screen; the capture goes on"),
    ("m", "leave the mouse to the terminal, and back"),
    ("q, F10, Ctrl-C", "end; the report is written"),
    ("", ""),
    ("ERR WRN ... ok! ok", "error, warning, booting, healthy with a warning, healthy"),
];

pub(super) fn draw_help(buf: &mut Buffer, screen: Rect, look: Look) {
    let height = u16::try_from(HELP.len() + 3).unwrap_or(u16::MAX).min(screen.height);
    let width = screen.width.min(76);
    let area =
        Rect { x: screen.x + (screen.width - width) / 2, y: screen.y + (screen.height - height) / 2, width, height };
    clear(buf, area, look.bar());
    put(buf, area.x, area.y, area.width, " Keys", look.bar());
    let lines = (area.y + 1..area.bottom()).zip(HELP);
    for (y, (keys, what)) in lines {
        let text = if width < 60 { format!(" {keys}: {what}") } else { format!(" {keys:27} {what}") };
        put(buf, area.x, y, area.width, text.trim_end(), look.bar());
    }
}
