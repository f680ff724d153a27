//! `foreign-call-manager`: a good configuration, of another cluster.

use crate::diagnosis::{Code, Fix, FixKind, FixTarget, Severity};
use crate::findings::context::PhoneContext;
use crate::findings::{Draft, and_list, evidence, text, wire_texts};
use crate::site::{Cluster, Site};
use crate::types::WireText;

declare_finding! {
    /// ## Trigger
    ///
    /// The site file puts the phone into a cluster, and every CallManager that the configuration served names belongs to
    /// other clusters of the file. A CallManager that the file names nowhere is never foreign, and one of the phone's own
    /// cluster in the list is enough. A warning only for a phone that is registered with its own cluster all the same.
    /// Without a site file nothing is said.
    ///
    /// ## Evidence
    ///
    /// The request for the configuration, and the connections to the CallManagers that it names.
    ///
    /// ## Explanation
    ///
    /// The phone goes where its configuration sends it. It was put into a device pool whose group belongs to another
    /// cluster, moved between clusters with the old file left behind, or the TFTP server hands out another cluster's
    /// default. The other cluster does not know it, or takes it in by auto-registration.
    ///
    /// ## Fix
    ///
    /// Correct the phone's device pool (its CallManager group), or take the stray file off the TFTP path; reset the phone.
    ///
    /// ## Not this
    ///
    /// `wrong-tftp-server`: the file came from another cluster's server; then that is the cause. `registered-elsewhere`:
    /// what comes of it where the other cluster takes the phone.
    ///
    /// ## References
    ///
    /// Cisco document 5278; Unified CM administration guides, "Cisco Unified CM group".
    static FOREIGN_CALL_MANAGER = {
        code: ForeignCallManager,
        summary: "The configuration served sends the phone to another cluster's CallManager",
        check: check,
    }
}

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    let (Some(own), Some((fetch, config))) = (cx.cluster(), cx.config()) else { return Vec::new() };
    let site = cx.world.site;
    let registry = cx.world.registry;
    let Some(foreign) = foreign(site, own, &config.call_managers, &|name| registry.resolve(name)) else {
        return Vec::new();
    };
    let server = fetch.server;
    let at_home = cx
        .registered_with()
        .is_some_and(|c| site.cluster_of_call_manager(c.server).is_some_and(|theirs| theirs.name == own.name));
    let named = and_list(&config.call_managers);
    let clusters = and_list(&foreign);
    let mut shown = vec![evidence(
        fetch.request.first,
        format!("{} is served {}, which names CallManager {named}", cx.label(), fetch.name),
    )];
    let managers = cx.configured_call_managers();
    for contact in cx.contacts().iter().filter(|c| managers.contains(&c.server)) {
        shown.push(evidence(
            contact.seen_at(),
            format!("{} tries {}: {}", cx.label(), contact.server, contact.state.as_str()),
        ));
    }
    vec![Draft::from_evidence(Code::ForeignCallManager, cx.world.site.certainty(), shown)
        .severity(if at_home { Severity::Warning } else { Severity::Error })
        .server(server)
        .fact("call_managers", wire_texts(&config.call_managers))
        .fact("tftp_server", text(server))
        .title(format!("{server} sends phones of {} to cluster {clusters}", own.name))
        .summary(format!(
                "The site file puts {} into cluster {}, and its configuration {} from TFTP server {server} names CallManager \
                 {named}, of cluster {clusters}.",
                cx.label(),
                own.name,
                fetch.name
            ))
        .fix(fix(cx, own, server))]
}

/// The clusters that the CallManagers of a configuration belong to, where all of them belong to others than `own`.
fn foreign(
    site: &Site,
    own: &Cluster,
    call_managers: &[WireText],
    resolve: &dyn Fn(&str) -> Vec<std::net::IpAddr>,
) -> Option<Vec<String>> {
    let mut clusters: Vec<String> = Vec::new();
    for name in call_managers {
        let by_name = site.cluster_of_call_manager(name.raw());
        let cluster = by_name.or_else(|| resolve(name.raw()).iter().find_map(|ip| site.cluster_of_call_manager(ip)))?;
        if cluster.name == own.name {
            return None;
        }
        if !clusters.contains(&cluster.name) {
            clusters.push(cluster.name.clone());
        }
    }
    (!clusters.is_empty()).then_some(clusters)
}

fn fix(cx: &PhoneContext<'_>, own: &Cluster, server: std::net::IpAddr) -> Fix {
    let managers = &own.call_managers;
    let to = if managers.is_empty() { format!("cluster {}", own.name) } else { and_list(managers) };
    let members: Vec<String> = (0..)
        .zip(managers)
        .map(|(priority, name): (u32, _)| {
            format!("<member priority=\"{priority}\"> … <processNodeName>{name}</processNodeName> … </member>\n")
        })
        .collect();
    Fix::new(FixKind::MoveToCluster, FixTarget::CallManager, format!("Send phones of cluster {} to {to}", own.name))
        .step(format!(
            "In the CallManager of cluster {}: Device, Phone, {}: its device pool's CallManager group should be {to}.",
            own.name,
            cx.label()
        ))
        .step(format!(
            "A file made by hand, or left behind on {server}: name {to} in it, or take it off the TFTP path."
        ))
        .step("Reset the phone. If it belongs to the other cluster after all, correct the site file.")
        .config((!members.is_empty()).then(|| members.concat()))
        .verify(format!("The phone connects to {to}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_list_of_known_strangers_is_foreign() {
        let text = "[[cluster]]\nname = 'hq'\ncall_managers = ['10.1.0.1', 'cm1']\ndefault = true\n\
                    [[cluster]]\nname = 'pilot'\ncall_managers = ['10.2.0.1']\n";
        let site = Site::parse("s", text, &mut |_| Err(String::new())).unwrap();
        let of = |names: &[&str]| {
            let names: Vec<WireText> = names.iter().map(|n| WireText::from(*n)).collect();
            let resolve = |name: &str| match name {
                "pilot-cm" => vec!["10.2.0.1".parse().unwrap()],
                _ => Vec::new(),
            };
            foreign(&site, &site.clusters[0], &names, &resolve)
        };
        let pilot = Some(vec!["pilot".to_owned()]);
        assert_eq!(of(&["10.2.0.1"]), pilot);
        assert_eq!(of(&["pilot-cm"]), pilot);
        assert_eq!(of(&["10.2.0.1", "10.1.0.1"]), None, "one of its own is enough");
        assert_eq!(of(&["10.2.0.1", "10.9.9.9"]), None, "an address that the file does not know is never foreign");
        assert_eq!(of(&["CM1"]), None);
        assert_eq!(of(&[]), None);
    }
}
