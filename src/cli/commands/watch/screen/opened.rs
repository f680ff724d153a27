//! One phone: its verdict with the fix, its timeline, its ladder.

use phonescope::diagnosis::{Diagnosis, PhoneReport, Severity};
use phonescope::report::{self, TableOptions, clock, lasting};
use phonescope::types::{Mac, Timestamp};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::cli::commands::watch::screen::keys::Input;
use crate::cli::commands::watch::screen::ladder::{Rung, ladder};
use crate::cli::commands::watch::screen::look::Look;
use crate::cli::commands::watch::screen::put;

/// What is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Tab {
    Verdict,
    Timeline,
    Ladder,
}

impl Tab {
    const ALL: [Tab; 3] = [Tab::Verdict, Tab::Timeline, Tab::Ladder];

    fn title(self) -> &'static str {
        match self {
            Tab::Verdict => "1 Verdict and fix",
            Tab::Timeline => "2 Timeline",
            Tab::Ladder => "3 Ladder",
        }
    }
}

/// One phone, as it was at one moment.
pub(super) struct Opened {
    phone: PhoneReport,
    /// Its story, findings and fixes in lines of `width`.
    story: Vec<String>,
    width: u16,
    verbose: bool,
    time: Timestamp,
    ports: Vec<String>,
    tab: usize,
    /// By tab: where the cursor is, and the first line that is seen.
    at: [usize; 3],
    top: [usize; 3],
    page: usize,
}

impl Opened {
    /// A phone that was made with all its details.
    pub(super) fn new(d: &Diagnosis<'_>, phone: PhoneReport, width: u16, verbose: bool, time: Timestamp) -> Opened {
        let options = TableOptions {
            width: Some(width),
            color: false,
            min_severity: Severity::Info,
            verbose,
            phones_selected: true,
            top: None,
        };
        let mut text = Vec::new();
        // Nothing fails that writes into memory.
        let _ = report::write_phone(d, &phone, &options, &mut text);
        let text = String::from_utf8_lossy(&text);
        let story: Vec<String> = text.trim_matches('\n').lines().map(str::to_owned).collect();
        let ports = d.inputs.iter().map(|i| i.path.to_string()).collect();
        Opened { phone, story, width, verbose, time, ports, tab: 0, at: [0; 3], top: [0; 3], page: 1 }
    }

    pub(super) fn mac(&self) -> Mac {
        self.phone.mac
    }

    /// Whether it was written for a window like this.
    pub(super) fn fits(&self, width: u16, verbose: bool) -> bool {
        (self.width, self.verbose) == (width, verbose)
    }

    /// Looked at in the same way as an earlier state of the same phone.
    pub(super) fn stay_as(&mut self, before: &Opened) {
        (self.tab, self.at, self.top, self.page) = (before.tab, before.at, before.top, before.page);
    }

    /// Whether the key meant something here.
    pub(super) fn handle(&mut self, input: Input) -> bool {
        let at = self.here();
        match input {
            Input::Tab | Input::Right => self.tab = (self.tab + 1) % Tab::ALL.len(),
            Input::BackTab | Input::Left => self.tab = (self.tab + Tab::ALL.len() - 1) % Tab::ALL.len(),
            Input::Char(c @ '1'..='3') => self.tab = c as usize - '1' as usize,
            Input::Up | Input::Char('k') => self.go(at.saturating_sub(1)),
            Input::Down | Input::Char('j') => self.go(at + 1),
            Input::WheelUp => self.go(at.saturating_sub(crate::cli::commands::watch::screen::WHEEL)),
            Input::WheelDown => self.go(at + crate::cli::commands::watch::screen::WHEEL),
            Input::PageUp => self.go(at.saturating_sub(self.page)),
            Input::PageDown | Input::Char(' ') => self.go(at + self.page),
            Input::Home | Input::Char('g') => self.go(0),
            Input::End | Input::Char('G') => self.go(usize::MAX),
            _ => return false,
        }
        true
    }

    fn tab(&self) -> Tab {
        Tab::ALL.get(self.tab).copied().unwrap_or(Tab::Verdict)
    }

    fn here(&self) -> usize {
        self.at.get(self.tab).copied().unwrap_or(0)
    }

    fn go(&mut self, to: usize) {
        // Text has no cursor: what moves is its first line.
        let room = if self.tab() == Tab::Verdict { self.page } else { 1 };
        let last = self.rungs(self.width, Look { color: false, unicode: false }).len().saturating_sub(room);
        if let Some(at) = self.at.get_mut(self.tab) {
            *at = to.min(last);
        }
    }

    /// The lines of the tab.
    fn rungs(&self, width: u16, look: Look) -> Vec<Rung> {
        let plain = |text: &String| {
            let is_bad = text.starts_with("ERROR") || text.starts_with("WARNING");
            Rung { text: text.clone(), full: String::new(), is_bad }
        };
        match self.tab() {
            Tab::Verdict => self.story.iter().map(plain).collect(),
            Tab::Timeline => self.timeline(),
            Tab::Ladder => ladder(&self.phone.ladder, &self.ports, usize::from(width), look).1,
        }
    }

    fn timeline(&self) -> Vec<Rung> {
        let lines = self.phone.timeline.iter().map(|entry| {
            let (clock, frame) = (clock(entry.time), entry.at.frame);
            Rung {
                text: format!("{clock} {:6} {}", entry.kind.as_str(), entry.text),
                full: format!("{clock} frame {frame}, {}: {}", entry.kind.as_str(), entry.text),
                is_bad: false,
            }
        });
        lines.collect()
    }

    /// Goes to the next line that has the text in it.
    pub(super) fn search(&mut self, text: &str, forward: bool) -> bool {
        let text = text.to_lowercase();
        let rungs = self.rungs(self.width, Look { color: false, unicode: false });
        let (count, from) = (rungs.len(), self.here());
        let mut order = (1..=count).map(|n| (from + if forward { n } else { count - n }) % count);
        let found = order.find(|at| {
            let has = |s: &str| s.to_lowercase().contains(&text);
            rungs.get(*at).is_some_and(|r| has(&r.text) || has(&r.full))
        });
        if let (Some(found), Some(at)) = (found, self.at.get_mut(self.tab)) {
            *at = found;
        }
        found.is_some()
    }

    /// What more there is to say of the line under the cursor.
    pub(super) fn note(&self) -> String {
        match self.tab() {
            Tab::Verdict => format!("as of {} UTC", clock(self.time).get(..8).unwrap_or_default()),
            _ => {
                let rungs = self.rungs(self.width, Look { color: false, unicode: false });
                rungs.get(self.here()).map(|r| r.full.clone()).unwrap_or_default()
            }
        }
    }

    pub(super) fn draw(&mut self, buf: &mut Buffer, area: Rect, look: Look) {
        let titles = if self.tab() == Tab::Ladder && area.height > 6 {
            ladder(&self.phone.ladder, &self.ports, usize::from(area.width), look).0
        } else {
            Vec::new()
        };
        let mut y = area.y;
        let mut head = |text: &str, style: Style| {
            if area.bottom() - y > 1 {
                put(buf, area.x, y, area.width, text, style);
                y += 1;
            }
        };
        head(&self.title(), look.heading());
        let tabs: Vec<String> = Tab::ALL
            .iter()
            .map(|tab| if *tab == self.tab() { format!("[{}]", tab.title()) } else { format!(" {} ", tab.title()) })
            .collect();
        head(&tabs.join(" "), look.aside());
        titles.iter().for_each(|title| head(title, look.heading()));

        self.page = usize::from(area.bottom() - y).max(1);
        let rungs = self.rungs(area.width, look);
        let (tab, is_text) = (self.tab, self.tab() == Tab::Verdict);
        let at = self.here().min(rungs.len().saturating_sub(1));
        let top = match self.top.get(tab) {
            _ if is_text => at,
            Some(top) => (*top).min(at).max((at + 1).saturating_sub(self.page)),
            None => 0,
        };
        if let Some(slot) = self.top.get_mut(tab) {
            *slot = top;
        }
        for (line, (n, rung)) in (y..area.bottom()).zip(rungs.iter().enumerate().skip(top)) {
            let style = match (n == at && !is_text, rung.is_bad) {
                (true, _) => look.cursor(),
                (false, true) => look.bad(),
                (false, false) => Style::new(),
            };
            put(buf, area.x, line, area.width, &rung.text, style);
        }
        if rungs.is_empty() && y < area.bottom() {
            put(buf, area.x, y, area.width, " Nothing of it was seen.", Style::new());
        }
    }

    fn title(&self) -> String {
        let p = &self.phone;
        let name = p.name.as_ref().map_or_else(|| p.mac.device_name(), ToString::to_string);
        let mut parts = vec![name];
        // The name that a phone has by its MAC says it already.
        parts.extend(Some(p.mac.to_string()).filter(|_| parts.iter().all(|n| *n != p.mac.device_name())));
        parts.extend(p.model.clone());
        parts.extend(p.ip.map(|ip| ip.to_string()));
        parts.extend(p.vlan.map(|vlan| format!("VLAN {vlan}")));
        let since = p.step_since.map(|s| format!(" for {}", lasting(self.time.since(s.time)))).unwrap_or_default();
        parts.push(format!("{}{since}", p.step.as_str()));
        parts.push(p.verdict.as_str().to_owned());
        format!(" {}", parts.join("  "))
    }
}
