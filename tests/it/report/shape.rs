//! The shape of `phonescope.report/1`: keys in order, types, and the words that a value may be.

use std::net::IpAddr;

/// JSON with its keys in the order in which they stand.
pub(super) enum Json {
    Object(Vec<(String, Json)>),
    List(Vec<Json>),
    Text(String),
    Number,
    Flag,
    Null,
}

/// Reads a document.
pub(super) fn read(bytes: &[u8]) -> Json {
    serde_json::from_slice(bytes).expect("JSON")
}

impl<'de> serde::Deserialize<'de> for Json {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Json, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Json;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("JSON without fractions and negative numbers")
            }
            fn visit_unit<E>(self) -> Result<Json, E> {
                Ok(Json::Null)
            }
            fn visit_bool<E>(self, _: bool) -> Result<Json, E> {
                Ok(Json::Flag)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Json, E> {
                Ok(Json::Number)
            }
            fn visit_str<E>(self, text: &str) -> Result<Json, E> {
                Ok(Json::Text(text.to_owned()))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = seq.next_element()? {
                    list.push(item);
                }
                Ok(Json::List(list))
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
                let mut object = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    object.push(entry);
                }
                Ok(Json::Object(object))
            }
        }
        d.deserialize_any(Visitor)
    }
}

/// What a value must be.
pub(super) enum Shape {
    /// These keys, all of them, in this order.
    Object(&'static [(&'static str, Shape)]),
    /// Any keys with values of one shape; of MAC addresses.
    ByMac(&'static Shape),
    /// Facts: keys by code, values that are not nested deeper than tables in a list.
    Facts,
    List(&'static Shape),
    OrNull(&'static Shape),
    Text,
    Number,
    Flag,
    /// RFC 3339, UTC, nanoseconds.
    Time,
    /// `00:30:94:c2:d3:fa`
    Mac,
    Ip,
    Word(&'static [&'static str]),
}

use Shape::{ByMac, Facts, Flag, Ip, List, Mac, Number, Object, OrNull, Text, Time, Word};

const SEEN: Shape = Word(&["both ways", "one way", "none"]);
/// Where a frame is: its input, and its number there.
const INPUT: (&str, Shape) = ("input", Number);
const FRAME: (&str, Shape) = ("frame", Number);

const REGISTRATION: Shape = Object(&[
    ("state", Word(&["registered", "rejected", "refused", "no-answer", "closed", "unregistered", "not-seen"])),
    ("protocol", OrNull(&Word(&["sccp", "sccps", "sip"]))),
    ("call_manager", OrNull(&Ip)),
    ("reject_text", OrNull(&Text)),
    ("device_type", OrNull(&Number)),
    ("attempts", Number),
    ("last_reason", OrNull(&Text)),
]);

const FILE: Shape = Object(&[
    ("name", Text),
    ("server", Ip),
    ("transport", Word(&["tftp", "http"])),
    ("outcome", Word(&["served", "missing", "refused", "no-answer", "aborted", "partial"])),
    ("bytes", Number),
    INPUT,
    FRAME,
]);

const KINDS: Shape =
    Word(&["dhcp", "tftp", "config", "load", "tcp", "sccp", "sip", "cdp", "lldp", "dns", "arp", "icmp"]);

const PHONE: Shape = Object(&[
    ("mac", Mac),
    ("name", OrNull(&Text)),
    ("model", OrNull(&Text)),
    ("ip", OrNull(&Ip)),
    ("vlan", OrNull(&Number)),
    (
        "dhcp",
        Object(&[
            ("server", OrNull(&Ip)),
            ("tftp", List(&Text)),
            ("tftp_source", OrNull(&Word(&["option150", "option66", "sname", "siaddr"]))),
            ("offers", List(&Object(&[("server", Ip), ("tftp", List(&Text)), INPUT, FRAME, ("chosen", Flag)]))),
        ]),
    ),
    ("tftp", Object(&[("servers", List(&Ip)), ("files", List(&FILE))])),
    (
        "load",
        Object(&[
            ("running", OrNull(&Text)),
            ("running_source", OrNull(&Word(&["alarm", "register", "cdp", "lldp"]))),
            ("configured", OrNull(&Text)),
            ("fetched", OrNull(&Text)),
            ("wanted_by_call_manager", OrNull(&Text)),
        ]),
    ),
    ("registration", REGISTRATION),
    ("cluster", Object(&[("expected", OrNull(&Text)), ("tftp", OrNull(&Text)), ("registered", OrNull(&Text))])),
    ("verdict", Text),
    ("findings", List(&Number)),
    ("timeline", List(&Object(&[("time", Time), INPUT, FRAME, ("kind", KINDS), ("text", Text)]))),
]);

const FIX: Shape = Object(&[
    ("title", Text),
    ("role", Word(&["needed", "alternative", "follow-up"])),
    ("where", Word(&["dhcp-server", "tftp-server", "call-manager", "phone", "network"])),
    ("platform", Word(&["ios", "isc-dhcpd", "kea", "dnsmasq", "windows", "windows-netsh", "any"])),
    ("steps", List(&Text)),
    ("config", OrNull(&Text)),
    ("undo", OrNull(&Text)),
    ("verify", Text),
]);

const FINDING: Shape = Object(&[
    ("code", Text),
    ("severity", Word(&["error", "warning", "info"])),
    ("confidence", Word(&["certain", "likely", "possible"])),
    ("phones", List(&Mac)),
    ("title", Text),
    ("summary", Text),
    ("facts", Facts),
    ("phone_facts", ByMac(&Facts)),
    ("caused_by", OrNull(&Number)),
    ("evidence", List(&Object(&[INPUT, FRAME, ("time", Time), ("text", Text)]))),
    ("wireshark_filter", Text),
    ("fixes", List(&FIX)),
]);

/// The document.
pub(super) const REPORT: Shape = Object(&[
    ("schema", Word(&["phonescope.report/1"])),
    ("tool", Object(&[("name", Word(&["phonescope"])), ("version", Text)])),
    ("site", OrNull(&Text)),
    (
        "inputs",
        List(&Object(&[
            ("id", Number),
            ("path", Text),
            ("format", Word(&["pcap", "pcapng", "snoop", "events", "live"])),
            ("link_types", List(&Text)),
            ("packets", Number),
            ("bytes", Number),
            ("first", OrNull(&Time)),
            ("last", OrNull(&Time)),
            ("dropped", OrNull(&Number)),
            ("problem", OrNull(&Text)),
        ])),
    ),
    (
        "coverage",
        Object(&[
            ("dhcp", SEEN),
            ("tftp", SEEN),
            ("registration", SEEN),
            ("cdp_lldp", SEEN),
            ("cut_frames", Number),
            ("duplicate_frames", Number),
            ("limits_reached", List(&Text)),
            ("notes", List(&Text)),
        ]),
    ),
    (
        "servers",
        Object(&[
            (
                "dhcp",
                List(&Object(&[
                    ("ip", Ip),
                    ("offers", Number),
                    ("acks", Number),
                    ("naks", Number),
                    ("phones", Number),
                    ("tftp", List(&Text)),
                    ("cluster", OrNull(&Text)),
                ])),
            ),
            (
                "tftp",
                List(&Object(&[
                    ("ip", Ip),
                    ("phones", Number),
                    ("served", Number),
                    ("missing", Number),
                    ("silent", Number),
                    ("cluster", OrNull(&Text)),
                ])),
            ),
            (
                "call_managers",
                List(&Object(&[
                    ("ip", Ip),
                    ("registered", Number),
                    ("rejected", Number),
                    ("refused", Number),
                    ("silent", Number),
                    ("cluster", OrNull(&Text)),
                ])),
            ),
        ]),
    ),
    ("phones", List(&PHONE)),
    ("findings", List(&FINDING)),
]);

fn is_time(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape == "0000-00-00T00:00:00.000000000Z"
}

fn is_mac(text: &str) -> bool {
    let hex = |part: &str| part.len() == 2 && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    text.split(':').count() == 6 && text.split(':').all(hex)
}

/// Where the value is not of this shape.
pub(super) fn differences(path: &str, value: &Json, shape: &Shape, wrong: &mut Vec<String>) {
    match (shape, value) {
        (Object(keys), Json::Object(entries)) => {
            let expected: Vec<&str> = keys.iter().map(|(key, _)| *key).collect();
            let found: Vec<&str> = entries.iter().map(|(key, _)| key.as_str()).collect();
            if found != expected {
                return wrong.push(format!("{path}: keys {found:?}, not {expected:?}"));
            }
            for ((key, value), (_, shape)) in entries.iter().zip(*keys) {
                differences(&format!("{path}.{key}"), value, shape, wrong);
            }
        }
        (ByMac(shape), Json::Object(entries)) => {
            for (key, value) in entries {
                if !is_mac(key) {
                    wrong.push(format!("{path}: {key} is no MAC address"));
                }
                differences(&format!("{path}.{key}"), value, shape, wrong);
            }
        }
        (Facts, Json::Object(_)) | (OrNull(_), Json::Null) | (Text, Json::Text(_)) | (Number, Json::Number) => {}
        (Flag, Json::Flag) => {}
        (List(shape), Json::List(list)) => {
            list.iter().enumerate().for_each(|(i, v)| differences(&format!("{path}[{i}]"), v, shape, wrong));
        }
        (OrNull(shape), value) => differences(path, value, shape, wrong),
        (Time, Json::Text(text)) if is_time(text) => {}
        (Mac, Json::Text(text)) if is_mac(text) => {}
        (Ip, Json::Text(text)) if text.parse::<IpAddr>().is_ok() => {}
        (Word(words), Json::Text(text)) if words.contains(&text.as_str()) => {}
        (_, Json::Text(text)) => wrong.push(format!("{path}: {text:?}")),
        _ => wrong.push(format!("{path}: another type")),
    }
}
