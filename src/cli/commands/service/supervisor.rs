//! What systemd is told: ready, how it stands, and that it goes on. Where nobody asks, nothing.

use std::time::{Duration, Instant};

use phonescope::diagnosis::{Diagnosis, Severity};
use sd_notify::NotifyState;

/// How often the status is told anew.
const STATUS: Duration = Duration::from_secs(5);

/// The service's side of `sd_notify(3)`.
pub(super) struct Supervisor {
    /// How often systemd wants a sign of life.
    watchdog: Option<Duration>,
    beaten: Instant,
    told: Option<Instant>,
}

impl Supervisor {
    pub(super) fn new() -> Supervisor {
        Supervisor { watchdog: sd_notify::watchdog_enabled(), beaten: Instant::now(), told: None }
    }

    /// The longest that may pass until the next [`Supervisor::beat`].
    pub(super) fn wait(&self) -> Duration {
        self.watchdog.map_or(Duration::MAX, |w| w / 3)
    }

    /// It captures.
    pub(super) fn ready(&self) {
        tell(&[NotifyState::Ready]);
    }

    /// It reads its site file again; [`Supervisor::ready`] follows.
    pub(super) fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => tell(&[NotifyState::Reloading, now]),
            Err(_) => tell(&[NotifyState::Reloading]),
        }
    }

    /// It writes its report.
    pub(super) fn stopping(&self) {
        tell(&[NotifyState::Stopping]);
    }

    /// It goes on.
    pub(super) fn beat(&mut self, now: Instant) {
        if self.watchdog.is_some_and(|w| now.saturating_duration_since(self.beaten) >= w / 4) {
            self.beaten = now;
            tell(&[NotifyState::Watchdog]);
        }
    }

    /// How it stands, for `systemctl status`.
    pub(super) fn status(&mut self, d: &Diagnosis<'_>, alerts: usize) {
        let now = Instant::now();
        if self.told.is_none_or(|told| now.saturating_duration_since(told) >= STATUS) {
            self.told = Some(now);
            tell(&[NotifyState::Status(&line(d, alerts))]);
        }
    }
}

/// `12 phones, 2 findings of severity error, 1 alert open, 0 frames dropped`.
fn line(d: &Diagnosis<'_>, alerts: usize) -> String {
    let errors = d.findings.iter().filter(|f| f.severity == Severity::Error).count();
    let dropped: u64 = d.inputs.iter().filter_map(|i| i.dropped).sum();
    let counted = |n: usize, what: &str| format!("{n} {what}{}", if n == 1 { "" } else { "s" });
    format!(
        "{}, {} of severity error, {} open, {dropped} frames dropped",
        counted(d.phone_count, "phone"),
        counted(errors, "finding"),
        counted(alerts, "alert"),
    )
}

fn tell(state: &[NotifyState<'_>]) {
    // Nobody who asks is no error, and nothing else could be done about one.
    let _ = sd_notify::notify(state);
}
