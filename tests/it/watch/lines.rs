//! Lines where there is no terminal.

use serde_json::Value;

use super::Stage;

const MIXED: &str = "founding-case/mixed-site.pcap";

/// Phones with their verdicts and registration states, of a report in NDJSON.
fn verdicts(ndjson: &str) -> Vec<(String, String, String)> {
    let of = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let lines = ndjson.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let phones = lines.filter(|v| v["type"] == "phone");
    phones.map(|p| (of(&p["mac"]), of(&p["verdict"]), of(&p["registration"]["state"]))).collect()
}

#[test]
fn changes_are_printed_live_and_the_report_at_the_end() {
    let Some(stage) = Stage::new() else { return };
    let watch = stage.watch(&["--expect-tftp", "10.30.0.5"]);
    stage.play(&stage.capture(MIXED), 20);
    // A judgement between the lease and the read request says `likely` first: both ways, in the end it is certain.
    watch.until_one_is_said(&[
        &["SEP00036B3A1001", "verdict wrong-tftp-server (certain): 10.31.0.5 is not the TFTP server"],
        &["SEP00036B3A1001", "wrong-tftp-server is error, certain now: 10.31.0.5 is not the TFTP server"],
    ]);
    watch.until_said(&["SEP0007EB3A1006", "is registered with 10.30.0.10"]);
    watch.signal("INT");
    assert_eq!(watch.end(), Some(1));
    let out = stage.read("out");
    assert!(out.contains("6 phones: 4 wrong-tftp-server, 2 healthy. 1 cause needs action; 1 warning."), "{out}");
    let err = stage.read("err");
    assert!(!err.contains("cannot") && !err.contains("panic"), "{err}");
}

#[test]
fn json_objects_stream_and_verdicts_match_the_packets() {
    let Some(stage) = Stage::new() else { return };
    let watch = stage.watch(&["-T", "ndjson", "--expect-tftp", "10.30.0.5"]);
    let file = stage.capture(MIXED);
    stage.play(&file, 20);
    watch.until_said(&["\"change\":\"verdict\"", "00:07:eb:3a:10:06", "\"to\":\"healthy\""]);
    watch.until_said(&["\"change\":\"state\"", "00:30:94:3a:10:02", "\"to\":\"rejected\"", "\"frame\":"]);
    watch.signal("TERM");
    assert_eq!(watch.end(), Some(1));
    let out = stage.read("out");
    assert!(out.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{out}");
    let offline = super::run(&["analyze", "--expect-tftp", "10.30.0.5", "-T", "ndjson", file.to_str().unwrap()]);
    let offline = verdicts(&String::from_utf8(offline.stdout).unwrap());
    assert_eq!(verdicts(&out), offline);
    assert_eq!(offline.len(), 6);
    // The changes come to the same verdicts.
    let changed = |mac: &str| {
        let lines = out.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut verdicts = lines.filter(|v| v["type"] == "change" && v["change"] == "verdict" && v["mac"] == mac);
        verdicts.next_back().map(|v| v["to"].as_str().unwrap_or_default().to_owned())
    };
    for (mac, verdict, _) in &offline {
        assert_eq!(changed(mac).as_ref(), Some(verdict), "{mac}");
    }
}

#[test]
fn a_document_stays_a_document_and_the_lines_go_aside() {
    let Some(stage) = Stage::new() else { return };
    let watch = stage.watch(&["-T", "json", "-a", "duration:3"]);
    stage.play(&stage.capture("healthy/boot.pcap"), 20);
    assert_eq!(watch.end(), Some(0));
    let report: Value = serde_json::from_str(&stage.read("out")).unwrap();
    assert_eq!(report["phones"][0]["verdict"], "healthy");
    assert_eq!(report["inputs"][0]["format"], "live");
    assert!(stage.read("err").contains("SEP00036B3A1001 verdict healthy"), "{}", stage.read("err"));
}
