//! The terminal: into full screen and raw keys, and always back again.

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::{Hide, Show};
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen};
use crossterm::{execute, terminal};
use rustix::event::{PollFd, PollFlags, Timespec};
use signal_hook::consts::{SIGCONT, SIGTSTP, SIGWINCH};

/// Clicks and the wheel with coordinates as numbers; not every movement, which is much over a slow line.
const MOUSE_ON: &[u8] = b"\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &[u8] = b"\x1b[?1006l\x1b[?1000l";

/// Whether the terminal is ours: it is given back once, however the program ends.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// What was read from the terminal.
pub(super) enum Read {
    Octets(Vec<u8>),
    Nothing,
    /// It was closed.
    Gone,
}

/// The terminal that the screen is on.
pub(super) struct Tty {
    /// Becomes readable with one of the signals below.
    woken: UnixStream,
    stopped: Arc<AtomicBool>,
    continued: Arc<AtomicBool>,
    mouse: bool,
}

impl Tty {
    /// Takes the terminal; it comes back when this is dropped, or with a panic.
    pub(super) fn take(mouse: bool) -> io::Result<Tty> {
        let (woken, waker) = UnixStream::pair()?;
        woken.set_nonblocking(true)?;
        let flag = || Arc::new(AtomicBool::new(false));
        let (stopped, continued) = (flag(), flag());
        signal_hook::flag::register(SIGTSTP, Arc::clone(&stopped))?;
        signal_hook::flag::register(SIGCONT, Arc::clone(&continued))?;
        for signal in [SIGWINCH, SIGTSTP, SIGCONT] {
            signal_hook::low_level::pipe::register(signal, waker.try_clone()?)?;
        }
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            give_back();
            before(info);
        }));
        let tty = Tty { woken, stopped, continued, mouse };
        tty.enter()?;
        Ok(tty)
    }

    /// What to wait for.
    pub(super) fn wakers(&self) -> [BorrowedFd<'_>; 2] {
        [rustix::stdio::stdin(), self.woken.as_fd()]
    }

    fn enter(&self) -> io::Result<()> {
        TAKEN.store(true, Ordering::SeqCst);
        terminal::enable_raw_mode()?;
        let mut out = io::stdout();
        execute!(out, EnterAlternateScreen, Hide)?;
        self.set_mouse_mode(self.mouse)
    }

    fn set_mouse_mode(&self, on: bool) -> io::Result<()> {
        let mut out = io::stdout();
        out.write_all(if on { MOUSE_ON } else { MOUSE_OFF })?;
        out.flush()
    }

    /// Whether the mouse is listened to.
    pub(super) fn set_mouse(&mut self, on: bool) -> io::Result<()> {
        self.mouse = on;
        self.set_mouse_mode(on)
    }

    /// Stops the program as Ctrl-Z does, the terminal given back; returns when it goes on.
    pub(super) fn suspend(&self) -> io::Result<()> {
        give_back();
        signal_hook::low_level::emulate_default_handler(SIGTSTP)?;
        self.enter()
    }

    /// Takes in signals; whether everything is to be drawn anew.
    pub(super) fn signals(&mut self) -> io::Result<bool> {
        let mut octets = [0; 64];
        let mut resized = false;
        while let Ok(1..) = io::Read::read(&mut self.woken, &mut octets) {
            resized = true;
        }
        if self.stopped.swap(false, Ordering::SeqCst) {
            self.suspend()?;
            self.continued.store(false, Ordering::SeqCst);
            return Ok(true);
        }
        // Stopped and continued by something that can not be caught: the shell has set the terminal as it likes it.
        if self.continued.swap(false, Ordering::SeqCst) {
            self.enter()?;
            return Ok(true);
        }
        Ok(resized)
    }

    /// What was typed, without waiting for it.
    pub(super) fn read(&self) -> io::Result<Read> {
        let ready = poll(rustix::stdio::stdin(), PollFlags::IN)?;
        if ready.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
            return Ok(Read::Gone);
        }
        if !ready.contains(PollFlags::IN) {
            return Ok(Read::Nothing);
        }
        let mut octets = [0; 1024];
        match rustix::io::read(rustix::stdio::stdin(), &mut octets) {
            Ok(0) | Err(rustix::io::Errno::IO) => Ok(Read::Gone),
            Ok(n) => Ok(Read::Octets(octets.get(..n).unwrap_or_default().to_vec())),
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => Ok(Read::Nothing),
            Err(e) => Err(e.into()),
        }
    }

    /// Whether the terminal takes output: a line that hangs must not hold up the capture.
    pub(super) fn is_writable(&self) -> bool {
        poll(rustix::stdio::stdout(), PollFlags::OUT).is_ok_and(|ready| !ready.is_empty())
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        give_back();
    }
}

fn poll(fd: BorrowedFd<'_>, what: PollFlags) -> io::Result<PollFlags> {
    let mut fds = [PollFd::from_borrowed_fd(fd, what)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    match rustix::event::poll(&mut fds, Some(&at_once)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => {}
        Err(e) => return Err(e.into()),
    }
    let [fd] = &fds;
    Ok(fd.revents())
}

/// The terminal as it was. That it is gone does not matter any more.
fn give_back() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let mut out = io::stdout();
        let _ = out.write_all(MOUSE_OFF);
        let _ = execute!(out, LeaveAlternateScreen, Show);
        let _ = terminal::disable_raw_mode();
    }
}
