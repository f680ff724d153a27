//! `stuck-load`: the right server, and a load that nothing there moves.

use crate::diagnosis::{Code, Confidence, Outcome};
use crate::findings::context::PhoneContext;
use crate::findings::inference::{is_upgrade, right_load};
use crate::findings::{Draft, evidence, text};
use crate::remedy;
use crate::wire::load::{is_load_file, same_load};

declare_finding! {
    /// ## Trigger
    ///
    /// The phone turns to its right TFTP server, a CallManager of its own cluster turns it away, it runs another load than
    /// that CallManager takes, and nothing on the TFTP path moves it off: its configuration names no load, or the one
    /// that it already runs, or one that it could not take. The load that the CallManager takes is known from the site
    /// file (`certain`), or from the phones of the same model that are registered there (`likely`).
    ///
    /// ## Evidence
    ///
    /// The frame in which the phone says what it runs (alarm, register, CDP or LLDP), the configuration that it was
    /// served, and the CallManager's answer.
    ///
    /// ## Explanation
    ///
    /// CallManager upgrades loads by itself and never downgrades them. When a CallManager goes back to an older version
    /// under its phones, they keep the newer load; the older CallManager does not take them.
    ///
    /// ## Fix
    ///
    /// Put a `SEP<MAC>.cnf.xml` (MAC in upper case) that names the right load on the TFTP path, make sure that the load
    /// exists there, reset the phone. Before the next downgrade: move the phones to the older load first.
    ///
    /// ## Not this
    ///
    /// `wrong-tftp-server`: the phone gets its files from another cluster's server. `load-file-missing`: the configuration
    /// names the right load, and the server does not have it; then that is the cause and this its consequence.
    ///
    /// ## References
    ///
    /// Cisco document 5278, "Phone stuck with 3.1(x) load", second case.
    static STUCK_LOAD = {
        code: StuckLoad,
        summary: "Right TFTP server, but the phone runs a load that its CallManager does not take, and nothing moves it off",
        check: check,
    }
}

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    if cx.is_registered() || cx.wrong_tftp().is_some() {
        return Vec::new();
    }
    // Which server it turns to must be seen: a wrong one explains another load.
    let Some(used) = cx.tftp_use().filter(|u| u.asked) else { return Vec::new() };
    let Some(contact) = cx.contacts().iter().find(|c| c.turned_away()) else { return Vec::new() };
    let Some((running, said)) = cx.running() else { return Vec::new() };
    let Some((right, mut confidence)) = right_load(cx) else { return Vec::new() };
    // An older load is no reason to turn a phone away: CallManager brings it up by itself.
    if same_load(running.raw(), right.raw()) || (is_upgrade(running.raw(), right.raw()) && !is_kept(cx, running.raw()))
    {
        return Vec::new();
    }
    // Another cluster's CallManager has reasons of its own.
    let own = cx.cluster().map(|c| &c.name);
    let theirs = cx.world.site.cluster_of_call_manager(contact.server).map(|c| &c.name);
    if matches!((own, theirs), (Some(own), Some(theirs)) if own != theirs) {
        return Vec::new();
    }
    let config = cx.config();
    let configured = config.and_then(|(_, c)| cx.phone.load_in(c));
    let moves_off = configured.as_ref().is_some_and(|load| {
        let asked = cx.files().iter().filter(|f| is_load_file(f.name.raw()).is_some_and(|n| same_load(&n, load.raw())));
        let mut asked = asked.peekable();
        // Named, and on its way or not asked for yet: the next boot may show another load.
        !same_load(load.raw(), running.raw())
            && (asked.peek().is_none() || asked.any(|f| matches!(f.outcome(), Outcome::Served | Outcome::Partial)))
    });
    if moves_off {
        return Vec::new();
    }
    let is_right = crate::findings::inference::stated(cx).map(|r| r.servers.contains(&used.server));
    let is_known_right = is_right.unwrap_or_else(|| cx.world.peers.uses_at(contact.server, used.server));
    // A server that names the very load which is refused may be another cluster's, and so may one whose files were not seen.
    let names_it = configured.as_ref().is_some_and(|load| same_load(load.raw(), running.raw()));
    if !is_known_right && (names_it || config.is_none()) {
        return Vec::new();
    }
    // Phones that are well at this CallManager use other servers: this one may be the wrong one.
    if !is_known_right && cx.world.peers.registered_at(contact.server) > 0 {
        return Vec::new();
    }
    if config.is_none() || !is_known_right {
        confidence = confidence.min(Confidence::Possible);
    }
    let named = match (&configured, config) {
        (Some(load), _) if same_load(load.raw(), running.raw()) => {
            format!("its configuration names the load that it runs, {load}")
        }
        (Some(load), _) => format!("its configuration names {load}, which it could not take"),
        (None, Some(_)) => "its configuration names no load".to_owned(),
        (None, None) => "its configuration is not in this capture".to_owned(),
    };
    let mut shown = vec![evidence(said, format!("{} runs load {running}", cx.label()))];
    if let Some((fetch, _)) = config {
        shown.push(evidence(fetch.request.first, format!("{} is served {}: {named}", cx.label(), fetch.name)));
    }
    shown.push(evidence(contact.answered_at(), format!("CallManager {}: {}", contact.server, contact.state.as_str())));
    let server = config.map(|(f, _)| f.server).or(cx.tftp_use().map(|u| u.server));
    vec![Draft::from_evidence(Code::StuckLoad, confidence, shown)
        .server(contact.server)
        .fact("load_running", text(&running))
        .fact("load_right", text(&right))
        .fact("call_manager", text(contact.server))
        .title(format!("stuck on load {running}; CallManager {} takes {right}", contact.server))
        .summary(format!(
                "{} runs load {running}, and CallManager {} turns it away ({}): its phones run {right}. Nothing moves it \
                 off: {named}. CallManager never downgrades a load by itself.",
                cx.label(),
                contact.server,
                contact.state.as_str()
            ))
        .fixes(server
                .map(|s| remedy::phone::name_load(cx.phone.mac, right.raw(), Some(running.raw()), s))
                .into_iter())]
}

/// Whether the phone's own configuration holds it on the load that it runs: then it is in the data base, and CallManager
/// does not bring it up by itself.
fn is_kept(cx: &PhoneContext<'_>, running: &str) -> bool {
    let own = cx.config().filter(|(fetch, _)| cx.phone.owns_config(fetch.name.raw()));
    let named = own.and_then(|(_, config)| cx.phone.load_in(config));
    named.is_some_and(|load| same_load(load.raw(), running))
}
