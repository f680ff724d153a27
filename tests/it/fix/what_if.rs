//! What changes would do, by shipped captures.

use std::net::IpAddr;

use phonescope::remedy::what_if::{Change, WhatIf, WhatIfOutcome, what_if};
use phonescope::report::{PhoneSelector, Selection, write_json};
use phonescope::site::Site;
use serde_json::Value;

use super::analyzed;
use crate::product::{list, site_of, text};
use crate::support::shipped::shipped;

fn ask(path: &str, site: Option<Site>, change: Change) -> Result<WhatIf, String> {
    let capture = shipped().into_iter().find(|s| s.path == path).unwrap();
    let site = site.unwrap_or_else(|| site_of(&capture));
    let analyzer = analyzed(&[(path, &(capture.build)())]);
    let diagnosis = analyzer.diagnose(&site);
    what_if(&diagnosis, &site, &[("asked".to_owned(), change)]).map(|mut answers| answers.remove(0))
}

fn tftp(server: &str) -> Change {
    Change::Tftp(vec![server.parse::<IpAddr>().unwrap()])
}

fn version(cluster: &str, version: &str) -> Change {
    Change::Version { cluster: cluster.to_owned(), version: version.to_owned() }
}

fn outcomes(answer: &WhatIf) -> Vec<WhatIfOutcome> {
    answer.phones.iter().map(|p| p.outcome).collect()
}

#[test]
fn the_right_server_brings_the_phones_of_the_founding_case_back() {
    let answer = ask("founding-case/mixed-site.pcap", None, tftp("10.30.0.5")).unwrap();
    assert_eq!(outcomes(&answer), [WhatIfOutcome::Taken; 4]);
    assert_eq!(answer.unaffected, 2);
    let loads: Vec<&str> = answer.phones.iter().map(|p| p.load_then.as_ref().unwrap().raw()).collect();
    assert_eq!(loads, ["P00303000300", "P00303000300", "P00403000300", "P00303000300"]);
    assert!(
        answer.first.iter().any(|s| s.contains("10.30.0.5 has load P00303000300, for 3 phones")),
        "{:?}",
        answer.first
    );
}

#[test]
fn the_wrong_server_is_judged_by_what_it_named_to_others() {
    let answer = ask("founding-case/mixed-site.pcap", None, tftp("10.31.0.5")).unwrap();
    // One phone moves: it would take the 3.1 load, and either way not come up where it belongs.
    assert_eq!(answer.phones.len(), 1);
    let phone = &answer.phones[0];
    assert_eq!(phone.load_then.as_ref().unwrap().raw(), "P00303010102");
    assert_eq!(phone.outcome, WhatIfOutcome::NotKnown);
    assert!(phone.because.contains("turned away phones with P00303010102") && phone.because.contains("pilot-3.1"));
    assert!(answer.summary.contains("1 phone would stay: the server is set on the phone"), "{}", answer.summary);
}

#[test]
fn a_server_of_which_nothing_is_known_is_not_judged() {
    let answer = ask("healthy/twenty-phones.pcap", None, tftp("10.99.0.5")).unwrap();
    assert_eq!(outcomes(&answer), [WhatIfOutcome::NotKnown; 20]);
    assert!(answer.phones.iter().all(|p| p.load_then.is_none() && p.named_by.is_none()));
    assert!(answer.summary.contains("none is known to change the load"), "{}", answer.summary);
}

#[test]
fn downgrade_lists_phones_with_later_loads_to_move_first() {
    let answer = ask("founding-case/downgraded-server.pcap", None, version("hq-3.0", "3.0")).unwrap();
    assert_eq!(outcomes(&answer), [WhatIfOutcome::Refused; 3]);
    assert!(answer.phones.iter().all(|p| p.load_first.as_ref().is_some_and(|l| l.raw() == "P00303000300")));
    assert!(answer.first[0].contains("Put load P00303000300 on 10.30.0.5, name it for 3 phones"), "{:?}", answer.first);
    assert!(answer.first.last().unwrap().contains("only once every phone"), "{:?}", answer.first);
    let upgrade = ask("founding-case/downgraded-server.pcap", None, version("hq-3.0", "3.2")).unwrap();
    assert_eq!(outcomes(&upgrade), [], "a later version loses nobody");
}

#[test]
fn a_cluster_that_no_site_file_names_is_an_error() {
    let error = ask("healthy/boot.pcap", None, version("hq", "3.0")).unwrap_err();
    assert!(error.contains("needs a site file"), "{error}");
    let error = ask("founding-case/mixed-site.pcap", None, version("hq", "3.0")).unwrap_err();
    assert!(error.contains("it has hq-3.0 and pilot-3.1"), "{error}");
    let error = ask("founding-case/mixed-site.pcap", None, version("hq-3.0", "next")).unwrap_err();
    assert!(error.contains("no version"), "{error}");
}

#[test]
fn another_site_file_moves_the_phones_that_it_places_elsewhere() {
    let new = crate::product::parse_site(
        "new.toml",
        "[[cluster]]\nname = 'pilot'\ntftp = ['10.31.0.5']\ncall_managers = ['10.31.0.10']\ndefault = true\n\
         [cluster.loads]\n'7960' = 'P00303010102'\n",
    );
    let answer = ask("founding-case/mixed-site.pcap", None, Change::Site(Box::new(new))).unwrap();
    let moved: Vec<String> = answer.phones.iter().filter_map(|p| p.moves).map(|(_, to)| to.to_string()).collect();
    assert_eq!(moved, ["10.31.0.5"]);
}

#[test]
fn report_answers_only_for_selected_phones() {
    let capture = shipped().into_iter().find(|s| s.path == "founding-case/mixed-site.pcap").unwrap();
    let site = site_of(&capture);
    let analyzer = analyzed(&[(capture.path, &(capture.build)())]);
    let json = |asked: &[(String, Change)], phones: Vec<PhoneSelector>| -> Value {
        let mut diagnosis = analyzer.diagnose(&site);
        diagnosis.what_if = what_if(&diagnosis, &site, asked).unwrap();
        let diagnosis = Selection { phones, min_severity: phonescope::diagnosis::Severity::Info }.apply(diagnosis);
        let mut out = Vec::new();
        write_json(&diagnosis, &mut out).unwrap();
        serde_json::from_slice(&out).unwrap()
    };
    assert!(json(&[], Vec::new()).get("what_if").is_none());
    let asked = [("tftp=10.30.0.5".to_owned(), tftp("10.30.0.5"))];
    let report = json(&asked, Vec::new());
    let answer = &list(&report, "what_if")[0];
    assert_eq!(text(answer, "change"), "tftp=10.30.0.5");
    assert_eq!(list(answer, "phones").len(), 4);
    assert_eq!(answer["phones"][0]["moves"]["to"], "10.30.0.5");
    assert_eq!(answer["phones"][0]["outcome"], "taken");
    let one = json(&asked, vec![PhoneSelector::new("SEP0030943A1002")]);
    assert_eq!(list(&list(&one, "what_if")[0], "phones").len(), 1);
}
