//! Our DHCP decoder beside dhcproto's: `dhcp_decoders CAPTURE...` (`docs/decisions/dhcproto.md` has its figures).
//!
//! On each message of the captures, and on each with one option damaged: which values each of them reads, how long it
//! takes, and how often it allocates.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, clippy::print_stdout, reason = "it measures")]

#[path = "dhcp_readers.rs"]
mod readers;

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use dhcproto::{Decodable as _, Decoder, v4};
use phonescope::wire::dhcp;
use readers::{OPTIONS, Values, messages, ours, theirs, theirs_one_by_one};

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static ALLOCATED: AtomicU64 = AtomicU64::new(0);

struct Counting;

#[allow(unsafe_code, reason = "counting allocations takes an allocator")]
// SAFETY: every call goes on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        ALLOCATED.fetch_add(layout.size() as u64, Ordering::Relaxed);
        // SAFETY: as above.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How the values of two readers stand to each other, by name of the value.
#[derive(Default)]
struct Tally(BTreeMap<String, [u64; 4]>);

const COLUMNS: [&str; 4] = ["same", "only ours", "only theirs", "differ"];

impl Tally {
    fn add(&mut self, ours: &Values, theirs: &Values, options_only: bool) {
        let names: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
        for name in names.into_iter().filter(|n| !options_only || n.starts_with("opt")) {
            let column = match (ours.get(name), theirs.get(name)) {
                (Some(a), Some(b)) if a == b => 0,
                (Some(_), None) => 1,
                (None, _) => 2,
                _ => 3,
            };
            self.0.entry(name.clone()).or_default()[column] += 1;
        }
    }

    fn print(&self, title: &str) {
        println!("\n{title}\n{:10} {:>9} {:>9} {:>11} {:>9}", "", COLUMNS[0], COLUMNS[1], COLUMNS[2], COLUMNS[3]);
        let mut all = [0; 4];
        for (name, counts) in &self.0 {
            println!("{name:10} {:9} {:9} {:11} {:9}", counts[0], counts[1], counts[2], counts[3]);
            all.iter_mut().zip(counts).for_each(|(sum, n)| *sum += n);
        }
        println!("{:10} {:9} {:9} {:11} {:9}", "all", all[0], all[1], all[2], all[3]);
    }
}

/// The message with one option of a length that its kind does not have: empty, a byte short, a byte long.
fn damaged(octets: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut at = 240;
    while let (Some(code), Some(len)) = (octets.get(at), octets.get(at + 1)) {
        if *code == 255 {
            break;
        }
        let next = at + 2 + usize::from(*len);
        if *code == 0 || next > octets.len() {
            at += 1;
            continue;
        }
        let value = &octets[at + 2..next];
        if OPTIONS.contains(code) && *len > 1 {
            for changed in [&[][..], &value[..value.len() - 1], &[value, &[7]].concat()] {
                let option = [&[*code, changed.len() as u8], changed].concat();
                found.push([&octets[..at], &option, &octets[next..]].concat());
            }
        }
        at = next;
    }
    found
}

fn measure(name: &str, all: &[Vec<u8>], read: impl Fn(&[u8])) {
    const ROUNDS: usize = 50;
    all.iter().for_each(|octets| read(octets));
    let (count, bytes) = (ALLOCATIONS.load(Ordering::Relaxed), ALLOCATED.load(Ordering::Relaxed));
    let start = Instant::now();
    for _ in 0..ROUNDS {
        all.iter().for_each(|octets| read(black_box(octets)));
    }
    let per = |n: f64| n / (ROUNDS * all.len()) as f64;
    println!(
        "{name:24} {:7.0} ns {:6.1} allocations {:7.0} bytes",
        per(start.elapsed().as_nanos() as f64),
        per((ALLOCATIONS.load(Ordering::Relaxed) - count) as f64),
        per((ALLOCATED.load(Ordering::Relaxed) - bytes) as f64),
    );
}

fn main() {
    let all: Vec<Vec<u8>> = std::env::args_os().skip(1).flat_map(|path| messages(path.into())).collect();
    let all: Vec<Vec<u8>> = all.into_iter().filter(|octets| dhcp::parse(octets).is_some()).collect();
    println!("{} messages", all.len());
    if all.is_empty() {
        return;
    }
    std::panic::set_hook(Box::new(|_| {}));
    let (mut whole, mut single) = (Tally::default(), Tally::default());
    let (mut broken_whole, mut broken_single) = (Tally::default(), Tally::default());
    let (mut variants, mut panics, mut errors) = (0, 0, 0);
    for octets in &all {
        let Some(mine) = ours(octets) else { continue };
        match catch_unwind(AssertUnwindSafe(|| theirs(octets))) {
            Ok(values) => whole.add(
                &mine,
                &values.unwrap_or_else(|| {
                    errors += 1;
                    Values::new()
                }),
                false,
            ),
            Err(_) => panics += 1,
        }
        single.add(&mine, &theirs_one_by_one(octets), true);
        for octets in damaged(octets) {
            variants += 1;
            let Some(mine) = ours(&octets) else { continue };
            match catch_unwind(AssertUnwindSafe(|| theirs(&octets))) {
                Ok(values) => broken_whole.add(&mine, &values.unwrap_or_default(), false),
                Err(_) => panics += 1,
            }
            broken_single.add(&mine, &theirs_one_by_one(&octets), true);
        }
    }
    whole.print("as captured: Message::decode");
    single.print("as captured: DhcpOption::decode, one by one");
    broken_whole.print("one option damaged: Message::decode");
    broken_single.print("one option damaged: DhcpOption::decode, one by one");
    println!("\n{variants} damaged messages, {errors} errors of Message::decode, {panics} panics\n");
    measure("ours, with anomalies", &all, |octets| _ = black_box(dhcp::parse(octets)));
    measure("Message::decode", &all, |octets| _ = black_box(v4::Message::decode(&mut Decoder::new(octets))));
}
