//! The screen on a terminal: keys in, cells out.

use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use phonescope::capture::live::{self, Notice};
use phonescope::diagnosis::{Detail, Diagnosis, PhoneReport};
use phonescope::report::Change;
use phonescope::types::Timestamp;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use crate::cli::Failure;
use crate::cli::commands::watch::screen::look::Look;
use crate::cli::commands::watch::screen::opened::Opened;
use crate::cli::commands::watch::screen::save::{self, Order};
use crate::cli::commands::watch::screen::snapshot::{Row, Snapshot};
use crate::cli::commands::watch::screen::terminal::{Read, Tty};
use crate::cli::commands::watch::screen::{Action, Screen};
use crate::cli::commands::watch::spool::Spool;
use crate::cli::commands::watch::{ScreenAction, View};

/// What changes by itself is drawn no more often than this; what a key changes is drawn at once.
const BETWEEN: Duration = Duration::from_millis(250);
/// The clock goes on.
const CLOCK: Duration = Duration::from_secs(1);
/// An escape that is followed by nothing within this is the key.
const ESCAPE: Duration = Duration::from_millis(50);
/// EIO: what a closed terminal says.
const EIO: i32 = 5;

/// The screen, and the terminal that it is on.
pub(in crate::cli::commands::watch) struct Console {
    screen: Screen,
    /// Never dropped: it would show the cursor, which [`Tty`] does, and complain where the terminal is gone.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<io::Stdout>>>,
    /// Given back last.
    tty: Tty,
    keys: crate::cli::commands::watch::screen::keys::Keys,
    /// Phones of the diagnosis that is shown next.
    rows: Vec<Row>,
    order: Option<Order>,
    drawn: Option<Instant>,
    /// Something is to be drawn.
    stale: bool,
    typed: Instant,
}

impl Console {
    /// Takes the terminal.
    pub(in crate::cli::commands::watch) fn open(color: bool) -> io::Result<Console> {
        let variable = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty());
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(variable);
        let look = Look::new(color, variable("TERM").as_deref(), locale.as_deref());
        let screen = Screen::new(look, live::now());
        let tty = Tty::take(screen.mouse)?;
        let terminal = ManuallyDrop::new(Terminal::new(CrosstermBackend::new(io::stdout()))?);
        let mut console = Console {
            screen,
            terminal,
            tty,
            keys: Default::default(),
            rows: Vec::new(),
            order: None,
            drawn: None,
            stale: true,
            typed: Instant::now(),
        };
        console.start_anew()?;
        console.draw()?;
        Ok(console)
    }

    fn width(&self) -> u16 {
        self.terminal.size().map_or(80, |size| size.width)
    }

    /// Every cell is written with the next drawing. Not by `Terminal::clear`: that asks the terminal where its cursor is,
    /// and waits for the answer among what is typed.
    fn start_anew(&mut self) -> io::Result<()> {
        let size = self.terminal.size()?;
        self.terminal.resize(size.into())
    }

    fn draw(&mut self) -> io::Result<()> {
        // What the terminal does not take now it gets later.
        if self.tty.is_writable() {
            self.terminal.draw(|frame| self.screen.draw(frame, live::now()))?;
            self.stale = false;
        }
        self.drawn = Some(Instant::now());
        Ok(())
    }

    fn take(&mut self, input: crate::cli::commands::watch::screen::keys::Input) -> io::Result<ScreenAction> {
        self.stale = true;
        match self.screen.handle(input) {
            Action::Nothing => {}
            Action::Judge => return Ok(ScreenAction::Judge),
            Action::Save(order) => {
                self.order = Some(order);
                return Ok(ScreenAction::Judge);
            }
            Action::Suspend => {
                self.tty.suspend()?;
                self.start_anew()?;
            }
            Action::Mouse(on) => self.tty.set_mouse(on)?,
            Action::End => return Ok(ScreenAction::End),
        }
        Ok(ScreenAction::Nothing)
    }

    fn hear(&mut self) -> io::Result<ScreenAction> {
        if self.tty.signals()? {
            self.start_anew()?;
            self.stale = true;
        }
        let mut inputs = Vec::new();
        if self.keys.is_waiting() && self.typed.elapsed() >= ESCAPE {
            inputs.extend(self.keys.give_up());
        }
        match self.tty.read()? {
            Read::Octets(octets) => {
                self.typed = Instant::now();
                inputs.extend(self.keys.feed(&octets));
            }
            Read::Nothing => {}
            Read::Gone => return Err(io::Error::from_raw_os_error(EIO)),
        }
        let mut wish = ScreenAction::Nothing;
        for input in inputs {
            match self.take(input)? {
                ScreenAction::End => return Ok(ScreenAction::End),
                ScreenAction::Judge => wish = ScreenAction::Judge,
                ScreenAction::Nothing => {}
            }
        }
        if self.screen.wanted.is_some()
            && self.screen.opened.as_ref().is_some_and(|o| !o.fits(self.width(), self.screen.verbose))
        {
            wish = ScreenAction::Judge;
        }
        let is_old = self.drawn.is_none_or(|drawn| drawn.elapsed() >= CLOCK);
        if self.stale || is_old {
            self.draw()?;
        }
        Ok(wish)
    }
}

impl View for Console {
    fn wakers(&self) -> Vec<BorrowedFd<'_>> {
        self.tty.wakers().to_vec()
    }

    fn due(&self) -> Option<Duration> {
        if self.keys.is_waiting() {
            return Some(ESCAPE.saturating_sub(self.typed.elapsed()));
        }
        let since = self.drawn.map_or(CLOCK, |drawn| drawn.elapsed());
        Some(if self.stale { BETWEEN } else { CLOCK }.saturating_sub(since))
    }

    fn phone(&mut self, phone: &PhoneReport) {
        self.rows.push(Row::new(self.rows.len(), phone));
    }

    fn show(&mut self, d: Diagnosis<'_>, _: &[Change], now: Timestamp, spool: &Spool) -> Result<ScreenAction, Failure> {
        let rows = std::mem::take(&mut self.rows);
        let width = self.width();
        if let Some(wanted) = self.screen.wants(width) {
            match rows.iter().find(|row| row.mac == wanted) {
                Some(row) => {
                    let phone = d.phone(row.index, Detail::Story);
                    self.screen.set_opened(Opened::new(&d, phone, width, self.screen.verbose, now));
                }
                None => {
                    self.screen.wanted = None;
                    self.screen.say("the phone is not remembered any more".to_owned());
                }
            }
        }
        let before = &self.screen.snapshot.counters;
        let snapshot = Snapshot::new(&d, rows, now, before);
        self.screen.set_snapshot(snapshot);
        if let Some(order) = self.order.take() {
            let message = save::save(&order, d, spool);
            self.screen.say(message);
        }
        self.stale = true;
        if self.drawn.is_none_or(|drawn| drawn.elapsed() >= BETWEEN) {
            self.draw()?;
        }
        Ok(ScreenAction::Nothing)
    }

    fn notice(&mut self, notice: &Notice, _: Timestamp) -> Result<(), Failure> {
        self.screen.say(format!("{}: {}", notice.port, notice.text));
        self.stale = true;
        Ok(())
    }

    fn listen(&mut self) -> Result<ScreenAction, Failure> {
        Ok(self.hear()?)
    }
}
