//! What the operator of a scenario's network knows, as the site file that phonescope reads.

use std::fmt::Write;
use std::net::Ipv4Addr;

use crate::site::Site;
use crate::span::{Span, VOICE_VLAN};

/// The site file. Every phone stands in its cluster.
pub(crate) fn text(site: &Site, span: Span) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write(site, span, &mut out);
    out
}

fn write(site: &Site, span: Span, out: &mut String) -> std::fmt::Result {
    let known = site.dhcp.iter().filter(|server| server.is_known).map(|server| server.scope.server);
    writeln!(out, "[network]\ndhcp_servers = [{}]", list(known))?;
    if span.vlan().is_some() {
        writeln!(out, "voice_vlans = [{VOICE_VLAN}]")?;
    }
    for cluster in &site.clusters {
        writeln!(out, "\n[[cluster]]\nname = \"{}\"\nversion = \"{}\"", cluster.name, cluster.version)?;
        writeln!(out, "tftp = [{}]", list(cluster.tftp.iter().copied()))?;
        writeln!(out, "call_managers = [{}]", list(cluster.call_managers.iter().copied()))?;
        let phones = site.phones.iter().filter(|phone| phone.cluster == cluster.name);
        let macs: Vec<String> = phones.map(|phone| format!("\"{}\"", phone.plan.mac)).collect();
        writeln!(out, "phones = [{}]\n\n[cluster.loads]", macs.join(", "))?;
        for (model, load) in &cluster.loads {
            writeln!(out, "\"{model}\" = \"{load}\"")?;
        }
    }
    Ok(())
}

fn list(addresses: impl Iterator<Item = Ipv4Addr>) -> String {
    addresses.map(|address| format!("\"{address}\"")).collect::<Vec<_>>().join(", ")
}
