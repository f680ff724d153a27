//! The live screen: its state, what keys do to it, and how it is drawn. It reads no terminal and no clock, so all of it
//! is tested with keys given and cells compared; [`console`] ties it to a terminal.

mod console;
mod filter;
mod form;
mod keys;
mod ladder;
mod list;
mod look;
mod opened;
mod save;
mod snapshot;
mod terminal;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::time::Duration;

use phonescope::report::{clock, number, prose};
use phonescope::types::{Mac, Timestamp};
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

pub(super) use console::Console;
use filter::{Filter, FilterField, finds};
use form::{Field, Filled, Form};
use keys::Input;
use look::Look;
use opened::Opened;
use save::{Order, SaveTarget};
use snapshot::{Rank, Snapshot};

/// Steps of the wheel.
const WHEEL: usize = 3;

/// What the screen wants done.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Action {
    Nothing,
    /// A phone is to be opened: that takes a diagnosis.
    Judge,
    Save(Order),
    /// Stop as Ctrl-Z does elsewhere.
    Suspend,
    /// Whether the mouse is listened to.
    Mouse(bool),
    End,
}

/// What lies over the screen.
enum Overlay {
    None,
    Help,
    Filter(Form),
    Save(Form, Vec<SaveTarget>),
    /// What is searched for.
    Search(String),
    /// Whether the run is to be ended.
    End,
}

/// All that the screen is.
struct Screen {
    look: Look,
    snapshot: Snapshot,
    started: Timestamp,
    /// Places in `snapshot.rows` of the phones that the filter lets through.
    listed: Vec<usize>,
    filter: Filter,
    /// What was searched for last.
    search: String,
    cursor: Option<Mac>,
    /// The cursor was put where it is; before that it stays on the worst phone, whichever that is.
    placed: bool,
    /// First line of the list, and how many there are.
    top: usize,
    page: usize,
    /// Where the first line of the list was drawn.
    list_row: u16,
    marked: BTreeSet<Mac>,
    paused: bool,
    overlay: Overlay,
    /// The phone that is looked at, once there was a diagnosis.
    opened: Option<Opened>,
    /// The phone that is to be looked at.
    wanted: Option<Mac>,
    /// All evidence, and the fixes for all platforms.
    verbose: bool,
    message: Option<String>,
    mouse: bool,
}

impl Screen {
    fn new(look: Look, started: Timestamp) -> Screen {
        Screen {
            look,
            snapshot: Snapshot { time: started, ..Snapshot::default() },
            started,
            listed: Vec::new(),
            filter: Filter::default(),
            search: String::new(),
            cursor: None,
            placed: false,
            top: 0,
            page: 1,
            list_row: 0,
            marked: BTreeSet::new(),
            paused: false,
            overlay: Overlay::None,
            opened: None,
            wanted: None,
            verbose: false,
            message: None,
            mouse: true,
        }
    }

    /// What is seen now; while the screen is paused it stays as it was.
    fn set_snapshot(&mut self, snapshot: Snapshot) {
        if !self.paused {
            self.snapshot = snapshot;
            self.list();
        }
    }

    /// The phone that is looked at, as it is now.
    fn set_opened(&mut self, mut opened: Opened) {
        if self.wanted != Some(opened.mac()) {
            return;
        }
        if let Some(before) = self.opened.take().filter(|b| b.mac() == opened.mac()) {
            opened.stay_as(&before);
        }
        self.opened = Some(opened);
    }

    /// Whether the phone that is looked at is to be shown anew from the next diagnosis.
    fn wants(&self, width: u16) -> Option<Mac> {
        let is_shown =
            self.opened.as_ref().is_some_and(|o| o.fits(width, self.verbose) && Some(o.mac()) == self.wanted);
        self.wanted.filter(|_| !(self.paused && is_shown))
    }

    fn say(&mut self, message: String) {
        self.message = Some(prose::safe(&message));
    }

    fn list(&mut self) {
        let rows = self.snapshot.rows.iter().enumerate();
        self.listed = rows.filter(|(_, row)| self.filter.lets_through(row)).map(|(at, _)| at).collect();
        if !self.placed {
            self.cursor = self.mac(0);
        } else if self.at().is_none() {
            self.go(self.top);
        }
    }

    fn mac(&self, at: usize) -> Option<Mac> {
        self.listed.get(at).and_then(|row| self.snapshot.rows.get(*row)).map(|row| row.mac)
    }

    /// Where the cursor is in the list.
    fn at(&self) -> Option<usize> {
        let cursor = self.cursor?;
        (0..self.listed.len()).find(|at| self.mac(*at) == Some(cursor))
    }

    fn go(&mut self, at: usize) {
        self.placed = at > 0;
        self.cursor = self.mac(at.min(self.listed.len().saturating_sub(1)));
    }

    fn handle(&mut self, input: Input) -> Action {
        self.message = None;
        if input == Input::Ctrl('z') {
            return Action::Suspend;
        }
        match std::mem::replace(&mut self.overlay, Overlay::None) {
            Overlay::None => match (input, self.wanted) {
                (Input::Ctrl('c'), _) => Action::End,
                (_, Some(_)) => self.handle_opened(input),
                (_, None) => self.handle_list(input),
            },
            Overlay::Help => Action::Nothing,
            Overlay::End if matches!(input, Input::Char('y' | 'Y') | Input::Enter | Input::Ctrl('c')) => Action::End,
            Overlay::End => Action::Nothing,
            Overlay::Search(text) => {
                self.type_search(text, input);
                Action::Nothing
            }
            Overlay::Filter(mut form) => {
                match form.handle(input) {
                    Filled::No => self.overlay = Overlay::Filter(form),
                    Filled::Yes => {
                        for (at, text) in self.filter.texts.iter_mut().enumerate() {
                            form.text(at).clone_into(text);
                        }
                        self.list();
                    }
                    Filled::Cancelled => {}
                }
                Action::Nothing
            }
            Overlay::Save(mut form, whats) => match form.handle(input) {
                Filled::No => {
                    save::follow(&mut form);
                    self.overlay = Overlay::Save(form, whats);
                    Action::Nothing
                }
                Filled::Yes => match self.order(&form, &whats) {
                    Ok(order) => Action::Save(order),
                    Err(message) => {
                        self.say(message);
                        self.overlay = Overlay::Save(form, whats);
                        Action::Nothing
                    }
                },
                Filled::Cancelled => Action::Nothing,
            },
        }
    }

    /// Keys that do the same wherever one is.
    fn handle_common(&mut self, input: Input) -> Option<Action> {
        match input {
            Input::Char('?' | 'h') | Input::F(1) => self.overlay = Overlay::Help,
            Input::Char('/') | Input::Ctrl('f') | Input::F(3) => self.overlay = Overlay::Search(String::new()),
            Input::Char('p') | Input::Char('P') => {
                self.paused = !self.paused;
                return Some(if self.paused { Action::Nothing } else { Action::Judge });
            }
            Input::Char('s') | Input::F(2) => self.ask_what_to_save(),
            Input::Char('m') => {
                self.mouse = !self.mouse;
                self.say(format!("the mouse is {}", if self.mouse { "listened to" } else { "left to the terminal" }));
                return Some(Action::Mouse(self.mouse));
            }
            Input::F(10) => self.overlay = Overlay::End,
            _ => return None,
        }
        Some(Action::Nothing)
    }

    fn handle_list(&mut self, input: Input) -> Action {
        let at = self.at().unwrap_or(0);
        match input {
            Input::Up | Input::Char('k') => self.go(at.saturating_sub(1)),
            Input::Down | Input::Char('j') => self.go(at + 1),
            Input::WheelUp => self.go(at.saturating_sub(WHEEL)),
            Input::WheelDown => self.go(at + WHEEL),
            Input::PageUp | Input::Ctrl('b') => self.go(at.saturating_sub(self.page)),
            Input::PageDown => self.go(at + self.page),
            Input::Home | Input::Char('g') => self.go(0),
            Input::End | Input::Char('G') => self.go(usize::MAX),
            Input::Char('n') => self.search_next(true),
            Input::Char('N') => self.search_next(false),
            Input::Char('f') | Input::F(7) => self.ask_filter(),
            Input::Char(' ') => {
                self.placed = true;
                if let Some(mac) = self.cursor
                    && !self.marked.remove(&mac)
                {
                    self.marked.insert(mac);
                }
                self.go(at + 1);
            }
            Input::Enter | Input::Right => {
                self.placed = true;
                self.wanted = self.cursor;
                return if self.wanted.is_some() { Action::Judge } else { Action::Nothing };
            }
            Input::Click(_, y) => {
                let line = usize::from(y).checked_sub(usize::from(self.list_row)).filter(|line| *line < self.page);
                let Some(mac) = line.and_then(|line| self.mac(self.top + line)) else { return Action::Nothing };
                self.placed = true;
                if self.cursor.replace(mac) == Some(mac) {
                    self.wanted = Some(mac);
                    return Action::Judge;
                }
            }
            Input::Esc if !self.marked.is_empty() => self.marked.clear(),
            Input::Esc => {
                self.filter = Filter::default();
                self.list();
            }
            Input::Char('q') => self.overlay = Overlay::End,
            _ => return self.handle_common(input).unwrap_or(Action::Nothing),
        }
        Action::Nothing
    }

    fn handle_opened(&mut self, input: Input) -> Action {
        match input {
            Input::Esc | Input::Char('q') => {
                self.wanted = None;
                self.opened = None;
            }
            Input::Char('v') => {
                self.verbose = !self.verbose;
                return Action::Judge;
            }
            Input::Char(c @ ('n' | 'N')) if !self.search.is_empty() => {
                let (text, forward) = (self.search.clone(), c == 'n');
                let found = self.opened.as_mut().is_some_and(|o| o.search(&text, forward));
                if !found {
                    self.say(format!("nothing more has {text} in it"));
                }
            }
            _ => {
                let is_its = self.opened.as_mut().is_some_and(|opened| opened.handle(input));
                if !is_its {
                    return self.handle_common(input).unwrap_or(Action::Nothing);
                }
            }
        }
        Action::Nothing
    }

    // ---- search, filter, save ----

    fn type_search(&mut self, mut text: String, input: Input) {
        match input {
            Input::Enter => {
                if !text.is_empty() {
                    self.search = text;
                }
                let text = self.search.clone();
                match self.opened.as_mut().map(|opened| opened.search(&text, true)) {
                    Some(true) => {}
                    Some(false) => self.say(format!("nothing has {text} in it")),
                    None => self.search_next(true),
                }
                return;
            }
            Input::Esc | Input::Ctrl('c') => return,
            Input::Backspace => {
                text.pop();
            }
            Input::Ctrl('u') => text.clear(),
            Input::Char(c) if !c.is_control() && text.len() < 100 => text.push(c),
            _ => {}
        }
        self.overlay = Overlay::Search(text);
    }

    fn search_next(&mut self, forward: bool) {
        let (count, from) = (self.listed.len(), self.at().unwrap_or(0));
        let found = (1..=count).map(|n| (from + if forward { n } else { count - n }) % count).find(|at| {
            let row = self.listed.get(*at).and_then(|row| self.snapshot.rows.get(*row));
            row.is_some_and(|row| finds(row, &self.search))
        });
        match found {
            Some(at) => self.go(at),
            None if self.search.is_empty() => self.say("nothing is searched for; / does".to_owned()),
            None => self.say(format!("no phone in the list has {} in it", self.search)),
        }
    }

    fn ask_filter(&mut self) {
        let fields = FilterField::ALL.iter().zip(&self.filter.texts).map(|(by, text)| {
            let has: BTreeSet<String> = match by {
                FilterField::Phone => BTreeSet::new(),
                by => self.snapshot.rows.iter().flat_map(|row| by.of(row)).collect(),
            };
            let choices = std::iter::once(String::new()).chain(has.into_iter().take(200)).collect();
            let choices = if *by == FilterField::Phone { Vec::new() } else { choices };
            Field { name: by.title(), text: text.clone(), choices, only_choices: false }
        });
        self.overlay = Overlay::Filter(Form {
            title: "List only phones with",
            hint: "Enter lists, Esc leaves; a,b: either, !a: not",
            fields: fields.collect(),
            at: 0,
        });
    }

    fn ask_what_to_save(&mut self) {
        let here = self.wanted.or(self.cursor);
        let listed = self.listed.len();
        let mut whats = Vec::new();
        if !self.marked.is_empty() && self.wanted.is_none() {
            whats.push(SaveTarget::Phones("the marked phones", self.marked.iter().copied().collect()));
        }
        whats.extend(here.map(|mac| SaveTarget::Phones("this phone", vec![mac])));
        if listed > 0 {
            whats.push(SaveTarget::Phones(
                "all phones in the list",
                (0..listed).filter_map(|at| self.mac(at)).collect(),
            ));
        }
        if whats.is_empty() {
            return self.say("there is no phone to save yet".to_owned());
        }
        self.overlay = Overlay::Save(save::form(&whats, self.snapshot.time), whats);
    }

    fn order(&self, form: &Form, whats: &[SaveTarget]) -> Result<Order, String> {
        save::order(form, whats)
    }

    // ---- drawing ----

    /// Draws all that is seen, and nothing else.
    fn draw(&mut self, frame: &mut Frame<'_>, now: Timestamp) {
        let area = frame.area();
        self.draw_on(frame.buffer_mut(), area, now);
    }

    fn draw_on(&mut self, buf: &mut Buffer, area: Rect, now: Timestamp) {
        if area.is_empty() {
            return;
        }
        let look = self.look;
        // Of a low window the list gets the most.
        let heads = match area.height {
            0..3 => 0,
            3..8 => 1,
            _ => 3,
        };
        let feet = match area.height {
            0..5 => 0,
            5..10 => 1,
            _ => 2,
        };
        for line in 0..heads {
            let (text, style) = match line {
                0 => (self.title(now), look.bar()),
                1 => (self.phones_line(), Style::new()),
                _ if self.snapshot.counters.dropped > 0 => (self.frames_line(), look.bad()),
                _ => (self.frames_line(), Style::new()),
            };
            put(buf, area.x, area.y + line, area.width, &text, style);
            if line == 0 {
                buf.set_style(Rect { y: area.y, height: 1, ..area }, style);
            }
        }
        let middle = Rect { y: area.y + heads, height: area.height - heads - feet, ..area };
        if self.wanted.is_some() {
            match &mut self.opened {
                Some(opened) => opened.draw(buf, middle, look),
                None => put(buf, middle.x, middle.y, middle.width, "...", Style::new()),
            }
        } else {
            self.draw_list(buf, middle);
        }
        let foot = Rect { y: area.bottom() - feet, height: feet, ..area };
        if feet == 2 {
            put(buf, foot.x, foot.y, foot.width, &self.note(), look.heading());
        }
        if feet > 0 {
            let y = area.bottom() - 1;
            put(buf, area.x, y, area.width, &self.keys_line(), look.bar());
            buf.set_style(Rect { y, height: 1, ..area }, look.bar());
        }
        match &self.overlay {
            Overlay::Filter(form) | Overlay::Save(form, _) => form.draw(buf, area, look),
            Overlay::Help => list::draw_help(buf, area, look),
            Overlay::Search(_) | Overlay::End if feet < 2 => {
                let y = area.bottom() - 1;
                clear(buf, Rect { y, height: 1, ..area }, look.bar());
                put(buf, area.x, y, area.width, &self.note(), look.bar());
            }
            Overlay::Search(_) | Overlay::End | Overlay::None => {}
        }
    }

    fn title(&self, now: Timestamp) -> String {
        let ports = self.snapshot.counters.ports.join(", ");
        let clock_now = clock(now);
        let paused = if self.paused {
            format!("  PAUSED at {}: p goes on", clock(self.snapshot.time).get(..8).unwrap_or_default())
        } else {
            String::new()
        };
        let lasting = phonescope::report::lasting(Duration::from_secs(now.since(self.started).as_secs()));
        let lasting = if lasting == "0.0 s" { "0 s".to_owned() } else { lasting };
        format!(" phonescope  {ports}  {} UTC  {lasting}{paused}", clock_now.get(..8).unwrap_or_default())
    }

    fn phones_line(&self) -> String {
        let count = |n: usize| number(u64::try_from(n).unwrap_or(u64::MAX));
        let all = self.snapshot.rows.len();
        let ranks: Vec<String> = Rank::ALL
            .iter()
            .map(|rank| (self.snapshot.count(*rank), rank.as_str()))
            .filter(|(n, _)| *n > 0)
            .map(|(n, word)| format!("{} {word}", count(n)))
            .collect();
        let phones = match (all, self.snapshot.others) {
            (0, 0) => " no phone seen yet".to_owned(),
            (0, n) => format!(" no phone seen yet; {} DHCP clients that are none", number(n)),
            (1, _) => format!(" 1 phone: {}", ranks.join(", ")),
            (n, _) => format!(" {} phones: {}", count(n), ranks.join(", ")),
        };
        if self.filter.is_empty() {
            return phones;
        }
        format!(" {} of {} listed ({}; Esc lists all)", count(self.listed.len()), count(all), self.filter.words())
    }

    fn frames_line(&self) -> String {
        let c = &self.snapshot.counters;
        let dropped = match (c.dropped, c.dropped_per_sec) {
            (0, _) => "none dropped".to_owned(),
            (n, 0) => format!("{} DROPPED", number(n)),
            (n, rate) => format!("{} DROPPED, {} now", number(n), per_second(rate)),
        };
        let problem = c.problems.first().map(|p| format!("; {p}")).unwrap_or_default();
        let limit = self.snapshot.limits.first().map(|l| format!("; limit: {l}")).unwrap_or_default();
        format!(
            " {} frames, {}, {}; {dropped}{problem}{limit}",
            number(c.frames),
            per_second(c.frames_per_sec),
            octets_per_second(c.octets_per_sec)
        )
    }

    /// The line above the keys: what is asked, what happened, or what more there is to say of what the cursor is on.
    fn note(&self) -> String {
        match &self.overlay {
            Overlay::Search(text) => return format!("/{text}_"),
            Overlay::End => return " End the capture? y: yes, the report is written; any other key: no".to_owned(),
            _ => {}
        }
        if let Some(message) = &self.message {
            return format!(" {message}");
        }
        if let Some(opened) = self.opened.as_ref().filter(|_| self.wanted.is_some()) {
            return format!(" {}", opened.note());
        }
        let row = self.at().and_then(|at| self.listed.get(at)).and_then(|row| self.snapshot.rows.get(*row));
        match row.and_then(|row| row.title.as_ref()) {
            Some((title, confidence)) => format!(" {title} ({})", confidence.as_str()),
            None => String::new(),
        }
    }

    fn keys_line(&self) -> String {
        match (&self.overlay, self.wanted) {
            (Overlay::Help, _) => " any key: back".to_owned(),
            (Overlay::Filter(_) | Overlay::Save(..), _) => " Enter: do it  Esc: leave  Tab: next field".to_owned(),
            (Overlay::Search(_), _) => " Enter: search  Esc: leave".to_owned(),
            (Overlay::End, _) => " y: end  any other key: go on".to_owned(),
            (Overlay::None, Some(_)) => {
                " Esc back  Tab/1-3 view  / search  n next  v all fixes  s save  p pause  ? help".to_owned()
            }
            (Overlay::None, None) => {
                " Enter open  / search  f filter  Space mark  s save  p pause  ? help  q end".to_owned()
            }
        }
    }
}

fn per_second(n: u64) -> String {
    format!("{}/s", number(n))
}

fn octets_per_second(n: u64) -> String {
    match n {
        0..10_000 => format!("{} B/s", number(n)),
        10_000..10_000_000 => format!("{} kB/s", number(n / 1_000)),
        _ => format!("{} MB/s", number(n / 1_000_000)),
    }
}

/// Writes a text into a line. Nothing that a terminal could act on gets into a cell, whatever was escaped before.
fn put(buf: &mut Buffer, x: u16, y: u16, width: u16, text: &str, style: Style) {
    if y < buf.area.bottom() && x < buf.area.right() {
        buf.set_stringn(x, y, prose::safe(text), usize::from(width), style);
    }
}

/// Empties a part of the screen.
fn clear(buf: &mut Buffer, area: Rect, style: Style) {
    let blank = " ".repeat(usize::from(area.width));
    for y in area.top()..area.bottom() {
        put(buf, area.x, y, area.width, &blank, Style::reset());
    }
    buf.set_style(area, style);
}
