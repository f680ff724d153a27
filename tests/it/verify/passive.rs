//! `verify --plan` on captures.

use serde_json::{Value, json};

use super::{pack, verify};

const COMES_BACK: &str = "captures/stuck-load/silent-comes-back.pcap";
const FOUNDING: &str = "captures/founding-case/mixed-site.pcap";

/// The first phone of a capture, as `analyze` knows it.
fn first_phone(capture: &str) -> Value {
    let output = assert_cmd::Command::new(assert_cmd::cargo::cargo_bin!("phonescope"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["analyze", "-T", "json", capture])
        .output()
        .unwrap();
    serde_json::from_slice::<Value>(&output.stdout).unwrap()["phones"][0].clone()
}

fn of(phone: &Value, plan: &mut Value) {
    plan["phones"][0]["mac"] = phone["mac"].clone();
    plan["phones"][0]["name"] = phone["name"].clone();
}

#[test]
fn a_phone_that_comes_back_is_back_and_the_time_is_told() {
    let here = tempfile::tempdir().unwrap();
    let phone = first_phone(COMES_BACK);
    pack(here.path(), |plan| {
        of(&phone, plan);
        plan["phones"][0]["tftp_right"] = json!([phone["tftp"]["servers"][0]]);
        plan["phones"][0]["load_wanted"] = phone["load"]["running"].clone();
        plan["phones"][0]["call_managers"] = json!([phone["registration"]["call_manager"]]);
    });
    let plan = here.path().to_str().unwrap();
    let ran = verify(&["--plan", plan, COMES_BACK]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    ran.says("1 phone of the plan: 1 recovered.");
    let json = verify(&["--plan", plan, "-r", COMES_BACK, "-T", "json"]).json();
    assert_eq!(json["schema"], "phonescope.verify/1");
    assert_eq!(json["summary"], json!({"recovered": 1, "not_recovered": 0, "incomplete": 0, "not_seen": 0}));
    let back = &json["phones"][0];
    assert_eq!((&back["state"], &back["left"]), (&json!("recovered"), &json!([])));
    // It boots, fetches the load, boots again with it, registers.
    let took = back["recovery_ms"].as_u64().unwrap();
    assert!((15_000..60_000).contains(&took), "{took}");
    let keys: Vec<&str> = back.as_object().unwrap().keys().map(String::as_str).collect();
    let mut expected = [
        "mac",
        "name",
        "model",
        "cause",
        "state",
        "server",
        "load",
        "registration",
        "boot_at",
        "registered_at",
        "recovery_ms",
        "verdict",
        "left",
    ];
    expected.sort_unstable();
    assert_eq!(keys, expected);
}

#[test]
fn phones_that_are_still_stuck_are_told_with_what_is_left() {
    let here = tempfile::tempdir().unwrap();
    let phone = first_phone(FOUNDING);
    pack(here.path(), |plan| of(&phone, plan));
    let plan = here.path().to_str().unwrap();
    let ran = verify(&["--plan", plan, FOUNDING]);
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    ran.says("1 phone of the plan: 1 not recovered.");
    ran.says("It asks TFTP server 10.31.0.5, not 10.30.0.5. DHCP server 10.30.0.2 still names 10.31.0.5.");
    ran.says("It runs load P00303010102, not P00303000300.").says("rejects it.");
    // Not seen is not "did not recover".
    pack(here.path(), |plan| plan["phones"][0]["mac"] = "00:30:94:00:00:01".into());
    let ran = verify(&["--plan", plan, FOUNDING]);
    assert_eq!(ran.code, 1);
    ran.says("1 phone of the plan: 1 not seen.").says("Nothing of it was seen after the fix");
}

#[test]
fn a_capture_from_before_the_fix_proves_nothing() {
    let here = tempfile::tempdir().unwrap();
    let phone = first_phone(COMES_BACK);
    pack(here.path(), |plan| {
        of(&phone, plan);
        plan["as_of"] = "2026-11-23T00:00:00.000000000Z".into();
    });
    let ran = verify(&["--plan", here.path().to_str().unwrap(), COMES_BACK]);
    assert_eq!(ran.code, 1);
    ran.says("1 not seen").says("nothing in them came after the fix");
}

#[test]
fn a_damaged_capture_is_told_and_ends_with_3() {
    let here = tempfile::tempdir().unwrap();
    pack(here.path(), |_| {});
    let whole = std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(COMES_BACK)).unwrap();
    let cut = here.path().join("cut.pcap");
    std::fs::write(&cut, &whole[..whole.len() - 5]).unwrap();
    let ran = verify(&["--plan", here.path().to_str().unwrap(), cut.to_str().unwrap()]);
    assert_eq!(ran.code, 3);
    ran.says("is damaged");
}

#[test]
fn broken_plan_is_refused_with_its_position() {
    let here = tempfile::tempdir().unwrap();
    let plan = here.path().to_str().unwrap();
    let out = here.path().join("report.json");
    let run = || verify(&["--plan", plan, COMES_BACK, "-T", "json", "-o", out.to_str().unwrap()]);
    let ran = run();
    assert_eq!(ran.code, 2);
    ran.says("plan.json: no such file or directory; phonescope fix --out DIR writes one");
    std::fs::write(here.path().join("plan.json"), "{\"schema\": \"phonescope.plan/1\",\n  \"phones\": 3\n}").unwrap();
    let ran = run();
    assert_eq!(ran.code, 2);
    ran.says("plan.json:2:13: invalid type");
    pack(here.path(), |plan| plan["phones"][0]["config_name"] = "../../etc/passwd".into());
    assert_eq!(run().code, 2);
    pack(here.path(), |_| {});
    let ran = verify(&["--plan", plan, "--phone", "SEP000000000001", COMES_BACK]);
    assert_eq!(ran.code, 2);
    ran.says("SEP000000000001 is not in this plan");
    assert!(!out.exists());
}
