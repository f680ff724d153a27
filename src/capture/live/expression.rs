//! A filter in the words of libpcap (man pcap-filter), as `-f` takes it: checked before a port is opened.
//!
//! libpcap says that an expression is wrong, and not where; here it is found out. It also looks names of hosts up, which
//! this program never does: an expression that names one is refused.

use pcap::{Capture, Linktype};

use super::PortError;
use crate::types::WireText;

/// Words beyond which the place of an error is not searched for.
const MAX_WORDS: usize = 200;

/// Words of the language that may stand where the name of a host could.
const WORDS: &str = "\
    src dst host net mask port portrange proto protochain gateway and or not less greater byte len length broadcast \
    multicast inbound outbound ifindex ether link ppp slip fddi tr wlan arp rarp ip ip6 sctp tcp udp icmp icmp6 igmp igrp \
    pim vrrp carp ah esp radio atalk aarp decnet lat sca moprc mopdl stp ipx netbeui iso esis es-is isis is-is clnp l1 l2 \
    iih lsp snp csnp psnp vlan mpls pppoed pppoes geneve vxlan type subtype dir direction ra ta addr1 addr2 addr3 addr4 \
    address1 address2 address3 address4 llc lane metac bcc sc ilmic oam oamf4 oamf4sc oamf4ec connectmsg metaconnect vpi \
    vci fisu lssu lsu msu hfisu hlssu hmsu sio opc dpc sls hsio hopc hdpc hsls on ifname rnr rulenum srnr subrulenum \
    reason rset ruleset action proto tcpflags icmptype icmpcode icmp6type icmp6code";

/// After these a name is no host's: of a port, a protocol, an interface. No name server is asked for it.
const NAMING: [&str; 13] = [
    "port",
    "portrange",
    "proto",
    "protochain",
    "type",
    "subtype",
    "dir",
    "direction",
    "on",
    "ifname",
    "ruleset",
    "rset",
    "reason",
];

/// What may follow the beginning of an expression to make a whole one.
const ENDINGS: [&str; 9] = ["", " ip", " 1", " 10.0.0.1", " 1-2", " 10.0.0.0/8", " host 10.0.0.1", "] = 0", " = 0"];

/// An expression and the places of its words.
struct Words<'a> {
    /// Start and text of each word, sign or number.
    words: Vec<(usize, &'a str)>,
}

/// Checks an expression without a port.
///
/// # Errors
/// Where it names a host, or libpcap can not read it: what is wrong, with a mark under the place.
pub(super) fn check(expression: &str) -> Result<(), PortError> {
    let words = Words::of(expression);
    if let Some((at, name)) = words.host_name() {
        let reason =
            format!("{name} is no word of its language, and names of hosts are never looked up: write the address");
        return Err(failure(expression, &reason, Some(at)));
    }
    match compile(expression) {
        Ok(()) => Ok(()),
        Err(reason) => Err(failure(expression, &reason, words.first_wrong(expression))),
    }
}

/// The expression, also for frames with one and two tags, and all tunnels whole: what is in a tunnel is for the
/// decoders, since libpcap can not look into most.
///
/// The order matters: `vlan` moves everything that follows it, to the end of the expression.
pub(super) fn widened(expression: &str) -> String {
    let tunnels = "ip proto 47 or ip proto 4 or ip proto 41 or ip6 proto 47 or udp dst port 4789 or udp dst port 8472 or \
                   udp dst port 6081 or udp dst port 37008";
    let plain = format!("({expression}) or ({tunnels})");
    format!("({plain}) or (vlan and ({plain} or (vlan and ({plain}))))")
}

fn failure(expression: &str, reason: &str, at: Option<usize>) -> PortError {
    let column = at.map(|at| expression.get(..at).map_or(0, |before| before.chars().count()));
    PortError::Filter { filter: WireText::from(expression), reason: WireText::from(reason), column }
}

fn compile(expression: &str) -> Result<(), String> {
    let dead = Capture::dead(Linktype::ETHERNET).map_err(|e| e.to_string())?;
    dead.compile(expression, true).map(drop).map_err(|e| reason(&e))
}

/// What libpcap says, without the words in front of it.
pub(super) fn reason(error: &pcap::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("libpcap error: ").unwrap_or(&text);
    let text = text.strip_prefix("can't parse filter expression: ").unwrap_or(text);
    text.strip_suffix(" in filter expression: syntax error").unwrap_or(text).to_owned()
}

impl Words<'_> {
    fn of(expression: &str) -> Words<'_> {
        let in_word = |c: char| c.is_alphanumeric() || matches!(c, '.' | ':' | '_' | '-' | '\\' | '/');
        let mut words = Vec::new();
        let mut rest = expression.char_indices().peekable();
        while let Some((start, first)) = rest.next() {
            if first.is_whitespace() {
                continue;
            }
            let mut end = start + first.len_utf8();
            if in_word(first) {
                while let Some((_, c)) = rest.next_if(|(_, c)| in_word(*c)) {
                    end += c.len_utf8();
                }
            }
            words.extend(expression.get(start..end).map(|word| (start, word)));
        }
        Words { words }
    }

    /// The first word that libpcap would look up.
    fn host_name(&self) -> Option<(usize, &str)> {
        let mut naming = false;
        for (at, word) in &self.words {
            if matches!(*word, "or" | "and" | "(" | ")" | "not" | "!" | "|" | "&") {
                continue;
            }
            if WORDS.split_whitespace().any(|known| known == *word) {
                naming = NAMING.contains(word);
            } else if !naming && is_name(word) {
                return Some((*at, word));
            }
        }
        None
    }

    /// Where the first word stands with which no beginning of a right expression ends; the end where more is missing.
    fn first_wrong(&self, expression: &str) -> Option<usize> {
        if self.words.len() > MAX_WORDS {
            return None;
        }
        let can_go_on = |end: usize| {
            let start = expression.get(..end).unwrap_or_default();
            let open = start.matches('(').count().saturating_sub(start.matches(')').count());
            let close = ")".repeat(open);
            ENDINGS.iter().any(|ending| compile(&format!("{start}{ending}{close}")).is_ok())
        };
        // One word may be right only with the next ("ip proto" and a number), so the last that goes on counts.
        let good = self.words.iter().rposition(|(at, word)| can_go_on(at + word.len()));
        let wrong = good.map_or(0, |good| good + 1);
        Some(self.words.get(wrong).map_or(expression.len(), |(at, _)| *at))
    }
}

/// Whether a word that the language does not know is the name of something, and no number or address.
fn is_name(word: &str) -> bool {
    let starts_as_name = word.chars().next().is_some_and(char::is_alphabetic);
    let hex = word.chars().filter(char::is_ascii_hexdigit).count();
    let is_hex = word.chars().all(|c| c.is_ascii_hexdigit() || matches!(c, ':' | '.' | '-' | '/'));
    let is_address = is_hex && (word.contains(':') || hex == 12);
    // Constants of the language: tcp-syn, icmp-echo, icmp6-packettoobig.
    let is_constant = ["tcp-", "icmp-", "icmp6-"].iter().any(|start| word.starts_with(start));
    let has_name_after_digit = !is_hex && word.contains('.') && word.chars().any(char::is_alphabetic);
    (starts_as_name && !is_address && !is_constant) || (has_name_after_digit && !word.starts_with("0x"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frame::build;

    fn wrong(expression: &str) -> (String, Option<usize>) {
        match check(expression) {
            Err(PortError::Filter { reason, column, .. }) => (reason.to_string(), column),
            other => panic!("{expression}: {other:?}"),
        }
    }

    #[test]
    fn a_filter_of_tcpdump_is_taken_as_it_is() {
        for expression in [
            "",
            "udp port 67 or udp port 68",
            "host 10.0.0.1 and (port tftp or http)",
            "ether host 00:30:94:c2:d3:fa",
            "ether host abcd.ef01.2345",
            "net 10.0.0.0/8 and not net 192.168 mask 255.255.0.0",
            "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
            "udp[8:2] >= 1 && udp[8:2] <= 6",
            "ip6 host fe80::1 or ip6 proto 17",
            "vlan 110 and ip proto \\udp",
            "icmp[icmptype] == icmp-echo",
            "portrange 6970-6999",
            "len > 0x40",
        ] {
            assert!(check(expression).is_ok(), "{expression}: {:?}", check(expression));
        }
    }

    #[test]
    fn a_name_of_a_host_is_refused_before_anything_looks_it_up() {
        for (expression, column) in [
            ("host tftp.example.net", 5),
            ("udp and src phone1", 12),
            ("gateway router", 8),
            ("net backbone", 4),
            ("ether host core", 11),
            ("port 69 and host 3com.example", 17),
            ("host abc", 5),
        ] {
            let (reason, at) = wrong(expression);
            assert!(reason.contains("never looked up"), "{expression}: {reason}");
            assert_eq!(at, Some(column), "{expression}");
        }
    }

    #[test]
    fn a_mistake_is_shown_where_it_is() {
        for (expression, column) in [
            ("udp prot 67", None),
            ("udp port 67 or or port 68", Some(15)),
            ("udp port 67 68", Some(12)),
            ("(udp port 67", Some(12)),
            ("udp port 67)", Some(11)),
            ("udp port 99999", Some(9)),
            ("ip[3", Some(4)),
            ("é udp", Some(0)),
            ("udp and é", Some(8)),
        ] {
            let (reason, at) = wrong(expression);
            assert!(!reason.is_empty() && !reason.contains("libpcap"), "{reason}");
            if column.is_some() {
                assert_eq!(at, column, "{expression}: {reason}");
            }
        }
    }

    #[test]
    fn widened_filter_matches_tags_and_tunnels() {
        let program = |expression: &str| Capture::dead(Linktype::ETHERNET).unwrap().compile(expression, true).unwrap();
        let narrow = program("udp port 67");
        let wide = program(&widened("udp port 67"));
        let packet = |port| build::ipv4(17, &build::udp(40_000, port, &[1; 300]));
        let frames = |packet: &[u8]| {
            let tagged = build::tag(110, 0x0800, packet);
            [
                build::ethernet(0x0800, packet),
                build::ethernet(0x8100, &tagged),
                build::ethernet(0x88a8, &build::tag(7, 0x8100, &tagged)),
            ]
        };
        assert_eq!(frames(&packet(67)).map(|f| narrow.filter(&f)), [true, false, false]);
        assert_eq!(frames(&packet(67)).map(|f| wide.filter(&f)), [true; 3]);
        assert_eq!(frames(&packet(16_384)).map(|f| wide.filter(&f)), [false; 3]);
        let mirrored = build::ipv4(47, &[&[0, 0, 0x88, 0xbe][..], &build::ethernet(0x0800, &packet(67))].concat());
        assert_eq!(frames(&mirrored).map(|f| wide.filter(&f)), [true; 3]);
        assert_eq!(frames(&packet(4789)).map(|f| wide.filter(&f)), [true; 3]);
        assert!(wide.get_instructions().len() < 4096);
    }
}
