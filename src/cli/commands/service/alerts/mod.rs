//! Alerts on their way: each channel has a thread and a bounded queue of its own, so that one that hangs keeps neither
//! the capture nor the others waiting. What finds no room is counted and said.

mod command;
mod syslog;
mod webhook;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use phonescope::report::alerts::Alert;
use phonescope::report::metrics::AlertCounts;

pub(super) use command::Program;
pub(super) use syslog::Target;
pub(super) use webhook::Hook;

use crate::cli::io::messages;

/// Alerts that wait for their turn in one channel.
const QUEUE: usize = 256;
/// How long alerts that still wait may take when the run ends.
const FAREWELL: Duration = Duration::from_secs(5);
/// The pause after the first failure; each one doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// RetryCount of one alert: with these pauses they take about forty minutes.
const TRIES: u32 = 16;

/// An alert ready to go.
pub(super) struct Message {
    pub(super) alert: Alert,
    /// `phonescope.alert/1`.
    pub(super) json: Vec<u8>,
}

/// Where alerts go.
pub(super) trait Channel: Send + 'static {
    /// The word in metrics and log.
    fn name(&self) -> &'static str;

    /// Sends one.
    ///
    /// # Errors
    /// Why not, in words; whether it may work later.
    fn send(&mut self, message: &Message) -> Result<(), Trouble>;
}

/// Why an alert did not go.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) why: String,
    /// The same again would fail the same way.
    pub(super) is_final: bool,
}

/// What a channel's thread and the run know of each other.
#[derive(Default)]
struct Shared {
    sent: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
    /// The run ends.
    ends: AtomicBool,
}

/// One channel with its thread.
struct Line {
    name: &'static str,
    queue: Option<SyncSender<Arc<Message>>>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    is_full: bool,
}

/// All channels.
#[derive(Default)]
pub(super) struct Outbox {
    host: String,
    lines: Vec<Line>,
}

impl Outbox {
    /// Starts a thread for each channel.
    pub(super) fn start(channels: Vec<Box<dyn Channel>>) -> io::Result<Outbox> {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let lines = channels.into_iter().map(Line::start).collect::<io::Result<_>>()?;
        Ok(Outbox { host, lines })
    }

    /// Puts an alert on its way.
    pub(super) fn send(&mut self, alert: Alert) {
        let mut json = Vec::new();
        // Writing to memory does not fail.
        let _ = alert.write_json(&self.host, &mut json);
        let message = Arc::new(Message { alert, json });
        for line in &mut self.lines {
            line.send(&message);
        }
    }

    pub(super) fn counts(&self) -> Vec<AlertCounts> {
        let of = |line: &Line| AlertCounts {
            channel: line.name,
            sent: line.shared.sent.load(Ordering::Relaxed),
            failed: line.shared.failed.load(Ordering::Relaxed),
            dropped: line.shared.dropped.load(Ordering::Relaxed),
        };
        self.lines.iter().map(of).collect()
    }

    /// Lets what still waits go out, for a few seconds.
    pub(super) fn finish(&mut self) {
        for line in &mut self.lines {
            drop(line.queue.take());
            line.shared.ends.store(true, Ordering::Relaxed);
            if let Some(thread) = &line.thread {
                thread.thread().unpark();
            }
        }
        let until = Instant::now() + FAREWELL;
        for line in &mut self.lines {
            let Some(thread) = line.thread.take() else { continue };
            while !thread.is_finished() && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(10));
            }
            if thread.is_finished() {
                let _ = thread.join();
            } else {
                messages::say(&format!("warning: the {} did not take the last alerts in time", line.name));
            }
        }
    }
}

impl Line {
    fn start(mut channel: Box<dyn Channel>) -> io::Result<Line> {
        let (queue, waiting) = sync_channel::<Arc<Message>>(QUEUE);
        let shared = Arc::new(Shared::default());
        let name = channel.name();
        let own = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            while let Ok(message) = waiting.recv() {
                deliver(&mut *channel, &message, &own);
            }
        })?;
        Ok(Line { name, queue: Some(queue), shared, thread: Some(thread), is_full: false })
    }

    fn send(&mut self, message: &Arc<Message>) {
        let Some(queue) = &self.queue else { return };
        match queue.try_send(Arc::clone(message)) {
            Ok(()) => self.is_full = false,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.shared.dropped.fetch_add(1, Ordering::Relaxed);
                if !std::mem::replace(&mut self.is_full, true) {
                    messages::say(&format!(
                        "warning: {QUEUE} alerts wait for the {}: further ones are dropped until it takes them",
                        self.name
                    ));
                }
            }
        }
    }
}

/// Sends one alert, again and again where that may help; gives up after [`TRIES`], or with the next one when the run
/// ends.
fn deliver(channel: &mut dyn Channel, message: &Message, shared: &Shared) {
    let mut pause = FIRST_PAUSE;
    for tries in 1..=TRIES {
        let ends = shared.ends.load(Ordering::Relaxed);
        let trouble = match channel.send(message) {
            Ok(()) => {
                shared.sent.fetch_add(1, Ordering::Relaxed);
                return;
            }
            Err(trouble) => trouble,
        };
        let gives_up = trouble.is_final || tries == TRIES || ends;
        if tries == 1 || gives_up {
            let what = if gives_up { "given up" } else { "tried again" };
            messages::say(&format!(
                "warning: the {} does not take alert {} ({}): {}; it is {what}",
                channel.name(),
                message.alert.id,
                message.alert.code,
                trouble.why
            ));
        }
        if gives_up {
            break;
        }
        let until = Instant::now() + pause;
        while !shared.ends.load(Ordering::Relaxed) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            std::thread::park_timeout(left);
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    shared.failed.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests;
