//! Holds one report against what is expected of it.

use serde_json::{Value, json};

use super::words::{fact_is, is_said, misses, texts};

/// Codes and phones of a list; empty where the key is absent.
fn items<'v>(of: &'v Value, key: &str) -> &'v [Value] {
    of[key].as_array().map_or(&[], Vec::as_slice)
}

/// Keys and values of an object; empty where the key is absent.
pub(super) fn entries<'v>(of: &'v Value, key: &str) -> impl Iterator<Item = (&'v String, &'v Value)> {
    of[key].as_object().into_iter().flatten()
}

fn text<'v>(of: &'v Value, key: &str) -> &'v str {
    of[key].as_str().unwrap_or_default()
}

/// A phone's name, or else its MAC.
fn call(phone: &Value) -> &str {
    phone["name"].as_str().unwrap_or_else(|| text(phone, "mac"))
}

fn one_of(list: &Value) -> String {
    let spelt = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    list.as_array().map_or_else(|| spelt(list), |l| l.iter().map(spelt).collect::<Vec<_>>().join("|"))
}

/// What a finding lacks of what is wanted of its code.
fn lacks(finding: &Value, want: &Value) -> Option<String> {
    for key in ["severity", "confidence"] {
        if want[key].is_array() && !items(want, key).contains(&finding[key]) {
            return Some(format!("{key} {}, want {}", text(finding, key), one_of(&want[key])));
        }
    }
    let (wanted, there) = (items(want, "phones"), items(finding, "phones"));
    if let Some(phone) = wanted.iter().find(|p| !there.contains(p)) {
        return Some(format!("not on {phone}"));
    }
    let of = if wanted.is_empty() { there } else { wanted };
    for (key, value) in entries(want, "facts") {
        let shared = finding["facts"].get(key).cloned();
        let have = shared.map_or_else(
            || of.iter().map(|m| finding["phone_facts"][m.as_str().unwrap_or_default()][key].clone()).collect(),
            |fact| vec![fact],
        );
        let holds = |fact: &Value| fact_is(value, fact);
        let all = if wanted.is_empty() { have.iter().any(holds) } else { have.iter().all(holds) };
        if have.is_empty() || !all {
            let first = have.first().unwrap_or(&Value::Null);
            return Some(format!("fact {key} is {first}, want {value}"));
        }
    }
    (want["caused_by"] == false && !finding["caused_by"].is_null()).then(|| "is caused by another".to_owned())
}

/// Everything in which a report with its exit code is not as expected.
pub(super) fn judge(expect: &Value, report: &Value, exit: i32) -> Vec<String> {
    let mut miss = Vec::new();
    if expect["exit"].is_array() && !items(expect, "exit").contains(&json!(exit)) {
        miss.push(format!("exit {exit}, want {}", one_of(&expect["exit"])));
    }
    judge_phones(expect, report, &mut miss);
    judge_codes(expect, report, &mut miss);
    judge_words(expect, report, &mut miss);
    judge_fixes(expect, report, &mut miss);
    miss
}

fn judge_phones(expect: &Value, report: &Value, miss: &mut Vec<String>) {
    let (phones, findings) = (items(report, "phones"), items(report, "findings"));
    let mut known = Vec::new();
    for (key, want) in entries(expect, "phones") {
        let Some(phone) = phones.iter().find(|p| p["mac"] == **key || p["name"] == **key) else {
            miss.push(format!("phone {key} is not there"));
            continue;
        };
        known.push(&phone["mac"]);
        let registration = &phone["registration"];
        for (what, value) in want.as_object().expect("what is wanted of a phone") {
            let have = match what.as_str() {
                "state" | "call_manager" | "reject_text" => &registration[what],
                "load" => &phone["load"]["running"],
                "verdict" | "name" | "mac" | "ip" | "model" => &phone[what],
                other => panic!("what is {other} of a phone?"),
            };
            if !fact_is(value, have) {
                miss.push(format!("{key}: {what} {have}, want {}", one_of(value)));
            }
        }
    }
    if expect["no_other_phones"] == true {
        let others = phones.iter().filter(|p| !known.contains(&&p["mac"]));
        let others: Vec<String> = others.map(|p| format!("{} ({})", call(p), text(p, "verdict"))).take(5).collect();
        if !others.is_empty() {
            miss.push(format!("phones that are none: {}", others.join(", ")));
        }
    }
    for phone in phones {
        let well = |w: &&Value| **w == phone["mac"] || **w == phone["name"];
        if items(expect, "no_errors_on").iter().any(|w| well(&w)) {
            let index = |i: &Value| usize::try_from(i.as_u64().expect("an index")).expect("small");
            let own = items(phone, "findings").iter().map(|i| &findings[index(i)]);
            for finding in own.filter(|f| f["severity"] == "error") {
                miss.push(format!("error {} on {}, which is well", text(finding, "code"), call(phone)));
            }
        }
    }
}

fn judge_codes(expect: &Value, report: &Value, miss: &mut Vec<String>) {
    let (phones, findings) = (items(report, "phones"), items(report, "findings"));
    for (code, want) in entries(expect, "codes") {
        if want.is_array() {
            judge_each(code, want, findings, miss);
            continue;
        }
        let of_code: Vec<Option<String>> =
            findings.iter().filter(|f| f["code"] == **code).map(|f| lacks(f, want)).collect();
        match of_code.first() {
            None => miss.push(format!("no {code}")),
            Some(first) if !of_code.contains(&None) => miss.push(format!("{code}: {}", first.as_deref().unwrap_or(""))),
            Some(_) => {}
        }
    }
    for list in items(expect, "codes_any") {
        if !findings.iter().any(|f| list.as_array().expect("codes").contains(&f["code"])) {
            miss.push(format!("none of {}", one_of(list)));
        }
    }
    for code in items(expect, "codes_absent") {
        if let Some(f) = findings.iter().find(|f| f["code"] == *code) {
            let marks = format!("{} {}", text(f, "severity"), text(f, "confidence"));
            miss.push(format!(
                "{} ({marks}) on {} phones: {}",
                one_of(code),
                items(f, "phones").len(),
                text(f, "title")
            ));
        }
    }
    for code in items(expect, "root_absent") {
        for phone in phones.iter().filter(|p| p["verdict"] == *code) {
            miss.push(format!("{} is the verdict of {}", one_of(code), call(phone)));
        }
    }
    let rank = |confidence: &Value| ["possible", "likely", "certain"].iter().position(|c| *confidence == **c);
    for (code, most) in entries(expect, "confidence_max") {
        let surer = |f: &&Value| f["code"] == **code && rank(&f["confidence"]) > rank(most);
        if let Some(f) = findings.iter().find(surer) {
            miss.push(format!("{code} is {}, at most {}", text(f, "confidence"), one_of(most)));
        }
    }
}

/// Several findings of one code, each on the phones of its `only_phones` alone: a key that only our own cases have.
fn judge_each(code: &str, wants: &Value, findings: &[Value], miss: &mut Vec<String>) {
    for want in wants.as_array().into_iter().flatten() {
        let its_own = |f: &&Value| f["code"] == *code && f["phones"] == want["only_phones"];
        match findings.iter().find(its_own) {
            None => miss.push(format!("no {code} on {} alone", one_of(&want["only_phones"]))),
            Some(finding) => miss.extend(lacks(finding, want).map(|lack| format!("{code}: {lack}"))),
        }
    }
}

/// A fix's own words.
fn fix_words(fix: &Value) -> String {
    let mut parts = vec![text(fix, "title")];
    parts.extend(texts(fix, "steps"));
    parts.push(text(fix, "verify"));
    parts.join(" \n ")
}

fn judge_words(expect: &Value, report: &Value, miss: &mut Vec<String>) {
    let (phones, findings) = (items(report, "phones"), items(report, "findings"));
    let mut said = String::new();
    let mut proof = String::new();
    for finding in findings {
        let fixes = items(finding, "fixes").iter().map(fix_words);
        let own = [text(finding, "title").to_owned(), text(finding, "summary").to_owned()];
        said.push_str(&(own.into_iter().chain(fixes).collect::<Vec<_>>().join(" \n ") + " \n "));
        for line in items(finding, "evidence") {
            proof.push_str(&format!("{} \n ", text(line, "text")));
        }
    }
    let entries_of = |p: &Value| items(p, "timeline").to_vec();
    let timeline: Vec<Value> = phones.iter().flat_map(entries_of).collect();
    let mut told: String = timeline.iter().map(|t| format!("{} \n ", text(t, "text"))).collect();
    for key in ["story", "narrative"] {
        told.extend(phones.iter().filter(|p| !p[key].is_null()).map(|p| format!("{} \n ", p[key])));
    }
    miss.extend(misses(&json!({"says": expect["says"]}), &format!("{said}{told}{proof}"), "report"));
    miss.extend(misses(&json!({"says_not": expect["says_not"]}), &format!("{said}{told}"), "report"));
    miss.extend(misses(&json!({"says_not": expect["evidence_not"]}), &proof, "evidence"));
    for (code, wants) in entries(expect, "evidence") {
        let lines: Vec<&Value> =
            findings.iter().filter(|f| f["code"] == **code).flat_map(|f| items(f, "evidence")).collect();
        for want in wants.as_array().expect("wants") {
            let stands = |v: &&&Value| !items(want, "frames").contains(&v["frame"]);
            let astray = lines.iter().filter(|v| is_said(text(want, "text"), text(v, "text"))).find(stands);
            if let Some(line) = astray {
                miss.push(format!("{code}: evidence {} stands at frame {}", line["text"], line["frame"]));
            }
        }
    }
    for kind in items(expect, "kinds_absent") {
        if timeline.iter().any(|t| t["kind"] == *kind) {
            miss.push(format!("timeline: an entry of kind {}", one_of(kind)));
        }
    }
}

fn judge_fixes(expect: &Value, report: &Value, miss: &mut Vec<String>) {
    let findings = items(report, "findings");
    let fixes: Vec<&Value> = findings.iter().flat_map(|f| items(f, "fixes")).collect();
    let whole = |fix: &Value| format!("{} \n {}", fix_words(fix), text(fix, "config"));
    let pastes: String = fixes.iter().map(|f| whole(f) + " \n ").collect();
    let spec = json!({"says": expect["fix_says"], "says_not": expect["fix_says_not"]});
    miss.extend(misses(&spec, &pastes, "fixes"));
    for place in items(expect, "fix_where_not") {
        if let Some(fix) = fixes.iter().find(|f| f["where"] == *place) {
            miss.push(format!("fix {} is for {}", fix["title"], one_of(place)));
        }
    }
    for (key, part) in [("config_not", "config"), ("undo_not", "undo")] {
        for regex in texts(expect, key) {
            if let Some(fix) = fixes.iter().find(|f| f[part].as_str().is_some_and(|p| is_said(regex, p))) {
                miss.push(format!("fix {}: its {part} holds /{regex}/", fix["title"]));
            }
        }
    }
    let want = &expect["first_fix"];
    if want.is_null() {
        return;
    }
    let asked = |f: &&Value| match want.get("of") {
        Some(codes) => codes.as_array().expect("codes").contains(&f["code"]),
        None => f["caused_by"].is_null(),
    };
    let roots: Vec<&Value> = findings.iter().filter(|f| !items(f, "fixes").is_empty()).filter(asked).collect();
    let Some(root) = roots.iter().find(|f| f["severity"] == "error").or(roots.first()) else {
        miss.push("no fix".to_owned());
        return;
    };
    let first = &items(root, "fixes")[0];
    if want["where"].is_array() && !items(want, "where").contains(&first["where"]) {
        miss.push(format!("first fix {} is for {}, want {}", first["title"], first["where"], one_of(&want["where"])));
    }
    miss.extend(misses(want, &whole(first), &format!("first fix {}", first["title"])));
}
