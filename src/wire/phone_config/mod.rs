//! The phone configuration file (`SEP<MAC>.cnf.xml`, `XMLDefault.cnf.xml`) that TFTP or HTTP carries.
//!
//! Files of many makers pass here, so a file is read as far as it goes: cut off, with tags that do not match, in
//! another character set, behind a signature. Entities are not expanded, and only the elements of [`PhoneConfig`]
//! are kept: no password, no certificate.

mod text;

use std::borrow::Cow;
use std::collections::BTreeMap;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Error, Reader};

use super::{Anomaly, ConfigBody};
use crate::types::{Mac, WireText};

/// What a configuration says, without its secrets: the body of a `config` event (contract section 5).
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct PhoneConfig {
    /// Name of the file.
    pub file: WireText,
    /// CallManagers in the order of their priority: names or addresses, as written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub call_managers: Vec<WireText>,
    /// SCCP port of the first CallManager, where it is not 2000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// `loadInformation` without a number; `None` where absent or empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<WireText>,
    /// `loadInformation<N>` by device type number; empty ones are left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "by_number")]
    pub loads: BTreeMap<u32, WireText>,
    /// `versionStamp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_stamp: Option<WireText>,
    /// `deviceProtocol`: SCCP or SIP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_protocol: Option<WireText>,
    /// `loadServer`: loads alone come from this TFTP server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_server: Option<WireText>,
    /// Routers that take phones while no CallManager answers (`srstInfo`), in the order of the file: names or addresses,
    /// as written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub srst: Vec<WireText>,
    /// `deviceSecurityMode`: 1 is not secure, 2 authenticated, 3 encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_mode: Option<WireText>,
    /// It is a text configuration of a SIP load (`SIPDefault.cnf`), whose settings may stand in another file.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub text_form: bool,
    /// Why it can not be read whole, or names no CallManager; our words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// The file whole, where the decoder was asked to keep configurations; never part of what is written out.
    #[serde(skip)]
    pub body: Option<ConfigBody>,
}

/// Keys of JSON objects are text; inside a flattened event serde does not read numbers from them by itself.
fn by_number<'de, D: serde::Deserializer<'de>>(d: D) -> Result<BTreeMap<u32, WireText>, D::Error> {
    use serde::Deserialize as _;
    let by_text = BTreeMap::<String, WireText>::deserialize(d)?;
    by_text.into_iter().map(|(n, load)| Ok((n.parse().map_err(serde::de::Error::custom)?, load))).collect()
}

impl PhoneConfig {
    /// Bytes of memory that it takes, about.
    pub fn octets(&self) -> usize {
        let optional = [&self.load, &self.version_stamp, &self.device_protocol, &self.load_server, &self.security_mode];
        let texts =
            optional.into_iter().flatten().chain(&self.call_managers).chain(&self.srst).chain(self.loads.values());
        let count = texts.clone().count() + 1;
        let octets: usize = texts.chain([&self.file]).map(|text| text.raw().len()).sum();
        size_of::<PhoneConfig>() + octets + count * TEXT_OVERHEAD
    }
}

/// What a text costs besides its bytes, with its place in a list or map.
const TEXT_OVERHEAD: usize = 64;

/// [`PhoneConfig::problem`] of the configuration of loads before XML, which this program does not read: no fault.
pub const OLD_FORMAT: &str = "an old configuration that is not XML, its content is not read";
/// [`PhoneConfig::problem`] of a file for one phone's key: no fault either.
pub const ENCRYPTED: &str = "signed or encrypted, its content can not be read";
/// [`PhoneConfig::problem`] of a file of which this program reads only the start: no fault either.
pub const TOO_LONG: &str = "longer than 1 MiB, the rest is not read";

/// [`PhoneConfig::problem`] of a file that is whole and names no CallManager.
pub const NO_CALL_MANAGER: &str = "no CallManager named";

/// Most bytes of a file that are read.
const MAX_FILE: usize = 1 << 20;
/// Longest text that is kept of an element.
const MAX_TEXT: usize = 255;
/// Depth to which names of open elements are kept; deeper ones are only counted.
const MAX_DEPTH: usize = 64;
/// Most CallManagers that are kept; a group has three.
const MAX_CALL_MANAGERS: usize = 32;
/// Most numbered loads that are kept; CallManager 12 knows fewer than 200 device types.
const MAX_LOADS: usize = 1024;
/// SCCP port where nothing else is said.
const SCCP_PORT: u16 = 2000;

/// Whether a file name is that of a phone configuration, in any case and with any path in front:
/// `SEP<MAC>.cnf.xml`, `XMLDefault.cnf.xml`, `XMLDefault7960.cnf.xml` (CallManager Express), `sepdefault.cnf.xml`,
/// `ATADefault.cnf.xml`; the signed `.sgn` and `.enc.sgn` of these; the older `SEP<MAC>.cnf`, `SEPDEFAULT.cnf`; and
/// the text of SIP loads, `SIPDefault.cnf` and `SIP<MAC>.cnf`.
pub fn is_config_name(file: &str) -> bool {
    let name = base_name(file);
    let signed = without_end(name, ".sgn");
    let plain = signed.map_or(name, |name| without_end(name, ".enc").unwrap_or(name));
    let of_a_phone = |stem: &str| stem.len() > 3 && without_start(stem, "sep").is_some();
    if let Some(stem) = without_end(plain, ".cnf.xml") {
        let of_a_model =
            |rest: &str| rest.len() <= 12 && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        return of_a_phone(stem)
            || without_start(stem, "xmldefault").is_some_and(of_a_model)
            || stem.eq_ignore_ascii_case("atadefault")
            || device_of_name(plain).is_some();
    }
    signed.is_none() && (without_end(plain, ".cnf").is_some_and(of_a_phone) || text::is_name(plain))
}

fn without_start<'a>(name: &'a str, start: &str) -> Option<&'a str> {
    name.get(..start.len()).filter(|s| s.eq_ignore_ascii_case(start)).and(name.get(start.len()..))
}

fn without_end<'a>(name: &'a str, end: &str) -> Option<&'a str> {
    let (stem, rest) = name.split_at_checked(name.len().checked_sub(end.len())?)?;
    rest.eq_ignore_ascii_case(end).then_some(stem)
}

/// The MAC address that the name of a phone's own file carries (`SEP`, `CTLSEP`, `ITLSEP`, `SIP`, `ata` and twelve
/// digits, then the end or a dot), and whether its hexadecimal digits are upper case, as CallManager names files.
pub fn device_of_name(file: &str) -> Option<(Mac, bool)> {
    let name = base_name(file);
    let stem = name.split('.').next()?;
    let digits = ["CTLSEP", "ITLSEP", "SEP", "SIP", "ATA"].iter().find_map(|prefix| without_start(stem, prefix))?;
    if digits.len() != 12 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    Some((digits.parse().ok()?, !digits.bytes().any(|b| b.is_ascii_lowercase())))
}

fn base_name(file: &str) -> &str {
    let separator = file.bytes().rposition(|b| matches!(b, b'/' | b'\\'));
    separator.and_then(|at| file.get(at + 1..)).unwrap_or(file)
}

/// Reads a configuration file. What can not be read is said in [`PhoneConfig::problem`].
pub fn parse(file: &WireText, bytes: &[u8]) -> (PhoneConfig, Vec<Anomaly>) {
    let mut config = PhoneConfig { file: file.clone(), ..PhoneConfig::default() };
    let mut anomalies = Vec::new();
    let too_long = bytes.len() > MAX_FILE;
    let bytes = bytes.get(..MAX_FILE).unwrap_or(bytes);
    let name = file.raw().to_ascii_lowercase();
    let blank = |b: &u8| *b == 0 || b.is_ascii_whitespace();
    if bytes.iter().all(blank) {
        config.problem = Some("empty".to_owned());
        return (config, anomalies);
    }
    let text = text_of(bytes);
    if text::is_name(base_name(file.raw())) {
        text::read(&text, &mut config, &mut anomalies);
        return (config, anomalies);
    }
    let Some(text) = without_preamble(&text, &mut anomalies) else {
        let problem = match () {
            () if name.ends_with(".sgn") || bytes.starts_with(SIGNATURE) => ENCRYPTED,
            () if name.ends_with(".cnf") => OLD_FORMAT,
            () => "not XML",
        };
        config.problem = Some(problem.to_owned());
        return (config, anomalies);
    };
    let mut reading = Reading { config, anomalies, ..Reading::default() };
    let end = reading.read(text);
    reading.finish(end, too_long)
}

/// How a signed file starts: the first field of its header, of two bytes.
pub(crate) const SIGNATURE: &[u8] = &[1, 0, 2];

/// The bytes as text: UTF-16 by its mark or by the NULs of its first `<`, UTF-8 where they are, else Latin-1.
fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.as_chunks::<2>().0.iter().map(|pair| unit(*pair)).collect();
        Cow::Owned(String::from_utf16_lossy(&units))
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [b'<', 0, ..] => utf16(bytes, u16::from_le_bytes),
        [0, b'<', ..] => utf16(bytes, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            // A character cut in two at the end does not make it another character set.
            Err(error) if error.error_len().is_none() => String::from_utf8_lossy(bytes),
            Err(_) => Cow::Owned(bytes.iter().map(|b| char::from(*b)).collect()),
        },
    }
}

/// The text from its first tag on: a signed file has a binary header in front, in which a `<` can occur.
fn without_preamble<'a>(text: &'a str, anomalies: &mut Vec<Anomaly>) -> Option<&'a str> {
    let trimmed = text.trim_start();
    let is_tag =
        |rest: &str| rest.as_bytes().get(1).is_some_and(|b| b.is_ascii_alphabetic() || matches!(b, b'?' | b'!' | b'_'));
    if is_tag(trimmed) && trimmed.starts_with('<') {
        return Some(trimmed);
    }
    let start = ["<?xml", "<device", "<Default"].iter().find_map(|tag| text.find(tag))?;
    if !text.as_bytes().starts_with(SIGNATURE) {
        anomalies.push(Anomaly::new(format!("config: {start} octets in front of the XML")));
    }
    text.get(start..)
}

/// Why reading ended.
#[derive(Clone, Copy, PartialEq, Debug)]
enum End {
    /// The root element is closed.
    Whole,
    /// The text ends before the root element does.
    CutOff,
    /// There is no root element.
    NoRoot,
}

#[derive(Default)]
struct Reading {
    config: PhoneConfig,
    anomalies: Vec<Anomaly>,
    root: Option<String>,
    /// Names of the open elements.
    open: Vec<String>,
    /// Open elements below those.
    deeper: usize,
    /// Text of the innermost element.
    text: String,
    members: Vec<Member>,
    /// The member of the CallManager group that is being read.
    member: Member,
    doctype: bool,
}

/// Elements whose text is kept, in lower case.
const KEPT: [&str; 7] = [
    "processnodename",
    "ethernetphoneport",
    "versionstamp",
    "deviceprotocol",
    "loadserver",
    "loadinformation",
    "devicesecuritymode",
];
/// How the names of the numbered ones begin.
const NUMBERED: &str = "loadinformation";
/// Elements of `srstInfo` that hold a router, before their number, in the order of the versions that write them.
const SRST_ADDRESSES: [&str; 3] = ["ipaddr", "sipipaddr", "srstipaddr"];
/// Most routers that are kept; a reference has three, and three for SIP.
const MAX_SRST: usize = 6;

/// The first `count` characters.
fn first_chars(text: &str, count: usize) -> &str {
    if text.len() <= count {
        return text;
    }
    text.char_indices().nth(count).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

#[derive(Clone, Default)]
struct Member {
    priority: Option<u32>,
    name: Option<WireText>,
    port: Option<u16>,
}

impl Reading {
    fn read(&mut self, text: &str) -> End {
        let mut reader = Reader::from_str(text);
        let settings = reader.config_mut();
        settings.check_end_names = false;
        settings.allow_unmatched_ends = true;
        settings.allow_dangling_amp = true;
        // Every event takes at least one byte; the bound is for an error that does not move on.
        for _ in 0..=text.len() {
            match reader.read_event() {
                Ok(Event::Start(tag)) => self.start(&tag),
                Ok(Event::Empty(tag)) => {
                    self.start(&tag);
                    self.end(tag.local_name().into_inner());
                }
                Ok(Event::End(tag)) => self.end(tag.local_name().into_inner()),
                Ok(Event::Text(text)) => self.append(&text),
                Ok(Event::CData(text)) => self.append(&text),
                Ok(Event::GeneralRef(name)) => {
                    match (name.resolve_char_ref(), quick_xml::escape::resolve_predefined_entity(&name)) {
                        (Ok(Some(c)), _) => self.append(c.encode_utf8(&mut [0; 4])),
                        (_, Some(text)) => self.append(text),
                        _ => self.once("config: entity that is not expanded"),
                    }
                }
                Ok(Event::DocType(_)) => self.doctype = true,
                Ok(Event::Comment(_) | Event::Decl(_) | Event::PI(_)) => {}
                Ok(Event::Eof) => break,
                Err(Error::IllFormed(_)) => self.once("config: XML that is not well-formed"),
                Err(_) => {
                    self.once("config: a tag is not closed");
                    break;
                }
            }
            if self.root.is_some() && self.open.is_empty() {
                return End::Whole;
            }
        }
        if self.root.is_some() { End::CutOff } else { End::NoRoot }
    }

    fn once(&mut self, text: &'static str) {
        if !self.anomalies.iter().any(|anomaly| anomaly.as_str() == text) {
            self.anomalies.push(Anomaly::fixed(text));
        }
    }

    fn append(&mut self, text: &str) {
        // A little more than is kept, for the blanks around it.
        let room = (4 * MAX_TEXT).saturating_sub(self.text.len());
        self.text.push_str(first_chars(text, room));
    }

    fn is_in(&self, element: &str) -> bool {
        self.open.iter().any(|open| open.eq_ignore_ascii_case(element))
    }

    fn start(&mut self, tag: &BytesStart<'_>) {
        self.text.clear();
        let name = tag.local_name().into_inner();
        if self.root.is_none() {
            self.root = Some(first_chars(name, MAX_TEXT).to_owned());
        }
        if self.open.len() == MAX_DEPTH {
            self.deeper += 1;
            return;
        }
        if name.eq_ignore_ascii_case("member") && self.is_in("callManagerGroup") {
            let priority = tag.html_attributes().with_checks(false).flatten().take(16).find_map(|attribute| {
                attribute.key.local_name().into_inner().eq_ignore_ascii_case("priority").then_some(attribute.value)
            });
            self.close_member();
            self.member.priority = priority.and_then(|text| text.trim().parse().ok());
        }
        self.open.push(first_chars(name, MAX_TEXT).to_owned());
    }

    fn end(&mut self, name: &str) {
        if self.deeper > 0 {
            self.deeper -= 1;
            return;
        }
        // An end without its start is skipped; one that closes others on its way closes them.
        let Some(at) = self.open.iter().rposition(|open| open == name) else {
            return self.once("config: tags do not match");
        };
        if at + 1 < self.open.len() {
            self.once("config: tags do not match");
        } else {
            self.take(name);
        }
        self.open.truncate(at);
        self.text.clear();
        if name.eq_ignore_ascii_case("member") {
            self.close_member();
        }
    }

    fn close_member(&mut self) {
        let member = std::mem::take(&mut self.member);
        if member.name.is_some() && self.members.len() < MAX_CALL_MANAGERS {
            self.members.push(member);
        }
    }

    /// Takes the text of an element that is now closed, with its end seen: half an address is another address.
    fn take(&mut self, name: &str) {
        let text = self.text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        if text.is_empty() {
            return;
        }
        let name = name.to_ascii_lowercase();
        // Most elements are not kept, and cost no more than this.
        let is_srst =
            || SRST_ADDRESSES.contains(&name.trim_end_matches(|c: char| c.is_ascii_digit())) && self.is_in("srstInfo");
        if !KEPT.contains(&name.as_str()) && !name.starts_with(NUMBERED) && !is_srst() {
            return;
        }
        let too_long = text.len() > MAX_TEXT;
        let end = (0..=MAX_TEXT.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
        let text = WireText::from(end.and_then(|end| text.get(..end)).unwrap_or(text));
        let (in_group, in_module) = (self.is_in("callManagerGroup"), self.is_in("addOnModule"));
        let config = &mut self.config;
        match name.as_str() {
            "processnodename" if in_group => self.member.name = Some(text),
            "ethernetphoneport" if in_group => self.member.port = text.raw().parse().ok(),
            "versionstamp" => _ = config.version_stamp.get_or_insert(text),
            "deviceprotocol" => _ = config.device_protocol.get_or_insert(text),
            "devicesecuritymode" => _ = config.security_mode.get_or_insert(text),
            "loadserver" => _ = config.load_server.get_or_insert(text),
            // An expansion module has a load of its own.
            "loadinformation" if !in_module => {
                if *config.load.get_or_insert_with(|| text.clone()) != text {
                    self.once("config: several loadInformation, the first is taken");
                }
            }
            _ => {
                let number = name.strip_prefix(NUMBERED).and_then(|number| number.parse().ok());
                let Some(number) = number else {
                    if name.contains("ipaddr") && config.srst.len() < MAX_SRST && !config.srst.contains(&text) {
                        config.srst.push(text);
                    }
                    return;
                };
                if config.loads.len() < MAX_LOADS {
                    config.loads.entry(number).or_insert(text);
                }
            }
        }
        if too_long {
            self.once("config: a text of more than 255 octets, cut");
        }
    }

    fn finish(mut self, end: End, too_long: bool) -> (PhoneConfig, Vec<Anomaly>) {
        self.close_member();
        if self.doctype {
            self.once("config: document type definition, not read");
        }
        // A member without a priority comes after those with one, in the order of the file.
        self.members.sort_by_key(|member| member.priority.unwrap_or(u32::MAX));
        let config = &mut self.config;
        config.port = self.members.first().and_then(|member| member.port).filter(|port| *port != SCCP_PORT);
        config.call_managers = self.members.into_iter().filter_map(|member| member.name).collect();
        let root = self.root.unwrap_or_default();
        let is = |name: &str| root.eq_ignore_ascii_case(name);
        config.problem = match end {
            End::NoRoot => Some("not XML".to_owned()),
            _ if is("html") => Some("an HTML page".to_owned()),
            _ if !is("device") && !is("default") => {
                Some(format!("not a phone configuration: its root element is {}", WireText::from(root.as_str())))
            }
            End::CutOff if too_long => Some(TOO_LONG.to_owned()),
            End::CutOff if config.call_managers.is_empty() => {
                Some("cut off before its end, and no CallManager named before".to_owned())
            }
            End::CutOff => Some("cut off before its end".to_owned()),
            End::Whole if config.call_managers.is_empty() => Some(NO_CALL_MANAGER.to_owned()),
            End::Whole => None,
        };
        (self.config, self.anomalies)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEVICE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<!-- made by hand -->
<device xsi:type="axl:XIPPhone" ctiid="94">
 <sshUserId>admin</sshUserId><sshPassword>s3cret</sshPassword>
 <devicePool><callManagerGroup><name>G</name><members>
  <member priority="1"><callManager><ports><ethernetPhonePort>2000</ethernetPhonePort><sipPort>5060</sipPort></ports>
   <processNodeName>10.20.0.12</processNodeName></callManager></member>
  <member priority="0"><callManager><name>cm1</name><ports><ethernetPhonePort>2002</ethernetPhonePort></ports>
   <processNodeName> cm1.example.net </processNodeName></callManager></member>
 </members></callManagerGroup></devicePool>
 <capfList><capf><phonePort>3804</phonePort><processNodeName>10.9.9.9</processNodeName></capf></capfList>
 <addOnModules><addOnModule idx="1"><loadInformation>S00105000200</loadInformation></addOnModule></addOnModules>
 <versionStamp>{Mar 03 2001 10:00:00}</versionStamp>
 <loadInformation model="IP Phone 7960">P003&#48;3020214</loadInformation>
 <vendorConfig><loadServer>10.20.0.7</loadServer></vendorConfig>
 <deviceProtocol><![CDATA[SCCP]]></deviceProtocol>
</device>
"#;

    fn read(bytes: impl AsRef<[u8]>) -> PhoneConfig {
        parse(&"SEP003094C2D3FA.cnf.xml".into(), bytes.as_ref()).0
    }

    fn raw(text: &Option<WireText>) -> Option<&str> {
        text.as_ref().map(WireText::raw)
    }

    fn names(config: &PhoneConfig) -> Vec<&str> {
        config.call_managers.iter().map(WireText::raw).collect()
    }

    fn with_members(members: &str) -> String {
        format!("<device><callManagerGroup><members>{members}</members></callManagerGroup></device>")
    }

    #[test]
    fn srst_references_and_security_mode_are_kept() {
        let config = read(
            "<device><devicePool><srstInfo><name>R</name><ipAddr1>10.20.1.1</ipAddr1><port1>2000</port1>\
             <ipAddr2></ipAddr2><sipIpAddr1>10.20.1.1</sipIpAddr1><sipIpAddr2>r2.example</sipIpAddr2></srstInfo>\
             </devicePool><ipAddr1>10.9.9.9</ipAddr1><deviceSecurityMode>3</deviceSecurityMode></device>",
        );
        let srst: Vec<_> = config.srst.iter().map(WireText::raw).collect();
        assert_eq!((srst, raw(&config.security_mode)), (vec!["10.20.1.1", "r2.example"], Some("3")));
    }

    #[test]
    fn every_element_that_matters_is_read_and_nothing_else() {
        let (config, anomalies) = parse(&"SEP003094C2D3FA.cnf.xml".into(), DEVICE.as_bytes());
        assert_eq!(anomalies, []);
        assert_eq!(names(&config), ["cm1.example.net", "10.20.0.12"], "by priority; the CAPF server is none");
        assert_eq!(config.port, Some(2002));
        assert_eq!(raw(&config.load), Some("P00303020214"), "not that of the expansion module");
        assert_eq!(raw(&config.version_stamp), Some("{Mar 03 2001 10:00:00}"));
        assert_eq!(raw(&config.device_protocol), Some("SCCP"));
        assert_eq!(raw(&config.load_server), Some("10.20.0.7"));
        assert_eq!((config.problem.as_deref(), config.loads.len()), (None, 0));
        assert!(!serde_json::to_string(&config).unwrap().contains("s3cret"));
    }

    #[test]
    fn a_default_file_names_a_load_for_every_device_type() {
        let config = read(
            "<Default><callManagerGroup><members><member priority=\"0\"><callManager><ports><ethernetPhonePort>2000\
             </ethernetPhonePort></ports><processNodeName>10.20.0.11</processNodeName></callManager></member></members>\
             </callManagerGroup><loadInformation6 model=\"IP Phone 7910\">P00403020214</loadInformation6>\
             <loadInformation7>P00303020214</loadInformation7><loadInformation8></loadInformation8>\
             <loadInformation30018/><loadInformation99999999999>x</loadInformation99999999999></Default>",
        );
        assert_eq!(names(&config), ["10.20.0.11"]);
        assert_eq!(config.port, None, "2000 goes without saying");
        let loads: Vec<_> = config.loads.iter().map(|(n, load)| (*n, load.raw())).collect();
        assert_eq!(loads, [(6, "P00403020214"), (7, "P00303020214")]);
        assert_eq!((config.load, config.problem), (None, None));
    }

    #[test]
    fn an_empty_load_is_none_and_the_first_of_several_counts() {
        let text = with_members("") + "<loadInformation> </loadInformation>";
        assert_eq!(read(text).load, None);
        let (config, anomalies) = parse(
            &"SEP.cnf.xml".into(),
            b"<device><loadInformation>A</loadInformation><loadInformation>B</loadInformation></device>",
        );
        assert_eq!(raw(&config.load), Some("A"));
        assert_eq!(anomalies, [Anomaly::fixed("config: several loadInformation, the first is taken")]);
    }

    #[test]
    fn members_without_priority_come_last_in_file_order() {
        let member = |priority: &str, name: &str| {
            format!("<member{priority}><x><processNodeName>{name}</processNodeName></x></member>")
        };
        let text = with_members(
            &[member("", "a"), member(" priority=\"2\"", "b"), member("", "c"), member(" priority='1'", "d")].concat(),
        );
        assert_eq!(names(&read(text)), ["d", "b", "a", "c"]);
        let text = with_members(&member(" priority=\"0\"", "x").repeat(100));
        assert_eq!(read(text).call_managers.len(), MAX_CALL_MANAGERS);
    }

    #[test]
    fn cut_at_every_length_it_says_so_and_tells_no_half_value() {
        let whole = read(DEVICE);
        let end = DEVICE.rfind("</device>").unwrap() + "</device>".len();
        for length in 0..end {
            let config = read(&DEVICE[..length]);
            assert!(config.problem.is_some(), "cut at {length}");
            assert!(names(&config).iter().all(|name| names(&whole).contains(name)), "cut at {length}: {config:?}");
            assert!(config.load.is_none() || config.load == whole.load, "cut at {length}: {config:?}");
            assert!(config.version_stamp.is_none() || config.version_stamp == whole.version_stamp);
        }
        assert_eq!(read(&DEVICE[..end]).problem, None);
        assert_eq!(read(&DEVICE[..900]).problem.unwrap(), "cut off before its end");
        assert_eq!(read(&DEVICE[..200]).problem.unwrap(), "cut off before its end, and no CallManager named before");
    }

    #[test]
    fn what_is_no_configuration_is_told_apart() {
        assert_eq!(read("").problem.unwrap(), "empty");
        assert_eq!(read([0, 0, b' ', b'\r', b'\n']).problem.unwrap(), "empty");
        assert_eq!(read("no tag here").problem.unwrap(), "not XML");
        assert_eq!(read("<!-- only this -->").problem.unwrap(), "not XML");
        assert_eq!(read("<!DOCTYPE html><HTML><body>404</body></HTML>").problem.unwrap(), "an HTML page");
        assert_eq!(
            read("<flat-profile/>").problem.unwrap(),
            "not a phone configuration: its root element is flat-profile"
        );
        assert_eq!(read("<device/>").problem.unwrap(), "no CallManager named");
        assert_eq!(read(with_members("")).problem.unwrap(), "no CallManager named");
        assert_eq!(parse(&"SEPDEFAULT.cnf".into(), b"\x01\x02\x03").0.problem.unwrap(), OLD_FORMAT);
        assert_eq!(parse(&"SEP1.cnf.xml.enc.sgn".into(), b"\x01\0\x02\x01\x02").0.problem.unwrap(), ENCRYPTED);
        let hostile = read("<a\u{202e}\u{1b}[2J>").problem.unwrap();
        assert!(!hostile.contains(['\u{1b}', '\u{202e}']), "{hostile:?}");
    }

    #[test]
    fn a_signed_file_is_read_behind_its_header() {
        let mut signed = b"\x01\0\x02\x01\x02<\x91\0<\x02\xff\xfe<a".to_vec();
        signed.extend_from_slice(DEVICE.as_bytes());
        let (config, anomalies) = parse(&"SEP003094C2D3FA.cnf.xml.sgn".into(), &signed);
        assert_eq!((names(&config).len(), config.problem), (2, None));
        assert_eq!(anomalies, []);
        let (config, anomalies) = parse(&"SEP003094C2D3FA.cnf.xml".into(), &[b"junk", DEVICE.as_bytes()].concat());
        assert_eq!(config.problem, None);
        assert_eq!(anomalies[0].as_str(), "config: 4 octets in front of the XML");
    }

    #[test]
    fn other_character_sets_are_read() {
        let text = with_members("<member><processNodeName>c\u{fc}m</processNodeName></member>");
        let latin1: Vec<u8> = text.chars().map(|c| u8::try_from(c).unwrap()).collect();
        let utf16 = |unit: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
        let marked = |mark: &[u8], rest: &[u8]| [mark, rest].concat();
        for bytes in [
            text.clone().into_bytes(),
            marked(b"\xef\xbb\xbf", text.as_bytes()),
            latin1,
            utf16(u16::to_le_bytes),
            utf16(u16::to_be_bytes),
            marked(b"\xff\xfe", &utf16(u16::to_le_bytes)),
            marked(b"\xfe\xff", &utf16(u16::to_be_bytes)),
            marked(text.as_bytes(), b"\0\0\0\0"),
        ] {
            let config = read(&bytes);
            assert_eq!(names(&config), ["c\u{fc}m"], "{bytes:?}");
            assert_eq!(config.problem, None);
        }
    }

    #[test]
    fn sloppy_xml_is_read_as_far_as_it_goes() {
        let members = "<member priority=0><callManager><processNodeName>10.1.1.1</processNodeName></member>";
        let (config, anomalies) = parse(&"x".into(), with_members(members).as_bytes());
        assert_eq!((names(&config), config.problem.clone()), (vec!["10.1.1.1"], None));
        assert_eq!(anomalies, [Anomaly::fixed("config: tags do not match")]);
        let text = "<DEVICE></b><callmanagergroup><processnodename>a&b&unknown;c</processnodename></callmanagergroup></DEVICE>";
        assert_eq!(names(&read(text))[0].chars().next(), Some('a'));
        assert_eq!(read(text).problem, None);
    }

    #[test]
    fn entities_are_not_expanded() {
        let bomb = format!(
            "<!DOCTYPE device [<!ENTITY a \"{}\"><!ENTITY b \"&a;&a;&a;&a;&a;\">]>{}",
            "x".repeat(1000),
            with_members("<member><processNodeName>&b;&amp;</processNodeName></member>")
        );
        let (config, anomalies) = parse(&"x".into(), bomb.as_bytes());
        assert_eq!(names(&config), ["&"]);
        assert_eq!(anomalies.len(), 2);
    }

    #[test]
    fn hostile_files_are_bounded() {
        let deep = "<device>".to_owned() + &"<a>".repeat(200_000);
        assert_eq!(read(&deep).problem.unwrap(), "cut off before its end, and no CallManager named before");
        let closed = deep + &"</a>".repeat(200_000) + "</device>";
        assert_eq!(read(&closed).problem.unwrap(), "longer than 1 MiB, the rest is not read".to_owned());
        let long =
            with_members(&format!("<member><processNodeName>{}</processNodeName></member>", "\u{20ac}".repeat(9_999)));
        let (config, anomalies) = parse(&"x".into(), long.as_bytes());
        assert_eq!(names(&config)[0].len(), 255);
        assert_eq!(anomalies, [Anomaly::fixed("config: a text of more than 255 octets, cut")]);
        let mut loads = "<Default>".to_owned();
        (0..9_000).for_each(|n| loads += &format!("<loadInformation{n}>x</loadInformation{n}>"));
        assert_eq!(read(loads).loads.len(), MAX_LOADS);
        read("</a>".repeat(100_000));
        read("&".repeat(100_000));
        read("<device ".to_owned() + &"a=\"1\" ".repeat(50_000) + ">");
    }

    #[test]
    fn mutations_of_a_file_never_panic() {
        let mut state = 5278u64;
        let mut random = |below: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % u64::try_from(below).unwrap()).unwrap()
        };
        for _ in 0..3_000 {
            let mut bytes = DEVICE.as_bytes().to_vec();
            for _ in 0..1 + random(30) {
                let at = random(bytes.len());
                match random(4) {
                    0 => bytes[at] = u8::try_from(random(256)).unwrap(),
                    1 => bytes[at] = b"<>&\"'/!?-[]\0"[random(12)],
                    2 => drop(bytes.drain(at..(at + random(40)).min(bytes.len()))),
                    _ => bytes.truncate(at.max(1)),
                }
                if bytes.is_empty() {
                    break;
                }
            }
            let config = read(&bytes);
            assert!(config.call_managers.len() <= 3 && config.loads.len() <= 2);
        }
    }

    #[test]
    fn config_names_match_in_any_case_and_path() {
        for name in [
            "SEP003094C2D3FA.cnf.xml",
            "sep003094c2d3fa.CNF.XML",
            "/SEP003094C2D3FA.cnf.xml",
            "C:\\TFTP\\XMLDefault.cnf.xml",
            "XMLDefault7960.cnf.xml",
            "XMLDefault7961GE.cnf.xml",
            "sepdefault.cnf.xml",
            "SEP003094C2D3FA.cnf",
            "SEPDEFAULT.cnf",
            "SEP003094C2D3FA.cnf.xml.sgn",
            "SEP003094C2D3FA.cnf.xml.enc.sgn",
            "ATADefault.cnf.xml",
        ] {
            assert!(is_config_name(name), "{name}");
        }
        for name in ["", "SEP", ".cnf.xml", "SEP.cnf.xml", "RINGLIST.XML", "CTLSEP003094C2D3FA.tlv", "SIPDefault.txt"] {
            assert!(!is_config_name(name), "{name}");
        }
        for name in
            ["OS79XX.TXT", "SEP003094C2D3FA.cnf.xml/", "SAA003094C2D3FA.cnf", "P00303020214.bin", "dialplan.xml"]
        {
            assert!(!is_config_name(name), "{name}");
        }
    }

    #[test]
    fn the_mac_of_a_file_name_is_found_with_its_case() {
        let mac = "00:30:94:c2:d3:fa".parse().unwrap();
        for (name, upper) in [
            ("SEP003094C2D3FA.cnf.xml", true),
            ("sep003094c2d3fa.cnf.xml", false),
            ("SEP003094c2D3FA.cnf.xml", false),
            ("/a/CTLSEP003094C2D3FA.tlv", true),
            ("ITLSEP003094C2D3FA.tlv", true),
            ("SIP003094C2D3FA.cnf", true),
            ("ata003094c2d3fa", false),
            ("SEP003094C2D3FA", true),
        ] {
            assert_eq!(device_of_name(name), Some((mac, upper)), "{name}");
        }
        for name in
            ["", "SEP", "SEP003094C2D3F.cnf", "SEP003094C2D3FA1.cnf", "SEP003094C2D3FG.cnf", "SEP\u{e9}03094C2D3FA"]
        {
            assert_eq!(device_of_name(name), None, "{name}");
        }
        assert_eq!(device_of_name("XMLDefault.cnf.xml"), None);
        assert_eq!(device_of_name("SEP00:30:94:c2.cnf"), None);
    }
}
