//! DHCP, DHCPv6, DNS and TFTP.

use super::Case;
use super::links::dhcpv6;
use crate::support::dhcp::{DISCOVER, Message, OFFER};
use crate::support::dns;
use crate::support::frame::{ip, mac};
use crate::support::tftp;
use crate::support::wire::Wire;

pub(super) fn cases() -> Vec<Case> {
    [dhcp(), dhcpv6s(), dns_cases(), tftp_cases()].into_iter().flatten().collect()
}

const CHADDR: &str = "00:03:6b:3a:10:01";

/// An OFFER whose options are these octets as they are.
fn with_options(area: &[u8]) -> Wire {
    let request = Message::request(DISCOVER, mac(CHADDR), 7);
    let mut bytes = Message::answer(OFFER, &request).bytes();
    bytes.truncate(240);
    Wire::new().udp(false, 67, &[&bytes, area].concat())
}

fn dhcp() -> Vec<Case> {
    let mut list = Vec::new();
    for code in [1u8, 3, 6, 12, 43, 51, 54, 55, 60, 61, 66, 67, 82, 121, 125, 150, 255, 0] {
        let lone = with_options(&[53, 1, 2, code]);
        let empty = with_options(&[53, 1, 2, code, 0, 150, 4, 10, 30, 0, 5, 255]);
        let beyond = with_options(&[53, 1, 2, code, 255, 1, 2, 3]);
        list.push(Case::new(format!("DHCP option {code} without a length"), lone).sees("dhcp", 1));
        list.push(Case::new(format!("DHCP option {code} of length zero"), empty).sees("dhcp", 1));
        let case = Case::new(format!("DHCP option {code} of length 255 beyond the end"), beyond).sees("dhcp", 1);
        list.push(if matches!(code, 0 | 255) { case } else { case.says("cut off, 3 of 255 octets there") });
        let whole = with_options(&[&[53, 1, 2, code, 255][..], &[0x80; 255], &[150, 4, 10, 30, 0, 5, 255]].concat());
        list.push(Case::new(format!("DHCP option {code} of length 255"), whole).sees("dhcp", 1));
    }
    let in_itself = (0..80).fold(vec![1, 1, 0], |inner: Vec<u8>, _| [&[82, inner.len() as u8][..], &inner].concat());
    let in_itself = [&[53, 1, 2][..], &in_itself, &[150, 4, 10, 30, 0, 5, 255]].concat();
    list.push(Case::new("DHCP option 82 in option 82, 80 deep", with_options(&in_itself)).sees("dhcp", 1));
    let many = [&[53, 1, 2][..], &[12, 0].repeat(20_000), &[255]].concat();
    let many = many.chunks(1_400).next().unwrap_or_default().to_vec();
    list.push(Case::new("DHCP, a thousand empty options", with_options(&many)).sees("dhcp", 1));
    list.push(Case::new("DHCP without an end", with_options(&[53, 1, 2])).says("no end option").sees("dhcp", 1));
    list.push(
        Case::new("DHCP octets after the end", with_options(&[53, 1, 2, 255, 150, 4, 1])).says("after the end option"),
    );
    list.push(
        Case::new(
            "DHCP option 121 of three octets",
            with_options(&[53, 1, 2, 121, 3, 24, 10, 2, 150, 4, 10, 30, 0, 5, 255]),
        )
        .says("option 121 of 3 octets is malformed")
        .sees("dhcp", 1),
    );
    // Overload that names fields which overload again.
    let mut overloaded = Message::answer(OFFER, &Message::request(DISCOVER, mac(CHADDR), 7));
    overloaded.sname = "\u{34}\u{1}\u{3}".repeat(20);
    overloaded.file = "\u{34}\u{1}\u{3}".repeat(40);
    let bytes = overloaded.option(52, &[3]).bytes();
    list.push(Case::new("DHCP overload in overload", Wire::new().udp(false, 67, &bytes)).sees("dhcp", 1));
    let full = |hlen: u8| {
        let mut bytes = Message::answer(OFFER, &Message::request(DISCOVER, mac(CHADDR), 7)).bytes();
        bytes[2] = hlen;
        bytes[28..236].fill(b'x');
        Wire::new().udp(false, 67, &bytes)
    };
    for hlen in [0, 1, 16] {
        list.push(Case::new(format!("DHCP names without NUL, address of {hlen}"), full(hlen)).sees("dhcp", 1));
    }
    for hlen in [17, 255] {
        let case = Case::new(format!("DHCP names without NUL, address of {hlen}"), full(hlen));
        list.push(case.says("hardware address length").sees("dhcp", 1));
    }
    let whole = Message::request(DISCOVER, mac(CHADDR), 7).addresses(150, &[ip("10.30.0.5")]).bytes();
    let cut = (0..whole.len()).fold(Wire::new(), |wire, len| wire.udp(true, 67, &whole[..len]));
    list.push(Case::new("DHCP cut at every octet", cut));
    list
}

/// An option of DHCPv6.
fn option6(code: u16, value: &[u8]) -> Vec<u8> {
    [&code.to_be_bytes()[..], &(value.len() as u16).to_be_bytes(), value].concat()
}

fn dhcpv6s() -> Vec<Case> {
    let message = |options: &[u8]| [&[7, 0, 0, 9], options].concat();
    let send = |octets: &[u8]| dhcpv6(17, &[], octets);
    let mut nested = option6(5, &[0; 24]);
    for _ in 0..1_000 {
        nested = option6(4, &[&[0; 4], nested.as_slice()].concat());
    }
    let mut relayed = message(&[]);
    for _ in 0..1_000 {
        let mut next = vec![12, 0];
        next.extend([0; 32]);
        next.extend(option6(9, &relayed));
        relayed = next;
    }
    let cisco = |length: u16| [&[0, 17, 0, 8, 0, 0, 0, 9, 0, 1][..], &length.to_be_bytes()].concat();
    vec![
        Case::new("DHCPv6 addresses in addresses, 1,000 deep", send(&message(&nested))).sees("dhcpv6", 1),
        Case::new("DHCPv6 relays in relays, 1,000 deep", send(&relayed)).says("more than 32 relays").sees("dhcpv6", 1),
        Case::new("DHCPv6 options of length zero", send(&message(&option6(3, &[]).repeat(300))))
            .says("option 3 has 0 octets"),
        Case::new("DHCPv6 option of length 65535", send(&message(&[0, 1, 0xff, 0xff, 1, 2])))
            .says("2 of 65535 octets there"),
        Case::new("DHCPv6 Cisco option of length 0", send(&message(&cisco(0)))).says("no multiple of 16"),
        Case::new("DHCPv6 Cisco option beyond the end", send(&message(&cisco(0xffff)))).says("cut off"),
        Case::new("DHCPv6 half an option header", send(&message(&[0, 1, 0]))).says("cut off in its first 3 octets"),
        Case::new("DHCPv6 relay without a message", send(&[&[12, 0][..], &[0; 32]].concat()))
            .says("without a relayed message"),
        Case::new("DHCPv6 of one octet", send(&[7])).sees("dhcpv6", 0),
    ]
}

fn dns_cases() -> Vec<Case> {
    const NAME: &str = "CiscoCM1.example.com";
    let answer = dns::answer(9, NAME, ip("10.30.0.10"));
    let question = dns::query(9, NAME);
    let head = question.len();
    // Where the answer's name stands, in place of the pointer to the question's.
    let named = |name: &[u8]| [&answer[..head], name, &answer[head + 2..]].concat();
    let here = [0xc0 | (head >> 8) as u8, head as u8];
    let down = |wire: Wire, octets: &[u8]| wire.udp(false, 53, octets);
    let mut list = vec![
        Case::new("DNS in good order", down(Wire::new(), &answer)).sees("dns", 1),
        Case::new("DNS name that points to itself", down(Wire::new(), &named(&here))).sees("dns", 1),
        Case::new("DNS name that points ahead", down(Wire::new(), &named(&[0xc0, head as u8 + 2, 0xc0, head as u8])))
            .sees("dns", 1),
        Case::new("DNS name that points beyond the end", down(Wire::new(), &named(&[0xff, 0xff]))).sees("dns", 1),
        Case::new("DNS label of 63 octets beyond the end", down(Wire::new(), &[&answer[..head], &[63, b'a']].concat()))
            .sees("dns", 1),
        Case::new("DNS label of the kind 0x40", down(Wire::new(), &named(&[0x41, 0]))).sees("dns", 1),
    ];
    let mut loops = answer.clone();
    // Two names that point to each other, in the question.
    loops.splice(12..12, [0xc0, 14, 0xc0, 12]);
    list.push(Case::new("DNS names that point to each other", down(Wire::new(), &loops)));
    for count in [0x7fffu16, 0xffff] {
        let mut many = answer.clone();
        many[6..8].copy_from_slice(&count.to_be_bytes());
        list.push(
            Case::new(format!("DNS of {count} answers"), down(Wire::new(), &many))
                .says("cut off or damaged")
                .sees("dns", 1),
        );
        let mut many = question.clone();
        many[4..6].copy_from_slice(&count.to_be_bytes());
        list.push(
            Case::new(format!("DNS of {count} questions"), Wire::new().udp(true, 53, &many))
                .says("questions")
                .sees("dns", 1),
        );
    }
    let mut data = answer.clone();
    let at = data.len() - 6;
    for length in [0u16, 3, 5, 0x8000, 0xffff] {
        data[at..at + 2].copy_from_slice(&length.to_be_bytes());
        list.push(Case::new(format!("DNS data of length {length}"), down(Wire::new(), &data)).sees("dns", 1));
    }
    let long = [&question[..12], &[1, b'a'].repeat(600), &[0, 0, 1, 0, 1]].concat();
    list.push(Case::new("DNS name of 600 labels", Wire::new().udp(true, 53, &long)));
    let cut = (0..answer.len()).fold(Wire::new(), |wire, len| wire.udp(false, 53, &answer[..len]));
    list.push(Case::new("DNS cut at every octet", cut));
    // Over TCP a length stands in front.
    for length in [0u16, 1, 0xffff] {
        let octets = [&length.to_be_bytes()[..], &question, &(question.len() as u16).to_be_bytes(), &question].concat();
        list.push(Case::new(format!("DNS over TCP, length {length}"), Wire::new().open(53).say(true, 53, &octets)));
    }
    list
}

fn tftp_cases() -> Vec<Case> {
    let ask = |octets: &[u8]| Wire::new().udp(true, 69, octets);
    let transfer = |options: &str, blocks: &[(u16, usize)]| {
        let request = [b"\0\x01SEP00036B3A1001.cnf.xml\0octet\0", options.as_bytes()].concat();
        blocks.iter().fold(ask(&request), |wire, (n, len)| wire.udp(false, 69, &tftp::data(*n, &vec![b'<'; *len])))
    };
    let mut list = vec![
        Case::new("TFTP request without a NUL", ask(b"\0\x01SEP00036B3A1001.cnf.xml"))
            .says("no NUL after the file name")
            .sees("tftp", 1),
        Case::new("TFTP request without a mode", ask(b"\0\x01a\0")).sees("tftp", 1),
        Case::new("TFTP mode without a NUL", ask(b"\0\x01a\0octet")).says("no NUL after the mode").sees("tftp", 1),
        Case::new("TFTP option without a value", ask(b"\0\x01a\0octet\0blksize\0"))
            .says("option without a value")
            .sees("tftp", 1),
        Case::new("TFTP option value without a NUL", ask(b"\0\x01a\0octet\0blksize\x001428"))
            .says("no NUL after the option value"),
        Case::new("TFTP request of nothing", ask(b"\0\x01")).says("without a file name").sees("tftp", 1),
        Case::new("TFTP operation of one octet", ask(b"\0")).sees("tftp", 0),
        Case::new("TFTP file name of 1,400 octets", ask(&[b"\0\x01", &[b'a'; 1_400][..], b"\0octet\0"].concat()))
            .says("512 kept"),
        Case::new("TFTP, 300 options", ask(&[b"\0\x01a\0octet\0", &b"a\0b\0".repeat(300)[..]].concat()))
            .sees("tftp", 1),
        Case::new("TFTP error without a code", ask(b"\0\x05")).says("no error code"),
        Case::new("TFTP data without a block", ask(b"\0\x03\0")).says("no block number"),
        Case::new("TFTP blocks larger than agreed", transfer("", &[(1, 1_400), (2, 1_400)])).says("is the block size"),
        Case::new("TFTP blocks beyond the window", transfer("", &[(1, 512), (60_000, 512), (2, 512), (3, 512)]))
            .sees("tftp", 5),
        Case::new("TFTP block 0", transfer("", &[(0, 512), (0, 100)])).sees("tftp", 3),
        Case::new("TFTP acknowledgement in four thousand copies", {
            (0..800).fold(transfer("", &[(1, 512)]), |wire, _| wire.udp(true, 69, &tftp::ack(1)))
        })
        .sees("tftp", 802),
    ];
    for size in ["0", "7", "65465", "-1", "4294967296", "99999999999999999999999", "", "abc", "1e9", " 512"] {
        let options = format!("blksize\0{size}\0tsize\0{size}\0windowsize\0{size}\0timeout\0{size}\0");
        let wire = transfer(&options, &[]);
        let oack = [b"\0\x06", options.as_bytes()].concat();
        let wire = wire.udp(false, 69, &oack).udp(false, 69, &tftp::data(1, b"<a>")).udp(true, 69, &tftp::ack(1));
        list.push(Case::new(format!("TFTP options of {size:?}"), wire).sees("tftp", 4));
    }
    let deep = [b"<a>".repeat(300), b"&a;&#x;&#xffffffff;<![CDATA[".to_vec()].concat();
    let wire = ask(b"\0\x01SEP00036B3A1001.cnf.xml\0octet\0blksize\x001428\0");
    let wire = wire.udp(false, 69, b"\0\x06blksize\x001428\0").udp(false, 69, &tftp::data(1, &deep));
    list.push(Case::new("TFTP configuration of tags without end", wire).sees("config", 1));
    list
}
