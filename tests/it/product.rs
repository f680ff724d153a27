//! The product as the tests use it: captures in, its report out. The one place that knows the library's calls.

use std::io::Cursor;

use phonescope::analyzer::Analyzer;
use phonescope::capture::{Inputs, Record};
use phonescope::diagnosis::Severity;
use phonescope::report::{TableOptions, write_event, write_json, write_table};
use phonescope::site::Site;
use serde_json::Value;

use crate::support::shipped::{Shipped, sites};

/// The site file that ships beside a capture.
pub(crate) fn site_of(shipped: &Shipped) -> Site {
    let Some(path) = shipped.site else { return Site::none() };
    let site = sites().into_iter().find(|s| s.path == path).expect("a shipped site file");
    parse_site(path, site.text)
}

/// A site file; none of the tests' files names others.
pub(crate) fn parse_site(path: &str, text: &str) -> Site {
    let mut read = |file: &str| Err(format!("{file} is not there"));
    Site::parse(path, text, &mut read).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Captures as one timeline, each with the name it is shown by.
pub(crate) fn open(captures: &[(&str, &[u8])]) -> Inputs {
    let readers = captures.iter().map(|(name, bytes)| {
        let reader: Box<dyn std::io::Read + Send> = Box::new(Cursor::new(bytes.to_vec()));
        ((*name).into(), reader)
    });
    Inputs::from_readers(readers.collect()).unwrap_or_else(|error| panic!("{error}"))
}

/// Feeds captures to an analyzer; `after` sees it after every record and once more at the end.
pub(crate) fn feed(captures: &[(&str, &[u8])], analyzer: &mut Analyzer, mut after: impl FnMut(&mut Analyzer)) {
    let mut inputs = open(captures);
    while let Some(record) = inputs.next_record().expect("records") {
        match record {
            Record::Frame(frame) => analyzer.handle_frame(&frame),
            Record::Event(event) => analyzer.handle_event(*event),
        }
        after(analyzer);
    }
    analyzer.finish(inputs.summaries());
    after(analyzer);
}

/// An analyzer that has read these captures to their ends.
pub(crate) fn analyzed(captures: &[(&str, &[u8])]) -> Analyzer {
    let mut analyzer = Analyzer::new();
    feed(captures, &mut analyzer, |_| ());
    analyzer
}

/// The JSON report, as bytes.
pub(crate) fn json(analyzer: &Analyzer, site: &Site) -> Vec<u8> {
    let mut out = Vec::new();
    write_json(&analyzer.diagnose(site), &mut out).expect("a report");
    out
}

/// The JSON report.
pub(crate) fn report(analyzer: &Analyzer, site: &Site) -> Value {
    serde_json::from_slice(&json(analyzer, site)).expect("JSON")
}

/// The JSON report on captures.
pub(crate) fn report_on(captures: &[(&str, &[u8])], site: &Site) -> Value {
    report(&analyzed(captures), site)
}

/// The table as it stands in a pipe.
pub(crate) fn table(analyzer: &Analyzer, site: &Site) -> String {
    table_in(analyzer, site, None, false)
}

/// The table without colour, for a terminal of that width or for a pipe.
pub(crate) fn table_in(analyzer: &Analyzer, site: &Site, width: Option<u16>, verbose: bool) -> String {
    let min_severity = Severity::Info;
    let options = TableOptions { width, color: false, min_severity, verbose, phones_selected: false, top: None };
    let mut out = Vec::new();
    write_table(&analyzer.diagnose(site), &options, &mut out).expect("a report");
    String::from_utf8(out).expect("UTF-8")
}

/// What `phonescope events` writes on captures.
pub(crate) fn events(captures: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut analyzer = Analyzer::with_events();
    feed(captures, &mut analyzer, |analyzer| {
        while let Some(event) = analyzer.poll_event() {
            write_event(&event, &mut out).expect("an event");
        }
    });
    out
}

/// A list in a report.
pub(crate) fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().unwrap_or_else(|| panic!("{key} is no list in {value}"))
}

/// A text in a report.
pub(crate) fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} is no text in {value}"))
}

/// The phone of a MAC.
pub(crate) fn phone<'v>(report: &'v Value, mac: &str) -> Option<&'v Value> {
    list(report, "phones").iter().find(|p| p["mac"] == mac)
}

/// The findings of a phone.
pub(crate) fn findings_of<'v>(report: &'v Value, phone: &Value) -> Vec<&'v Value> {
    let all = list(report, "findings");
    list(phone, "findings")
        .iter()
        .map(|i| &all[usize::try_from(i.as_u64().expect("an index")).expect("small")])
        .collect()
}

/// Codes of a phone's findings of one severity.
pub(crate) fn codes_of<'v>(report: &'v Value, phone: &Value, severity: &str) -> Vec<&'v str> {
    findings_of(report, phone).into_iter().filter(|f| f["severity"] == severity).map(|f| text(f, "code")).collect()
}
