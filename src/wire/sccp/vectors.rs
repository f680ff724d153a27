//! The golden vectors of the SCCP reference: every value that they expect is looked up and compared.

use serde_json::{Map, Value, json};

use super::*;

const VECTORS: &str = include_str!("../../../tests/support/sccp-vectors.json");

struct Vector {
    name: String,
    octets: Vec<u8>,
    expect: Map<String, Value>,
}

fn vectors() -> Vec<Vector> {
    let all: Vec<Value> = serde_json::from_str(VECTORS).unwrap();
    let octet = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    all.into_iter()
        .map(|v| Vector {
            name: v["name"].as_str().unwrap().to_owned(),
            octets: v["hex"].as_str().unwrap().as_bytes().chunks(2).map(octet).collect(),
            expect: v["expect"].as_object().unwrap().clone(),
        })
        .collect()
}

fn text(t: Option<WireText>) -> Value {
    json!(t)
}

/// A string field that Wireshark shows as empty where it is.
fn shown(payload: Payload<'_>, at: usize, len: usize) -> Value {
    payload.string(at, len).map_or(Value::Null, |s| json!(String::from_utf8_lossy(s)))
}

/// The value of a vector's key in a message.
fn look_up(key: &str, m: &Message, p: Payload<'_>) -> Value {
    let register = Register(p);
    let xml = String::from_utf8_lossy(p.octets()).into_owned();
    let servers: Vec<_> = ServerRes(p).servers().collect();
    let v2 = m.id == 0x0142;
    let stat = ConfigStat(p);
    let stat_v2 = ConfigStatV2(p);
    match key {
        "data_length" => json!(m.length),
        "hdr_version" => json!(m.header_version),
        "messageId" => json!(m.id),
        "DeviceName" => text(m.device.clone()),
        "instance" => json!(p.u32(20)),
        "deviceType" => json!(m.device_type),
        "stationIpAddr" if m.id == 0x009e => json!(servers.iter().map(|s| s.2).collect::<Vec<_>>()),
        "server_addrs" => json!(servers.iter().map(|s| s.2).collect::<Vec<_>>()),
        "stationIpAddr" if m.id == 0x0001 => json!(m.station_ip),
        "stationIpAddr" => json!(p.ipv4(24)),
        "maxStreams" => json!(register.max_streams()),
        // The reference's vector has the 7936's number in its usual place.
        "activeStreams" => json!(register.active_streams()),
        "protocolVer" | "maxProtocolVer" => json!(m.protocol_version),
        "firmwareLoadName" => text(m.load.clone()),
        "phoneFeatures" => json!(register.features()),
        "maxConferences" => json!(register.max_conferences()),
        "activeConferences" => json!(register.active_conferences()),
        "macAddress" => json!(register.mac()),
        "ipV4AddressScope" => json!(register.ipv4_scope()),
        "maxNumberOfLines" => json!(register.max_lines()),
        "stationIpV6Addr" => json!(register.station_ipv6()),
        "ipV6AddressScope" => json!(register.ipv6_scope()),
        "configVersionStamp" => text(register.config_version_stamp()),
        "rtpMediaPort" => json!(p.u16(0)),
        "keepAliveInterval" => json!(m.keepalive_s),
        "dateTemplate" => text(RegisterAck(p).date_template()),
        "secondaryKeepAliveInterval" => json!(RegisterAck(p).standby_keepalive_secs()),
        "text" if m.id == 0x0020 => text(m.alarm_text.clone()),
        "text" => text(m.reject_text.clone()),
        "text_hex" => json!(crate::types::Hex::from(p.string(0, 32).unwrap()).to_string()),
        "text_token" => json!(p.u8(1)),
        "alarmSeverity" => json!(m.severity),
        "parm1" => json!(p.u32(84)),
        "parm2" => json!(p.u32(88)),
        "parm2_ip" => json!(p.ipv4(88)),
        "alarm_code" => json!(m.alarm_number),
        "alarm_name" => text(m.device.clone()),
        "alarm_load" => text(m.load.clone()),
        "alarm_last" => text(m.last_reason.clone()),
        "versionStr" => text(m.version_text.clone()),
        "capCount" => json!(p.u32(0)),
        "payloadCapability" | "maxFramesPerPacket" => {
            let word = if key == "payloadCapability" { 4 } else { 8 };
            let count = p.u32(0).unwrap() as usize;
            json!((0..count).map(|i| p.u32(word + i * 16).unwrap()).collect::<Vec<_>>())
        }
        "unRegReasonCode" | "maxNumOfAvailLines" | "features" => json!(p.u32(0)),
        "status" => json!(m.status),
        "resetType" => json!(m.reset_type),
        "waitTimeBeforeNextReq" => json!(m.wait_s),
        "userName" if v2 => json!(stat_v2.user_name().unwrap_or_default()),
        "userName" => shown(p, 24, 40),
        "serverName" => text(m.server_name.clone()),
        "numberOfLines" => json!(if v2 { stat_v2.lines() } else { stat.lines() }),
        "numberOfSpeedDials" => json!(if v2 { stat_v2.speed_dials() } else { stat.speed_dials() }),
        "ServerName" => json!(servers.iter().map(|s| s.0.clone()).collect::<Vec<_>>()),
        "serverTcpListenPort" => json!(servers.iter().map(|s| s.1).collect::<Vec<_>>()),
        "wYear" => json!(p.u32(0)),
        "wMonth" => json!(p.u32(4)),
        "wDayOfWeek" => json!(p.u32(8)),
        "wDay" => json!(p.u32(12)),
        "wHour" => json!(p.u32(16)),
        "wMinute" => json!(p.u32(20)),
        "wSecond" => json!(p.u32(24)),
        "wMilliseconds" => json!(p.u32(28)),
        "systemTime" => json!(p.u32(32)),
        "conferenceId" => json!(p.u32(0)),
        "passThroughPartyId" => json!(p.u32(4)),
        "remoteIpAddr" => json!(MediaFailure(p).remote_ip()),
        "remotePortNumber" => json!(MediaFailure(p).remote_port()),
        "callReference" => json!(MediaFailure(p).call_reference()),
        "xml_ReasonForOutOfService" => json!(m.xml_reason.as_ref().unwrap().raw().parse::<u32>().unwrap()),
        "xml_TFTPCfgStatus" => json!(xml_value(&xml, "TFTPCfgStatus").unwrap().parse::<u32>().unwrap()),
        "xml_DeviceName" => text(m.device.clone()),
        _ if key.starts_with("xml_") => json!(xml_value(&xml, &key[4..])),
        "locationInfo" => shown(p, 0, p.declared()),
        _ => panic!("no test for the key {key}"),
    }
}

fn check(name: &str, octets: &[u8], expect: &Map<String, Value>) {
    let (message, anomalies) = parse_message(octets).unwrap().unwrap();
    assert!(anomalies.is_empty(), "{name}: {anomalies:?}");
    let payload = Payload::new(&octets[HEADER_LEN..], message.length as usize - 4);
    for (key, value) in expect.iter().filter(|(key, _)| *key != "direction") {
        assert_eq!(look_up(key, &message, payload), *value, "{name}: {key}");
    }
}

#[test]
fn every_vector_reads_as_the_reference_says() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 77);
    for v in &vectors {
        let (name, octets) = (&v.name, &v.octets[..]);
        if let Some(error) = v.expect.get("error") {
            let expected = match error.as_str().unwrap() {
                "length_below_4" => HeaderError::LengthBelow4,
                "length_above_limit" => HeaderError::LengthAboveLimit,
                "unknown_header_version" => HeaderError::UnknownHeaderVersion,
                _ => HeaderError::NotSccp,
            };
            assert_eq!(parse_message(octets), Some(Err(expected)), "{name}");
        } else if let Some(messages) = v.expect.get("messages") {
            let mut rest = octets;
            if let Some(skip) = v.expect.get("skip") {
                assert_eq!(find_message(octets), skip.as_u64().map(|n| n as usize), "{name}");
                rest = &octets[find_message(octets).unwrap()..];
            }
            for expect in messages.as_array().unwrap() {
                let len = Header::read(rest).unwrap().message_len();
                check(name, &rest[..len], expect.as_object().unwrap());
                rest = &rest[len..];
            }
            if v.expect.contains_key("need_more") {
                let header = Header::read(rest).unwrap();
                assert!(header.check().is_ok() && header.message_len() > rest.len(), "{name}");
            } else {
                assert!(rest.is_empty(), "{name}");
            }
        } else {
            check(name, octets, &v.expect);
            assert!(is_whole_messages(octets, octets.len()), "{name}");
        }
    }
}

#[test]
fn a_message_cut_anywhere_gives_no_wrong_value() {
    for v in vectors() {
        let Some(Ok((whole, _))) = parse_message(&v.octets) else { continue };
        for end in 0..v.octets.len().min(whole.length as usize + 8) {
            let Some(cut) = parse_message(&v.octets[..end]) else {
                assert!(end < HEADER_LEN, "{}", v.name);
                continue;
            };
            let (cut, anomalies) = cut.unwrap();
            assert!(!anomalies.is_empty(), "{} cut at {end}", v.name);
            let (a, b) = (json!(cut), json!(whole));
            for (key, value) in a.as_object().unwrap() {
                let same = if key == "alarm_text" || key == "reject_text" {
                    b[key].as_str().unwrap().starts_with(value.as_str().unwrap())
                } else {
                    b[key] == *value
                };
                assert!(same, "{} cut at {end}: {key} is {value}, not {}", v.name, b[key]);
            }
        }
    }
}

#[test]
fn a_search_never_stops_at_a_false_message() {
    // At every offset within a vector: either nothing is found, or the messages to the end are real ones.
    for v in vectors().iter().filter(|v| !v.expect.contains_key("messages") && !v.expect.contains_key("error")) {
        for start in 1..v.octets.len() {
            assert_eq!(find_message(&v.octets[start..]), None, "{} from {start}", v.name);
        }
    }
}

#[test]
fn a_reject_of_prompt_tokens_is_explained() {
    let v = vectors().into_iter().find(|v| v.name == "register_reject_prompt_token").unwrap();
    let (message, _) = parse_message(&v.octets).unwrap().unwrap();
    assert_eq!(message.reject_meaning.unwrap().raw(), "database configuration");
    assert_eq!(message.reject_text.unwrap().raw(), "\u{fffd}/");
}

#[test]
fn unknown_ids_and_versions_are_values() {
    let mut octets = vec![4, 0, 0, 0, 9, 0, 0, 0, 0xab, 0, 0, 0];
    let (message, anomalies) = parse_message(&octets).unwrap().unwrap();
    assert_eq!((message.id, message.name, message.header_version), (0xab, None, 9));
    assert_eq!(anomalies.len(), 2);
    octets[4] = 0x21;
    assert_eq!(parse_message(&octets), Some(Err(HeaderError::UnknownHeaderVersion)));
    assert_eq!(parse_message(&octets[..11]), None);
}
