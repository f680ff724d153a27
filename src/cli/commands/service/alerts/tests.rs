use std::sync::Mutex;

use phonescope::diagnosis::{Confidence, Severity};
use phonescope::report::alerts::AlertEvent;

use super::*;

/// An alert as the tests of the channels send it.
pub(super) fn alert() -> Alert {
    Alert {
        id: "00000000000000ff".to_owned(),
        event: AlertEvent::Began,
        time: phonescope::types::Timestamp(1_700_000_010_000_000_000),
        began: phonescope::types::Timestamp(1_700_000_000_000_000_000),
        code: "wrong-tftp-server".to_owned(),
        severity: Severity::Error,
        confidence: Confidence::Certain,
        title: "10.31.0.5 is the wrong TFTP server".to_owned(),
        phone_count: 3,
        ended: None,
        summary: String::new(),
        servers: Vec::new(),
        phones: Vec::new(),
        explains: Vec::new(),
        fixes: Vec::new(),
    }
}

struct Stub {
    results: Vec<Result<(), Trouble>>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Channel for Stub {
    fn name(&self) -> &'static str {
        "stub"
    }

    fn send(&mut self, message: &Message) -> Result<(), Trouble> {
        self.seen.lock().unwrap().push(message.alert.id.clone());
        self.results.pop().unwrap_or(Ok(()))
    }
}

fn outbox(results: Vec<Result<(), Trouble>>) -> (Outbox, Arc<Mutex<Vec<String>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let stub = Stub { results, seen: Arc::clone(&seen) };
    (Outbox::start(vec![Box::new(stub)]).unwrap(), seen)
}

fn numbered(n: u32) -> Alert {
    Alert { id: n.to_string(), ..alert() }
}

fn trouble(is_final: bool) -> Result<(), Trouble> {
    Err(Trouble { why: "it is away".to_owned(), is_final })
}

#[test]
fn alerts_go_in_order_and_one_that_fails_is_tried_again_first() {
    let (mut outbox, seen) = outbox(vec![Ok(()), Ok(()), trouble(false)]);
    (0..3).for_each(|n| outbox.send(numbered(n)));
    while seen.lock().unwrap().is_empty() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let began = Instant::now();
    outbox.finish();
    assert!(began.elapsed() < FAREWELL);
    assert_eq!(*seen.lock().unwrap(), ["0", "0", "1", "2"]);
    let counts = outbox.counts()[0];
    assert_eq!((counts.sent, counts.failed, counts.dropped), (3, 0, 0));
}

#[test]
fn what_can_not_work_is_given_up_at_once() {
    let (mut outbox, seen) = outbox(vec![trouble(true)]);
    outbox.send(numbered(0));
    outbox.send(numbered(1));
    outbox.finish();
    assert_eq!(*seen.lock().unwrap(), ["0", "1"]);
    let counts = outbox.counts()[0];
    assert_eq!((counts.sent, counts.failed), (1, 1));
}

#[test]
fn hanging_alert_channel_is_bounded_and_blocks_nobody() {
    let (mut outbox, _) = outbox((0..100).map(|_| trouble(false)).collect());
    let began = Instant::now();
    (0..1_000).for_each(|n| outbox.send(numbered(n)));
    assert!(began.elapsed() < Duration::from_secs(1));
    let dropped = outbox.counts()[0].dropped;
    assert!((1_000 - QUEUE as u64 - 2..=1_000 - QUEUE as u64).contains(&dropped), "{dropped}");
    outbox.finish();
    let counts = outbox.counts()[0];
    assert_eq!(counts.sent + counts.failed + counts.dropped, 1_000, "each is accounted for");
}
