//! How an expectation is held against what was said: regexes over words, and facts.

use fancy_regex::Regex;
use serde_json::Value;

/// Whether the text holds the regex; case does not matter, and `.` matches line ends.
pub(super) fn is_said(regex: &str, text: &str) -> bool {
    let regex = Regex::new(&format!("(?si){regex}")).unwrap_or_else(|error| panic!("{regex}: {error}"));
    regex.is_match(text).unwrap_or_else(|error| panic!("{regex}: {error}"))
}

/// The texts of a list; none where the key is absent.
pub(super) fn texts<'v>(of: &'v Value, key: &str) -> Vec<&'v str> {
    of[key].as_array().into_iter().flatten().map(|v| v.as_str().expect("a text")).collect()
}

/// What `says` and `says_not` of an expectation miss in a text; whitespace counts as one blank.
pub(super) fn misses(spec: &Value, text: &str, place: &str) -> Vec<String> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let wanted = texts(spec, "says").into_iter().filter(|r| !is_said(r, &text));
    let unwanted = texts(spec, "says_not").into_iter().filter(|r| is_said(r, &text));
    wanted
        .map(|r| format!("{place}: nothing says /{r}/"))
        .chain(unwanted.map(|r| format!("{place}: says /{r}/")))
        .collect()
}

/// A value as text: what two spellings of one number share.
fn spelt(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Whether a fact is as wanted: a list means one of these, `~regex` is searched, a value stands for a list that holds
/// it, and `null` for nothing at all.
pub(super) fn fact_is(want: &Value, have: &Value) -> bool {
    if let Some(list) = want.as_array() {
        return list.iter().any(|one| fact_is(one, have));
    }
    if want.is_null() {
        return have.is_null() || have.as_array().is_some_and(Vec::is_empty) || have == "";
    }
    if let Some(regex) = want.as_str().and_then(|text| text.strip_prefix('~')) {
        let one_of = |list: &Vec<Value>| list.iter().any(|one| fact_is(want, one));
        return have.as_array().is_some_and(one_of) || !have.is_null() && is_said(regex, &spelt(have));
    }
    match have.as_array() {
        Some(list) => list.contains(want),
        None => want == have || !have.is_null() && !have.is_object() && spelt(want) == spelt(have),
    }
}

/// Whether a path matches a pattern of `*` (anything, folders too) and `?`.
pub(super) fn matches(pattern: &str, path: &str) -> bool {
    let regex: String = pattern
        .chars()
        .map(|c| match c {
            '*' => ".*".to_owned(),
            '?' => ".".to_owned(),
            c => fancy_regex::escape(c.encode_utf8(&mut [0; 4])).into_owned(),
        })
        .collect();
    Regex::new(&format!("(?s)^{regex}$")).expect("a pattern").is_match(path).expect("a short path")
}

#[test]
fn facts_are_compared_as_the_form_says() {
    use serde_json::json;
    let holds = [
        (json!(["a", "b"]), json!("b")),
        (json!("~10\\.3"), json!(["10.3.0.5", "10.4.0.5"])),
        (json!("10.3.0.5"), json!(["10.3.0.5"])),
        (json!(null), json!([])),
        (json!("150"), json!(150)),
    ];
    for (want, have) in &holds {
        assert!(fact_is(want, have), "{want} is not {have}");
    }
    let fails = [(json!("~x"), json!(null)), (json!("a"), json!(["b"])), (json!(null), json!("a"))];
    for (want, have) in &fails {
        assert!(!fact_is(want, have), "{want} is {have}");
    }
}
