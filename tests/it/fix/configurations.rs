//! The configurations of a pack: the load is another, and nothing else.

use phonescope::diagnosis::Detail;
use phonescope::remedy::configuration::{CannotEdit, EditRequest, MINIMAL_MARK, edit};
use phonescope::site::Site;
use phonescope::wire::phone_config;

use super::{
    CM, LOAD, LOAD_PILOT, NAME, PHONE, TFTP, TFTP_PILOT, analyzed, astray, astray_with, campus, file, pack_of, site,
    text,
};
use crate::product::{events, parse_site};
use crate::shared::lab_captures;
use crate::support::phone_config::PhoneConfig;
use crate::support::shipped::shipped;
use crate::support::site::TftpServer;

/// A configuration of the pilot's server that names the phone's own CallManager, with what real ones have in them.
fn device(load: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\r\n<device xsi:type=\"axl:XIPPhone\">\r\n<!-- <loadInformation>old</loadInformation> -->\r\n\
         <sshUserId>admin</sshUserId><sshPassword>s3cr3t-5278</sshPassword>\r\n<devicePool><callManagerGroup><members>\
         <member priority=\"0\"><callManager><processNodeName>{CM}</processNodeName></callManager></member></members>\
         </callManagerGroup></devicePool>\r\n<versionStamp>{{Jun 04 2001}}</versionStamp>\r\n\
         <loadInformation>{load}</loadInformation>\r\n<userLocale><name>M\u{fc}ller</name></userLocale>\r\n\
         <addOnModules><addOnModule><loadInformation>S00103020002</loadInformation></addOnModule></addOnModules>\r\n\
         {}</device>\r\n",
        "<!-- filler that makes the file longer than a block -->\r\n".repeat(8)
    )
}

fn own_file() -> String {
    format!("{NAME}.cnf.xml")
}

fn path() -> String {
    format!("tftp/{NAME}.cnf.xml")
}

/// The configuration in the pack where the pilot's server serves these octets.
fn made_from(octets: &[u8]) -> Vec<u8> {
    let pack = pack_of(&astray_with(&own_file(), octets), &site()).unwrap();
    file(&pack, &path()).contents.clone()
}

#[test]
fn everything_but_the_load_is_as_it_was_on_the_wire() {
    let original = device(LOAD_PILOT);
    assert_eq!(made_from(original.as_bytes()), device(LOAD).into_bytes());
    let latin1 = |text: &str| text.chars().map(|c| u8::try_from(c).unwrap()).collect::<Vec<u8>>();
    assert_eq!(made_from(&latin1(&original)), latin1(&device(LOAD)), "Latin-1");
    let doctype = |text: String| text.replace("?>\r\n", "?>\r\n<!DOCTYPE device SYSTEM \"device.dtd\">\r\n");
    assert_eq!(made_from(doctype(device(LOAD_PILOT)).as_bytes()), doctype(device(LOAD)).into_bytes(), "DOCTYPE");
    let twice =
        |load: &str| device(load).replace("</device>", &format!("<loadInformation>{load}</loadInformation></device>"));
    assert_eq!(made_from(twice(LOAD_PILOT).as_bytes()), twice(LOAD).into_bytes(), "two loadInformation");
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    assert_eq!(made_from(&utf16(&original)), utf16(&device(LOAD)), "UTF-16");
}

/// Lines that differ, and whether they differ in the text of a load alone.
fn differs_in_loads_alone(before: &[u8], after: &[u8]) -> bool {
    let lines = |octets: &[u8]| octets.split_inclusive(|b| *b == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
    let (before, mut after) = (lines(before), lines(after));
    let is_load = |line: &[u8]| String::from_utf8_lossy(line).trim_start().starts_with("<loadInformation");
    // A line that was added is one of a load.
    if after.len() == before.len() + 1 {
        let at = (0..before.len()).find(|i| before[*i] != after[*i]).unwrap_or(before.len());
        if !is_load(&after.remove(at)) {
            return false;
        }
    }
    let hull = |line: &[u8]| {
        let text = String::from_utf8_lossy(line).into_owned();
        let (start, end) = (text.find('>').unwrap_or(0), text.rfind('<').unwrap_or(0));
        (text[..start].to_owned(), text[end..].to_owned())
    };
    before.len() == after.len()
        && before.iter().zip(&after).all(|(a, b)| a == b || (is_load(a) && is_load(b) && hull(a) == hull(b)))
}

#[test]
fn every_captured_config_edit_changes_the_load_only() {
    let own = shipped().into_iter().map(|s| (s.path.to_owned(), (s.build)()));
    let lab = lab_captures().into_iter().map(|(name, bytes, _)| (name, bytes));
    let (mut edited, mut broken) = (0, 0);
    for (name, capture) in own.chain(lab) {
        let analyzer = analyzed(&[(&name, &capture)]);
        let nothing = Site::none();
        for phone in analyzer.diagnose(&nothing).phones(Detail::State) {
            for seen in &phone.wanted.configurations {
                let body = seen.body.as_ref().unwrap_or_else(|| panic!("{name}: {} was not kept", seen.name));
                let wish =
                    EditRequest { load: "P00399999999", device_type: Some(7), model: Some("7960"), call_managers: &[] };
                match edit(&seen.name, body, &wish) {
                    Ok(made) => {
                        let (before, after) = (body.octets(), made.body.octets());
                        assert!(differs_in_loads_alone(before, after), "{name}: {}", String::from_utf8_lossy(after));
                        let (says, _) = phone_config::parse(&seen.name, after);
                        assert_eq!(says.load.or(says.loads.get(&7).cloned()).unwrap().raw(), wish.load, "{name}");
                        edited += 1;
                    }
                    Err(CannotEdit::CutOff | CannotEdit::NotAConfiguration) if seen.config.problem.is_some() => {
                        broken += 1
                    }
                    Err(error) => panic!("{name}: {}: {error:?}", seen.name),
                }
            }
        }
    }
    assert!(edited > 100 && broken < 10, "{edited} {broken}");
}

#[test]
fn a_configuration_that_was_seen_in_part_is_not_used() {
    let mut network = campus(
        TFTP_PILOT,
        TftpServer::at(TFTP_PILOT).file(&own_file(), device(LOAD_PILOT).as_bytes()).load(LOAD_PILOT, 3),
    );
    network.boot(0, &astray());
    let mut capture = network.capture();
    // Its last block is lost, each time.
    let before = capture.records.len();
    capture.records.retain(|r| !r.data.windows(9).any(|w| w == b"</device>"));
    assert!(
        before > capture.records.len() && capture.records.iter().any(|r| r.data.windows(6).any(|w| w == b"filler"))
    );
    let pack = pack_of(&capture.pcap(), &site()).unwrap();
    let made = text(&pack, &path());
    assert!(made.contains(MINIMAL_MARK) && made.contains(CM) && made.contains(LOAD), "{made}");
    assert!(!made.contains("s3cr3t"), "{made}");
    assert!(text(&pack, "README.md").contains("minimal"), "the README says so");
    assert!(text(&pack, "phones.csv").contains(",minimal"), "and so does the list");
}

#[test]
fn signed_config_is_changed_at_call_manager_only() {
    let signed = [b"\x01\0\x02\x01\x02\x02\xff".as_slice(), device(LOAD_PILOT).as_bytes()].concat();
    let pack = pack_of(&astray_with(&own_file(), &signed), &site()).unwrap();
    assert!(pack.files.iter().all(|f| !f.path.starts_with("tftp")), "{:?}", pack.files);
    let readme = text(&pack, "README.md");
    assert!(readme.contains("signed configuration, which only its CallManager can write"), "{readme}");
    assert!(readme.contains("Phone Load Name"), "{readme}");
    assert_eq!(pack.plan.phones[0].config_file, None);
}

#[test]
fn default_config_is_reused_only_if_it_leads_home() {
    let default = |cm: &str| {
        let config =
            PhoneConfig::naming(&[cm]).default_load(6, "7910", "P00403010102").default_load(7, "7960", LOAD_PILOT);
        let mut network = campus(TFTP_PILOT, TftpServer::at(TFTP_PILOT).default(&config).load(LOAD_PILOT, 3));
        network.boot(0, &astray());
        let pack = pack_of(&network.capture().pcap(), &site()).unwrap();
        (text(&pack, &path()), text(&pack, "phones.csv"), config.default_xml())
    };
    let (made, list, original) = default(CM);
    assert_eq!(made, String::from_utf8(original).unwrap().replace(LOAD_PILOT, LOAD));
    assert!(list.contains(",derived"), "{list}");
    let (made, list, _) = default("10.31.0.10");
    assert!(made.contains(MINIMAL_MARK) && made.contains(CM) && !made.contains("10.31.0.10"), "{made}");
    assert!(list.contains(",minimal"), "{list}");
}

#[test]
fn foreign_config_is_not_offered_as_the_cure() {
    let foreign = device(LOAD_PILOT).replace(CM, "10.31.0.10");
    let made = String::from_utf8(made_from(foreign.as_bytes())).unwrap();
    assert_eq!(made, device(LOAD), "the CallManagers are replaced too, and nothing else");
}

#[test]
fn from_events_there_is_a_minimal_configuration_marked_as_such() {
    let capture = astray_with(&own_file(), device(LOAD_PILOT).as_bytes());
    let events = events(&[("capture.pcap", &capture)]);
    assert!(!String::from_utf8_lossy(&events).contains("s3cr3t"), "events carry no passwords");
    let pack = phonescope::remedy::pack::Pack::new(&analyzed(&[("events", &events)]).diagnose(&site())).unwrap();
    let made = text(&pack, &path());
    assert!(made.contains(MINIMAL_MARK) && made.contains(LOAD) && made.contains(CM), "{made}");
    assert!(text(&pack, "README.md").contains("are not in the input"));
}

#[test]
fn file_name_has_the_case_that_the_phone_requests() {
    let capture = astray_with(&own_file(), device(LOAD_PILOT).as_bytes());
    let events = String::from_utf8(events(&[("capture.pcap", &capture)])).unwrap();
    let renamed = |to: &str| {
        let events = events.replace(&own_file(), to).into_bytes();
        let pack = phonescope::remedy::pack::Pack::new(&analyzed(&[("events", &events)]).diagnose(&site())).unwrap();
        let paths: Vec<String> = pack.files.iter().map(|f| f.path.clone()).filter(|p| p.starts_with("tftp")).collect();
        (paths, text(&pack, "README.md"))
    };
    let lower = own_file().to_ascii_lowercase();
    let (paths, readme) = renamed(&lower);
    assert_eq!(paths, [format!("tftp/{lower}")]);
    assert!(readme.contains("the letter case is the one that the phone asks for"), "{readme}");
    for hostile in [
        format!("../../{}", own_file()),
        format!("/etc/{}", own_file()),
        format!("..\\\\..\\\\{}", own_file()),
        "SEPXXXXXXXXXXXX.cnf.xml".to_owned(),
        format!("{NAME}/../../x.cnf.xml"),
        "SEP\\u0000\\u001b[2J.cnf.xml".to_owned(),
    ] {
        let (paths, readme) = renamed(&hostile);
        assert_eq!(paths, [path()], "{hostile}");
        assert!(!readme.contains('\u{1b}') && !readme.contains('\0'), "{hostile}");
    }
}

#[test]
fn a_phone_that_asks_for_the_form_before_xml_gets_none() {
    let capture = astray_with(&own_file(), device(LOAD_PILOT).as_bytes());
    let events = String::from_utf8(events(&[("capture.pcap", &capture)])).unwrap();
    for (to, says) in [(format!("{NAME}.cnf"), "binary form"), (format!("{NAME}.cnf.xml.sgn"), "signed configuration")]
    {
        let events = events.replace(&own_file(), &to).into_bytes();
        let pack = phonescope::remedy::pack::Pack::new(&analyzed(&[("events", &events)]).diagnose(&site())).unwrap();
        assert!(pack.files.iter().all(|f| !f.path.starts_with("tftp")), "{to}");
        assert!(text(&pack, "README.md").contains(says), "{to}");
    }
}

#[test]
fn without_a_known_load_or_call_manager_nothing_is_made_up() {
    let no_load = parse_site("site.toml", &super::SITE.replace("[cluster.loads]\n'7960' = 'P00303000300'\n", ""));
    let pack = pack_of(&astray_with(&own_file(), device(LOAD_PILOT).as_bytes()), &no_load).unwrap();
    assert!(pack.files.iter().all(|f| !f.path.starts_with("tftp")));
    assert!(pack.missing.iter().any(|m| m.contains("which load is right")), "{:?}", pack.missing);
    assert!(pack.files.iter().any(|f| f.path == "dhcp/ios.txt"), "what is known is given");
}

#[test]
fn a_phone_that_must_not_boot_is_told_so_and_keeps_its_load() {
    let trap = shipped().into_iter().find(|s| s.path == "load-trap/fires-load-of-the-pilot.pcap").unwrap();
    let pack = pack_of(&(trap.build)(), &crate::product::site_of(&trap)).unwrap();
    let readme = text(&pack, "README.md");
    assert!(readme.contains("must not boot before"), "{readme}");
    assert!(!readme.contains("Put load P00303010102"), "the load that is to be kept away is not asked for: {readme}");
    let made = file(&pack, pack.plan.phones[0].config_file.as_ref().unwrap());
    let running = pack.plan.phones[0].load_now.as_ref().unwrap().raw();
    let says = String::from_utf8_lossy(&made.contents).into_owned();
    assert!(says.contains(&format!(">{running}<")), "{says}");
}

#[test]
fn a_phone_that_can_not_go_back_is_given_no_file_that_sends_it() {
    let mut network = campus(TFTP, TftpServer::at(TFTP_PILOT));
    network.tftp[0] = std::rc::Rc::new(TftpServer::at(TFTP).phone(PHONE, &PhoneConfig::naming(&[CM])));
    network.boot(0, &crate::support::phone::Phone::new("7960", PHONE, "P00308000500"));
    let pack = pack_of(&network.capture().pcap(), &site()).unwrap();
    assert!(pack.files.iter().all(|f| !f.path.starts_with("tftp")), "{:?}", pack.files);
    let readme = text(&pack, "README.md");
    assert!(readme.contains("no way back to it"), "{readme}");
}

#[test]
fn configurations_are_kept_for_who_asks_and_for_nobody_else() {
    let capture = astray_with(&own_file(), device(LOAD_PILOT).as_bytes());
    let kept = |analyzer: &phonescope::analyzer::Analyzer| {
        let nothing = Site::none();
        let phones: Vec<_> = analyzer.diagnose(&nothing).phones(Detail::State).collect();
        phones.iter().flat_map(|p| &p.wanted.configurations).filter(|c| c.body.is_some()).count()
    };
    assert_eq!(kept(&analyzed(&[("capture.pcap", &capture)])), 1);
    assert_eq!(kept(&crate::product::analyzed(&[("capture.pcap", &capture)])), 0);
}

#[test]
fn a_phone_that_needs_a_stepping_stone_is_told_the_stone_first() {
    let (old, new) = ("SCCP41.8-3-2S", "SCCP41.9-4-2S");
    let site = parse_site(
        "site.toml",
        &format!(
            "[[cluster]]\nname = 'hq'\ntftp = ['{TFTP}']\ncall_managers = ['{CM}']\ndefault = true\n[cluster.loads]\n'7941G' = '{new}'\n"
        ),
    );
    let mut network = campus(TFTP, TftpServer::at(TFTP_PILOT));
    network.tftp[0] = std::rc::Rc::new(TftpServer::at(TFTP).phone(PHONE, &PhoneConfig::naming(&[CM]).load(old)));
    let spelled = crate::support::phone::AlarmSpelling::Name;
    network.boot(0, &crate::support::phone::Phone::new("7941G", PHONE, old).alarm(spelled));
    let pack = pack_of(&network.capture().pcap(), &site).unwrap();
    assert!(text(&pack, &path()).contains(">SCCP41.8-5-2S<"));
    assert!(text(&pack, &format!("tftp-then/{NAME}.cnf.xml")).contains(&format!(">{new}<")));
    assert!(text(&pack, "README.md").contains("Stepping stone"));
    let planned = &pack.plan.phones[0];
    assert_eq!(planned.load_wanted.as_ref().map(|l| l.raw()), Some(new));
    assert_eq!(planned.load_first.as_ref().map(|l| l.raw()), Some("SCCP41.8-5-2S"));
}
