use phonescope::diagnosis::{Code, Confidence, Severity};
use phonescope::report::FindingState;
use phonescope::types::WireText;

use super::*;

fn change(kind: ChangeKind, to: &str, text: &str) -> Change {
    let finding = matches!(kind, ChangeKind::FindingBegan | ChangeKind::Verdict).then_some(FindingState {
        code: Code::StuckLoad,
        severity: Severity::Error,
        confidence: Confidence::Likely,
        began: Timestamp(0),
    });
    Change {
        time: Timestamp(1_795_417_200_000_000_000),
        mac: Mac([0, 0x30, 0x94, 0xc2, 0xd3, 0xfa]),
        name: Some(WireText::from("SEP\x1b[2J")),
        kind,
        from: None,
        to: Some(WireText::from(to)),
        shown: None,
        finding,
        text: text.to_owned(),
    }
}

fn written(form: Form, changes: &[Change]) -> String {
    let mut out = Vec::new();
    Lines::new(form).write(changes, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_line_says_who_and_what_and_nothing_twice() {
    let changes = [
        change(ChangeKind::Appeared, "", "appears (7960)"),
        change(ChangeKind::State, "seen", "is seen, and nothing of its boot"),
        change(ChangeKind::FindingBegan, "error, likely", "stuck-load (error, likely): title"),
        change(ChangeKind::Verdict, "stuck-load", "verdict stuck-load (likely): title"),
    ];
    assert_eq!(
        written(Form::Text, &changes),
        "07:00:00.000 SEP\\u{1b}[2J appears (7960)\n07:00:00.000 SEP\\u{1b}[2J verdict stuck-load (likely): title\n"
    );
    assert_eq!(written(Form::Text, &changes[1..3]).lines().count(), 2, "what no other line says is said");
    assert_eq!(written(Form::Silent, &changes), "");
}

#[test]
fn an_object_has_its_keys_and_nothing_is_raw() {
    let text = written(Form::Json, &[change(ChangeKind::Verdict, "stuck-load", "verdict stuck-load")]);
    assert_eq!(
        text.trim_end(),
        r#"{"type":"change","time":"2026-11-23T07:00:00.000000000Z","mac":"00:30:94:c2:d3:fa","name":"SEP\u001b[2J","change":"verdict","from":null,"to":"stuck-load","input":null,"frame":null,"frame_time":null,"finding":{"code":"stuck-load","severity":"error","confidence":"likely","began":"1970-01-01T00:00:00.000000000Z"},"text":"verdict stuck-load"}"#
    );
}
