//! Signals that end a live run in order.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

/// SIGINT, SIGTERM, SIGHUP: what ends a run.
pub(crate) const ENDINGS: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];

/// Signals from here on; a second one ends the program at once.
pub(crate) struct Signals {
    came: Arc<AtomicBool>,
    /// Becomes readable with a signal, so that waiting ends at once.
    wake: UnixStream,
}

impl Signals {
    /// Takes note of them.
    ///
    /// # Errors
    /// Where the system does not allow it.
    pub(crate) fn register(numbers: &[i32]) -> io::Result<Signals> {
        let came = Arc::new(AtomicBool::new(false));
        let (wake, waker) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        for number in numbers.iter().copied() {
            signal_hook::flag::register_conditional_shutdown(number, 130, Arc::clone(&came))?;
            signal_hook::flag::register(number, Arc::clone(&came))?;
            signal_hook::low_level::pipe::register(number, waker.try_clone()?)?;
        }
        Ok(Signals { came, wake })
    }

    /// Whether one came.
    pub(crate) fn came(&self) -> bool {
        self.came.load(Ordering::Relaxed)
    }

    /// What becomes readable when one comes.
    pub(crate) fn waker(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}
