//! What a lease says about the TFTP server, and what of it a phone can not use.
//!
//! Four places of a message can name it, and which one a phone prefers differs by its generation: this file lists
//! them, in the order of the later phones, and leaves it to the analysis which one a phone went by.

use std::fmt;
use std::net::Ipv4Addr;

use super::{Message, is_plain_text};
use crate::types::{Hex, WireText};

/// Which part of the lease names the TFTP server.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
#[allow(missing_docs)]
pub enum TftpSource {
    Option150,
    Option66,
    Sname,
    Siaddr,
    /// No lease names it: set on the phone, or found another way.
    Manual,
}

impl TftpSource {
    /// The word of the contract: `option150`, `option66`, `sname`, `siaddr`, `manual`.
    pub fn as_str(self) -> &'static str {
        match self {
            TftpSource::Option150 => "option150",
            TftpSource::Option66 => "option66",
            TftpSource::Sname => "sname",
            TftpSource::Siaddr => "siaddr",
            TftpSource::Manual => "manual",
        }
    }
}

/// An option that ought to name a TFTP server and does not.
#[derive(Clone, PartialEq, Eq, Hash, Debug, serde::Serialize, serde::Deserialize)]
pub struct UnusableOption {
    /// 150 or 66.
    pub option: u8,
    /// Its bytes as sent.
    pub raw: Hex,
    /// What they look like, in our words; text from the wire is escaped in it.
    pub reads_as: String,
}

impl UnusableOption {
    /// The addresses that stand in it as text, as the one who wrote it meant them.
    pub fn written_as_text(&self) -> Vec<Ipv4Addr> {
        let words = self.raw.0.split(|b| !(b.is_ascii_digit() || *b == b'.'));
        let addresses = words.filter_map(|w| std::str::from_utf8(w).ok()?.parse().ok());
        addresses.filter(|a| is_host(*a)).collect()
    }
}

impl Message {
    /// The TFTP servers that the message names, by the place that names them: option 150, option 66, `sname`,
    /// `siaddr`, in this order. Only what a phone can use: host addresses and names.
    /// Empty: the message names none. It does not matter here whether the message is a lease at all.
    pub fn tftp_sources(&self) -> Vec<(TftpSource, Vec<WireText>)> {
        let mut sources = Vec::new();
        if self.option150_text().is_none() {
            let servers: Vec<WireText> =
                self.tftp_addresses.iter().filter(|a| is_host(**a)).map(|a| text_of(*a)).collect();
            if !servers.is_empty() {
                sources.push((TftpSource::Option150, servers));
            }
        }
        if let Some(Ok(name)) = self.option66() {
            sources.push((TftpSource::Option66, vec![name]));
        }
        if let Some(Ok(name)) = self.sname.as_ref().map(server_name) {
            sources.push((TftpSource::Sname, vec![name]));
        }
        if let Some(address) = self.siaddr.filter(|a| is_host(*a)) {
            sources.push((TftpSource::Siaddr, vec![text_of(address)]));
        }
        sources
    }

    /// The options 150 and 66 that no CallManager phone can use, and how they read. Empty: none sent, or all usable.
    ///
    /// Judged leniently where phones get along: an address 0.0.0.0 behind a usable one is only a filler, and a URL
    /// in option 66 beside a usable option 150 is meant for multiplatform phones.
    pub fn unusable_tftp_options(&self) -> Vec<UnusableOption> {
        let mut unusable = Vec::new();
        if let (Some(raw), Some(reads_as)) = (&self.tftp_addresses_raw, self.option150_defect()) {
            unusable.push(UnusableOption { option: 150, raw: raw.clone(), reads_as });
        }
        if let Some(Err(defect)) = self.option66()
            && !(defect == NameDefect::Url
                && unusable.is_empty()
                && self.tftp_addresses.first().is_some_and(|a| is_host(*a)))
        {
            let text = self.tftp_name.clone().unwrap_or_default();
            let raw = self.tftp_name_raw.clone().unwrap_or_else(|| Hex::from(text.raw().as_bytes()));
            unusable.push(UnusableOption { option: 66, raw, reads_as: defect.in_words(&text) });
        }
        unusable
    }

    fn option150_defect(&self) -> Option<String> {
        let raw = &self.tftp_addresses_raw.as_ref()?.0;
        if raw.is_empty() {
            return Some("nothing: the option is empty".to_owned());
        }
        if let Some(text) = self.option150_text() {
            let mut words = format!("the text \"{text}\", where binary addresses of four octets belong");
            if !self.tftp_addresses.is_empty() {
                words.push_str(&format!("; as addresses it reads {}", list(&self.tftp_addresses)));
            }
            return Some(words);
        }
        if !raw.len().is_multiple_of(4) {
            let of = if self.tftp_addresses.is_empty() {
                String::new()
            } else {
                format!(" ({})", list(&self.tftp_addresses))
            };
            return Some(format!("{} octets{of}, which is no whole number of addresses of four octets", raw.len()));
        }
        let first = *self.tftp_addresses.first()?;
        (!is_host(first)).then(|| format!("{}, where {first} is no server's address", list(&self.tftp_addresses)))
    }

    /// Option 150 as text, where it is sent as text by mistake.
    ///
    /// Four printable bytes are taken as an address. From five on, text that can be a host name or an address in
    /// digits is taken as text: that eight bytes of real addresses all look like it has odds of one in 40,000.
    fn option150_text(&self) -> Option<WireText> {
        let raw = self.tftp_addresses_raw.as_ref()?;
        let text = super::without_trailing_nuls(&raw.0);
        let is_text =
            text.len() > 4 && text.iter().all(|b| b.is_ascii_alphanumeric() || b".-_,;: /\"'\r\n".contains(b));
        is_text.then(|| WireText::from_bytes(text))
    }

    /// Option 66 as the name or address of a server, or what it is instead. `None`: not sent.
    fn option66(&self) -> Option<Result<WireText, NameDefect>> {
        let text = self.tftp_name.as_ref()?;
        if let Some(raw) = &self.tftp_name_raw
            && let Some(address) = raw.0.first_chunk::<4>()
            && raw.0.len() == 4
            && !is_plain_text(super::without_trailing_nuls(&raw.0))
        {
            return Some(Err(NameDefect::Binary(Ipv4Addr::from(*address))));
        }
        Some(server_name(text))
    }
}

/// Why a text is no name of a server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NameDefect {
    Empty,
    Binary(Ipv4Addr),
    Url,
    Quoted,
    List,
    NoHost,
    NoAddress,
    NoName,
}

impl NameDefect {
    fn in_words(self, text: &WireText) -> String {
        match self {
            NameDefect::Empty => "nothing: the option is empty".to_owned(),
            NameDefect::Binary(address) => {
                format!("the four octets of {address}, where a name or an address as text belongs")
            }
            NameDefect::Url => {
                format!("the URL \"{text}\": multiplatform phones take one here, CallManager phones do not")
            }
            NameDefect::Quoted => format!("{text}: the quotation marks are sent as part of the name"),
            NameDefect::List => format!("\"{text}\": several names in one, where one belongs"),
            NameDefect::NoHost => format!("{text}, which is no server's address"),
            NameDefect::NoAddress => format!("\"{text}\": digits and dots, but no IPv4 address"),
            NameDefect::NoName => format!("\"{text}\", which can be no host name"),
        }
    }
}

impl fmt::Debug for NameDefect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_words(&WireText::default()))
    }
}

/// The text as the name or address of a server, spaces around it left out.
fn server_name(text: &WireText) -> Result<WireText, NameDefect> {
    let name = text.raw().trim_matches(|c: char| c.is_ascii_whitespace());
    if name.is_empty() {
        return Err(NameDefect::Empty);
    }
    if name.contains("://") {
        return Err(NameDefect::Url);
    }
    if name.starts_with(['"', '\'']) {
        return Err(NameDefect::Quoted);
    }
    if name.contains([',', ';', ' ']) {
        return Err(NameDefect::List);
    }
    if name.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return match name.parse::<Ipv4Addr>() {
            Ok(address) if is_host(address) => Ok(text_of(address)),
            Ok(_) => Err(NameDefect::NoHost),
            Err(_) => Err(NameDefect::NoAddress),
        };
    }
    // Underscores are no part of a host name by RFC 952, but resolvers take them.
    let is_name = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    if is_name { Ok(WireText::from(name)) } else { Err(NameDefect::NoName) }
}

/// Whether a server can have this address: not of 0/8 or 127/8, no multicast, nothing from 240.0.0.0 on.
fn is_host(address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    first != 0 && first != 127 && first < 224
}

fn text_of(address: Ipv4Addr) -> WireText {
    WireText::from(address.to_string().as_str())
}

/// The first addresses of a list, in words.
fn list(addresses: &[Ipv4Addr]) -> String {
    const SHOWN: usize = 4;
    let mut words: Vec<String> = addresses.iter().take(SHOWN).map(Ipv4Addr::to_string).collect();
    if addresses.len() > SHOWN {
        words.push(format!("{} more", addresses.len() - SHOWN));
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::tests::{message, option, raw};
    use super::*;

    /// An OFFER with these options.
    fn offer(options: &[Vec<u8>]) -> Message {
        let octets = raw(&[&option(53, &[2])[..], &options.concat(), &[255]].concat());
        super::super::parse(&octets).unwrap().0
    }

    /// Sources in words, and what is unusable in words.
    #[track_caller]
    fn check(message: &Message, sources: &[&str], unusable: &[&str]) {
        let got: Vec<String> =
            message.tftp_sources().iter().map(|(source, names)| format!("{} {names:?}", source.as_str())).collect();
        assert_eq!(got, sources);
        let got: Vec<String> =
            message.unusable_tftp_options().iter().map(|u| format!("{} {} {}", u.option, u.raw, u.reads_as)).collect();
        assert_eq!(got, unusable);
    }

    #[test]
    fn the_sources_come_in_the_order_150_66_sname_siaddr() {
        check(&message(), &[], &[]);
        let mut lease = offer(&[option(66, b"tftp.example.com"), option(150, &[10, 1, 1, 5, 10, 1, 1, 6])]);
        lease.sname = Some("boothost".into());
        lease.siaddr = Some(Ipv4Addr::new(10, 1, 1, 9));
        check(
            &lease,
            &[
                r#"option150 ["10.1.1.5", "10.1.1.6"]"#,
                r#"option66 ["tftp.example.com"]"#,
                r#"sname ["boothost"]"#,
                r#"siaddr ["10.1.1.9"]"#,
            ],
            &[],
        );
    }

    #[test]
    fn an_option_150_sent_as_text_is_no_list_of_addresses() {
        check(
            &offer(&[option(150, b"10.1.1.5")]),
            &[],
            &[
                r#"150 31302e312e312e35 the text "10.1.1.5", where binary addresses of four octets belong; as addresses it reads 49.48.46.49, 46.49.46.53"#,
            ],
        );
        check(
            &offer(&[option(150, b"10.1.1.10\0")]),
            &[],
            &[
                r#"150 31302e312e312e313000 the text "10.1.1.10", where binary addresses of four octets belong; as addresses it reads 49.48.46.49, 46.49.46.49"#,
            ],
        );
        assert_eq!(offer(&[option(150, b"tftp.example")]).unusable_tftp_options().len(), 1);
        // Four printable bytes, and an address among them that is not, are addresses.
        check(&offer(&[option(150, b"ABCD")]), &[r#"option150 ["65.66.67.68"]"#], &[]);
        check(&offer(&[option(150, b"1234\x0a\x01\x01\x05")]), &[r#"option150 ["49.50.51.52", "10.1.1.5"]"#], &[]);
    }

    #[test]
    fn addresses_written_as_text_are_read() {
        let of = |octets: &[u8]| offer(&[option(150, octets)]).unusable_tftp_options()[0].written_as_text();
        assert_eq!(of(b"10.1.1.10, 10.1.1.11\0"), [Ipv4Addr::new(10, 1, 1, 10), Ipv4Addr::new(10, 1, 1, 11)]);
        assert_eq!(of(b"\"10.1.1.5\"\r\n"), [Ipv4Addr::new(10, 1, 1, 5)]);
        assert_eq!(of(b"tftp.example"), [Ipv4Addr::UNSPECIFIED; 0]);
        assert_eq!(of(b"0.0.0.0"), [Ipv4Addr::UNSPECIFIED; 0]);
    }

    #[test]
    fn an_option_150_of_wrong_length_or_without_a_host_is_unusable() {
        check(&offer(&[option(150, &[])]), &[], &["150  nothing: the option is empty"]);
        check(
            &offer(&[option(150, &[10, 1, 1])]),
            &[],
            &["150 0a0101 3 octets, which is no whole number of addresses of four octets"],
        );
        check(
            &offer(&[option(150, &[10, 1, 1, 5, 0])]),
            &[r#"option150 ["10.1.1.5"]"#],
            &["150 0a01010500 5 octets (10.1.1.5), which is no whole number of addresses of four octets"],
        );
        for first in [0, 255] {
            let reads_as = format!(
                "150 {0} {1}, where {1} is no server's address",
                Hex(Box::new([first; 4])),
                Ipv4Addr::from([first; 4])
            );
            check(&offer(&[option(150, &[first; 4])]), &[], &[&reads_as]);
        }
        // Behind a usable address it is a filler.
        check(&offer(&[option(150, &[10, 1, 1, 5, 0, 0, 0, 0])]), &[r#"option150 ["10.1.1.5"]"#], &[]);
        // In front of one it costs the phone its first server.
        check(
            &offer(&[option(150, &[0, 0, 0, 0, 10, 1, 1, 5])]),
            &[r#"option150 ["10.1.1.5"]"#],
            &["150 000000000a010105 0.0.0.0, 10.1.1.5, where 0.0.0.0 is no server's address"],
        );
        let long = offer(&[option(150, &[0; 252])]).unusable_tftp_options();
        assert!(long[0].reads_as.starts_with("0.0.0.0, 0.0.0.0, 0.0.0.0, 0.0.0.0, 59 more"), "{}", long[0].reads_as);
    }

    #[test]
    fn an_option_66_that_names_nothing_is_unusable() {
        check(&offer(&[option(66, b"")]), &[], &["66  nothing: the option is empty"]);
        check(&offer(&[option(66, b"\0\0")]), &[], &["66 0000 nothing: the option is empty"]);
        let binary = "where a name or an address as text belongs";
        check(
            &offer(&[option(66, &[10, 1, 1, 5])]),
            &[],
            &[&format!("66 0a010105 the four octets of 10.1.1.5, {binary}")],
        );
        check(
            &offer(&[option(66, &[10, 0, 0, 0])]),
            &[],
            &[&format!("66 0a000000 the four octets of 10.0.0.0, {binary}")],
        );
        check(
            &offer(&[option(66, &[192, 168, 1, 5])]),
            &[],
            &[&format!("66 c0a80105 the four octets of 192.168.1.5, {binary}")],
        );
        check(&offer(&[option(66, b"0.0.0.0")]), &[], &["66 302e302e302e30 0.0.0.0, which is no server's address"]);
        check(
            &offer(&[option(66, b"10.1.1.256")]),
            &[],
            &[r#"66 31302e312e312e323536 "10.1.1.256": digits and dots, but no IPv4 address"#],
        );
        for text in [&b"\"10.1.1.5\""[..], b"10.1.1.5,10.1.1.6", b"a b", b"caf\xe9.example", b"tftp\x1b]0;x\x07"] {
            let lease = offer(&[option(66, text)]);
            assert_eq!(lease.tftp_sources(), []);
            let unusable = lease.unusable_tftp_options();
            assert_eq!((unusable.len(), &*unusable[0].raw.0), (1, text));
            assert!(!unusable[0].reads_as.contains('\x1b'));
        }
    }

    #[test]
    fn option_66_with_nul_or_four_letters_is_a_name() {
        check(&offer(&[option(66, b"10.1.1.5\0")]), &[r#"option66 ["10.1.1.5"]"#], &[]);
        check(&offer(&[option(66, b"tft\0")]), &[r#"option66 ["tft"]"#], &[]);
        check(&offer(&[option(66, b"tftp")]), &[r#"option66 ["tftp"]"#], &[]);
        check(&offer(&[option(66, b" tftp_1.example.com\r\n")]), &[r#"option66 ["tftp_1.example.com"]"#], &[]);
    }

    #[test]
    fn url_in_option_66_is_a_fault_only_without_option_150() {
        let url = option(66, b"http://10.1.1.5/$MA.xml");
        check(&offer(&[url.clone(), option(150, &[10, 1, 1, 5])]), &[r#"option150 ["10.1.1.5"]"#], &[]);
        let alone = offer(std::slice::from_ref(&url)).unusable_tftp_options();
        assert!(alone[0].reads_as.starts_with("the URL \"http://10.1.1.5/$MA.xml\""), "{}", alone[0].reads_as);
        let both = offer(&[url, option(150, b"10.1.1.5")]).unusable_tftp_options();
        assert_eq!(both.iter().map(|u| u.option).collect::<Vec<_>>(), [150, 66]);
    }
}
