use serde_json::Value;

use super::*;
use crate::report::fixture;

fn document(d: &Diagnosis<'_>) -> (String, Value) {
    let mut out = Vec::new();
    write_json(d, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let value = serde_json::from_str(&text).unwrap();
    (text, value)
}

/// The keys of an object in the order in which they are written.
fn keys(text: &str) -> Vec<String> {
    struct Keys(Vec<String>);
    impl<'de> serde::Deserialize<'de> for Keys {
        fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Keys, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Keys;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                    let mut keys = Vec::new();
                    while let Some((key, _)) = map.next_entry::<String, serde::de::IgnoredAny>()? {
                        keys.push(key);
                    }
                    Ok(Keys(keys))
                }
            }
            d.deserialize_map(Visitor)
        }
    }
    serde_json::from_str::<Keys>(text).unwrap().0
}

fn line_with<'t>(text: &'t str, part: &str) -> &'t str {
    text.lines().find(|l| l.contains(part)).unwrap().trim().trim_end_matches(',')
}

#[test]
fn the_document_has_the_keys_of_the_contract_in_its_order() {
    let (text, _) = document(&fixture::mixed_site());
    assert_eq!(keys(&text).join(" "), "schema tool site inputs coverage servers phones findings");
    assert_eq!(
        keys(line_with(&text, "\"path\"")).join(" "),
        "id path format link_types packets bytes first last dropped problem"
    );
    assert_eq!(
        keys(line_with(&text, "\"timeline\"")).join(" "),
        "mac name model ip vlan dhcp tftp load registration cluster verdict findings timeline"
    );
    assert_eq!(
        keys(line_with(&text, "\"caused_by\"")).join(" "),
        "code severity confidence phones title summary facts phone_facts caused_by evidence wireshark_filter fixes"
    );
    let coverage = line_with(&text, "\"coverage\"").trim_start_matches("\"coverage\": ");
    assert_eq!(
        keys(coverage).join(" "),
        "dhcp tftp registration cdp_lldp cut_frames duplicate_frames limits_reached notes"
    );
}

#[test]
fn values_are_those_of_the_model() {
    let (_, v) = document(&fixture::mixed_site());
    assert_eq!(v["schema"], "phonescope.report/1");
    assert_eq!(v["tool"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(v["inputs"][0]["first"], "2026-11-23T07:00:00.000000000Z");
    assert_eq!(v["coverage"]["tftp"], "one way");
    assert_eq!(v["phones"].as_array().unwrap().len(), 6);
    let phone = &v["phones"][0];
    assert_eq!(phone["mac"], "00:30:94:00:00:00");
    assert_eq!(phone["dhcp"]["tftp_source"], "option150");
    assert_eq!(phone["dhcp"]["offers"][0]["frame"], 2);
    assert_eq!(phone["tftp"]["files"][0]["outcome"], "served");
    assert_eq!(phone["load"]["configured"], Value::Null);
    assert_eq!(phone["registration"]["state"], "rejected");
    assert_eq!(phone["verdict"], "wrong-tftp-server");
    assert_eq!(phone["findings"], serde_json::json!([0, 1]));
    let finding = &v["findings"][0];
    assert_eq!(
        finding["facts"],
        serde_json::json!({"tftp_used": "10.1.1.9", "tftp_right": ["10.30.0.5"], "load_taken": null,
                           "other": {"n": 3, "yes": true}})
    );
    assert_eq!(finding["phone_facts"], serde_json::json!({"00:30:94:00:00:00": {"source": "option150"}}));
    assert_eq!(finding["wireshark_filter"], "frame.number in {14,19}");
    assert_eq!(finding["fixes"][0]["where"], "dhcp-server");
    assert_eq!(v["findings"][1]["caused_by"], 0);
}

#[test]
fn a_tftp_server_set_by_hand_has_no_source_in_the_lease() {
    let mut d = fixture::mixed_site();
    d.make_phone = Box::new(|i, _| {
        let mut p = fixture::phone(i, std::net::Ipv4Addr::new(10, 30, 0, 5));
        p.tftp_source = Some(crate::diagnosis::TftpSource::Manual);
        p
    });
    assert_eq!(document(&d).1["phones"][0]["dhcp"]["tftp_source"], Value::Null);
}

#[test]
fn an_empty_report_is_complete() {
    let (text, v) = document(&fixture::nothing());
    assert!(text.contains("\n  \"phones\": [],\n  \"findings\": []\n}\n"), "{text}");
    assert_eq!(v["site"], Value::Null);
}

#[test]
fn ndjson_has_one_typed_line_per_input_phone_finding() {
    let mut out = Vec::new();
    write_ndjson(&fixture::mixed_site(), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let types: Vec<String> = text
        .lines()
        .map(|line| {
            assert_eq!(keys(line)[0], "type");
            serde_json::from_str::<Value>(line).unwrap()["type"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(types.join(" "), "input phone phone phone phone phone phone finding finding finding");
}

#[test]
fn hostile_text_stays_what_it_is_but_never_stands_there_raw() {
    let mut out = Vec::new();
    write_ndjson(&fixture::hostile(), &mut out).unwrap();
    let (document, value) = document(&fixture::hostile());
    for text in [String::from_utf8(out).unwrap(), document] {
        assert!(!text.replace('\n', "").chars().any(crate::types::is_unsafe));
    }
    assert_eq!(value["phones"][0]["name"], fixture::HOSTILE);
    assert_eq!(value["findings"][0]["facts"]["file"], fixture::HOSTILE);
}

#[test]
fn an_event_is_one_line_that_reads_back() {
    let text = r#"{"input":2,"time":"2026-11-23T07:00:00Z","type":"capture","path":"x\u001b\u202e","format":"pcap","packets":1,"bytes":2}"#;
    let event: Event = serde_json::from_str(text).unwrap();
    let mut out = Vec::new();
    write_event(&event, &mut out).unwrap();
    let line = String::from_utf8(out).unwrap();
    assert!(line.ends_with("}\n") && line.contains(r"x\u001b\u202e"), "{line}");
    assert_eq!(line.lines().count(), 1);
    let back: Event = serde_json::from_str(&line).unwrap();
    assert_eq!((back.at, back.time, back.kind), (event.at, event.time, event.kind));
}
