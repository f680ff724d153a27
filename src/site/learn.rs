//! A site file drafted from what an analysis saw: which servers led to phones that are registered, and nothing else.
//!
//! Only phones that are registered and without an error are witnesses. What was only seen to fail is named in a
//! comment and never drafted as right. Each line says where it comes from; the operator has the last word.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;

use ipnet::Ipv4Net;

use super::{Site, SiteError};
use crate::diagnosis::ObservedName;
use crate::diagnosis::ObservedServer;
use crate::diagnosis::ObservedTftp;
use crate::diagnosis::{Detail, Diagnosis, PhoneReport, Verdict};
use crate::types::{FrameRef, Mac, WireText};

/// A drafted site file.
#[derive(Clone, Debug)]
pub struct Drafted {
    /// The file, TOML.
    pub text: String,
    /// Phones that it rests on.
    pub witnesses: usize,
    /// Clusters in it.
    pub clusters: usize,
}

/// Drafts a site file.
///
/// # Errors
/// Where the draft is no site file after all. It says where.
pub fn draft(diagnosis: &Diagnosis<'_>) -> Result<Drafted, SiteError> {
    let mut learnt = Learnt::new(diagnosis);
    // A phone that the subnets would put elsewhere is named; naming one moves no other.
    for _ in 0..2 {
        let text = learnt.print(diagnosis);
        let site = Site::parse("draft", &text, &mut |_| Err("a draft names no file".to_owned()))?;
        if !learnt.name_misplaced(&site) {
            return Ok(Drafted { text, witnesses: learnt.phones.len(), clusters: learnt.clusters.len() });
        }
    }
    let text = learnt.print(diagnosis);
    Ok(Drafted { text, witnesses: learnt.phones.len(), clusters: learnt.clusters.len() })
}

/// How many phones show something, and one of them.
#[derive(Clone, Debug)]
struct Seen {
    phones: usize,
    such_as: String,
    at: FrameRef,
}

/// Things by what they are, with who shows them.
type Tally<K> = BTreeMap<K, Seen>;

fn note<K: Ord>(tally: &mut Tally<K>, key: K, phone: &Witness, at: FrameRef) {
    let seen = tally.entry(key).or_insert_with(|| Seen { phones: 0, such_as: phone.label.clone(), at });
    seen.phones += 1;
}

/// A phone that is registered and without an error.
#[derive(Clone, Debug)]
struct Witness {
    mac: Mac,
    name: Option<WireText>,
    label: String,
    ip: Option<IpAddr>,
    vlan: Option<u16>,
    subnet: Option<Ipv4Net>,
    /// Its cluster, by index; `None`: what it shows contradicts itself.
    cluster: Option<usize>,
    call_manager: IpAddr,
}

#[derive(Default)]
struct LearntCluster {
    tftp: Tally<IpAddr>,
    /// Asked for files, and not only named by leases.
    asked: BTreeSet<IpAddr>,
    registered: Tally<IpAddr>,
    /// Named by configurations; nobody registered there yet.
    named: Tally<String>,
    subnets: Tally<Ipv4Net>,
    loads: BTreeMap<String, Tally<String>>,
    phones: Vec<(String, String)>,
    witnesses: usize,
}

struct Learnt {
    dhcp: Tally<IpAddr>,
    vlans: Tally<u16>,
    clusters: Vec<LearntCluster>,
    phones: Vec<Witness>,
    inputs: usize,
}

fn is_witness(phone: &PhoneReport) -> bool {
    // A router that registers phones while their CallManagers are away is none of them.
    let is_registered = phone.traces.registered.is_some() && !phone.traces.registered_with_router;
    is_registered && !matches!(phone.verdict, Verdict::Finding(_))
}

/// Whether the configuration sends the phone to the CallManager that it is registered with, as far as can be told.
fn agrees(phone: &PhoneReport, call_manager: IpAddr) -> bool {
    let named = &phone.traces.call_managers;
    named.is_empty()
        || named.iter().any(|n| n.addresses.contains(&call_manager))
        || named.iter().any(|n| n.addresses.is_empty())
}

/// The TFTP server that the phone's files come from: not one that was only asked and never answered anybody.
fn tftp_of(phone: &PhoneReport, silent: &BTreeSet<IpAddr>) -> Option<ObservedTftp> {
    phone.traces.tftp.filter(|used| !silent.contains(&used.ip))
}

fn subnet_of(phone: &PhoneReport) -> Option<Ipv4Net> {
    let lease = phone.traces.lease?;
    let net = Ipv4Net::with_netmask(lease.address, lease.mask?).ok()?.trunc();
    // A mask of all ones or none tells no subnet.
    (8..=30).contains(&net.prefix_len()).then_some(net)
}

impl Learnt {
    fn new(diagnosis: &Diagnosis<'_>) -> Learnt {
        // Which servers belong together is known only after all phones were asked.
        let servers = &diagnosis.servers.tftp;
        let silent: BTreeSet<IpAddr> =
            servers.iter().filter(|s| s.served + s.missing == 0 && s.silent > 0).map(|s| s.ip).collect();
        let mut groups = Groups::default();
        for phone in diagnosis.phones(Detail::State).filter(is_witness) {
            let Some(ObservedServer { ip: call_manager, .. }) = phone.traces.registered else { continue };
            groups.add(Node::CallManager(call_manager));
            if !agrees(&phone, call_manager) {
                continue;
            }
            if let Some(ObservedTftp { ip: tftp, .. }) = tftp_of(&phone, &silent) {
                groups.join(Node::CallManager(call_manager), Node::Tftp(tftp));
            }
            for ObservedName { name, addresses } in &phone.traces.call_managers {
                groups.join(Node::CallManager(call_manager), Node::Name(name.raw().to_ascii_lowercase()));
                for address in addresses {
                    groups.join(Node::CallManager(call_manager), Node::CallManager(*address));
                }
            }
        }
        let mut learnt = Learnt {
            dhcp: Tally::new(),
            vlans: Tally::new(),
            clusters: Vec::new(),
            phones: Vec::new(),
            inputs: diagnosis.inputs.len(),
        };
        let failed: BTreeSet<IpAddr> = diagnosis
            .servers
            .call_managers
            .iter()
            .filter(|c| c.registered == 0 && c.refused + c.silent + c.rejected > 0)
            .map(|c| c.ip)
            .collect();
        let mut index_of: BTreeMap<usize, usize> = BTreeMap::new();
        for phone in diagnosis.phones(Detail::State).filter(is_witness) {
            let Some(ObservedServer { ip: call_manager, at }) = phone.traces.registered else { continue };
            let group = groups.group(&Node::CallManager(call_manager));
            let index = *index_of.entry(group).or_insert_with(|| {
                learnt.clusters.push(LearntCluster::default());
                learnt.clusters.len() - 1
            });
            let consistent = agrees(&phone, call_manager);
            let witness = Witness {
                mac: phone.mac,
                name: phone.name.clone(),
                label: phone.name.as_ref().map_or_else(|| phone.mac.device_name(), ToString::to_string),
                ip: phone.ip,
                vlan: phone.vlan,
                subnet: subnet_of(&phone),
                cluster: consistent.then_some(index),
                call_manager,
            };
            if let (Some(server), Some(lease)) = (phone.dhcp_server, phone.traces.lease) {
                note(&mut learnt.dhcp, server, &witness, lease.at);
            }
            if let Some(vlan) = phone.traces.vlan.filter(|v| (1..4095).contains(&v.id)) {
                note(&mut learnt.vlans, vlan.id, &witness, vlan.at);
            }
            if let Some(cluster) = learnt.clusters.get_mut(index) {
                cluster.add(&phone, &witness, consistent, at, (&failed, &silent));
            }
            learnt.phones.push(witness);
        }
        learnt.sort();
        learnt
    }

    /// The largest cluster first; a subnet that two share is the one's with more phones in it.
    fn sort(&mut self) {
        let mut order: Vec<usize> = (0..self.clusters.len()).collect();
        let size = |i: &usize| self.clusters.get(*i).map_or(0, |c| c.witnesses);
        order.sort_by_key(|i| (std::cmp::Reverse(size(i)), *i));
        let mut clusters: Vec<Option<LearntCluster>> =
            std::mem::take(&mut self.clusters).into_iter().map(Some).collect();
        self.clusters = order.iter().filter_map(|i| clusters.get_mut(*i).and_then(Option::take)).collect();
        for phone in &mut self.phones {
            phone.cluster = phone.cluster.and_then(|old| order.iter().position(|i| *i == old));
        }
        let shared: BTreeSet<Ipv4Net> = self.clusters.iter().flat_map(|c| c.subnets.keys().copied()).collect();
        for net in shared {
            let most = self.clusters.iter().filter_map(|c| c.subnets.get(&net)).map(|s| s.phones).max().unwrap_or(0);
            let mut kept = false;
            for cluster in &mut self.clusters {
                let has_most = cluster.subnets.get(&net).is_some_and(|s| s.phones == most);
                if kept || !has_most {
                    cluster.subnets.remove(&net);
                }
                kept |= has_most;
            }
        }
    }

    /// Names each phone that the draft would put into another cluster; whether there was one.
    fn name_misplaced(&mut self, site: &Site) -> bool {
        let mut any = false;
        for phone in &self.phones {
            let Some(index) = phone.cluster else { continue };
            let name = phone.name.as_ref().map(WireText::raw);
            let placed = site.cluster_of_phone(phone.mac, name, phone.ip, phone.vlan);
            if placed.is_some_and(|c| c.name == cluster_name(index)) {
                continue;
            }
            if let Some(cluster) = self.clusters.get_mut(index) {
                let why = match placed {
                    Some(other) => format!("its subnet is that of {}", other.name),
                    None => "no lease of it tells its subnet".to_owned(),
                };
                cluster.phones.push((phone.mac.to_string(), format!("{}: {why}", phone.label)));
                any = true;
            }
        }
        any
    }
}

impl LearntCluster {
    fn add(
        &mut self,
        phone: &PhoneReport,
        witness: &Witness,
        consistent: bool,
        at: FrameRef,
        (failed, silent): (&BTreeSet<IpAddr>, &BTreeSet<IpAddr>),
    ) {
        self.witnesses += 1;
        note(&mut self.registered, witness.call_manager, witness, at);
        if !consistent {
            return;
        }
        if let Some(ObservedTftp { ip: tftp, at, asked }) = tftp_of(phone, silent) {
            note(&mut self.tftp, tftp, witness, at);
            if asked {
                self.asked.insert(tftp);
            }
            for ObservedName { name, addresses } in &phone.traces.call_managers {
                let name = name.raw().trim();
                let works = addresses.iter().any(|a| !failed.contains(a)) || addresses.is_empty();
                if works && is_server(name) {
                    note(&mut self.named, name.to_owned(), witness, at);
                }
            }
        }
        if let (Some(net), Some(lease)) = (witness.subnet, phone.traces.lease) {
            note(&mut self.subnets, net, witness, lease.at);
        }
        if let (Some(model), Some(load)) = (&phone.model, &phone.load.running) {
            // A version is not yet the name of a load.
            if !load.raw().contains('(') {
                note(self.loads.entry(model.clone()).or_default(), load.to_string(), witness, at);
            }
        }
    }
}

/// Whether a site file takes it for a server.
fn is_server(name: &str) -> bool {
    let text = format!("[[cluster]]\nname = \"a\"\ntftp = [{}]\n", quoted(name));
    Site::parse("draft", &text, &mut |_| Err(String::new())).is_ok()
}

fn cluster_name(index: usize) -> String {
    format!("cluster-{}", index + 1)
}

// ---- servers that belong together ----

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Node {
    CallManager(IpAddr),
    Tftp(IpAddr),
    Name(String),
}

/// Sets of servers, joined pair by pair.
#[derive(Default)]
struct Groups {
    ids: BTreeMap<Node, usize>,
    parent: Vec<usize>,
}

impl Groups {
    fn add(&mut self, node: Node) -> usize {
        let next = self.parent.len();
        let id = *self.ids.entry(node).or_insert(next);
        if id == next {
            self.parent.push(id);
        }
        id
    }

    fn root(&self, mut id: usize) -> usize {
        while let Some(parent) = self.parent.get(id).filter(|p| **p != id) {
            id = *parent;
        }
        id
    }

    fn join(&mut self, a: Node, b: Node) {
        let (a, b) = (self.add(a), self.add(b));
        let (a, b) = (self.root(a), self.root(b));
        // The smaller number is the root, so that the order of the phones decides and nothing else.
        if let Some(parent) = self.parent.get_mut(a.max(b)) {
            *parent = a.min(b);
        }
    }

    fn group(&mut self, node: &Node) -> usize {
        let id = self.add(node.clone());
        self.root(id)
    }
}

// ---- the file ----

/// A text as TOML has it.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn phones(count: usize) -> String {
    if count == 1 { "1 registered phone".to_owned() } else { format!("{count} registered phones") }
}

impl Learnt {
    fn frame(&self, at: FrameRef) -> String {
        match self.inputs {
            0 | 1 => format!("frame {}", at.frame),
            _ => format!("input {} frame {}", at.input, at.frame),
        }
    }

    /// `18 registered phones …, such as SEP003094C2D3FA (frame 5)`.
    fn said(&self, seen: &Seen, what: &str) -> String {
        let such_as = if seen.phones > 1 { "such as " } else { "" };
        format!("{} {what}, {such_as}{} ({})", phones(seen.phones), seen.such_as, self.frame(seen.at))
    }

    fn print(&self, diagnosis: &Diagnosis<'_>) -> String {
        let mut out = Text::default();
        let inputs: Vec<String> = diagnosis.inputs.iter().map(|i| i.path.to_string()).collect();
        out.comment(&format!("Drafted by phonescope {} from {}.", env!("CARGO_PKG_VERSION"), inputs.join(", ")));
        if inputs.len() > 1 {
            out.comment("Inputs are counted from 0, in this order.");
        }
        out.comment(&format!(
            "It rests on {} of {} phones: those that are registered and without an error.",
            self.phones.len(),
            diagnosis.phone_count
        ));
        out.comment("Each line says where it comes from. Read it, correct it, then: phonescope site check FILE");
        if self.phones.is_empty() {
            out.comment("No phone was seen to register, so nothing is known to be right, and nothing is stated here.");
        }
        self.print_network(diagnosis, &mut out);
        for index in 0..self.clusters.len() {
            self.print_cluster(index, &mut out);
        }
        self.print_left_out(diagnosis, &mut out);
        out.0
    }

    fn print_network(&self, diagnosis: &Diagnosis<'_>, out: &mut Text) {
        out.0.push_str("\n[network]\n");
        out.comment("Concluded from captures: no finding that rests on this file is surer than this. Once you have checked all of it:");
        out.comment("confidence = \"certain\"");
        out.0.push_str("confidence = \"likely\"\n");
        out.comment("Every legitimate DHCP server; one that is not here becomes a finding where it answers phones.");
        let servers = self.dhcp.iter().map(|(ip, seen)| {
            (quoted(&ip.to_string()), format!("{}; likely", self.said(seen, "with a lease from it")))
        });
        out.list("dhcp_servers", servers);
        for server in diagnosis.servers.dhcp.iter().filter(|s| !self.dhcp.contains_key(&s.ip)) {
            out.comment(&format!(
                "left out: {} (offers: {}, leases: {}, refusals: {}): no registered phone has its lease from it",
                server.ip, server.offers, server.acks, server.naks
            ));
        }
        let vlans = self.vlans.iter().map(|(vlan, seen)| {
            (vlan.to_string(), format!("{}; certain", self.said(seen, "with a lease asked for in it")))
        });
        out.list("voice_vlans", vlans);
    }

    fn print_cluster(&self, index: usize, out: &mut Text) {
        let Some(cluster) = self.clusters.get(index) else { return };
        out.0.push_str("\n[[cluster]]\n");
        let _ = writeln!(out.0, "name = {}  # made up: {}", quoted(&cluster_name(index)), phones(cluster.witnesses));
        out.comment("version = \"…\"  (CallManager's version is not on the wire; where two clusters differ, state it)");
        let tftp = cluster.tftp.iter().map(|(ip, seen)| {
            let (what, sure) = if cluster.asked.contains(ip) {
                ("whose files come from there", "likely")
            } else {
                ("whose lease names it, though nobody was seen to ask it", "possible")
            };
            (quoted(&ip.to_string()), format!("{}; {sure}", self.said(seen, what)))
        });
        out.list("tftp", tftp);
        let mut managers: Vec<(String, String)> = cluster
            .registered
            .iter()
            .map(|(ip, seen)| (quoted(&ip.to_string()), format!("{}; certain", self.said(seen, "with it"))))
            .collect();
        let known = |name: &String| name.parse().is_ok_and(|ip: IpAddr| cluster.registered.contains_key(&ip));
        managers.extend(cluster.named.iter().filter(|(name, _)| !known(name)).map(|(name, seen)| {
            let what = "whose configuration names it, though nobody was seen to register with it";
            (quoted(name), format!("{}; possible", self.said(seen, what)))
        }));
        out.list("call_managers", managers.into_iter());
        if self.clusters.len() == 1 {
            out.0.push_str("default = true  # the only cluster seen\n");
        }
        let subnets = cluster.subnets.iter().map(|(net, seen)| {
            (quoted(&net.to_string()), format!("{}; likely", self.said(seen, "with a lease in it")))
        });
        out.list("subnets", subnets);
        out.list("phones", cluster.phones.iter().map(|(mac, why)| (quoted(mac), why.clone())));
        for phone in
            self.phones.iter().filter(|p| p.cluster.is_none() && cluster.registered.contains_key(&p.call_manager))
        {
            out.comment(&format!(
                "left out: {} is registered with {}, but its configuration names others; see registered-elsewhere",
                phone.label, phone.call_manager
            ));
        }
        out.0.push_str("[cluster.loads]\n");
        for (model, loads) in &cluster.loads {
            match loads.iter().collect::<Vec<_>>().as_slice() {
                [(load, seen)] => {
                    let _ = writeln!(
                        out.0,
                        "{} = {}  # {}; likely",
                        quoted(model),
                        quoted(load),
                        comment(&self.said(seen, "with it"))
                    );
                }
                several => {
                    for (load, seen) in several {
                        out.comment(&format!(
                            "{} = {}  {}; decide",
                            quoted(model),
                            quoted(load),
                            self.said(seen, "with it")
                        ));
                    }
                }
            }
        }
    }

    /// What answered phones, and led none to a registration.
    fn print_left_out(&self, diagnosis: &Diagnosis<'_>, out: &mut Text) {
        let mut lines = Vec::new();
        let tftp: BTreeSet<IpAddr> = self.clusters.iter().flat_map(|c| c.tftp.keys().copied()).collect();
        for server in diagnosis.servers.tftp.iter().filter(|s| !tftp.contains(&s.ip)) {
            lines.push(format!(
                "TFTP server {} (files served: {}, missing: {}, not answered: {})",
                server.ip, server.served, server.missing, server.silent
            ));
        }
        let managers: BTreeSet<IpAddr> = self.clusters.iter().flat_map(|c| c.registered.keys().copied()).collect();
        for server in diagnosis.servers.call_managers.iter().filter(|s| !managers.contains(&s.ip)) {
            let routers = diagnosis.phones(Detail::State).filter(|p| p.traces.registered_with_router);
            let phones = routers.filter(|p| p.traces.registered.is_some_and(|r| r.ip == server.ip)).count();
            if phones > 0 {
                lines.push(format!(
                    "CallManager {}: the router of the {phones} phones registered with it, which no configuration names (SRST)",
                    server.ip
                ));
                continue;
            }
            lines.push(format!(
                "CallManager {} (of the phones that tried it {} were rejected, {} refused, {} not answered)",
                server.ip, server.rejected, server.refused, server.silent
            ));
        }
        if !lines.is_empty() {
            out.0.push('\n');
            out.comment("Left out, since no registered phone without an error stands for them:");
            for line in lines {
                out.comment(&format!("  {line}"));
            }
        }
    }
}

/// A comment that stays on its line.
fn comment(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn comment(&mut self, text: &str) {
        let _ = writeln!(self.0, "# {}", comment(text));
    }

    /// A list with a comment on each value; nothing where there is none.
    fn list(&mut self, key: &str, values: impl Iterator<Item = (String, String)>) {
        let mut values = values.peekable();
        if values.peek().is_none() {
            return;
        }
        let _ = writeln!(self.0, "{key} = [");
        for (value, why) in values {
            let _ = writeln!(self.0, "    {value},  # {}", comment(&why));
        }
        self.0.push_str("]\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_stays_a_text_in_quotes() {
        for text in ["a\"b", "a\\", "a\nb = 1", "\u{7f}\u{0}"] {
            let line = format!("[[cluster]]\nname = {}\n", quoted(text));
            let value: toml::Table = line.parse().unwrap();
            assert_eq!(value["cluster"][0]["name"].as_str(), Some(text), "{line}");
        }
        assert_eq!(comment("a\nb\r\u{1b}[2J"), "a b  [2J");
        assert!(is_server("CM1") && is_server("10.30.0.10"));
        for name in ["", "10.30.0", "a b", "0.0.0.0", "a\nb"] {
            assert!(!is_server(name), "{name:?}");
        }
    }

    #[test]
    fn servers_that_are_joined_pair_by_pair_are_one_group() {
        let cm = |n: u8| Node::CallManager(IpAddr::from([10, 0, 0, n]));
        let mut groups = Groups::default();
        for n in 1..6 {
            groups.add(cm(n));
        }
        groups.join(cm(4), cm(5));
        groups.join(cm(2), Node::Name("cm4".to_owned()));
        groups.join(Node::Name("cm4".to_owned()), cm(5));
        let ids: Vec<usize> = (1..6).map(|n| groups.group(&cm(n))).collect();
        assert_eq!(ids, [0, 1, 2, 1, 1]);
    }
}
