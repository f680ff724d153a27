//! Phones with an IPv6 address beside their IPv4 lease.

use phonescope::site::Site;
use serde_json::Value;

use crate::product::{analyzed, codes_of, list, phone, report, report_on};
use crate::support::dhcp::{ACK, Message, OFFER, REQUEST};
use crate::support::frame::{ip, mac};
use crate::support::tftp;
use crate::support::wire::{Wire, discover_frame, udp_v6};

const PHONE: &str = "00:03:6b:3a:10:01";
const PHONE_V6: &str = "2001:db8:110::20";
const TFTP_V6: &str = "2001:db8:30::5";

/// A lease that names a TFTP server of IPv4.
fn leased() -> Wire {
    let server = ip("10.30.0.2");
    let answer = |kind| {
        let request = Message::request(REQUEST, mac(PHONE), 7).option(60, b"Cisco Systems, Inc. IP Phone CP-7960G");
        let mut answer = Message::answer(kind, &request).addresses(54, &[server]).addresses(150, &[ip("10.30.0.5")]);
        answer.yiaddr = ip("10.30.110.20");
        answer.bytes()
    };
    let request =
        Message::request(REQUEST, mac(PHONE), 7).addresses(54, &[server]).addresses(50, &[ip("10.30.110.20")]);
    let request = request.option(60, b"Cisco Systems, Inc. IP Phone CP-7960G").bytes();
    Wire::new().frame(discover_frame(PHONE, 7).0).udp(false, 67, &answer(OFFER)).udp(true, 67, &request).udp(
        false,
        67,
        &answer(ACK),
    )
}

/// A DHCPv6 REPLY with Cisco's option for TFTP servers.
fn reply(server: &str) -> Vec<u8> {
    let address = server.parse::<std::net::Ipv6Addr>().unwrap().octets();
    let cisco = [&[0, 17, 0, 24, 0, 0, 0, 9, 0, 1, 0, 16][..], &address].concat();
    let frame = udp_v6(false, ("fe80::2", 547), ("fe80::1", 546), &[&[7, 0, 0, 9][..], &cisco].concat());
    frame.0
}

/// The phone gets its configuration over IPv6.
fn fetches(wire: Wire) -> Value {
    report_on(&[("ipv6", &fetched(wire))], &Site::none())
}

fn fetched(wire: Wire) -> Vec<u8> {
    let (phone, server) = ((PHONE_V6, 51_000), (TFTP_V6, 69));
    let file = tftp::read_request("SEP00036B3A1001.cnf.xml", &[]);
    let wire = wire.wait(1).frame(udp_v6(true, phone, server, &file).0);
    let wire = wire.frame(udp_v6(false, server, phone, &tftp::data(1, b"<device></device>")).0);
    let wire = wire.frame(udp_v6(true, phone, server, &tftp::ack(1)).0);
    wire.pcap()
}

#[test]
fn a_wrong_server_that_dhcpv6_names_is_corrected_there() {
    let capture = fetched(leased().frame(reply(TFTP_V6)));
    let right = "2001:db8:31::5".parse().unwrap();
    let site = Site::none().with_expected_tftp(&[right]);
    let analyzer = analyzed(&[("ipv6", &capture)]);
    let pack = phonescope::remedy::pack::Pack::new(&analyzer.diagnose(&site)).unwrap();
    let file =
        pack.files.iter().find(|f| f.path == "dhcp/isc-dhcpd6.conf").unwrap_or_else(|| panic!("{:?}", pack.files));
    let text = String::from_utf8_lossy(&file.contents).into_owned();
    assert!(text.contains("option cisco.tftp-servers 2001:db8:31::5;\n"), "{text}");
    assert!(text.contains(&format!("#   option cisco.tftp-servers {TFTP_V6};")), "{text}");
    let report = report(&analyzer, &site);
    let fixes = list(&list(&report, "findings")[0], "fixes");
    assert!(fixes.iter().any(|f| f["config"].as_str().is_some_and(|c| text.starts_with(c))), "{fixes:#?}");
}

#[test]
fn a_tftp_server_that_dhcpv6_names_is_not_set_by_hand() {
    let report = fetches(leased());
    let by_hand = phone(&report, PHONE).unwrap();
    assert_eq!(by_hand["tftp"]["servers"][0], TFTP_V6);
    assert!(codes_of(&report, by_hand, "warning").contains(&"tftp-override"), "{by_hand:#}");
    let report = fetches(leased().frame(reply(TFTP_V6)));
    assert!(!codes_of(&report, phone(&report, PHONE).unwrap(), "warning").contains(&"tftp-override"));
    let report = fetches(leased().frame(reply("2001:db8:30::6")));
    assert!(codes_of(&report, phone(&report, PHONE).unwrap(), "warning").contains(&"tftp-override"));
}

#[test]
fn dhcpv6_of_ciscos_kind_counts_as_dhcp_seen() {
    let seen = |wire: Wire| report_on(&[("ipv6", &wire.pcap())], &Site::none())["coverage"]["dhcp"].clone();
    let solicit = |enterprise: u8| {
        let class = [0, 16, 0, 9, 0, 0, 0, enterprise, 0, 3, b'x', b'y', b'z'];
        udp_v6(true, ("fe80::1", 546), ("ff02::1:2", 547), &[&[1, 0, 0, 9][..], &class].concat()).0
    };
    assert_eq!(seen(Wire::new().frame(solicit(9))), "one way");
    assert_eq!(seen(Wire::new().frame(solicit(9)).frame(reply(TFTP_V6))), "both ways");
    assert_eq!(seen(Wire::new().frame(solicit(4))), "none");
}
