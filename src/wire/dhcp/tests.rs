//! Whole messages: built byte by byte, for half of the cases are ones that no encoder would write.

use super::*;

/// A message of op 2 with these options after the cookie, nothing added to them.
pub(super) fn raw(options: &[u8]) -> Vec<u8> {
    let mut octets = vec![2, 1, 6, 0, 0xac, 0x2e, 0xff, 0x01];
    octets.resize(28, 0);
    octets.extend([0x00, 0x30, 0x94, 0xc2, 0xd3, 0xfa]);
    octets.resize(FIXED_LEN, 0);
    octets.extend(MAGIC_COOKIE);
    octets.extend(options);
    octets
}

/// An option with its length.
pub(super) fn option(code: u8, value: &[u8]) -> Vec<u8> {
    let mut octets = vec![code, u8::try_from(value.len()).unwrap()];
    octets.extend(value);
    octets
}

/// An OFFER: 53, 54, then `case`, then 3 (10.1.1.1), 66 (`tftp`) and the end.
fn offer_with(case: &[u8]) -> Vec<u8> {
    let parts =
        [&option(53, &[2]), &option(54, &[10, 1, 1, 2]), case, &option(3, &[10, 1, 1, 1]), &option(66, b"tftp")];
    let mut options = parts.concat();
    options.push(255);
    raw(&options)
}

/// The plainest OFFER, to set fields of.
pub(super) fn message() -> Message {
    parse(&raw(&[53, 1, 2, 255])).unwrap().0
}

fn texts(anomalies: &[Anomaly]) -> Vec<&str> {
    anomalies.iter().map(Anomaly::as_str).collect()
}

/// Reads an OFFER with `case` in its middle. What stands before and behind it must be read whatever the case is;
/// the anomalies must be these.
#[track_caller]
fn check(case: &[u8], anomalies: &[&str]) -> Message {
    let (message, noted) = parse(&offer_with(case)).unwrap();
    assert_eq!(texts(&noted), anomalies);
    assert_eq!(message.msg, MessageType::Offer);
    assert_eq!(message.server_id, Some(Ipv4Addr::new(10, 1, 1, 2)));
    assert_eq!(message.routers, [Ipv4Addr::new(10, 1, 1, 1)]);
    assert_eq!(message.tftp_name, Some("tftp".into()));
    message
}

fn ip(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

#[test]
fn an_option_150_of_any_number_of_addresses_is_read_whole() {
    assert_eq!(check(&option(150, &[10, 1, 1, 5]), &[]).tftp_addresses, [ip("10.1.1.5")]);
    let two = check(&option(150, &[10, 1, 1, 5, 10, 1, 1, 6]), &[]);
    assert_eq!(two.tftp_addresses, [ip("10.1.1.5"), ip("10.1.1.6")]);
    assert_eq!(two.tftp_addresses_raw.unwrap().to_string(), "0a0101050a010106");
    assert_eq!(check(&option(150, &[7; 12]), &[]).tftp_addresses.len(), 3);
    assert_eq!(check(&option(150, &[7; 252]), &[]).tftp_addresses.len(), 63);
}

#[test]
fn an_option_150_of_a_wrong_length_spoils_nothing_else() {
    let empty = check(&option(150, &[]), &["dhcp: option 150 is empty"]);
    assert_eq!((empty.tftp_addresses.len(), empty.tftp_addresses_raw), (0, Some(Hex::default())));
    let three = check(&option(150, &[10, 1, 1]), &["dhcp: option 150 has 3 octets, not a multiple of 4"]);
    assert_eq!((three.tftp_addresses.len(), three.tftp_addresses_raw.unwrap().to_string().as_str()), (0, "0a0101"));
    let five = check(&option(150, &[10, 1, 1, 5, 9]), &["dhcp: option 150 has 5 octets, not a multiple of 4"]);
    assert_eq!(
        (five.tftp_addresses, five.tftp_addresses_raw.unwrap().to_string().as_str()),
        (vec![ip("10.1.1.5")], "0a01010509")
    );
    check(&option(150, &[7; 255]), &["dhcp: option 150 has 255 octets, not a multiple of 4"]);
}

#[test]
fn an_option_150_in_parts_is_joined_adjacent_or_not() {
    let a = option(150, &[10, 1, 1, 5]);
    let b = option(150, &[10, 1, 1, 6]);
    let both = [ip("10.1.1.5"), ip("10.1.1.6")];
    assert_eq!(check(&[&a[..], &b].concat(), &["dhcp: option 150 sent in 2 parts"]).tftp_addresses, both);
    let apart = check(&[&a[..], &option(15, b"x"), &b].concat(), &["dhcp: option 150 sent in 2 parts"]);
    assert_eq!(apart.tftp_addresses, both);
    assert_eq!(apart.options, [53, 54, 150, 15, 150, 3, 66]);
    let same = check(&[&a[..], &a, &a].concat(), &["dhcp: option 150 sent 3 times, each the same"]);
    assert_eq!(same.tftp_addresses, [ip("10.1.1.5")]);
}

#[test]
fn overlong_option_150_keeps_its_whole_addresses() {
    let mut octets = raw(&option(53, &[2]));
    octets.extend([150, 12, 10, 1, 1, 5, 10, 1]);
    let (message, noted) = parse(&octets).unwrap();
    assert_eq!(texts(&noted), ["dhcp: option 150 cut off, 6 of 12 octets there"]);
    assert_eq!(message.tftp_addresses, [ip("10.1.1.5")]);
    assert_eq!(message.tftp_addresses_raw, None);
    assert_eq!(message.options, [53, 150]);
    assert_eq!(message.unusable_tftp_options(), [], "a cut capture is no fault of the server");
}

/// Reads an OFFER of option 53 and these, which ends there.
fn offer_of(options: &[u8]) -> (Message, Vec<String>) {
    let (message, noted) = parse(&raw(&[&option(53, &[2]), options, &[255]].concat())).unwrap();
    (message, noted.iter().map(Anomaly::to_string).collect())
}

#[test]
fn an_option_66_that_is_no_plain_text_is_kept_as_sent_too() {
    let (plain, noted) = offer_of(&option(66, b"10.1.1.5"));
    assert_eq!((plain.tftp_name, plain.tftp_name_raw, noted.len()), (Some("10.1.1.5".into()), None, 0));
    let (trailing, noted) = offer_of(&option(66, b"10.1.1.5\0"));
    assert_eq!((trailing.tftp_name, noted.len()), (Some("10.1.1.5".into()), 0));
    assert_eq!(trailing.tftp_name_raw.unwrap().to_string(), "31302e312e312e3500");
    let (embedded, noted) = offer_of(&option(66, b"10.1.1.5\0x"));
    assert_eq!(embedded.tftp_name, Some("10.1.1.5".into()));
    assert_eq!(noted, ["dhcp: option 66 has text after a NUL"]);
    let (latin, noted) = offer_of(&option(66, b"m\xfcller"));
    assert_eq!(
        (latin.tftp_name, noted),
        (Some("m\u{fffd}ller".into()), vec!["dhcp: option 66 is not UTF-8".to_owned()])
    );
    assert_eq!(latin.tftp_name_raw.unwrap().to_string(), "6dfc6c6c6572");
    let (empty, noted) = offer_of(&option(66, b""));
    assert_eq!((empty.tftp_name, empty.tftp_name_raw), (Some("".into()), Some(Hex::default())));
    assert_eq!(noted, ["dhcp: option 66 is empty"]);
}

#[test]
fn classes_of_a_client_are_kept_as_sent() {
    let (sent, noted) = offer_of(&[option(60, b"Cisco\0\0"), option(77, b"\x04iP"), option(77, b"XE")].concat());
    assert_eq!((sent.vendor_class, sent.vendor_class_nuls), (Some("Cisco".into()), 2));
    assert_eq!(sent.user_class.unwrap().to_string(), "0469505845");
    assert_eq!(noted, [""; 0]);
    let (none, _) = offer_of(&option(60, b"Cisco"));
    assert_eq!((none.vendor_class_nuls, none.user_class), (0, None));
}

#[test]
fn split_option_66_is_joined_up_to_a_cut_part() {
    let (joined, noted) = offer_of(&[option(66, b"tftp."), option(66, b"example")].concat());
    assert_eq!(
        (joined.tftp_name, noted),
        (Some("tftp.example".into()), vec!["dhcp: option 66 sent in 2 parts".to_owned()])
    );
    let mut octets = raw(&[option(53, &[2]), option(66, b"10.1.1.5")].concat());
    octets.extend([66, 9, b'x']);
    let (cut, noted) = parse(&octets).unwrap();
    assert_eq!(cut.tftp_name, Some("10.1.1.5".into()));
    assert_eq!(texts(&noted), ["dhcp: option 66 cut off, 1 of 9 octets there"]);
}

#[test]
fn a_bad_option_in_front_of_option_150_does_not_hide_it() {
    let good = option(150, &[10, 1, 1, 5]);
    let case = |bad: Vec<u8>, anomalies: &[&str]| {
        let message = check(&[bad, good.clone()].concat(), anomalies);
        assert_eq!(message.tftp_addresses, [ip("10.1.1.5")]);
        message
    };
    case(option(12, b"M\xfcller"), &["dhcp: option 12 is not UTF-8"]);
    assert_eq!(case(option(12, b"SEP003094C2D3FA\0"), &[]).host_name, Some("SEP003094C2D3FA".into()));
    let short = case(option(51, &[1, 2]), &["dhcp: option 51 has 2 octets instead of 4"]);
    assert_eq!(short.lease_secs, None);
    case(option(6, &[1, 2, 3]), &["dhcp: option 6 has 3 octets, not a multiple of 4"]);
    assert_eq!(case(option(1, &[255; 5]), &["dhcp: option 1 has 5 octets instead of 4"]).subnet_mask, None);
    // Read raw, so a defect within does not matter here: 82 with a bad sub-option, the ASCII form of 81, 125, 97.
    assert_eq!(case(option(82, &[1, 9, 0]), &[]).relay_info.unwrap().to_string(), "010900");
    case(option(81, b"\0\0\0name"), &[]);
    assert_eq!(case(option(125, &[0, 0, 0, 9]), &[]).vendor_options.unwrap().to_string(), "00000009");
    assert_eq!(case(option(43, b"\x01\xff"), &[]).vendor_info.unwrap().to_string(), "01ff");
    for code in [37, 60, 61, 67, 77, 80, 94, 97, 120, 152, 153, 154, 155, 156, 157, 241, 242] {
        for len in [0, 1, 255] {
            let note = format!("dhcp: option {code} is empty");
            let noted = if len == 0 && [60, 61].contains(&code) { vec![note.as_str()] } else { vec![] };
            assert_eq!(case(option(code, &vec![1; len]), &noted).options, [53, 54, code, 150, 3, 66]);
        }
    }
}

#[test]
fn an_empty_option_53_hides_nothing() {
    let (message, noted) = parse(&raw(&[&[53, 0][..], &option(150, &[10, 1, 1, 5]), &[255]].concat())).unwrap();
    assert_eq!((message.msg, message.tftp_addresses), (MessageType::Bootp, vec![ip("10.1.1.5")]));
    assert_eq!(texts(&noted), ["dhcp: option 53 is empty"]);
}

#[test]
fn the_end_of_the_options_is_judged_by_what_stands_there() {
    let noted =
        |options: &[u8]| -> Vec<String> { parse(&raw(options)).unwrap().1.iter().map(Anomaly::to_string).collect() };
    assert_eq!(noted(&[53, 1, 2, 255]), [""; 0]);
    assert_eq!(noted(&[53, 1, 2, 255, 0, 0, 0]), [""; 0]);
    assert_eq!(noted(&[0, 0, 53, 1, 2, 0, 255]), [""; 0], "pads anywhere");
    assert_eq!(noted(&[53, 1, 2]), ["dhcp: no end option"]);
    assert_eq!(noted(&[53, 1, 2, 0, 0]), ["dhcp: no end option"]);
    assert_eq!(noted(&[]), ["dhcp: no end option"]);
    let after = "dhcp: 4 octets other than zeros after the end option of the options field";
    assert_eq!(noted(&[53, 1, 2, 255, 150, 2, 1, 1]), [after]);
    assert_eq!(noted(&[53, 1, 2, 255, 255, 255, 255, 255]), [after], "as some relays pad");
    assert_eq!(noted(&[53, 1, 2, 66]), ["dhcp: option 66 cut off before its length"]);
    assert_eq!(noted(&[53, 1, 2, 43, 200, 1]), ["dhcp: option 43 cut off, 1 of 200 octets there"]);
    assert_eq!(parse(&raw(&[53, 1, 2, 66])).unwrap().0.options, [53, 66]);
}

/// An OFFER whose option 52 has this value, with these fields.
fn overloaded(value: &[u8], sname: &[u8], file: &[u8]) -> (Message, Vec<String>) {
    let mut octets = offer_with(&option(52, value));
    octets[44..44 + sname.len()].copy_from_slice(sname);
    octets[108..108 + file.len()].copy_from_slice(file);
    let (message, noted) = parse(&octets).unwrap();
    (message, noted.iter().map(Anomaly::to_string).collect())
}

#[test]
fn overloaded_fields_are_read_as_options_file_before_sname() {
    let in_file = [option(150, &[10, 1, 1, 5]), option(66, b".example"), vec![255]].concat();
    let in_sname = [option(66, b".com"), vec![255]].concat();
    let (both, noted) = overloaded(&[3], &in_sname, &in_file);
    assert_eq!(both.options, [53, 54, 52, 3, 66, 150, 66, 66]);
    assert_eq!((both.tftp_addresses, both.tftp_name), (vec![ip("10.1.1.5")], Some("tftp.example.com".into())));
    assert_eq!((both.sname, both.file), (None, None));
    assert_eq!(noted, ["dhcp: option 66 sent in 3 parts"]);

    let (file, noted) = overloaded(&[1], b"boothost", &in_file);
    assert_eq!((file.options, file.sname), (vec![53, 54, 52, 3, 66, 150, 66], Some("boothost".into())));
    assert_eq!(noted, ["dhcp: option 66 sent in 2 parts"]);

    let (sname, noted) = overloaded(&[2], &in_sname[..6], b"bootfile");
    assert_eq!((sname.options, sname.file), (vec![53, 54, 52, 3, 66, 66], Some("bootfile".into())));
    assert_eq!(noted, ["dhcp: no end option in the sname field", "dhcp: option 66 sent in 2 parts"]);
}

#[test]
fn an_overload_that_means_nothing_leaves_the_fields_text() {
    for (value, note) in [
        (&[0][..], "dhcp: option 52 says 0, known are 1 to 3"),
        (&[4], "dhcp: option 52 says 4, known are 1 to 3"),
        (&[], "dhcp: option 52 is empty"),
    ] {
        let (message, noted) = overloaded(value, b"host", b"boot\0stale");
        assert_eq!((message.sname, message.file), (Some("host".into()), Some("boot".into())));
        assert_eq!(noted, [note]);
    }
    // An option 52 within an overloaded field overloads nothing further.
    let (message, _) = overloaded(&[1], b"host", &[52, 1, 3, 255]);
    assert_eq!(message.sname, Some("host".into()));
}

#[test]
fn the_text_fields_are_read_to_their_nul_or_their_end() {
    let mut octets = offer_with(&[]);
    octets[44..108].fill(b's');
    octets[108..236].fill(b'f');
    let (message, noted) = parse(&octets).unwrap();
    assert_eq!(message.sname.unwrap().raw(), "s".repeat(64));
    assert_eq!(message.file.unwrap().raw(), "f".repeat(128));
    assert!(noted.is_empty());
    octets[44..108].fill(0);
    octets[112] = 0;
    let (message, _) = parse(&octets).unwrap();
    assert_eq!((message.sname, message.file), (None, Some("ffff".into())));
}

#[test]
fn overlong_hardware_address_is_read_up_to_its_field() {
    for (hlen, len) in [(0, 0), (6, 6), (16, 16), (17, 16), (255, 16)] {
        let mut octets = offer_with(&[]);
        octets[2] = hlen;
        let (message, noted) = parse(&octets).unwrap();
        assert_eq!(message.chaddr.octets().len(), len);
        assert_eq!(message.routers.len(), 1, "the rest is read");
        let expected = format!("dhcp: hardware address length {hlen}, 16 at most");
        assert_eq!(texts(&noted), if hlen > 16 { vec![expected.as_str()] } else { vec![] });
        octets.truncate(30);
        assert!(parse(&octets).is_none_or(|(m, _)| m.chaddr.octets().len() <= 2));
    }
}

#[test]
fn a_message_without_the_magic_cookie_is_bootp_without_options() {
    let mut octets = offer_with(&option(150, &[10, 1, 1, 5]));
    octets[236] = 0x62;
    let (message, noted) = parse(&octets).unwrap();
    assert_eq!((message.msg, message.options.len(), message.tftp_addresses.len()), (MessageType::Bootp, 0, 0));
    assert_eq!(texts(&noted), ["dhcp: no magic cookie, options not read"]);
    // RFC 951: a vendor area of zeros, or none at all.
    octets.truncate(236);
    octets.resize(300, 0);
    assert_eq!(parse(&octets).unwrap().1, []);
    octets.truncate(236);
    assert_eq!(parse(&octets).unwrap().1, []);
    // 240 bytes: the cookie and no option.
    octets.extend(MAGIC_COOKIE);
    let (message, noted) = parse(&octets).unwrap();
    assert_eq!((message.msg, texts(&noted)), (MessageType::Bootp, vec!["dhcp: no end option"]));
}

#[test]
fn what_is_surely_no_such_message_is_none() {
    assert!(parse(&[]).is_none());
    for op in [0, 3, 0x63, 255] {
        let mut octets = offer_with(&[]);
        octets[0] = op;
        assert!(parse(&octets).is_none(), "op {op}");
    }
    assert!(parse(&offer_with(&[])[..28]).is_none(), "no client named");
    // Without a cookie, fixed fields that no BOOTP message has.
    for (at, value) in [(1, 0), (2, 17), (3, 17)] {
        let mut octets = offer_with(&[]);
        octets[at] = value;
        assert!(parse(&octets).is_some(), "with the cookie");
        octets[237] = 0;
        assert!(parse(&octets).is_none(), "octet {at} is {value}");
    }
}

#[test]
fn a_message_that_is_cut_off_is_read_as_far_as_it_goes() {
    let mut whole = offer_with(&option(150, &[10, 1, 1, 5, 10, 1, 1, 6]));
    whole[44..48].copy_from_slice(b"host");
    whole[20..24].copy_from_slice(&[10, 1, 1, 9]);
    let (complete, noted) = parse(&whole).unwrap();
    assert!(noted.is_empty());
    for len in 0..whole.len() {
        let Some((message, noted)) = parse(&whole[..len]) else {
            assert!(len <= 28, "cut at {len}");
            continue;
        };
        assert!(len > 28, "cut at {len}");
        assert_eq!((message.xid, message.siaddr), (complete.xid, complete.siaddr), "cut at {len}");
        assert!(complete.tftp_addresses.starts_with(&message.tftp_addresses), "cut at {len}");
        assert!(message.tftp_name.is_none() || len == whole.len() - 1, "cut at {len}: half a name is no name");
        assert!(message.sname.is_none() || message.sname == complete.sname, "cut at {len}");
        assert!(message.options.len() <= complete.options.len());
        // At 236 a BOOTP message may end.
        assert_eq!(noted.is_empty(), len == 236, "cut at {len}: {noted:?}");
        assert_eq!(message.unusable_tftp_options(), [], "cut at {len}");
    }
}

#[test]
fn the_work_for_one_message_is_bounded() {
    let (message, noted) = parse(&raw(&[66, 0].repeat(32_000))).unwrap();
    assert_eq!(message.options.len(), 1024);
    assert_eq!(texts(&noted)[0], "dhcp: more than 1024 options, the rest not read");
    let every: Vec<u8> = (1..=254).flat_map(|code| option(code, &[0x80; 3])).collect();
    let (message, noted) = parse(&raw(&every)).unwrap();
    assert_eq!(message.options.len(), 254);
    assert!((10..=16).contains(&noted.len()), "{}", noted.len());
}

#[test]
fn a_message_type_against_its_direction_is_noted() {
    let mut octets = raw(&[53, 1, 1, 255]);
    assert_eq!(texts(&parse(&octets).unwrap().1), ["dhcp: DISCOVER in the direction of replies"]);
    octets[0] = 1;
    assert_eq!(parse(&octets).unwrap().1, []);
    octets[242] = 77;
    let (message, noted) = parse(&octets).unwrap();
    assert_eq!((message.msg, noted.len()), (MessageType::Other(77), 0));
    for code in 1..=15 {
        let name = MessageType::from_code(code).to_string();
        assert_eq!(serde_json::to_value(MessageType::from_code(code)).unwrap(), name.as_str());
    }
}

#[test]
fn an_event_body_written_and_read_back_is_the_same_message() {
    let mut octets = offer_with(&[option(150, b"10.1.1.5"), option(12, b"\x1b[2J\xff"), option(61, &[])].concat());
    octets[20..24].copy_from_slice(&[10, 1, 1, 9]);
    for hlen in [0, 6, 16] {
        octets[2] = hlen;
        let message = parse(&octets).unwrap().0;
        let text = serde_json::to_string(&message).unwrap();
        assert_eq!(serde_json::from_str::<Message>(&text).unwrap(), message, "{text}");
    }
    let message = parse(&octets).unwrap().0;
    let json = serde_json::to_value(&message).unwrap();
    assert_eq!(json["op"], "BOOTREPLY");
    assert_eq!(json["msg"], "OFFER");
    assert_eq!(json["xid"], "0xac2eff01");
    assert_eq!(json["siaddr"], "10.1.1.9");
    assert!(json.get("ciaddr").is_none());
    assert_eq!(json["options"], serde_json::json!([53, 54, 150, 12, 61, 3, 66]));
    assert_eq!(json["opt150_hex"], "31302e312e312e35");
    assert_eq!(json["opt61_hex"], "");
}

/// dhcproto's encoder against our decoder: a second reading of the RFCs.
#[test]
fn a_message_of_another_encoder_is_read_the_same() {
    use dhcproto::Encodable;
    use dhcproto::v4::{self, DhcpOption, OptionCode, UnknownOption};
    let mut other = v4::Message::default();
    let chaddr = [0x00, 0x30, 0x94, 0xc2, 0xd3, 0xfa];
    other.set_opcode(v4::Opcode::BootReply).set_xid(0xdead_beef).set_secs(7).set_hops(2);
    other.set_yiaddr(ip("10.50.0.17")).set_siaddr(ip("10.30.0.5")).set_giaddr(ip("10.50.0.1")).set_chaddr(&chaddr);
    other.set_sname_str("boothost").set_fname_str("file");
    let options = other.opts_mut();
    options.insert(DhcpOption::MessageType(v4::MessageType::Ack));
    options.insert(DhcpOption::ServerIdentifier(ip("10.30.0.2")));
    options.insert(DhcpOption::SubnetMask(ip("255.255.0.0")));
    options.insert(DhcpOption::Router(vec![ip("10.50.0.1"), ip("10.50.0.2")]));
    options.insert(DhcpOption::DomainNameServer(vec![ip("10.30.0.53")]));
    options.insert(DhcpOption::DomainName("example.com".to_owned()));
    options.insert(DhcpOption::AddressLeaseTime(691_200));
    options.insert(DhcpOption::TFTPServerName(b"tftp.example.com".to_vec()));
    let two = vec![10, 30, 0, 5, 10, 30, 0, 6];
    options.insert(DhcpOption::Unknown(UnknownOption::new(OptionCode::TFTPServerAddress, two)));
    options.insert(DhcpOption::VendorExtensions(vec![0x5a; 300]));

    let (message, noted) = parse(&other.to_vec().unwrap()).unwrap();
    assert_eq!(texts(&noted), ["dhcp: option 43 sent in 2 parts"], "RFC 3396");
    assert_eq!(message.vendor_info.unwrap().0.len(), 300);
    assert_eq!((message.op, message.msg, message.xid), (Op::Reply, MessageType::Ack, 0xdead_beef));
    assert_eq!((message.secs, message.hops), (7, 2));
    assert_eq!(message.chaddr.to_string(), "00:30:94:c2:d3:fa");
    assert_eq!((message.ciaddr, message.yiaddr), (None, Some(ip("10.50.0.17"))));
    assert_eq!((message.siaddr, message.giaddr), (Some(ip("10.30.0.5")), Some(ip("10.50.0.1"))));
    assert_eq!((message.sname, message.file), (Some("boothost".into()), Some("file".into())));
    assert_eq!((message.server_id, message.subnet_mask), (Some(ip("10.30.0.2")), Some(ip("255.255.0.0"))));
    assert_eq!(message.routers, [ip("10.50.0.1"), ip("10.50.0.2")]);
    assert_eq!((message.dns_servers, message.lease_secs), (vec![ip("10.30.0.53")], Some(691_200)));
    assert_eq!((message.domain_name, message.tftp_name), (Some("example.com".into()), Some("tftp.example.com".into())));
    assert_eq!(message.tftp_addresses, [ip("10.30.0.5"), ip("10.30.0.6")]);
}

proptest::proptest! {
    #[test]
    fn any_octets_are_read_without_panic_and_come_back_from_json(
        mut octets in proptest::collection::vec(proptest::num::u8::ANY, 0..700), op in 1u8..3, cookie: bool
    ) {
        if let Some(first) = octets.first_mut() {
            *first = op;
        }
        if cookie && octets.len() > 240 {
            octets[236..240].copy_from_slice(&MAGIC_COOKIE);
        }
        if let Some((message, noted)) = parse(&octets) {
            let text = serde_json::to_string(&message).unwrap();
            // What only the operator's DHCP configuration is held against is no part of an event.
            let told = Message { vendor_class_nuls: 0, user_class: None, ..message.clone() };
            assert_eq!(serde_json::from_str::<Message>(&text).unwrap(), told);
            assert!(noted.len() <= 16);
            message.tftp_sources();
            message.unusable_tftp_options();
            message.phone_class();
        }
    }
}
