//! The transfer against servers that are right, slow, broken and hostile.

use super::*;

const SERVER: &str = "10.30.0.5:69";
const PEER: &str = "10.30.0.5:40001";
const LIMIT: usize = 4096;

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A transfer and the time it is for it.
struct Play {
    transfer: Transfer,
    now: Duration,
}

impl Play {
    fn of(want: Want) -> Play {
        let patience = Patience { first_wait: Duration::from_secs(1), tries: 4, whole: Duration::from_secs(60) };
        let file = FileName::new("SEP003094C2D3FA.cnf.xml").unwrap();
        Play { transfer: Transfer::new(at(SERVER), file, want, patience, Duration::ZERO), now: Duration::ZERO }
    }

    /// What is to be sent now.
    fn sent(&mut self) -> Vec<(String, Vec<u8>)> {
        std::iter::from_fn(|| self.transfer.poll_transmit()).map(|t| (t.to.to_string(), t.octets)).collect()
    }

    fn gets(&mut self, from: &str, octets: &[u8]) -> Vec<(String, Vec<u8>)> {
        self.transfer.handle_datagram(self.now, at(from), octets);
        self.sent()
    }

    /// Lets time pass to the next timeout.
    fn waits(&mut self) -> Vec<(String, Vec<u8>)> {
        self.now = self.transfer.poll_timeout().unwrap();
        self.transfer.handle_timeout(self.now);
        self.sent()
    }

    fn ended(&self) -> &Answer {
        self.transfer.outcome().expect("it goes on")
    }

    fn goes_on(&self) -> bool {
        self.transfer.outcome().is_none()
    }
}

fn whole() -> Play {
    let mut play = Play::of(Want::Whole(LIMIT));
    play.sent();
    play
}

fn presence() -> Play {
    let mut play = Play::of(Want::Presence);
    play.sent();
    play
}

fn data(block: u16, length: usize) -> Vec<u8> {
    let mut octets = vec![0, 3];
    octets.extend(block.to_be_bytes());
    octets.extend(std::iter::repeat_n(u8::try_from(block & 0xff).unwrap(), length));
    octets
}

fn ack(block: u16) -> (String, Vec<u8>) {
    let [high, low] = block.to_be_bytes();
    (PEER.to_owned(), vec![0, 4, high, low])
}

/// To whom errors went, and their codes.
fn errors(sent: &[(String, Vec<u8>)]) -> Vec<(&str, u8)> {
    sent.iter().filter(|(_, o)| o.starts_with(&[0, 5])).map(|(to, o)| (to.as_str(), o[3])).collect()
}

#[test]
fn probe_reads_a_whole_file_as_a_phone_does() {
    let mut play = Play::of(Want::Whole(LIMIT));
    assert_eq!(play.sent(), [(SERVER.to_owned(), b"\0\x01SEP003094C2D3FA.cnf.xml\0octet\0".to_vec())]);
    assert_eq!(play.gets(PEER, &data(1, 512)), [ack(1)]);
    assert_eq!(play.gets(PEER, &data(2, 512)), [ack(2)]);
    assert!(play.goes_on());
    assert_eq!(play.gets(PEER, &data(3, 0)), [ack(3)]);
    assert_eq!(play.ended(), &Answer::Whole([vec![1; 512], vec![2; 512]].concat()));
    assert_eq!(play.transfer.poll_timeout(), None);
    assert_eq!(play.gets(PEER, &data(4, 9)), []);
}

#[test]
fn a_server_may_answer_from_port_69_itself() {
    let mut play = whole();
    assert_eq!(play.gets(SERVER, &data(1, 5)), [(SERVER.to_owned(), vec![0, 4, 0, 1])]);
    assert_eq!(play.ended(), &Answer::Whole(vec![1; 5]));
}

#[test]
fn presence_is_asked_with_the_length_and_broken_off() {
    let mut play = Play::of(Want::Presence);
    assert!(play.sent()[0].1.ends_with(b"\0octet\0tsize\x000\0"));
    let sent = play.gets(PEER, b"\0\x06tsize\x00129024\0");
    assert_eq!(errors(&sent), [(PEER, 0)]);
    assert_eq!(play.ended(), &Answer::There { length: Some(129_024) });
}

#[test]
fn server_without_options_shows_presence_and_short_lengths() {
    let mut play = presence();
    assert_eq!(errors(&play.gets(PEER, &data(1, 512))), [(PEER, 0)]);
    assert_eq!(play.ended(), &Answer::There { length: None });
    let mut play = presence();
    assert_eq!(play.gets(PEER, &data(1, 511)), [ack(1)]);
    assert_eq!(play.ended(), &Answer::There { length: Some(511) });
}

#[test]
fn a_server_that_refuses_options_is_asked_without_them() {
    for code in [4, 8] {
        let mut play = presence();
        let sent = play.gets(PEER, &[0, 5, 0, code, 0]);
        assert!(sent.len() == 1 && sent[0].0 == SERVER && sent[0].1.ends_with(b"\0octet\0"), "{sent:?}");
        // And only once: a second refusal is the answer.
        play.gets(PEER, &[0, 5, 0, code, 0]);
        assert_eq!(play.ended(), &Answer::Refused(code.into(), WireText::default()));
    }
    // One that drops what it does not understand gets the plain request at last.
    let mut play = presence();
    let sent: Vec<_> = (0..3).flat_map(|_| play.waits()).collect();
    assert_eq!(sent.iter().map(|(_, o)| o.ends_with(b"tsize\x000\0")).collect::<Vec<_>>(), [true, true, false]);
}

#[test]
fn a_length_that_is_no_number_is_no_length() {
    let mut play = presence();
    play.gets(PEER, b"\0\x06tsize\x00-1\0");
    assert_eq!(play.ended(), &Answer::There { length: None });
}

#[test]
fn options_that_were_not_asked_for_end_it() {
    let mut play = presence();
    assert_eq!(errors(&play.gets(PEER, b"\0\x06blksize\x0065464\0")), [(PEER, 8)]);
    assert!(matches!(play.ended(), Answer::Broken(why) if why.contains("not asked for")));
    let mut play = whole();
    assert_eq!(errors(&play.gets(PEER, b"\0\x06tsize\x005\0")), [(PEER, 8)]);
    assert!(!play.goes_on());
}

#[test]
fn an_error_of_the_server_is_the_answer() {
    let mut play = whole();
    assert_eq!(play.gets(PEER, b"\0\x05\0\x01No such file\0"), []);
    assert_eq!(play.ended(), &Answer::Missing("No such file".into()));
    let mut play = whole();
    play.gets(PEER, b"\0\x05\0\x02denied\x1b[2J\0");
    assert_eq!(play.ended(), &Answer::Refused(2, "denied\x1b[2J".into()));
    assert!(!play.ended().text().contains('\x1b'));
    // In the middle of a transfer "not found" does not mean that the file is missing.
    let mut play = whole();
    play.gets(PEER, &data(1, 512));
    play.gets(PEER, b"\0\x05\0\x01gone\0");
    assert_eq!(play.ended(), &Answer::Refused(1, "gone".into()));
}

#[test]
fn silence_is_asked_again_with_growing_patience_and_then_told() {
    let mut play = whole();
    let mut times = Vec::new();
    for _ in 0..3 {
        assert_eq!(play.waits().len(), 1);
        times.push(play.now.as_secs());
    }
    assert_eq!(times, [1, 3, 7]);
    assert_eq!(play.waits(), []);
    assert_eq!((play.now.as_secs(), play.ended()), (15, &Answer::Silent { tries: 4 }));
}

#[test]
fn answer_from_another_address_is_refused_and_reported() {
    let mut play = whole();
    let sent = play.gets("10.30.0.66:40001", &data(1, 5));
    assert_eq!(errors(&sent), [("10.30.0.66:40001", 5)]);
    assert!(play.goes_on());
    assert_eq!(play.gets(PEER, &data(1, 7)), [ack(1)]);
    let (answer, strangers) = play.transfer.into_outcome();
    assert_eq!((answer, strangers), (Answer::Whole(vec![1; 7]), vec![at("10.30.0.66:40001")]));
}

#[test]
fn strangers_are_answered_once_each_and_no_error_is_answered() {
    let mut play = whole();
    let mut sent = Vec::new();
    for round in 0..3 {
        for host in 0..100 {
            sent.extend(play.gets(&format!("10.30.1.{host}:69"), &data(1, round)));
        }
    }
    assert_eq!(errors(&sent).len(), MAX_OTHERS);
    let mut play = whole();
    assert_eq!(play.gets("10.30.0.66:69", b"\0\x05\0\x00no\0"), []);
    assert_eq!(play.gets("10.30.0.67:69", b"garbage"), []);
    assert!(play.goes_on());
}

#[test]
fn second_server_port_is_ignored_in_a_transfer() {
    // The server took the repeated request for a second one.
    let mut play = whole();
    play.gets(PEER, &data(1, 512));
    assert_eq!(errors(&play.gets("10.30.0.5:40002", &data(1, 512))), [("10.30.0.5:40002", 5)]);
    play.gets(PEER, &data(2, 1));
    let (answer, strangers) = play.transfer.into_outcome();
    assert_eq!((answer, strangers), (Answer::Whole([vec![1; 512], vec![2]].concat()), vec![]));
}

#[test]
fn blocks_out_of_order_and_duplicates_are_left_alone() {
    let mut play = whole();
    for block in [0, 2, 3, 65535] {
        assert_eq!(play.gets(PEER, &data(block, 512)), [], "{block}");
    }
    assert_eq!(play.gets(PEER, &data(1, 512)), [ack(1)]);
    for block in [1, 1, 3, 0, 1] {
        assert_eq!(play.gets(PEER, &data(block, 512)), [], "{block}");
    }
    assert_eq!(play.gets(PEER, &data(2, 3)), [ack(2)]);
    assert_eq!(play.ended(), &Answer::Whole([vec![1; 512], vec![2; 3]].concat()));
}

#[test]
fn a_sorcerers_apprentice_gets_one_acknowledgement_a_block() {
    // A server that answers each acknowledgement with a block, and sends each block twice.
    let mut play = whole();
    let mut acknowledged = 0;
    for block in 1..=8 {
        let length = if block == 8 { 0 } else { 512 };
        acknowledged += play.gets(PEER, &data(block, length)).len();
        acknowledged += play.gets(PEER, &data(block, length)).len();
    }
    assert_eq!(acknowledged, 8);
    assert!(matches!(play.ended(), Answer::Whole(octets) if octets.len() == 7 * 512));
}

#[test]
fn a_lost_acknowledgement_is_sent_again_by_the_clock() {
    let mut play = whole();
    play.gets(PEER, &data(1, 512));
    assert_eq!(play.waits(), [ack(1)]);
    assert_eq!(play.gets(PEER, &data(2, 0)), [ack(2)]);
}

#[test]
fn a_transfer_that_stops_is_told_with_what_came_of_it() {
    let mut play = whole();
    play.gets(PEER, &data(1, 512));
    while play.goes_on() {
        play.waits();
    }
    assert_eq!(play.ended(), &Answer::Stalled { octets: 512 });
}

#[test]
fn noise_does_not_prolong_a_transfer() {
    let mut play = whole();
    play.gets(PEER, &data(1, 512));
    let mut datagrams = 0;
    while play.goes_on() {
        for _ in 0..100 {
            play.gets(PEER, &data(1, 512));
            play.gets("10.30.0.66:1", b"x");
            datagrams += 1;
        }
        play.waits();
    }
    assert!(datagrams < 1000 && play.now < Duration::from_secs(20), "{:?}", play.now);
}

#[test]
fn endless_data_ends_at_the_limit() {
    let mut play = whole();
    let mut sent = Vec::new();
    for block in 1..=100 {
        if play.goes_on() {
            sent = play.gets(PEER, &data(block, 512));
        }
    }
    assert_eq!(errors(&sent), [(PEER, 3)]);
    assert_eq!(play.ended(), &Answer::TooLong { limit: 4096 });
    // A file of exactly the limit is whole.
    let mut play = whole();
    for block in 1..=8 {
        play.gets(PEER, &data(block, 512));
    }
    play.gets(PEER, &data(9, 0));
    assert!(matches!(play.ended(), Answer::Whole(octets) if octets.len() == LIMIT));
}

#[test]
fn a_server_that_drips_ends_at_the_deadline() {
    let mut play = Play::of(Want::Whole(1 << 20));
    let mut block = 0;
    while play.goes_on() {
        play.now += Duration::from_millis(900);
        play.transfer.handle_timeout(play.now);
        block += 1;
        play.gets(PEER, &data(block, 512));
    }
    assert!(matches!(play.ended(), Answer::TooSlow { octets } if *octets > 512), "{:?}", play.ended());
    assert!(play.now < Duration::from_secs(62));
}

#[test]
fn block_numbers_begin_again_at_0_after_65535() {
    let mut play = Play::of(Want::Whole(64 << 20));
    for block in 1..=65535 {
        play.gets(PEER, &data(block, 512));
    }
    assert_eq!(play.gets(PEER, &data(0, 512)), [ack(0)]);
    assert_eq!(play.gets(PEER, &data(1, 1)), [ack(1)]);
    assert!(matches!(play.ended(), Answer::Whole(octets) if octets.len() == 65536 * 512 + 1));
}

#[test]
fn a_block_that_is_longer_than_agreed_ends_it() {
    let mut play = whole();
    assert_eq!(errors(&play.gets(PEER, &data(1, 513))), [(PEER, 4)]);
    assert!(matches!(play.ended(), Answer::Broken(why) if why.contains("513")));
}

#[test]
fn what_the_network_says_counts_where_it_is_about_the_server() {
    let mut play = whole();
    play.transfer.handle_unreachable(at("10.30.0.66:69"), Unreachable::Port);
    assert!(play.goes_on());
    play.transfer.handle_unreachable(at(SERVER), Unreachable::Port);
    assert_eq!(play.ended(), &Answer::Unreachable(Unreachable::Port));
    // Once it answered, only its own port counts; a server that dies in the middle stalls.
    let mut play = whole();
    play.gets(PEER, &data(1, 512));
    play.transfer.handle_unreachable(at(SERVER), Unreachable::Port);
    assert!(play.goes_on());
    play.transfer.handle_unreachable(at(PEER), Unreachable::Port);
    assert_eq!(play.ended(), &Answer::Stalled { octets: 512 });
}

#[test]
fn any_octets_are_taken_without_a_panic_and_without_end() {
    let mut state = 1350u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for round in 0..2000 {
        let mut play = if round % 2 == 0 { whole() } else { presence() };
        for _ in 0..40 {
            let length = usize::try_from(next() % 600).unwrap();
            let mut octets: Vec<u8> = (0..length).map(|_| next().to_be_bytes()[0]).collect();
            if let [a, b, ..] = octets.as_mut_slice() {
                (*a, *b) = (0, u8::try_from(next() % 8).unwrap());
            }
            let from =
                if next() % 4 == 0 { "10.30.0.66:9".to_owned() } else { format!("10.30.0.5:{}", 69 + next() % 2) };
            play.gets(&from, &octets);
        }
        while play.goes_on() {
            play.waits();
        }
        assert!(play.now <= Duration::from_secs(60), "round {round}");
    }
}
