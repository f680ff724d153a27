//! `load-wrong-family`: a load for another phone.

use crate::diagnosis::{Code, Confidence, Fact, Fix, FixKind, FixTarget, Severity};
use crate::findings::context::PhoneContext;
use crate::findings::inference::right_load;
use crate::findings::{Draft, and_list, evidence, text};
use crate::remedy;
use crate::wire::load::{self, LoadName, Protocol, is_load_file, same_load};

declare_finding! {
    /// ## Trigger
    ///
    /// The configuration served names a load of which the name tells that it is for other hardware than the phone's (by
    /// its vendor class, its announcement or its device type); or for another protocol than the configuration itself
    /// says (`deviceProtocol`). A load that is also a loader of another protocol, an alias, or a name of no known family
    /// is never judged; nor is one that the phone says it runs. A warning only where the phone went on to its CallManager
    /// without asking for the load.
    ///
    /// ## Evidence
    ///
    /// The configuration that names the load, and the request for it where the phone makes one.
    ///
    /// ## Explanation
    ///
    /// The load was entered by hand on the phone's page or in the device defaults, for the wrong model; or one file was
    /// written for phones of all models, as on servers without a CallManager. The phone fetches and refuses it ("Load ID
    /// incorrect"), or leaves it alone, and goes on with the load that it has; where its CallManager does not take that
    /// one, it does not come up.
    ///
    /// ## Fix
    ///
    /// Name a load of the phone's own family, or none, so that the default of its model holds.
    ///
    /// ## Not this
    ///
    /// The 7940 and the 7960, which run the same loads. A SIP load in the configuration of a phone that registers by
    /// Skinny: it may be on its way to SIP. `load-not-accepted`: the load is of the right family, and refused all the same.
    ///
    /// ## References
    ///
    /// Cisco IP phone administration guides, "Load ID incorrect".
    static LOAD_WRONG_FAMILY = {
        code: LoadWrongFamily,
        summary: "The load named is for other hardware or another protocol than the phone's",
        check: check,
    }
}

/// Why a load is none for this phone, in words. `device_protocol`: what the configuration says it should speak.
fn mismatch(load: &str, model: &str, device_protocol: Option<&str>) -> Option<String> {
    let family = load::family(load)?;
    if family.runs_on(model) == Some(false) {
        return Some(format!("it is for the {}, and the phone is a {model}", and_list(family.models)));
    }
    let wanted = device_protocol?;
    match (family.protocol?, wanted) {
        (Protocol::Sip, w) if w.eq_ignore_ascii_case("SCCP") => {
            Some("it makes a SIP phone, and the same configuration says deviceProtocol SCCP".to_owned())
        }
        // P003… with a number alone is also what starts a SIP application on the 7940 and 7960.
        (Protocol::Sccp, w) if w.eq_ignore_ascii_case("SIP") && !load.to_ascii_uppercase().starts_with("P00") => {
            Some("it makes a Skinny phone, and the same configuration says deviceProtocol SIP".to_owned())
        }
        _ => None,
    }
}

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    let Some((fetch, config)) = cx.config() else { return Vec::new() };
    let (Some(load), Some(model)) = (cx.phone.load_in(config), cx.phone.model()) else { return Vec::new() };
    let protocol = config.device_protocol.as_ref().map(|p| p.raw());
    let Some(why) = mismatch(load.raw(), model, protocol) else { return Vec::new() };
    // What it runs suits it, whatever its name tells; a version alone names no family.
    let running = cx.running().map(|(running, _)| running);
    let names_family = |name: &str| LoadName::parse(name).is_none_or(|n| n.family.is_some());
    if running.as_ref().is_some_and(|r| names_family(r.raw()) && same_load(r.raw(), load.raw())) {
        return Vec::new();
    }
    let server = fetch.server;
    let mut shown = vec![evidence(
        fetch.request.first,
        format!("{} is served {}, which names load {load}", cx.label(), fetch.name),
    )];
    let asked = cx.files().iter().find(|f| is_load_file(f.name.raw()).is_some_and(|l| same_load(&l, load.raw())));
    // A phone that leaves it alone is none the worse for it.
    let went_on = cx.phone.attempts.iter().any(|a| a.began > fetch.request.first);
    let harmless = asked.is_none() && went_on;
    if let Some(asked) = asked {
        let outcome = asked.outcome().as_str();
        shown.push(evidence(asked.request.first, format!("it asks {} for {}: {outcome}", asked.server, asked.name)));
    }
    if let Some((running, seen_at)) = cx.running() {
        shown.push(evidence(seen_at, format!("{} runs load {running}", cx.label())));
    }
    let mut keeps = running.as_ref().map_or_else(String::new, |r| format!(" It goes on with {r}."));
    if harmless {
        keeps.push_str(&format!(" It did not ask for {load}."));
    }
    let right = suitable_load(cx);
    let mut fixes: Vec<Fix> = Vec::new();
    if let Some(right) = &right {
        let runs_it = running.as_ref().is_some_and(|r| same_load(r.raw(), right));
        let fix = if runs_it { remedy::phone::keep_load } else { remedy::phone::name_load };
        fixes.push(fix(cx.phone.mac, right, Some(load.raw()), server));
    }
    let fix = Fix::new(
        FixKind::WithdrawLoad,
        FixTarget::CallManager,
        format!("In CallManager: take load {load} away from this {model}"),
    )
    .step(format!(
        "Device, Phone, {}: empty the field Phone Load Name; or correct the line of the {model} in Device Defaults.",
        cx.label()
    ))
    .step("Restart the TFTP service where files were edited by hand; reset the phone.")
    .verify(format!("The configuration that {server} serves names no load, or one for the {model}."))
    .instead_of(&fixes);
    fixes.push(fix);
    vec![
        Draft::from_evidence(Code::LoadWrongFamily, Confidence::Certain, shown)
            .severity(if harmless { Severity::Warning } else { Severity::Error })
            .server(server)
            .fact("load", Fact::Text(load.clone()))
            .fact("model", text(model))
            .title(format!("load {load} is none for a {model}"))
            .summary(format!("The configuration of {} names load {load}: {why}.{keeps}", cx.label()))
            .fixes(fixes),
    ]
}

/// The load that should be named in its place: one that the phone's configuration can hold, and that suits.
pub(in crate::findings) fn suitable_load(cx: &PhoneContext<'_>) -> Option<String> {
    let model = cx.phone.model()?;
    let protocol = cx.config().and_then(|(_, c)| c.device_protocol.as_ref()).map(|p| p.raw());
    let stated = cx.cluster().and_then(|c| c.load_for(model).map(str::to_owned));
    let inferred = || right_load(cx).map(|(l, _)| l.raw().to_owned());
    let running = || cx.running().map(|(running, _)| running.raw().to_owned());
    let right = stated.or_else(inferred).or_else(running);
    right.filter(|l| !l.contains('(') && mismatch(l, model, protocol).is_none())
}

#[cfg(test)]
mod tests {
    use super::mismatch;

    #[test]
    fn a_load_is_wrong_where_its_name_says_so() {
        for (load, model, protocol, expected) in [
            ("P00403000300", "7960", None, "it is for the 7910, and the phone is a 7960"),
            ("SCCP41.8-5-3S", "7942", None, "it is for the 7941 and 7961, and the phone is a 7942"),
            ("P00303000300", "7910", None, "it is for the 7940 and 7960, and the phone is a 7910"),
            ("SIP42.9-4-2SR3-1S", "7942", Some("SCCP"), "it makes a SIP phone"),
            ("P0S3-08-12-00", "7960", Some("SCCP"), "it makes a SIP phone"),
            ("SCCP42.9-4-2SR3-1S", "CP-7962G", Some("SIP"), "it makes a Skinny phone"),
        ] {
            let why = mismatch(load, model, protocol);
            assert!(why.as_ref().is_some_and(|w| w.starts_with(expected)), "{load} on {model}: {why:?}");
        }
    }

    #[test]
    fn a_load_that_may_fit_is_not_judged() {
        for (load, model, protocol) in [
            ("P00303000300", "7960", Some("SCCP")),
            ("P00303000300", "7940G", None),
            ("P003-08-12-00", "7960", Some("SIP")),
            ("P00308010200", "7960", Some("SIP")),
            ("P0S3-08-12-00", "7960", None),
            ("SIP42.9-4-2SR3-1S", "7942", None),
            ("SCCP41.8-5-3S", "7941G-GE", Some("SCCP")),
            ("AJ.30", "7960", None),
            ("term42.default", "7942", Some("SCCP")),
            ("some-load", "7960", None),
            ("3.2(2.14)", "7910", None),
        ] {
            assert_eq!(mismatch(load, model, protocol), None, "{load} on {model}");
        }
    }
}
