use super::*;

const DEVICE: &str = "<?xml version=\"1.0\"?>\r\n<device  xsi:type=\"axl:XIPPhone\">\r\n\t<!-- <loadInformation>P00300000000</loadInformation> -->\r\n\
    <sshPassword>hunter2</sshPassword><devicePool><callManagerGroup><members><member priority=\"0\"><callManager>\
    <processNodeName>10.31.0.10</processNodeName></callManager></member></members></callManagerGroup></devicePool>\r\n\
    \t<versionStamp>{Jun 04 2001}</versionStamp>\r\n\
    \t<loadInformation model=\"x\"> P00303010102\r\n</loadInformation >\r\n\
    <addOnModules><addOnModule idx=\"1\"><loadInformation>S00103020002</loadInformation></addOnModule></addOnModules>\r\n\
    </device>\r\n\0\0";
const DEFAULT: &str = "<Default>\n<callManagerGroup><members><member><callManager><processNodeName>10.31.0.10</processNodeName>\
    </callManager></member></members></callManagerGroup>\n<loadInformation6 model=\"IP Phone 7910\">P00403010102</loadInformation6>\n\
    <loadInformation7 model=\"IP Phone 7960\">P00303010102</loadInformation7>\n</Default>\n";
const OLD: &str = "P00303010102";
const NEW: &str = "P00303000300";

fn wish() -> EditRequest<'static> {
    EditRequest { load: NEW, device_type: Some(7), model: Some("7960"), call_managers: &[] }
}

fn edited(octets: impl AsRef<[u8]>, wish: &EditRequest<'_>) -> Result<Vec<u8>, CannotEdit> {
    let body = ConfigBody::new(octets.as_ref().to_vec());
    edit(&"SEP003094C2D3FA.cnf.xml".into(), &body, wish).map(|e| e.body.octets().to_vec())
}

fn text(octets: impl AsRef<[u8]>) -> String {
    String::from_utf8(edited(octets, &wish()).unwrap()).unwrap()
}

fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(c).unwrap()).collect()
}

#[test]
fn the_load_alone_is_another() {
    assert_eq!(text(DEVICE), DEVICE.replace(OLD, NEW));
    assert_eq!(text(DEFAULT), DEFAULT.replace(&format!("7960\">{OLD}"), &format!("7960\">{NEW}")));
}

#[test]
fn whatever_the_character_set_the_rest_stays_as_it_is() {
    let umlaut = DEVICE.replace("hunter2", "h\u{fc}nter");
    let utf16 = |text: &str, unit: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
    type Write<'a> = &'a dyn Fn(&str) -> Vec<u8>;
    let sets: [Write<'_>; 7] = [
        &|t| t.as_bytes().to_vec(),
        &|t| [b"\xef\xbb\xbf", t.as_bytes()].concat(),
        &latin1,
        &|t| utf16(t, u16::to_le_bytes),
        &|t| utf16(t, u16::to_be_bytes),
        &|t| [b"\xff\xfe".to_vec(), utf16(t, u16::to_le_bytes)].concat(),
        &|t| [b"\xfe\xff".to_vec(), utf16(t, u16::to_be_bytes), b"\0".to_vec()].concat(),
    ];
    for write in sets {
        assert_eq!(edited(write(&umlaut), &wish()), Ok(write(&umlaut.replace(OLD, NEW))), "{:?}", &write("<?x")[..4]);
    }
}

#[test]
fn a_document_type_entities_and_sections_of_characters_stay() {
    let doctype = DEVICE.replace("?>", "?><!DOCTYPE device [<!ENTITY l \"<loadInformation>x</loadInformation>\">]>");
    assert_eq!(text(&doctype), doctype.replace(OLD, NEW));
    let section = DEVICE.replace(OLD, "<![CDATA[ P00303010102 ]]>");
    assert_eq!(text(&section), section.replace(OLD, NEW));
    let pieces = DEVICE.replace(OLD, "P003&#48;3<!-- new -->01<![CDATA[01]]>02&l;");
    assert_eq!(text(&pieces), DEVICE.replace(OLD, &format!("{NEW}<!-- new --><![CDATA[]]>")));
    let other_case =
        DEVICE.replace("<loadInformation model", "<LOADINFORMATION model").replace("Information >", "Information>");
    assert_eq!(edited(other_case, &wish()), Err(CannotEdit::Contradiction), "tags that do not match are left alone");
}

#[test]
fn of_two_both_are_replaced_and_of_other_types_none() {
    let two = DEVICE.replace("</device>", "<loadInformation>P00303010199</loadInformation></device>");
    assert_eq!(text(&two), two.replace(OLD, NEW).replace("P00303010199", NEW));
    let body = ConfigBody::new(two.into_bytes());
    assert_eq!(edit(&"x.cnf.xml".into(), &body, &wish()).unwrap().replaced, 2);
    let eight = EditRequest { device_type: Some(6), ..wish() };
    let expected = DEFAULT.replace("P00403010102", NEW);
    assert_eq!(edited(DEFAULT, &eight), Ok(expected.into_bytes()));
}

#[test]
fn where_no_load_is_named_one_is_added_in_its_place() {
    for empty in ["<loadInformation/>", "<loadInformation />", "<loadInformation></loadInformation>"] {
        let file = DEVICE.replace("<loadInformation model=\"x\"> P00303010102\r\n</loadInformation >", empty);
        let expected = if empty.ends_with("/>") {
            format!("{}>{NEW}</loadInformation>", empty.trim_end_matches("/>"))
        } else {
            format!("<loadInformation>{NEW}</loadInformation>")
        };
        assert_eq!(text(&file), file.replacen(empty, &expected, 1), "{empty}");
    }
    let none = DEVICE.replace("\r\n\t<loadInformation model=\"x\"> P00303010102\r\n</loadInformation >", "");
    let added = format!("</versionStamp>\r\n\t<loadInformation>{NEW}</loadInformation>");
    assert_eq!(text(&none), none.replace("</versionStamp>", &added));
    let bare = none.replace("\r\n\t<versionStamp>{Jun 04 2001}</versionStamp>", "");
    let added = format!("<loadInformation>{NEW}</loadInformation>\r\n</device>");
    assert_eq!(text(&bare), bare.replace("</device>", &added));
    let default = DEFAULT.replace("\n<loadInformation7 model=\"IP Phone 7960\">P00303010102</loadInformation7>", "");
    let added = format!("</loadInformation6>\n<loadInformation7 model=\"IP Phone 7960\">{NEW}</loadInformation7>");
    assert_eq!(text(&default), default.replace("</loadInformation6>", &added));
    let unknown = EditRequest { device_type: None, ..wish() };
    assert_eq!(edited(DEFAULT, &unknown), Err(CannotEdit::NoDeviceType));
    assert!(edited(DEVICE, &unknown).is_ok());
}

#[test]
fn call_managers_are_replaced_only_on_request() {
    let managers = ["10.30.0.10".to_owned(), "cm2".to_owned()];
    let wish = EditRequest { call_managers: &managers, ..wish() };
    let expected = DEVICE.replace(OLD, NEW).replace("10.31.0.10", "10.30.0.10");
    assert_eq!(edited(DEVICE, &wish), Ok(expected.into_bytes()));
    let hostile = ["a</x>".to_owned()];
    assert_eq!(edited(DEVICE, &EditRequest { call_managers: &hostile, ..wish }), Err(CannotEdit::Contradiction));
}

#[test]
fn what_can_not_be_edited_is_left_alone_with_its_reason() {
    let of = |name: &str, octets: &[u8]| edit(&name.into(), &ConfigBody::new(octets.to_vec()), &wish()).unwrap_err();
    let own = "SEP003094C2D3FA.cnf.xml";
    assert_eq!(of("SEP003094C2D3FA.cnf.xml.sgn", DEVICE.as_bytes()), CannotEdit::Signed);
    assert_eq!(of("SEP003094C2D3FA.cnf.xml.enc.sgn", b"\x01\0\x02\x01"), CannotEdit::Signed);
    assert_eq!(of(own, &[b"\x01\0\x02\x01\x02", DEVICE.as_bytes()].concat()), CannotEdit::Signed);
    assert_eq!(of("SEP003094C2D3FA.cnf", b"\x05\x06"), CannotEdit::OldForm);
    assert_eq!(of(own, &DEVICE.as_bytes()[..DEVICE.len() - 20]), CannotEdit::CutOff);
    assert_eq!(of(own, b"<html></html>"), CannotEdit::NotAConfiguration);
    assert_eq!(of(own, b""), CannotEdit::NotAConfiguration);
    for load in ["8.0(2.0)", "AJ.30", "a\"b", "../P003", "P003<x>", "", "P00303000300\n", "-P003", "P003&amp;"] {
        assert_eq!(edited(DEVICE, &EditRequest { load, ..wish() }), Err(CannotEdit::NotALoadName), "{load}");
    }
    for load in
        ["P00303020214", "P003AJ30", "SCCP42.9-4-2SR3-1S", "P0S3-08-12-00", "cmterm_7936.3-3-21-0", "term41.default"]
    {
        assert!(edited(DEVICE, &EditRequest { load, ..wish() }).is_ok(), "{load}");
    }
}

#[test]
fn minimal_config_round_trips_and_is_labelled() {
    let managers = ["10.30.0.10".to_owned(), "cm2.example".to_owned()];
    let body = minimal(&managers, None, NEW).unwrap();
    let (config, anomalies) = phone_config::parse(&"x.cnf.xml".into(), body.octets());
    assert_eq!((config.problem, anomalies), (None, vec![]));
    assert_eq!(config.call_managers.iter().map(WireText::raw).collect::<Vec<_>>(), ["10.30.0.10", "cm2.example"]);
    assert_eq!(config.load.unwrap().raw(), NEW);
    assert!(String::from_utf8_lossy(body.octets()).contains(MINIMAL_MARK));
    assert_eq!(minimal(&[], None, NEW), None);
    assert_eq!(minimal(&["a b".to_owned()], None, NEW), None);
}

#[test]
fn mutations_of_a_file_never_panic_and_never_change_more() {
    let mut state = 5278u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % u64::try_from(below).unwrap()).unwrap()
    };
    let mut done = 0;
    for _ in 0..4_000 {
        let mut bytes = if random(2) == 0 { DEVICE } else { DEFAULT }.as_bytes().to_vec();
        for _ in 0..1 + random(4) {
            let at = random(bytes.len());
            match random(3) {
                0 => bytes[at] = u8::try_from(random(256)).unwrap(),
                1 => bytes[at] = b"<>&\"'/!?-[]\0"[random(12)],
                _ => drop(bytes.drain(at..(at + random(9)).min(bytes.len()))),
            }
        }
        let Ok(after) = edited(&bytes, &wish()) else { continue };
        done += 1;
        // Every edit is a few short replacements: what is before the first and behind the last is the same.
        let same = bytes.iter().zip(&after).take_while(|(a, b)| a == b).count();
        let tail = bytes.iter().rev().zip(after.iter().rev()).take_while(|(a, b)| a == b).count();
        assert!(same > 0 && same + tail <= bytes.len().max(after.len()) + after.len(), "{same} {tail}");
        assert!(after.windows(NEW.len()).any(|w| w == NEW.as_bytes()));
    }
    assert!(done > 1_000, "{done}");
}
