//! Writes a capture of phones that boot again and again: `reboots FILE [MINUTES [PHONES [SECONDS]]]`.
//!
//! Each phone boots every so many seconds, every time with another transaction, other ports and IP ids. Nine of ten
//! are well; the tenth gets the wrong TFTP server from its DHCP server, and is rejected.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "it writes a capture")]

#[path = "../support/mod.rs"]
mod support;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufWriter, Write};

use support::capture_file::{Order, Record, Resolution, pcap_header, pcap_record};
use support::phone::Phone;
use support::phone_config::PhoneConfig;
use support::site::{Answer, CallManager, DhcpServer, MILLI, START, Segment, Site, TftpServer};
use support::tunnel::LINK_ETHERNET;

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let usage = || io::Error::new(io::ErrorKind::InvalidInput, "usage: reboots FILE [MINUTES [PHONES [SECONDS]]]");
    let path = arguments.next().ok_or_else(usage)?;
    let mut number = |default: u64| arguments.next().map_or(Ok(default), |n| n.parse().map_err(|_| usage()));
    let (minutes, phones, seconds) = (number(30)?, number(100)?.clamp(1, 200), number(20)?.max(1));

    let mut site = site();
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    out.write_all(&pcap_header(Order::Little, Resolution::Micro, LINK_ETHERNET))?;
    let mut waiting: BinaryHeap<Reverse<(u64, u64, Vec<u8>)>> = BinaryHeap::new();
    let (mut frames, mut boots) = (0, 0);
    let end = minutes * 60_000;
    loop {
        let at = boots * seconds * 1000 / phones;
        // Frames of a boot come after its start, so no later boot can have an earlier frame.
        let until = if at < end { START + at * MILLI } else { u64::MAX };
        while let Some(Reverse((time, ..))) = waiting.peek() {
            if *time >= until {
                break;
            }
            let Some(Reverse((time, _, data))) = waiting.pop() else { break };
            out.write_all(&pcap_record(Order::Little, Resolution::Micro, &Record::whole(time, data)))?;
        }
        if at >= end {
            break;
        }
        site.boot(at, &phone(boots % phones));
        for record in std::mem::take(&mut site.records) {
            frames += 1;
            waiting.push(Reverse((record.time, frames, record.data)));
        }
        boots += 1;
    }
    out.flush()?;
    writeln!(io::stderr(), "{frames} frames, {boots} boots of {phones} phones in {minutes} minutes")
}

const TFTP_30: &str = "10.30.0.5";
const TFTP_31: &str = "10.31.0.5";
const CM_30: &str = "10.30.0.10";

/// Two subnets: in the second one the scope names another cluster's TFTP server.
fn site() -> Site {
    let serves = |address: &str, load: &str| {
        let config = PhoneConfig::naming(&[CM_30]).load(load);
        TftpServer::at(address).with(|s| s.every = Some(config))
    };
    Site::new(&[Segment::new("10.30.110"), Segment::new("10.30.120")])
        .tftp(serves(TFTP_30, "P00303000300"))
        .tftp(serves(TFTP_31, "P00303010102"))
        .call_manager(CallManager::at(CM_30, "HQ-CM1").takes(&["P0030300"], Answer::Rejects(b"Version Error")))
        .dhcp(DhcpServer::at("10.30.0.2", "10.30.110.20").option_150(&[TFTP_30]).only_on(&[0]))
        .dhcp(DhcpServer::at("10.30.0.2", "10.30.120.20").option_150(&[TFTP_31]).only_on(&[1]))
}

fn phone(n: u64) -> Phone {
    let wrong = n % 10 == 9;
    let load = if wrong { "P00303010102" } else { "P00303000300" };
    Phone::new("7960", "00:03:6b:80:00:00", load).with(|p| {
        p.mac[4..].copy_from_slice(&(n as u16).to_be_bytes());
        p.segment = usize::from(wrong);
        p.keep_alives = 0;
        p.rounds = 1;
    })
}
