//! What is asked after which answer, and what is said at the end.

use super::*;
use crate::remedy::probe::{Reference, Transport, Unreachable};

const CONFIG: &str = "<device><callManagerGroup><members><member priority=\"0\"><callManager><processNodeName>\
                      10.30.0.10</processNodeName></callManager></member></members></callManagerGroup>\
                      <loadInformation>P00303000300</loadInformation><sshPassword>hunter2</sshPassword></device>";

fn expectation() -> Expectation {
    Expectation {
        mac: Some("003094C2D3FA".parse().unwrap()),
        name: "SEP003094C2D3FA".to_owned(),
        model: Some("7960".to_owned()),
        config: FileName::new("SEP003094C2D3FA.cnf.xml").unwrap(),
        load: Some("P00303000300".to_owned()),
        call_managers: vec!["10.30.0.10".parse().unwrap()],
    }
}

/// Plays a server that has these files, and gives what was asked and what came out.
fn played(expectation: Expectation, files: &[(&str, Answer)], references: &[Reference]) -> (Vec<String>, Checked) {
    let server = Server { transport: Transport::Tftp, address: "10.30.0.5:69".parse().unwrap() };
    let mut inquiry = Inquiry::new(server, expectation, false);
    let mut asked = Vec::new();
    while let Some(question) = inquiry.question().cloned() {
        let file = question.file.to_string();
        let answer = files.iter().find(|(name, _)| *name == file).map(|(_, a)| a.clone());
        inquiry.answer(FileChecked::new(
            &question,
            answer.unwrap_or(Answer::Missing("File not found".into())),
            Vec::new(),
            references,
        ));
        asked.push(file);
        assert!(asked.len() < 100, "it never ends: {asked:?}");
    }
    (asked, inquiry.finish())
}

fn whole(text: &str) -> Answer {
    Answer::Whole(text.as_bytes().to_vec())
}

fn there() -> Answer {
    Answer::There { length: Some(129_024) }
}

fn said(checked: &Checked) -> Vec<String> {
    checked.points.iter().map(|p| format!("{} {}: {}", p.subject.as_str(), p.standing.as_str(), p.text)).collect()
}

const LOAD: &str = "P00303000300.bin";
const NAME: &str = "SEP003094C2D3FA.cnf.xml";

#[test]
fn a_server_that_has_everything_is_right() {
    let (asked, checked) = played(expectation(), &[(NAME, whole(CONFIG)), (LOAD, there())], &[]);
    assert_eq!(asked, [NAME, LOAD]);
    assert!(checked.is_right());
    assert_eq!(
        said(&checked),
        [
            format!("configuration right: {NAME} is there, {} octets.", CONFIG.len()),
            "call-manager right: It sends the phone to CallManager 10.30.0.10.".to_owned(),
            "load-named right: It names load P00303000300.".to_owned(),
            "load-file right: Load P00303000300: P00303000300.bin is there, 129024 octets.".to_owned(),
        ]
    );
}

#[test]
fn no_secret_of_a_configuration_is_kept() {
    let reference = Reference {
        name: FileName::new(NAME).unwrap(),
        path: "pack/x".to_owned(),
        octets: CONFIG.replace("hunter2", "hunter3").into_bytes(),
    };
    let (_, checked) = played(expectation(), &[(NAME, whole(CONFIG)), (LOAD, there())], &[reference]);
    assert!(!format!("{checked:?}").contains("hunter"));
    assert!(checked.files.iter().all(|f| !matches!(&f.answer, Answer::Whole(octets) if !octets.is_empty())));
    assert!(said(&checked).iter().any(|s| s.starts_with("same-file wrong: ")), "{:?}", said(&checked));
}

#[test]
fn a_configuration_under_the_other_case_is_found_and_told() {
    let (asked, checked) = played(expectation(), &[("SEP003094c2d3fa.cnf.xml", whole(CONFIG)), (LOAD, there())], &[]);
    assert_eq!(asked, [NAME, "SEP003094c2d3fa.cnf.xml", LOAD]);
    assert!(!checked.is_right());
    assert_eq!(
        said(&checked)[0],
        "configuration wrong: SEP003094C2D3FA.cnf.xml is not there, but SEP003094c2d3fa.cnf.xml is: rename it, since \
         the phone asks in the other case."
    );
    // Digits alone have no case.
    let mut digits = expectation();
    digits.config = FileName::new("SEP003094121314.cnf.xml").unwrap();
    assert_eq!(played(digits, &[], &[]).0, ["SEP003094121314.cnf.xml", LOAD]);
}

#[test]
fn missing_config_is_wrong_and_load_is_still_probed() {
    let (asked, checked) = played(expectation(), &[(LOAD, there())], &[]);
    assert_eq!(asked, [NAME, "SEP003094c2d3fa.cnf.xml", LOAD]);
    assert_eq!(said(&checked)[0], "configuration wrong: SEP003094C2D3FA.cnf.xml is not there.");
    assert!(said(&checked)[1].starts_with("load-file right"));
}

#[test]
fn another_load_named_is_wrong_and_both_are_asked_for() {
    let config = CONFIG.replace("P00303000300", "P00303010102");
    let (asked, checked) = played(expectation(), &[(NAME, whole(&config)), (LOAD, there())], &[]);
    assert_eq!(asked, [NAME, "P00303010102.bin", LOAD]);
    assert_eq!(said(&checked)[2], "load-named wrong: It names load P00303010102, not P00303000300.");
    assert_eq!(
        said(&checked)[3],
        "load-file wrong: Load P00303010102 is not there: no P00303010102.bin. The phone keeps the one it has."
    );
    assert!(said(&checked)[4].starts_with("load-file right: Load P00303000300"));
}

#[test]
fn a_load_is_asked_for_as_the_configuration_spells_it() {
    let config = CONFIG.replace("P00303000300", "p00303000300");
    let (asked, checked) = played(expectation(), &[(NAME, whole(&config)), (LOAD, there())], &[]);
    assert_eq!(asked, [NAME, "p00303000300.bin"]);
    assert!(said(&checked)[2].starts_with("load-named right") && said(&checked)[3].starts_with("load-file wrong"));
}

#[test]
fn a_load_of_the_device_type_counts_where_no_other_is_named() {
    let config = CONFIG.replace(
        "<loadInformation>P00303000300</loadInformation>",
        "<loadInformation7>P00303000300</loadInformation7>",
    );
    let (_, checked) = played(expectation(), &[(NAME, whole(&config)), (LOAD, there())], &[]);
    assert!(checked.is_right(), "{:?}", said(&checked));
    let mut another = expectation();
    another.model = Some("7910".to_owned());
    let (_, checked) = played(another, &[(NAME, whole(&config)), (LOAD, there())], &[]);
    assert!(said(&checked)[2].starts_with("load-named wrong: It names no load"), "{:?}", said(&checked));
}

#[test]
fn the_parts_of_a_list_are_asked_for() {
    let config = CONFIG.replace("P00303000300", "SCCP41.8-5-2S");
    let list = "jar41sccp.8-5-2TH1-9.sbn\r\ncnu41.8-5-2TH1-9.sbn\r\n";
    let mut expectation = expectation();
    expectation.load = Some("SCCP41.8-5-2S".to_owned());
    let jar = "jar41sccp.8-5-2TH1-9.sbn";
    let cnu = "cnu41.8-5-2TH1-9.sbn";
    let list_name = "SCCP41.8-5-2S.loads";
    let files = [(NAME, whole(&config)), (list_name, whole(list)), (jar, there()), (cnu, there())];
    let (asked, checked) = played(expectation.clone(), &files, &[]);
    assert_eq!(asked, [NAME, list_name, jar, cnu]);
    assert!(checked.is_right(), "{:?}", said(&checked));
    let (_, checked) = played(expectation, &files[..3], &[]);
    assert_eq!(
        said(&checked)[3],
        "load-file wrong: Load SCCP41.8-5-2S is not whole: cnu41.8-5-2TH1-9.sbn is not there."
    );
}

#[test]
fn a_load_in_a_later_form_is_looked_for_in_all_its_files() {
    let config = CONFIG.replace("P00303000300", "P00305000301");
    let mut expectation = expectation();
    expectation.load = Some("P00305000301".to_owned());
    let (asked, checked) = played(expectation.clone(), &[(NAME, whole(&config)), ("P00305000301.sbn", there())], &[]);
    assert_eq!(asked, [NAME, "P00305000301.loads", "P00305000301.sbn"]);
    assert!(checked.is_right());
    let (_, checked) = played(expectation, &[(NAME, whole(&config))], &[]);
    assert_eq!(
        said(&checked)[3],
        "load-file wrong: Load P00305000301 is not there: no P00305000301.loads, P00305000301.sbn or \
         P00305000301.bin. The phone keeps the one it has."
    );
}

#[test]
fn a_server_that_does_not_speak_is_asked_once() {
    for silence in [Answer::Silent { tries: 4 }, Answer::Unreachable(Unreachable::Port)] {
        let (asked, checked) = played(expectation(), &[(NAME, silence)], &[]);
        assert_eq!(asked, [NAME]);
        assert!(!checked.is_right());
        assert!(said(&checked)[0].starts_with("configuration not-seen: SEP003094C2D3FA.cnf.xml: n"), "{checked:?}");
    }
}

#[test]
fn a_server_cannot_make_us_ask_for_what_is_no_file_of_a_phone() {
    for load in ["../../etc/passwd", "a b", "a/b", &"x".repeat(200)] {
        let config = CONFIG.replace("P00303000300", load);
        let mut vague = expectation();
        vague.load = None;
        let (asked, checked) = played(vague, &[(NAME, whole(&config))], &[]);
        assert_eq!(asked, [NAME], "{load}");
        assert!(said(&checked).last().unwrap().contains("is no name of a file"), "{:?}", said(&checked));
    }
    // A list that names itself and a hundred others is followed as far as the bound.
    let list: String = (0..100).map(|n| format!("part{n}.sbn\nSCCP41.1.loads\n")).collect();
    let mut listed = expectation();
    listed.load = Some("SCCP41.1".to_owned());
    let config = CONFIG.replace("P00303000300", "SCCP41.1");
    let (asked, _) = played(listed, &[(NAME, whole(&config)), ("SCCP41.1.loads", whole(&list))], &[]);
    assert!(asked.len() <= 2 + 32, "{}", asked.len());
}

#[test]
fn a_configuration_that_can_not_be_read_is_no_proof() {
    let (asked, checked) = played(expectation(), &[(NAME, whole("\u{1}\0\u{2}sealed")), (LOAD, there())], &[]);
    assert_eq!(asked, [NAME, LOAD]);
    assert!(!checked.is_right());
    assert!(said(&checked)[1].starts_with("load-named not-seen"), "{:?}", said(&checked));
    let (_, checked) = played(expectation(), &[(NAME, whole("")), (LOAD, there())], &[]);
    assert!(said(&checked)[0].contains("but broken: empty"), "{:?}", said(&checked));
}

#[test]
fn a_load_server_and_a_wrong_call_manager_are_told() {
    let config = CONFIG.replace("<device>", "<device><loadServer>10.9.9.9</loadServer>").replace("0.10<", "0.99<");
    let (asked, checked) = played(expectation(), &[(NAME, whole(&config))], &[]);
    assert_eq!(asked, [NAME]);
    assert!(said(&checked)[1].starts_with("call-manager wrong: It sends the phone to CallManager 10.30.0.99, not to"));
    assert!(said(&checked)[3].starts_with("load-file not-seen") && said(&checked)[3].contains("10.9.9.9"));
    let named = CONFIG.replace("10.30.0.10", "cm1");
    let (_, checked) = played(expectation(), &[(NAME, whole(&named)), (LOAD, there())], &[]);
    assert!(checked.is_right() && said(&checked)[1].contains("names are not looked up"));
}

#[test]
fn the_plan_says_what_is_asked() {
    let server = Server { transport: Transport::Tftp, address: "10.30.0.5:69".parse().unwrap() };
    let plan = Inquiry::new(server, expectation(), false).plan();
    let names: Vec<&str> = plan.iter().map(|(file, ..)| file.as_str()).collect();
    assert_eq!(names, [NAME, "SEP003094c2d3fa.cnf.xml", LOAD]);
    assert_eq!(plan[2].1, Want::Presence);
    assert!(matches!(Inquiry::new(server, expectation(), true).plan()[2].1, Want::Whole(LONGEST_LOAD)));
}
