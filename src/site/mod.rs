//! What ought to be: which DHCP servers are legitimate, which cluster a phone belongs to, which TFTP servers,
//! CallManagers and loads are right there. Stated by the user in the site file (TOML), never guessed here.
//!
//! An empty or absent list means "not stated". An address that the site names nowhere is not foreign, only unknown:
//! every lookup answers `None` for it.
//!
//! `learn` drafts one, `file` reads the text and finds its mistakes, `phones` says what a phone pattern is, `placement` finds the cluster,
//! `error` words what is wrong. Nothing here reads a file: the caller hands over the texts.
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod error;
mod file;
pub mod learn;
mod phones;
mod placement;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::IpAddr;

use crate::diagnosis::Confidence;
use crate::types::Mac;
use placement::Placement;

pub use error::SiteError;

/// The address that a text is, if a server can have it; else why not.
pub fn server_address(text: &str) -> Result<IpAddr, String> {
    file::host(text.trim().parse().map_err(|_| "not an IP address".to_owned())?)
}
pub use phones::PhonePattern;

/// What the site file and `--expect-tftp` state.
#[derive(Clone, Debug, Default)]
pub struct Site {
    /// Path of the site file, as given; `None` without one.
    pub path: Option<String>,
    /// What holds for the whole network.
    pub network: Network,
    /// The clusters, as the file orders them. Their names differ.
    pub clusters: Vec<Cluster>,
    /// The only right TFTP servers where no cluster says: `--expect-tftp`.
    pub expect_tftp: Vec<IpAddr>,
    placement: Placement,
}

/// What holds for the whole network.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Network {
    /// Every legitimate DHCP server. Empty: not stated.
    pub dhcp_servers: Vec<IpAddr>,
    /// VLANs that phones belong in. Empty: not stated.
    pub voice_vlans: Vec<u16>,
    /// How sure the file is of what it states; `None`: certain. A draft of `site learn` says `likely`.
    pub confidence: Option<Confidence>,
}

/// One CallManager cluster and the phones that belong to it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Cluster {
    #[allow(missing_docs)]
    pub name: String,
    /// CallManager version as written, such as `3.0` or `3.1(2c)`.
    pub version: Option<String>,
    /// TFTP servers: addresses in their usual form, or names. Empty: not stated.
    pub tftp: Vec<String>,
    /// CallManagers, likewise.
    pub call_managers: Vec<String>,
    /// Whether phones that no rule places belong here.
    pub default: bool,
    /// Phones with an address in these belong here.
    pub subnets: Vec<ipnet::IpNet>,
    /// Phones in these VLANs belong here.
    pub vlans: Vec<u16>,
    /// These phones belong here; those of `phones_file` are among them.
    pub phones: Vec<PhonePattern>,
    /// Load by model.
    pub loads: BTreeMap<String, String>,
}

impl Site {
    /// A site of which nothing is stated.
    pub fn none() -> Site {
        Site::default()
    }

    /// Reads a site file.
    ///
    /// `read` is asked for the text of each `phones_file`, by its path seen from where `path` is seen from: the
    /// folder of the site file is already in front of it. Its error is part of ours, so it should say why.
    ///
    /// # Errors
    /// At the first thing that is wrong, by line and column: no TOML, an unknown key, a value that can not be, a
    /// placement in two clusters, a `phones_file` that can not be read or names no phone.
    pub fn parse(
        path: &str,
        text: &str,
        read: &mut dyn FnMut(&str) -> Result<String, String>,
    ) -> Result<Site, SiteError> {
        file::parse(path, text, read)
    }

    /// The same site, with the TFTP servers of `--expect-tftp`.
    pub fn with_expected_tftp(mut self, servers: &[IpAddr]) -> Site {
        for server in servers.iter().map(IpAddr::to_canonical) {
            if !self.expect_tftp.contains(&server) {
                self.expect_tftp.push(server);
            }
        }
        self
    }

    /// The cluster that a phone belongs to, by the most specific rule: the phone itself by MAC or name, the pattern
    /// with the most before its first `*`, the longest subnet, the VLAN, the default cluster.
    pub fn cluster_of_phone(
        &self,
        mac: Mac,
        name: Option<&str>,
        ip: Option<IpAddr>,
        vlan: Option<u16>,
    ) -> Option<&Cluster> {
        self.clusters.get(self.placement.of_phone(mac, name, ip, vlan)?)
    }

    /// The cluster that has this TFTP server, given by address or by name. `None` also of a central TFTP server, which
    /// stands in several clusters.
    pub fn cluster_of_tftp(&self, server: impl Display) -> Option<&Cluster> {
        match self.placement.of_tftp(&server_key(&server.to_string())) {
            [only] => self.clusters.get(*only),
            _ => None,
        }
    }

    /// The same for a phone of `own`: of a central TFTP server that cluster, where it is among those that have it.
    pub fn cluster_of_tftp_for(&self, server: impl Display, own: Option<&Cluster>) -> Option<&Cluster> {
        let all = self.placement.of_tftp(&server_key(&server.to_string()));
        let mut clusters = all.iter().filter_map(|index| self.clusters.get(*index));
        match (all, own) {
            ([_], _) => clusters.next(),
            (_, Some(own)) => clusters.find(|c| c.name == own.name),
            _ => None,
        }
    }

    /// Whether any cluster has this TFTP server.
    pub fn names_tftp(&self, server: impl Display) -> bool {
        !self.placement.of_tftp(&server_key(&server.to_string())).is_empty()
    }

    /// How sure a finding can be that rests on what the file states.
    pub fn certainty(&self) -> Confidence {
        self.network.confidence.unwrap_or(Confidence::Certain)
    }

    /// The cluster that has this CallManager, given by address or by name.
    pub fn cluster_of_call_manager(&self, address_or_name: impl Display) -> Option<&Cluster> {
        self.clusters.get(self.placement.of_call_manager(&server_key(&address_or_name.to_string()))?)
    }

    /// The addresses of the right TFTP servers for a phone of `cluster`: the cluster's, or else `--expect-tftp`.
    /// Empty: not stated, or by names alone.
    pub fn tftp_right(&self, cluster: Option<&Cluster>) -> Vec<IpAddr> {
        let stated: Vec<IpAddr> = cluster.iter().flat_map(|c| &c.tftp).filter_map(|t| t.parse().ok()).collect();
        if stated.is_empty() { self.expect_tftp.clone() } else { stated }
    }

    /// Whether anything is stated at all.
    pub fn states_anything(&self) -> bool {
        let network = &self.network;
        let of_network = !network.dhcp_servers.is_empty() || !network.voice_vlans.is_empty();
        !self.clusters.is_empty() || !self.expect_tftp.is_empty() || of_network
    }
}

impl Cluster {
    /// The version as numbers, where it begins with one: `3.0` is 3, 0 and `3.1(2c)` is 3, 1, 2.
    pub fn version_numbers(&self) -> Option<Vec<u32>> {
        let mut numbers = Vec::new();
        for part in self.version.as_ref()?.trim().split(['.', '(']) {
            let end = part.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(part.len());
            let Some(number) = part.get(..end).and_then(|digits| digits.parse().ok()) else { break };
            numbers.push(number);
            if end < part.len() {
                break;
            }
        }
        (!numbers.is_empty()).then_some(numbers)
    }

    /// How the version compares with that of `other`, missing places being 0. `None`: one is not stated, or no number.
    pub fn compare_version(&self, other: &Cluster) -> Option<Ordering> {
        let (mut ours, mut theirs) = (self.version_numbers()?, other.version_numbers()?);
        let places = ours.len().max(theirs.len());
        ours.resize(places, 0);
        theirs.resize(places, 0);
        Some(ours.cmp(&theirs))
    }

    /// The load that belongs on a model here. `7960`, `CP-7960` and `CP-7960G` are one model.
    pub fn load_of(&self, model: &str) -> Option<&str> {
        let load = self.loads.get(model);
        load.or_else(|| self.loads.iter().find(|(m, _)| model_key(m) == model_key(model)).map(|(_, l)| l))
            .map(String::as_str)
    }

    /// The same, where a model that runs the same loads may stand for it: the 7940 for the 7960.
    pub fn load_for(&self, model: &str) -> Option<&str> {
        self.load_of(model).or_else(|| self.load_of(crate::wire::load::hardware_of(model)))
    }
}

fn model_key(model: &str) -> String {
    let model = model.to_ascii_uppercase();
    let model = model.strip_prefix("CP-").unwrap_or(&model);
    model.strip_suffix('G').unwrap_or(model).to_owned()
}

/// What addresses and names of servers are compared by: IPv4-mapped addresses are IPv4, names have no case and no
/// final dot.
fn server_key(server: &str) -> String {
    let server = server.trim();
    match server.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().to_string(),
        Err(_) => server.strip_suffix('.').unwrap_or(server).to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    /// The site of the contract, with a second cluster.
    const EXAMPLE: &str = r#"
[network]
dhcp_servers = ["10.30.0.2"]
voice_vlans = [110]

[[cluster]]
name = "hq-3.0"
version = "3.0"
tftp = ["10.30.0.5", "TFTP.example.com."]
call_managers = ["10.30.0.10", "10.30.0.11", "cm1"]
default = true
subnets = ["10.50.0.0/16", "2001:db8::/32"]
vlans = [110]
phones = ["SEP003094C2D3FA", "00:30:94:*"]
phones_file = "phones.csv"
[cluster.loads]
"7960" = "P00303020214"

[[cluster]]
name = "branch"
version = "3.1(2c)"
tftp = ["::ffff:10.31.0.5"]
call_managers = ["10.31.0.10"]
subnets = ["10.50.7.0/24"]
vlans = [111]
phones = ["003094c2*", "0007.eb4f.2b34", "ATA*", "lobby-phone"]
"#;

    fn site() -> Site {
        let mut read = |path: &str| {
            assert_eq!(path, "sites/phones.csv");
            Ok("Device Name;Description\nSEP0002B905EE07;Lobby\n".to_owned())
        };
        Site::parse("sites/site.toml", EXAMPLE, &mut read).unwrap()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_example_of_the_contract_is_read_whole() {
        let site = site();
        assert_eq!(site.path.as_deref(), Some("sites/site.toml"));
        assert_eq!(site.network.dhcp_servers, [IpAddr::from([10, 30, 0, 2])]);
        assert_eq!(site.network.voice_vlans, [110]);
        let hq = &site.clusters[0];
        assert_eq!((hq.name.as_str(), hq.version.as_deref(), hq.default), ("hq-3.0", Some("3.0"), true));
        assert_eq!(hq.tftp, ["10.30.0.5", "TFTP.example.com."]);
        assert_eq!(hq.call_managers, ["10.30.0.10", "10.30.0.11", "cm1"]);
        assert_eq!(hq.subnets.iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.50.0.0/16", "2001:db8::/32"]);
        assert_eq!(hq.vlans, [110]);
        let phones: Vec<String> = hq.phones.iter().map(ToString::to_string).collect();
        assert_eq!(phones, ["SEP003094C2D3FA", "00:30:94:*", "SEP0002B905EE07"]);
        assert_eq!(hq.load_of("7960"), Some("P00303020214"));
        assert_eq!((hq.load_of("CP-7960G"), hq.load_of("7940")), (Some("P00303020214"), None));
        assert_eq!(site.clusters[1].tftp, ["10.31.0.5"], "an IPv4-mapped address is an IPv4 address");
        assert!(site.states_anything());
    }

    #[test]
    fn the_most_specific_rule_places_a_phone() {
        let site = site();
        let place = |mac: &str, name: Option<&str>, addr: Option<&str>, vlan| {
            let cluster = site.cluster_of_phone(mac.parse().unwrap(), name, addr.map(ip), vlan);
            cluster.map(|c| c.name.as_str()).unwrap()
        };
        let branch = Some("10.50.7.9");
        // The phone itself, whatever its subnet and VLAN are.
        assert_eq!(place("003094c2d3fa", None, branch, Some(111)), "hq-3.0");
        assert_eq!(place("0007eb4f2b34", None, Some("10.50.1.1"), Some(110)), "branch");
        assert_eq!(place("0002b905ee07", None, branch, Some(111)), "hq-3.0", "by the list");
        assert_eq!(place("00aabbccddee", Some("Lobby-Phone"), None, None), "branch");
        assert_eq!(place("00aabbccddee", Some("SEP0007EB4F2B34"), None, Some(110)), "branch", "by its name's MAC");
        // The longer pattern before the shorter.
        assert_eq!(place("003094c20001", None, None, None), "branch");
        assert_eq!(place("003094ff0001", None, branch, Some(111)), "hq-3.0");
        assert_eq!(place("00aabbccddee", Some("ATA00AABBCCDDEE"), Some("10.50.1.1"), None), "branch");
        // The longer subnet before the shorter, both before the VLAN, that before the default.
        assert_eq!(place("00aabbccddee", None, branch, Some(110)), "branch");
        assert_eq!(place("00aabbccddee", None, Some("::ffff:10.50.7.9"), None), "branch");
        assert_eq!(place("00aabbccddee", None, Some("10.50.8.1"), Some(111)), "hq-3.0");
        assert_eq!(place("00aabbccddee", None, Some("2001:db8::1"), Some(111)), "hq-3.0");
        assert_eq!(place("00aabbccddee", None, Some("192.0.2.1"), Some(111)), "branch");
        assert_eq!(place("00aabbccddee", None, None, None), "hq-3.0");
    }

    #[test]
    fn without_a_default_a_phone_that_no_rule_places_has_no_cluster() {
        let text = "[[cluster]]\nname = 'a'\nvlans = [5]\n";
        let site = Site::parse("s", text, &mut |_| Err(String::new())).unwrap();
        let mac = Mac([0, 1, 2, 3, 4, 5]);
        assert!(site.cluster_of_phone(mac, None, Some(ip("10.1.1.1")), Some(6)).is_none());
        assert!(site.cluster_of_phone(mac, None, None, Some(5)).is_some());
        assert!(Site::none().cluster_of_phone(mac, None, None, Some(5)).is_none());
    }

    #[test]
    fn a_server_is_found_by_address_and_by_name() {
        let site = site();
        let name = |c: Option<&Cluster>| c.map(|c| c.name.clone()).unwrap_or_default();
        assert_eq!(name(site.cluster_of_tftp("10.30.0.5")), "hq-3.0");
        assert_eq!(name(site.cluster_of_tftp(ip("10.31.0.5"))), "branch");
        assert_eq!(name(site.cluster_of_tftp(ip("::ffff:10.31.0.5"))), "branch");
        assert_eq!(name(site.cluster_of_tftp(Ipv4Addr::new(10, 31, 0, 5))), "branch");
        assert_eq!(name(site.cluster_of_tftp("tftp.EXAMPLE.com")), "hq-3.0");
        assert_eq!(name(site.cluster_of_tftp(crate::types::WireText::from("tftp.example.com"))), "hq-3.0");
        assert_eq!(name(site.cluster_of_tftp("10.30.0.10")), "", "a CallManager is no TFTP server");
        assert_eq!(name(site.cluster_of_call_manager("CM1")), "hq-3.0");
        assert_eq!(name(site.cluster_of_call_manager("10.31.0.10")), "branch");
        assert_eq!(name(site.cluster_of_call_manager("10.99.0.1")), "");
    }

    #[test]
    fn the_expected_tftp_servers_count_where_no_cluster_says() {
        let expected = [ip("10.9.9.9"), ip("::ffff:10.9.9.9")];
        let site = site().with_expected_tftp(&expected);
        assert_eq!(site.expect_tftp, [ip("10.9.9.9")]);
        assert_eq!(site.tftp_right(Some(&site.clusters[1])), [ip("10.31.0.5")]);
        assert_eq!(site.tftp_right(None), [ip("10.9.9.9")]);
        assert_eq!(site.tftp_right(Some(&Cluster::default())), [ip("10.9.9.9")]);
        assert!(!Site::none().states_anything());
        assert!(Site::none().tftp_right(None).is_empty());
        assert!(Site::none().with_expected_tftp(&expected).states_anything());
    }

    #[test]
    fn a_version_is_compared_as_numbers_where_it_is_one() {
        let cluster = |version: &str| Cluster { version: Some(version.to_owned()), ..Cluster::default() };
        let numbers = |version: &str| cluster(version).version_numbers();
        assert_eq!(numbers("3.0"), Some(vec![3, 0]));
        assert_eq!(numbers("3.1(2c)"), Some(vec![3, 1, 2]));
        assert_eq!(numbers("3.0(x)"), Some(vec![3, 0]));
        assert_eq!(numbers("12.5(1)SU3"), Some(vec![12, 5, 1]));
        assert_eq!(numbers("4"), Some(vec![4]));
        for text in ["", "x.3", ".3", "99999999999", "v3"] {
            assert_eq!(numbers(text), None, "{text}");
        }
        assert_eq!(Cluster::default().version_numbers(), None);
        assert_eq!(cluster("3.0").compare_version(&cluster("3")), Some(Ordering::Equal));
        assert_eq!(cluster("3.10").compare_version(&cluster("3.9")), Some(Ordering::Greater));
        assert_eq!(cluster("3.0(8)").compare_version(&cluster("3.1")), Some(Ordering::Less));
        assert_eq!(cluster("3.0").compare_version(&cluster("lab")), None);
    }
}
