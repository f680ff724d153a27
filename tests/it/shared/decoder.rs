//! Public captures, and what another decoder (tshark 4.0 with its defaults) sees in them.
//!
//! Every message that it sees is seen, in the same frame with the same values, and no other. Where this program is
//! right and the other is not, the frames stand in [`DEVIATIONS`] and in `docs/deviations.md`.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::{documents, folder};
use crate::product::{events, list};

/// Frames in which this program says something else than the reference decoder.
struct Deviation {
    file: &'static str,
    /// List of the reference: `dhcp`, `tftp`, `sccp`, `announcements`.
    list: &'static str,
    frames: &'static [u64],
    why: &'static str,
}

const DEVIATIONS: &[Deviation] = &[
    Deviation {
        file: "pcapanalysis-tftp.pcap",
        list: "tftp",
        frames: &[1065],
        why: "The reference decodes the packet that an ICMP error quotes. It was not sent in this frame; the error \
              itself is an `icmp` event.",
    },
    Deviation {
        file: "wswiki-BT_USB_LinCooked_Eth_80211_RT.ntar.gz",
        list: "dhcp",
        frames: &[
            16, 19, 22, 23, 24, 25, 27, 28, 29, 30, 31, 33, 34, 2500, 2503, 2522, 2523, 3258, 3259, 3277, 3278, 3279,
            3296, 3300, 3303, 3305,
        ],
        why: "The reference gives the file up at a Bluetooth packet that is shorter than its pseudo header. What stands \
              behind it is intact.",
    },
    Deviation {
        file: "wswiki-MINET-SAC-Traces.pcap",
        list: "tftp",
        frames: &[403, 407],
        why: "The server listens on port 20001. The reference takes the request and the server's packets for TFTP, and \
              the client's acknowledgement and error in between for plain UDP.",
    },
    Deviation {
        file: "wswiki-dhcp_log.cap3004.gz",
        list: "dhcp",
        frames: &[
            53, 153, 154, 199, 209, 279, 310, 411, 434, 638, 819, 866, 901, 922, 1039, 1050, 1102, 1146, 1183, 1209,
            1261, 1310, 1315, 1379, 1710, 1746, 1788, 1811, 1852, 1868, 1958,
        ],
        why: "`hlen` is 6, so `chaddr` has six octets; for a hardware type other than Ethernet the reference prints all \
              sixteen of the field.",
    },
];

/// What is compared, by list of the reference.
const COMPARED: [(&str, &[&str]); 4] = [
    ("dhcp", &["op", "type", "xid", "chaddr", "yiaddr", "siaddr", "giaddr", "opt54", "opt66", "opt150"]),
    ("tftp", &["op", "file", "block", "error_code"]),
    ("sccp", &["id", "device", "reject_text", "alarm_text"]),
    ("announcements", &["device_id", "platform", "voice_vlan"]),
];

fn list_of(kind: &str) -> &str {
    if matches!(kind, "cdp" | "lldp") { "announcements" } else { kind }
}

/// Whether the event has all values that the reference has.
fn agrees(event: &Value, reference: &Value, keys: &[&str]) -> bool {
    keys.iter().all(|key| {
        let ours = if *key == "type" { &event["msg"] } else { &event[*key] };
        match (&reference[*key], ours) {
            (Value::Null, _) => true,
            (Value::String(a), Value::String(b)) => a.eq_ignore_ascii_case(b),
            (a, b) => a == b,
        }
    })
}

type Frames<'v> = BTreeMap<u64, Vec<&'v Value>>;

fn by_frame<'v>(values: impl Iterator<Item = &'v Value>) -> Frames<'v> {
    let mut frames = Frames::new();
    for value in values {
        frames.entry(value["frame"].as_u64().unwrap()).or_default().push(value);
    }
    frames
}

/// Frames in which the two disagree.
fn differing(ours: &Frames<'_>, reference: &Frames<'_>, keys: &[&str], cut: bool) -> Vec<u64> {
    let none = Vec::new();
    let last = if cut { reference.last_key_value().map_or(0, |(frame, _)| *frame) } else { u64::MAX };
    let mut frames: Vec<u64> = ours.keys().chain(reference.keys()).copied().filter(|f| *f <= last).collect();
    frames.sort_unstable();
    frames.dedup();
    frames.retain(|frame| {
        let (ours, theirs) = (ours.get(frame).unwrap_or(&none), reference.get(frame).unwrap_or(&none));
        ours.len() != theirs.len() || !theirs.iter().all(|t| ours.iter().any(|o| agrees(o, t, keys)))
    });
    frames
}

#[test]
fn public_captures_decode_as_the_reference_decoder_does() {
    let Some(folder) = folder() else { return };
    let mut wrong = Vec::new();
    let mut compared = 0;
    for (name, reference) in documents("truth", ".json") {
        let total: usize = COMPARED.iter().map(|(list, _)| reference[*list].as_array().map_or(0, Vec::len)).sum();
        let known = |list: &str| DEVIATIONS.iter().find(|d| d.file == name && d.list == list);
        if total == 0 && !DEVIATIONS.iter().any(|d| d.file == name) {
            continue;
        }
        compared += total;
        let bytes = std::fs::read(folder.join("public").join(&name)).unwrap();
        let lines = events(&[(name.as_str(), &bytes)]);
        let lines: Vec<Value> = lines
            .split(|b| *b == b'\n')
            .filter(|l| !l.is_empty())
            .map(|l| serde_json::from_slice(l).unwrap())
            .collect();
        for (kind, keys) in COMPARED {
            let is_it = |e: &&Value| list_of(e["type"].as_str().unwrap()) == kind;
            let ours = by_frame(lines.iter().filter(is_it));
            let theirs = by_frame(list(&reference, kind).iter());
            let cut = reference["cut_lists"].as_array().is_some_and(|lists| lists.iter().any(|l| l == kind));
            let differing = differing(&ours, &theirs, keys, cut);
            let expected = known(kind).map_or(&[][..], |d| d.frames);
            if differing != expected {
                let odd =
                    |a: &[u64], b: &[u64]| a.iter().copied().filter(|f| !b.contains(f)).take(9).collect::<Vec<_>>();
                wrong.push(format!(
                    "{name} {kind}: differs in frames {:?}, no longer in {:?}",
                    odd(&differing, expected),
                    odd(expected, &differing)
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 5000, "only {compared} messages");
}

/// `docs/deviations.md`.
fn page() -> String {
    let mut text = "# Where another decoder says something else\n\n\
        `tests/it/shared/decoder.rs` compares the events of public captures with what tshark 4.0 decodes with its\n\
        defaults, message by message. They agree but for the frames below, in which this program is right. The test\n\
        fails as well where a deviation is no longer one. `BLESS=1` writes this page.\n\n\
        | capture | frames | messages | why |\n| --- | --- | --- | --- |\n"
        .to_owned();
    for Deviation { file, list, frames, why } in DEVIATIONS {
        let frames: Vec<String> = frames.iter().map(u64::to_string).collect();
        text.push_str(&format!("| `{file}` | {} | {list} | {why} |\n", frames.join(", ")));
    }
    text
}

#[test]
fn every_deviation_has_its_reason_on_the_page() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/deviations.md");
    if std::env::var_os("BLESS").is_some_and(|v| v == "1") {
        std::fs::write(&path, page()).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), page(), "BLESS=1 writes docs/deviations.md");
}
