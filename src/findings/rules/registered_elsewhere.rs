//! `registered-elsewhere`: well, and in the wrong place.

use crate::diagnosis::{Code, Fix, FixKind, FixTarget, RegistrationState};
use crate::findings::context::PhoneContext;
use crate::findings::{Draft, and_list, evidence, text};
use crate::remedy;

declare_finding! {
    /// ## Trigger
    ///
    /// The phone is registered (or was at last, until it left) with a CallManager that the site file puts into another
    /// cluster than the phone. A CallManager that the site file names nowhere is not foreign, and a phone that no rule of
    /// the site file places belongs nowhere else.
    ///
    /// ## Evidence
    ///
    /// The RegisterAck, or the first message that only a registered phone gets.
    ///
    /// ## Explanation
    ///
    /// The phone works, but with another cluster's dial plan, features and load: CallManagers were set by hand or are
    /// left in its flash, another cluster took it in by auto-registration, or its configuration comes from there. The
    /// next upgrade of that cluster gives it a load that its own may not take.
    ///
    /// ## Fix
    ///
    /// Give the phone its own cluster's configuration and reset it; delete its entry on the other cluster, and disable
    /// auto-registration there. If the phone belongs where it is, say so in the site file.
    ///
    /// ## Not this
    ///
    /// Another CallManager of the same cluster: that is failover. `wrong-tftp-server` and `foreign-call-manager`: where the
    /// phone was sent there by a server or a file, that is the cause and this its consequence.
    ///
    /// ## References
    ///
    /// Cisco document 5278 (two clusters, one DHCP); the site file's `[[cluster]]`.
    static REGISTERED_ELSEWHERE = {
        code: RegisteredElsewhere,
        summary: "Registered with a CallManager of another cluster than the site file says",
        check: check,
    }
}

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    let site = cx.world.site;
    let Some(own) = cx.cluster() else { return Vec::new() };
    let Some(contact) = cx.last_contact() else { return Vec::new() };
    if !matches!(contact.state, RegistrationState::Registered | RegistrationState::Unregistered) {
        return Vec::new();
    }
    let server = contact.server;
    let Some(theirs) = site.cluster_of_call_manager(server).filter(|c| c.name != own.name) else { return Vec::new() };
    let Some((attempt, seen_at)) = contact.attempt.and_then(|a| Some((a, a.registered_at()?))) else {
        return Vec::new();
    };
    let mut shown = vec![evidence(seen_at, format!("CallManager {server} registers {}", cx.label()))];
    if let Some(register) = attempt.register {
        shown.push(evidence(register.first, format!("{} registers with {server}", cx.label())));
    }
    let named = cx.configured_call_managers();
    let sent = match cx.config() {
        Some((fetch, _)) if named.contains(&server) => {
            shown.push(evidence(fetch.request.first, format!("{} of {} names {server}", fetch.name, fetch.server)));
            format!("The configuration from {} names that CallManager.", fetch.server)
        }
        Some((fetch, _)) if !named.is_empty() => format!(
            "The configuration from {} names {}, so {server} is set on the phone or left in its flash.",
            fetch.server,
            and_list(&named)
        ),
        _ => "What sent it there, this capture does not hold.".to_owned(),
    };
    let mut steps = vec![format!(
        "Does {} belong to cluster {}? If it belongs to {}, place it there in the site file.",
        cx.label(),
        own.name,
        theirs.name
    )];
    if !named.contains(&server) {
        steps.push("On the phone: Settings, Network Configuration; unlock with **#; clear what is set by hand, or erase the configuration.".to_owned());
    }
    steps.push(format!("On the cluster of {server}: Device, Phone: delete {}.", cx.label()));
    steps.push("Reset the phone.".to_owned());
    let back = own.call_managers.first().map_or(format!("a CallManager of {}", own.name), Clone::clone);
    vec![Draft::from_evidence(Code::RegisteredElsewhere, cx.world.site.certainty(), shown)
        .server(server)
        .fact("call_manager", text(server))
        .fact("expected", text(&own.name))
        .title(format!("registered with {server} of cluster {}, belongs to {}", theirs.name, own.name))
        .summary(format!(
                "{} is registered with CallManager {server}, which is of cluster {}; the site file puts the phone into {}. \
                 {sent}",
                cx.label(),
                theirs.name,
                own.name
            ))
        .fix(Fix::new(
                    FixKind::MoveToCluster,
                    FixTarget::Phone,
                    format!("Bring the phones back to cluster {}", own.name),
                )
                .steps(steps)
                .verify(format!("The phone's Register goes to {back}, and is followed by RegisterAck.")))
        .fix(remedy::phone::no_auto_registration(server))]
}
