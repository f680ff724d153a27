//! The text of a site file to a [`Site`]: its shape by serde, its sense by hand, each mistake by line and column.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Range;
use std::path::Path;

use ipnet::IpNet;
use toml::Spanned;

use super::error::{self, Source, TABLES};
use super::phones::{self, PhonePattern};
use super::placement::{Clash, MOST_PATTERNS, Placement};
use super::{Cluster, Network, Site, SiteError, server_key};
use crate::diagnosis::Confidence;
use crate::types::WireText;

/// The file as it is written.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table")]
struct RawSite {
    #[serde(default)]
    network: RawNetwork,
    #[serde(default)]
    cluster: Vec<RawCluster>,
}

#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a table [network]")]
struct RawNetwork {
    dhcp_servers: Vec<Spanned<String>>,
    voice_vlans: Vec<Spanned<i64>>,
    confidence: Option<Spanned<String>>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table [[cluster]]")]
struct RawCluster {
    name: Spanned<String>,
    version: Option<Spanned<String>>,
    #[serde(default)]
    tftp: Vec<Spanned<String>>,
    #[serde(default)]
    call_managers: Vec<Spanned<String>>,
    default: Option<Spanned<bool>>,
    #[serde(default)]
    subnets: Vec<Spanned<String>>,
    #[serde(default)]
    vlans: Vec<Spanned<i64>>,
    #[serde(default)]
    phones: Vec<Spanned<String>>,
    phones_file: Option<Spanned<String>>,
    #[serde(default)]
    loads: BTreeMap<Spanned<String>, Spanned<toml::Value>>,
}

/// See [`Site::parse`].
pub(super) fn parse(
    path: &str,
    text: &str,
    read: &mut dyn FnMut(&str) -> Result<String, String>,
) -> Result<Site, SiteError> {
    let source = Source { path, text };
    let raw: RawSite = toml::from_str(text).map_err(|e| error::from_toml(&source, &e))?;
    let network = Network {
        dhcp_servers: each(&source, &raw.network.dhcp_servers, dhcp_server)?,
        voice_vlans: each(&source, &raw.network.voice_vlans, vlan)?,
        confidence: raw.network.confidence.as_ref().map(|c| at(&source, c, |text| confidence(text))).transpose()?,
    };
    let mut reading = Reading { source, clusters: Vec::new(), placement: Placement::default() };
    for cluster in raw.cluster {
        reading.cluster(cluster, read)?;
    }
    let Reading { clusters, placement, .. } = reading;
    Ok(Site { path: Some(path.to_owned()), network, clusters, expect_tftp: Vec::new(), placement })
}

/// What is read of the clusters so far.
struct Reading<'a> {
    source: Source<'a>,
    clusters: Vec<Cluster>,
    placement: Placement,
}

impl Reading<'_> {
    fn cluster(
        &mut self,
        raw: RawCluster,
        read: &mut dyn FnMut(&str) -> Result<String, String>,
    ) -> Result<(), SiteError> {
        let source = &self.source;
        let index = self.clusters.len();
        let mut cluster = Cluster {
            name: at(source, &raw.name, |t| printable(t))?,
            version: raw.version.as_ref().map(|v| at(source, v, |t| printable(t))).transpose()?,
            tftp: each(source, &raw.tftp, |t| server(t))?,
            call_managers: each(source, &raw.call_managers, |t| server(t))?,
            default: raw.default.as_ref().is_some_and(|d| *d.get_ref()),
            subnets: each(source, &raw.subnets, |t| subnet(t))?,
            vlans: each(source, &raw.vlans, vlan)?,
            phones: each(source, &raw.phones, |t| PhonePattern::parse(t))?,
            loads: loads(source, &raw.loads)?,
        };
        if self.clusters.iter().any(|c| c.name == cluster.name) {
            let message = format!("two clusters have the name `{}`", cluster.name);
            return Err(source.error(raw.name.span(), message));
        }
        let name = cluster.name.clone();
        for server in &cluster.tftp {
            self.placement.add_tftp(server_key(server), index);
        }
        for (written, server) in raw.call_managers.iter().zip(&cluster.call_managers) {
            let added = self.placement.add_call_manager(server_key(server), index);
            self.place(added, written.span(), &name, || format!("CallManager {server}"))?;
        }
        for (written, subnet) in raw.subnets.iter().zip(&cluster.subnets) {
            let added = self.placement.add_subnet(*subnet, index);
            self.place(added, written.span(), &name, || format!("subnet {subnet}"))?;
        }
        for (written, vlan) in raw.vlans.iter().zip(&cluster.vlans) {
            let added = self.placement.add_vlan(*vlan, index);
            self.place(added, written.span(), &name, || format!("VLAN {vlan}"))?;
        }
        for (written, phone) in raw.phones.iter().zip(&cluster.phones) {
            let added = self.placement.add_phone(phone, index);
            self.place(added, written.span(), &name, || format!("phone {phone}"))?;
        }
        if let Some(default) = raw.default.as_ref().filter(|d| *d.get_ref()) {
            let added = self.placement.set_default(index);
            self.place(added, default.span(), &name, || "default".to_owned())?;
        }
        if let Some(file) = &raw.phones_file {
            self.phones_file(file, index, &mut cluster, read)?;
        }
        self.clusters.push(cluster);
        Ok(())
    }

    /// Adds the phones of a list to the cluster's.
    fn phones_file(
        &mut self,
        file: &Spanned<String>,
        index: usize,
        cluster: &mut Cluster,
        read: &mut dyn FnMut(&str) -> Result<String, String>,
    ) -> Result<(), SiteError> {
        let name = at(&self.source, file, |t| printable(t))?;
        let folder = Path::new(self.source.path).parent().unwrap_or(Path::new(""));
        let path = folder.join(&name).to_string_lossy().into_owned();
        let error = |message: String| self.source.error(file.span(), message);
        let text = read(&path).map_err(|why| error(format!("cannot read phones_file {path}: {why}")))?;
        let phones = phones::read_list(&text);
        if phones.is_empty() {
            return Err(error(format!("phones_file {path} names no phone: no SEP name or MAC address in it")));
        }
        for (line, phone) in phones {
            let added = self.placement.add_phone(&phone, index);
            self.place(added, file.span(), &cluster.name, || format!("phone {phone} ({path}, line {line})"))?;
            cluster.phones.push(phone);
        }
        Ok(())
    }

    /// Words the clash of a rule of the cluster `name` with another cluster's.
    fn place(
        &self,
        added: Result<(), Clash>,
        span: Range<usize>,
        name: &str,
        what: impl FnOnce() -> String,
    ) -> Result<(), SiteError> {
        let Err(clash) = added else { return Ok(()) };
        let other = |index: usize| self.clusters.get(index).map(|c| c.name.as_str()).unwrap_or_default();
        let what = what();
        let message = match clash {
            Clash::With(index) => format!("{what} is in two clusters, `{}` and `{name}`", other(index)),
            Clash::Pattern(index, pattern) => format!(
                "{what} can mean the same phones as {pattern} of cluster `{}`, and neither is more specific",
                other(index)
            ),
            Clash::TooMany => {
                format!("more than {MOST_PATTERNS} patterns with `*`; name the phones, or use subnets or VLANs")
            }
        };
        Err(self.source.error(span, message))
    }
}

/// Reads one value, its mistake at its place.
fn at<T, U>(source: &Source, value: &Spanned<T>, read: impl Fn(&T) -> Result<U, String>) -> Result<U, SiteError> {
    read(value.get_ref()).map_err(|message| source.error(value.span(), message))
}

/// Reads each value of a list.
fn each<T, U>(
    source: &Source,
    values: &[Spanned<T>],
    read: impl Fn(&T) -> Result<U, String>,
) -> Result<Vec<U>, SiteError> {
    values.iter().map(|v| at(source, v, &read)).collect()
}

fn loads(
    source: &Source,
    raw: &BTreeMap<Spanned<String>, Spanned<toml::Value>>,
) -> Result<BTreeMap<String, String>, SiteError> {
    let mut loads = BTreeMap::new();
    for (model, load) in raw {
        let name = model.get_ref();
        // In TOML a key belongs to the last heading above it, which is easily forgotten.
        if TABLES.iter().any(|t| t.keys.contains(&name.as_str())) {
            let message = format!("`{name}` stands under [cluster.loads]; move it up, under [[cluster]]");
            return Err(source.error(model.span(), message));
        }
        let model = at(source, model, |t| printable(t))?;
        let load = at(source, load, |value| match value {
            toml::Value::String(load) => printable(load),
            _ => Err(format!("the load of {model} must be a text in quotes")),
        })?;
        loads.insert(model, load);
    }
    Ok(loads)
}

/// A text that can be shown: not empty, no control characters, without the spaces around it.
fn printable(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("the text is empty; leave the key out where nothing is to be stated".to_owned());
    }
    // `WireText` prints as it is only what a terminal can not act on.
    if WireText::from(text).to_string() != text {
        return Err("the text has control characters or other invisible ones in it".to_owned());
    }
    Ok(text.to_owned())
}

fn vlan(id: &i64) -> Result<u16, String> {
    match u16::try_from(*id) {
        Ok(id @ 1..=4094) => Ok(id),
        _ => Err(format!("{id} is no VLAN: they go from 1 to 4094")),
    }
}

fn confidence(text: &str) -> Result<Confidence, String> {
    match text.trim() {
        "certain" => Ok(Confidence::Certain),
        "likely" => Ok(Confidence::Likely),
        "possible" => Ok(Confidence::Possible),
        other => Err(format!("`{other}` is no confidence: write certain, likely or possible")),
    }
}

fn dhcp_server(text: &String) -> Result<IpAddr, String> {
    match text.trim().parse::<IpAddr>() {
        Ok(address) => host(address.to_canonical()),
        Err(_) => Err(format!("`{text}` is no IP address")),
    }
}

/// The address, if a server can have it.
pub(super) fn host(address: IpAddr) -> Result<IpAddr, String> {
    let possible = match address {
        IpAddr::V4(v4) => !v4.is_unspecified() && !v4.is_multicast() && !v4.is_broadcast(),
        IpAddr::V6(v6) => !v6.is_unspecified() && !v6.is_multicast(),
    };
    if possible { Ok(address) } else { Err(format!("{address} is no server's address")) }
}

/// An address in its usual form, or a host name as written.
fn server(text: &str) -> Result<String, String> {
    let name = printable(text)?;
    if let Ok(address) = name.parse::<IpAddr>() {
        return host(address.to_canonical()).map(|a| a.to_string());
    }
    if name.bytes().all(|b| b.is_ascii_digit() || b == b'.') || name.contains(':') {
        return Err(format!("`{name}` is no IP address"));
    }
    let is_host_name = name.len() <= 253
        && name.strip_suffix('.').unwrap_or(&name).split('.').all(|label| !label.is_empty() && label.len() <= 63)
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    if is_host_name { Ok(name) } else { Err(format!("`{name}` is no IP address and no host name")) }
}

/// A subnet by its first address and length; a single address is a subnet of one.
fn subnet(text: &str) -> Result<IpNet, String> {
    let written = text.trim();
    if let Ok(address) = written.parse::<IpAddr>() {
        return Ok(IpNet::from(address.to_canonical()));
    }
    let subnet: IpNet =
        written.parse().map_err(|_| format!("`{text}` is no subnet such as 10.50.0.0/16 or 2001:db8::/64"))?;
    if subnet.trunc() != subnet {
        return Err(format!("`{text}` has bits set behind its length; write {}", subnet.trunc()));
    }
    let mapped = match subnet {
        IpNet::V6(v6) if v6.prefix_len() >= 96 => v6.addr().to_ipv4_mapped().map(|v4| (v4, v6.prefix_len() - 96)),
        _ => None,
    };
    Ok(mapped.and_then(|(v4, len)| IpNet::new(IpAddr::V4(v4), len).ok()).unwrap_or(subnet))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Site, String> {
        parse("site.toml", text, &mut |path| Err(format!("no {path} here"))).map_err(|e| e.to_string())
    }

    /// The mistake in `text`, of which `line:column: message` must be the end of ours.
    #[track_caller]
    fn check(text: &str, expected: &str) {
        match read(text) {
            Err(message) => assert_eq!(message, format!("site.toml:{expected}"), "in\n{text}"),
            Ok(_) => panic!("no mistake found in\n{text}"),
        }
    }

    /// A mistake in the second of two clusters, on line 6.
    #[track_caller]
    fn check_cluster(first: &str, second: &str, expected: &str) {
        check(&format!("[[cluster]]\nname = 'a'\n{first}\n[[cluster]]\nname = 'b'\n{second}\n"), expected);
    }

    #[test]
    fn nothing_stated_is_no_mistake() {
        for text in
            ["", "# nothing\n", "[network]\n", "[network]\ndhcp_servers = []\nvoice_vlans = []\n", "cluster = []"]
        {
            assert!(!read(text).unwrap().states_anything(), "{text}");
        }
        let site = read("\u{feff}[[cluster]]\r\nname = 'a'\r\ntftp = []\r\nphones = []\r\n").unwrap();
        assert_eq!(site.clusters, [Cluster { name: "a".to_owned(), ..Cluster::default() }]);
    }

    #[test]
    fn a_misspelt_key_is_named_with_its_place_and_the_right_one() {
        check(
            "[network]\ndhcp_servers = [\"10.30.0.2\"]\n\n[[cluster]]\nname = \"hq\"\n\n  call_manager = [\"10.30.0.10\"]\n",
            "7:3: unknown key `call_manager` in [[cluster]]; did you mean `call_managers`?",
        );
        check("[network]\nvoice_vlan = [1]", "2:1: unknown key `voice_vlan` in [network]; did you mean `voice_vlans`?");
        check("[networks]\n", "1:2: unknown key `networks` in the file's top level; did you mean `network`?");
        check("[[clusters]]\n", "1:3: unknown key `clusters` in the file's top level; did you mean `cluster`?");
        check("tftp = ['10.1.1.5']", "1:1: unknown key `tftp` in the file's top level; it belongs in [[cluster]]");
        check(
            "[network]\ngateway = 1",
            "2:1: unknown key `gateway` in [network]; known are dhcp_servers, voice_vlans, confidence",
        );
        check(
            "[network]\n\"a\\u001b[2J\" = 1",
            "2:1: unknown key `a\\u{1b}[2J` in [network]; known are dhcp_servers, voice_vlans, confidence",
        );
    }

    #[test]
    fn the_tables_of_the_messages_are_those_of_the_reader() {
        for (table, head) in TABLES.iter().zip(["", "[network]\n", "[[cluster]]\nname = 'a'\n"]) {
            let error = toml::from_str::<RawSite>(&format!("{head}zzz = 1")).err().unwrap();
            let expected: Vec<&str> = error.message().split('`').skip(3).step_by(2).collect();
            assert_eq!(expected, table.keys);
        }
    }

    #[test]
    fn what_has_the_wrong_shape_is_said_in_words_of_the_file() {
        check("[network", "1:9: unclosed table, expected `]`");
        check("[[cluster]]\nversion = '3'\n", "1:1: missing key `name`");
        check("[cluster]\nname = 'a'", "1:1: write [[cluster]], with two brackets, above what belongs to a cluster");
        check("[[network]]\n", "1:1: write [network], with one bracket: there is one");
        check("[[cluster]]\nname = 'a'\nname = 'b'", "3:1: duplicate key");
        check("[[cluster]]\nname = 'ä'\nvlans = 1", "3:9: invalid type: integer `1`, expected a list in [ ]");
        check("[[cluster]]\nname = 'ä'; x", "2:11: unexpected key or value, expected newline, `#`");
        check(
            "[[cluster]]\nname = 'a'\nversion = 3.0",
            "3:11: invalid type: floating point `3.0`, expected a text in quotes",
        );
        check("[network]\nvoice_vlans = ['1']", "2:16: invalid type: string \"1\", expected a whole number");
        check("network = 3", "1:11: invalid type: integer `3`, expected a table [network]");
        check_cluster("", "[cluster.loads]\n7960 = 3", "7:8: the load of 7960 must be a text in quotes");
    }

    #[test]
    fn a_key_that_slipped_under_the_loads_is_found() {
        let message = "`version` stands under [cluster.loads]; move it up, under [[cluster]]";
        check_cluster("", "[cluster.loads]\n'7960' = 'P003'\nversion = '3.0'", &format!("8:1: {message}"));
        check_cluster(
            "",
            "[cluster.loads]\nsubnets = ['10.0.0.0/8']",
            "7:1: `subnets` stands under [cluster.loads]; move it up, under [[cluster]]",
        );
    }

    #[test]
    fn a_value_that_can_not_be_is_a_mistake_at_its_place() {
        for id in ["0", "4095", "-1", "70000", "9223372036854775807"] {
            check_cluster("", &format!("vlans = [5, {id}]"), &format!("6:13: {id} is no VLAN: they go from 1 to 4094"));
            check(&format!("network.voice_vlans = [{id}]"), &format!("1:24: {id} is no VLAN: they go from 1 to 4094"));
        }
        for (key, text, message) in [
            ("tftp", "10.30.0", "`10.30.0` is no IP address"),
            ("tftp", "10.30.0.256", "`10.30.0.256` is no IP address"),
            ("tftp", "0.0.0.0", "0.0.0.0 is no server's address"),
            ("call_managers", "255.255.255.255", "255.255.255.255 is no server's address"),
            ("call_managers", "ff02::1", "ff02::1 is no server's address"),
            ("call_managers", "10.1.1.1:2000", "`10.1.1.1:2000` is no IP address"),
            ("tftp", "a b", "`a b` is no IP address and no host name"),
            ("tftp", "a..b", "`a..b` is no IP address and no host name"),
            ("tftp", "tftp/x", "`tftp/x` is no IP address and no host name"),
            ("tftp", " ", "the text is empty; leave the key out where nothing is to be stated"),
            ("subnets", "10.50.0.0/33", "`10.50.0.0/33` is no subnet such as 10.50.0.0/16 or 2001:db8::/64"),
            ("subnets", "10.50.0.5/16", "`10.50.0.5/16` has bits set behind its length; write 10.50.0.0/16"),
            ("subnets", "voice", "`voice` is no subnet such as 10.50.0.0/16 or 2001:db8::/64"),
            (
                "phones",
                "00:30:94",
                "`00:30:94` has 6 hexadecimal digits, a MAC address has 12; end it in * to mean all that begin so",
            ),
        ] {
            let at = 6 + key.len() - 1;
            check_cluster("", &format!("{key} = ['{text}']"), &format!("6:{at}: {message}"));
        }
        check("network.dhcp_servers = ['dhcp']", "1:25: `dhcp` is no IP address");
        check("network.dhcp_servers = ['ff02::1:2']", "1:25: ff02::1:2 is no server's address");
        check("network.dhcp_servers = ['0.0.0.0']", "1:25: 0.0.0.0 is no server's address");
        check_cluster(
            "",
            "version = \"\\u001b\"",
            "6:11: the text has control characters or other invisible ones in it",
        );
        check("[[cluster]]\nname = ''", "2:8: the text is empty; leave the key out where nothing is to be stated");
    }

    #[test]
    fn what_stands_in_two_clusters_is_a_mistake_at_the_second() {
        for (first, second, message) in [
            ("call_managers = ['cm']", "call_managers = ['x', 'CM']", "6:23: CallManager CM"),
            ("subnets = ['10.1.0.0/16']", "subnets = ['10.1.0.0/16']", "6:12: subnet 10.1.0.0/16"),
            ("subnets = ['10.1.1.1']", "subnets = ['::ffff:10.1.1.1/128']", "6:12: subnet 10.1.1.1/32"),
            ("vlans = [5]", "vlans = [6, 5]", "6:13: VLAN 5"),
            ("phones = ['003094c2d3fa']", "phones = ['SEP003094C2D3FA']", "6:11: phone SEP003094C2D3FA"),
            ("default = true", "default = true", "6:11: default"),
        ] {
            check_cluster(first, second, &format!("{message} is in two clusters, `a` and `b`"));
        }
        check_cluster(
            "phones = ['00:30:*']",
            "phones = ['SEP0031*', '0030*']",
            "6:23: phone 0030* can mean the same phones as 00:30:* of cluster `a`, and neither is more specific",
        );
        check("[[cluster]]\nname = 'a'\n[[cluster]]\nname = ' a'", "4:8: two clusters have the name `a`");
    }

    #[test]
    fn what_nests_or_repeats_in_one_cluster_is_no_mistake() {
        let text = "[[cluster]]\nname = 'a'\nsubnets = ['10.0.0.0/8', '10.0.0.0/8']\nvlans = [5, 5]\ndefault = false\n\
            phones = ['0030*', '0030*', '003094c2d3fa', 'sep003094c2d3fa']\ntftp = ['10.1.1.5', '10.1.1.5']\n\
            call_managers = ['10.1.1.5']\n[[cluster]]\nname = 'b'\nsubnets = ['10.1.0.0/16', '::ffff:0:0/96']\n\
            phones = ['003094*']\ndefault = true\ncall_managers = ['2001:0db8::0001']\n";
        let site = read(text).unwrap();
        assert_eq!(site.clusters[1].subnets[1].to_string(), "0.0.0.0/0");
        assert_eq!(site.clusters[1].call_managers, ["2001:db8::1"]);
    }

    #[test]
    fn a_phone_list_is_read_from_beside_the_site_file() {
        let text = "[[cluster]]\nname = 'a'\nphones_file = 'lists/a.csv'\n";
        let asked = |path: &str, text: &str| {
            let mut asked = Vec::new();
            let site = parse(path, text, &mut |p| {
                asked.push(p.to_owned());
                Ok("SEP003094C2D3FA\n0030.94c2.d3fb".to_owned())
            });
            (asked, site.unwrap().clusters[0].phones.len())
        };
        assert_eq!(asked("site.toml", text), (vec!["lists/a.csv".to_owned()], 2));
        assert_eq!(asked("/etc/phonescope/site.toml", text).0, ["/etc/phonescope/lists/a.csv"]);
        assert_eq!(asked("x/site.toml", &text.replace("lists", "/srv")).0, ["/srv/a.csv"]);
        check(text, "3:15: cannot read phones_file lists/a.csv: no lists/a.csv here");

        let with = |list: &'static str, text: &str| {
            parse("site.toml", text, &mut |_| Ok(list.to_owned())).map(|_| ()).map_err(|e| e.to_string())
        };
        let none = "site.toml:3:15: phones_file lists/a.csv names no phone: no SEP name or MAC address in it";
        assert_eq!(with("Name,Model\n", text), Err(none.to_owned()));
        let both = format!("{text}[[cluster]]\nname = 'b'\nphones_file = 'b.csv'");
        let clash = "site.toml:6:15: phone SEP003094C2D3FA (b.csv, line 2) is in two clusters, `a` and `b`";
        assert_eq!(with("x\nSEP003094C2D3FA", &both), Err(clash.to_owned()));
    }

    #[test]
    fn hostile_text_is_refused_without_harm() {
        for text in [
            "[".repeat(300_000),
            format!("a = {}", "[".repeat(300_000)),
            format!("a = {}", "{b = ".repeat(100_000)),
            format!("{}b = 1", "a.".repeat(100_000)),
            format!("[{}b]", "cluster.".repeat(100_000)),
            "[[cluster]]\n".repeat(10_000),
            format!("{} = 1", "k".repeat(1_000_000)),
            format!("[network]\nvoice_vlans = [{}]", "99999, ".repeat(200_000)),
            "\0\u{1b}[2J".to_owned(),
        ] {
            let message = read(&text).err().unwrap();
            assert!(!message.contains('\u{1b}') && message.starts_with("site.toml:"));
            assert!(message.len() < 1000, "{} octets", message.len());
        }
    }

    #[test]
    fn each_phone_of_a_large_site_is_placed_by_its_own_entry() {
        use std::fmt::Write as _;
        let mut text = String::new();
        for cluster in 0..4u32 {
            write!(text, "[[cluster]]\nname = 'c{cluster}'\nphones = [").unwrap();
            for n in 0..10_000u32 {
                write!(text, "'SEP0030{:08X}', ", n * 4 + cluster).unwrap();
            }
            text.push_str("]\n");
        }
        let site = read(&text).unwrap();
        for n in 0..40_000u32 {
            let mac = format!("0030{n:08x}").parse().unwrap();
            let cluster = site.cluster_of_phone(mac, None, None, None).unwrap();
            assert_eq!(cluster.name, format!("c{}", n % 4));
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "(\\[\\[cluster\\]\\]\n|name = 'a'\n|phones = |\\[|\\]|'[^']{0,9}'|,|\n|.){0,30}") {
            let _ = read(&text);
        }
    }
}
