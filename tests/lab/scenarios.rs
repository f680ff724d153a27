//! The scenarios: what is set up in each, and what its phones are meant to do.
//!
//! One network, 10.30.0.0/24. Cluster `hq-3.0` has its TFTP server at .5 and CallManagers at .10 and .11, which take 3.0
//! loads only; cluster `pilot-3.1` has its TFTP server at .35 and its CallManager at .40, which takes all.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use crate::files;
use crate::real::servers::{DhcpServer, Scope};
use crate::site::{
    Answer, CallManager, CallManagerPlan, Cluster, Dhcp, DhcpClient, End, Meant, Phone, PhonePlan, Reach, Registration,
    Site, Tftp, Variant,
};
use crate::support::phone_config::PhoneConfig;

/// A scenario.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) build: fn(&Variant) -> Site,
}

/// All of them.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "healthy",
        about: "One cluster. The first phone has an older load, takes the one that its configuration names, and comes \
                back with it; all register.",
        build: healthy,
    },
    Scenario {
        name: "two-clusters",
        about: "Two clusters on one network; DHCP gives each phone the TFTP server of its own, and all register.",
        build: two_clusters,
    },
    Scenario {
        name: "founding-case",
        about: "DHCP names the 3.1 TFTP server. Phones of the 3.0 cluster take the 3.1 load from there, and their \
                CallManager rejects them. The last phone has Alternate TFTP set and registers.",
        build: founding_case,
    },
    Scenario {
        name: "founding-case-fixed",
        about: "The same network and phones after the fix: DHCP names the 3.0 TFTP server, which has configurations \
                that name the 3.0 load. --dhcp-config and --tftp-root put another fix to the test.",
        build: founding_case_fixed,
    },
    Scenario {
        name: "downgraded",
        about: "CallManager went back from 3.1 to 3.0: phones still run the 3.1 load, their configuration names none, \
                and the right TFTP server can not move them. The last phone has the 3.0 load.",
        build: downgraded,
    },
    Scenario {
        name: "load-missing",
        about: "As in downgraded, but the configuration names the 3.0 load, and the TFTP server has it not.",
        build: load_missing,
    },
    Scenario {
        name: "no-dhcp-answer",
        about: "The scope has one address: the first phone takes it, the others get no answer.",
        build: no_dhcp_answer,
    },
    Scenario { name: "no-tftp-address", about: "The lease names no TFTP server.", build: no_tftp_address },
    Scenario {
        name: "tftp-silent",
        about: "The TFTP server that DHCP names never answers. The last phone has Alternate TFTP set and registers.",
        build: tftp_silent,
    },
    Scenario {
        name: "config-missing",
        about: "The TFTP server has neither a configuration of the phone nor a default: it takes the TFTP server for \
                its CallManager.",
        build: config_missing,
    },
    Scenario {
        name: "call-manager-refused",
        about: "The port of the CallManager is closed.",
        build: |variant| turned_away(variant, Reach::Refuses, Answer::Accept, Registration::Refused),
    },
    Scenario {
        name: "call-manager-silent",
        about: "The CallManager's host is there, but no TCP packet reaches it.",
        build: |variant| turned_away(variant, Reach::Silent, Answer::Accept, Registration::NoAnswer),
    },
    Scenario {
        name: "call-manager-deaf",
        about: "The CallManager takes the connection and answers no Register.",
        build: |variant| turned_away(variant, Reach::Listens, Answer::Silent, Registration::NoAnswer),
    },
    Scenario {
        name: "call-manager-closed",
        about: "The CallManager closes the connection when it has the Register.",
        build: |variant| turned_away(variant, Reach::Listens, Answer::Close, Registration::Closed),
    },
    Scenario {
        name: "call-manager-reset",
        about: "The CallManager resets the connection when it has the Register.",
        build: |variant| turned_away(variant, Reach::Listens, Answer::Reset, Registration::Closed),
    },
    Scenario {
        name: "rejected",
        about: "The CallManager does not know the phones and rejects them.",
        build: |variant| {
            let answer = Answer::Reject("Error DBConfig".to_owned());
            turned_away(variant, Reach::Listens, answer, Registration::Rejected)
        },
    },
    Scenario {
        name: "rogue-dhcp",
        about: "A DHCP server that nobody knows answers first and names the 3.1 TFTP server; the right one comes a \
                second later. The phones take the 3.1 load, and their CallManager rejects them.",
        build: rogue_dhcp,
    },
];

/// # Errors
///
/// There is none of this name.
pub(crate) fn named(name: &str) -> Result<&'static Scenario, String> {
    let found = SCENARIOS.iter().find(|scenario| scenario.name == name);
    found.ok_or_else(|| format!("there is no scenario {name}; lab list shows them"))
}

/// Prints all of them.
pub(crate) fn list() {
    for scenario in SCENARIOS {
        println!("{}\n    {}", scenario.name, scenario.about);
    }
}

const fn at(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 30, 0, last)
}

const DHCP: Ipv4Addr = at(2);
const ROGUE: Ipv4Addr = at(77);
const TFTP_30: Ipv4Addr = at(5);
const TFTP_31: Ipv4Addr = at(35);
const CM_30: Ipv4Addr = at(10);
const CM_30_B: Ipv4Addr = at(11);
const CM_31: Ipv4Addr = at(40);
const LOAD_30: &str = "P00303000300";
const LOAD_30_OLDER: &str = "P00303000100";
const LOAD_31: &str = "P00303010102";
const HQ: &str = "hq-3.0";
const PILOT: &str = "pilot-3.1";
/// How a 3.0 CallManager of the lab turns a 3.1 load away; what a real one says is not known.
const REJECT: &str = "Load ID not supported";

/// Phones of the lab: addresses of Cisco's, and of nobody's phone.
fn mac(number: u8) -> String {
    let vendors = ["00:03:6b", "00:30:94", "00:07:50", "00:08:a3"];
    format!("{}:1a:10:{number:02x}", vendors[usize::from(number) % vendors.len()])
}

fn scope(server: Ipv4Addr, tftp: &[Ipv4Addr]) -> Scope {
    Scope {
        server,
        range: (100, 199),
        option_150: tftp.to_vec(),
        option_66: None,
        lease_seconds: 3600,
        others: Vec::new(),
    }
}

fn dhcp(variant: &Variant, tftp: &[Ipv4Addr]) -> Dhcp {
    Dhcp { program: variant.dhcpd, scope: scope(DHCP, tftp), delay: 0, is_known: true }
}

/// A TFTP server with these loads, no configuration yet.
fn tftp(ip: Ipv4Addr, loads: &[&str]) -> Tftp {
    let files = loads.iter().map(|load| (format!("{load}.bin"), files::load(load))).collect();
    Tftp { ip, is_silent: false, files }
}

fn call_manager(ip: Ipv4Addr, name: &str, takes: &[&str], wants: &str) -> CallManager {
    let plan = CallManagerPlan {
        name: name.to_owned(),
        takes: takes.iter().map(ToString::to_string).collect(),
        others: Answer::Reject(REJECT.to_owned()),
        wants: wants.to_owned(),
    };
    CallManager { ip, reach: Reach::Listens, plan }
}

/// Beginnings of the 3.0 loads, in both spellings.
const LOADS_30: &[&str] = &["P00303000", "3.0("];

fn both_call_managers() -> Vec<CallManager> {
    vec![
        call_manager(CM_30, "CM30", LOADS_30, LOAD_30),
        call_manager(CM_30_B, "CM30B", LOADS_30, LOAD_30),
        call_manager(CM_31, "CM31", &[], LOAD_31),
    ]
}

fn clusters() -> Vec<Cluster> {
    let loads = |load: &str| vec![("7940", load.to_owned()), ("7960", load.to_owned())];
    vec![
        Cluster {
            name: HQ,
            version: "3.0",
            tftp: vec![TFTP_30],
            call_managers: vec![CM_30, CM_30_B],
            loads: loads(LOAD_30),
        },
        Cluster { name: PILOT, version: "3.1", tftp: vec![TFTP_31], call_managers: vec![CM_31], loads: loads(LOAD_31) },
    ]
}

fn naming(call_managers: &[Ipv4Addr], load: Option<&str>) -> PhoneConfig {
    let names: Vec<String> = call_managers.iter().map(ToString::to_string).collect();
    let config = PhoneConfig::naming(&names.iter().map(String::as_str).collect::<Vec<_>>());
    load.map_or(config.clone(), |load| config.load(load))
}

/// Puts the phone's configuration on the server.
fn configure(server: &mut Tftp, phone: &Phone, config: &PhoneConfig) {
    server.files.insert(format!("{}.cnf.xml", phone.plan.name()), config.device_xml());
}

/// How many phones: as many as were asked for, at least two where one of them is to be well.
fn count(variant: &Variant, default: u8, least: u8) -> u8 {
    variant.phones.unwrap_or(default).max(least)
}

/// A phone of the 3.0 cluster that runs this load and is meant to end well with the 3.0 load.
fn phone(variant: &Variant, number: u8, load: &str) -> Phone {
    let dhcp_client = match variant.dhcp_client {
        DhcpClient::Mixed if number.is_multiple_of(2) => DhcpClient::Dhclient,
        DhcpClient::Mixed => DhcpClient::Udhcpc,
        one => one,
    };
    let plan = PhonePlan {
        mac: mac(number),
        model: if number % 3 == 2 { "7940" } else { "7960" }.to_owned(),
        load: load.to_owned(),
        spells_dotted: number.is_multiple_of(2),
        alternate_tftp: None,
        dhcp_client,
        starts_after: u64::from(number - 1) * 60,
        boots: variant.boots,
        folder: std::path::PathBuf::new(),
        account: std::path::PathBuf::new(),
    };
    let end = End {
        registration: Registration::Registered,
        load: LOAD_30.to_owned(),
        dhcp_server: Some(DHCP),
        tftp_server: Some(TFTP_30),
        call_manager: Some(CM_30),
    };
    Phone { plan, cluster: HQ, meant: Meant { end, with_site: vec!["healthy"], without_site: vec!["healthy"] } }
}

impl Phone {
    fn meant(
        mut self,
        with_site: &[&'static str],
        without_site: &[&'static str],
        change: impl FnOnce(&mut End),
    ) -> Self {
        self.meant.with_site = with_site.to_vec();
        self.meant.without_site = without_site.to_vec();
        change(&mut self.meant.end);
        self
    }

    fn alternate(mut self, tftp: Ipv4Addr) -> Self {
        self.plan.alternate_tftp = Some(tftp);
        self
    }
}

fn healthy(variant: &Variant) -> Site {
    let phone = |n| phone(variant, n, if n == 1 { LOAD_30_OLDER } else { LOAD_30 });
    let phones: Vec<Phone> = (1..=count(variant, 3, 1)).map(phone).collect();
    let mut server = tftp(TFTP_30, &[LOAD_30]);
    for phone in &phones {
        configure(&mut server, phone, &naming(&[CM_30, CM_30_B], Some(LOAD_30)));
    }
    Site {
        dhcp: vec![dhcp(variant, &[TFTP_30])],
        tftp: vec![server],
        call_managers: both_call_managers(),
        clusters: clusters(),
        phones,
    }
}

fn two_clusters(variant: &Variant) -> Site {
    let phone = |n: u8| {
        if n % 2 == 1 {
            return phone(variant, n, LOAD_30);
        }
        let mut phone = phone(variant, n, LOAD_31).meant(&["healthy"], &["healthy"], |end| {
            end.load = LOAD_31.to_owned();
            end.tftp_server = Some(TFTP_31);
            end.call_manager = Some(CM_31);
        });
        phone.cluster = PILOT;
        phone
    };
    let phones: Vec<Phone> = (1..=count(variant, 4, 2)).map(phone).collect();
    let (mut hq, mut pilot) = (tftp(TFTP_30, &[LOAD_30]), tftp(TFTP_31, &[LOAD_31]));
    let mut dhcp = dhcp(variant, &[TFTP_30]);
    for phone in &phones {
        if phone.cluster == HQ {
            configure(&mut hq, phone, &naming(&[CM_30, CM_30_B], Some(LOAD_30)));
        } else {
            configure(&mut pilot, phone, &naming(&[CM_31], Some(LOAD_31)));
            dhcp.scope.others.push((phone.plan.mac.clone(), TFTP_31));
        }
    }
    let call_managers = both_call_managers();
    Site { dhcp: vec![dhcp], tftp: vec![hq, pilot], call_managers, clusters: clusters(), phones }
}

/// The two TFTP servers of the founding case. The 3.1 server knows the phones from a trial: it names their own
/// CallManager, and its load.
fn founding_servers(phones: &[Phone]) -> Vec<Tftp> {
    let (mut hq, mut pilot) = (tftp(TFTP_30, &[LOAD_30]), tftp(TFTP_31, &[LOAD_31]));
    for phone in phones {
        configure(&mut hq, phone, &naming(&[CM_30, CM_30_B], None));
        configure(&mut pilot, phone, &naming(&[CM_30], Some(LOAD_31)));
    }
    vec![hq, pilot]
}

fn founding_case(variant: &Variant) -> Site {
    let count = count(variant, 3, 2);
    let phone = |n| {
        let phone = phone(variant, n, LOAD_30);
        if n == count {
            return phone.alternate(TFTP_30);
        }
        phone.meant(&["wrong-tftp-server"], &["wrong-tftp-server"], |end| {
            end.registration = Registration::Rejected;
            end.load = LOAD_31.to_owned();
            end.tftp_server = Some(TFTP_31);
        })
    };
    let phones: Vec<Phone> = (1..=count).map(phone).collect();
    Site {
        dhcp: vec![dhcp(variant, &[TFTP_31])],
        tftp: founding_servers(&phones),
        call_managers: both_call_managers(),
        clusters: clusters(),
        phones,
    }
}

fn founding_case_fixed(variant: &Variant) -> Site {
    let count = count(variant, 3, 2);
    let phone = |n| {
        let phone = phone(variant, n, if n == count { LOAD_30 } else { LOAD_31 });
        if n == count { phone.alternate(TFTP_30) } else { phone }
    };
    let phones: Vec<Phone> = (1..=count).map(phone).collect();
    let mut tftp = founding_servers(&phones);
    for phone in &phones {
        configure(&mut tftp[0], phone, &naming(&[CM_30, CM_30_B], Some(LOAD_30)));
    }
    let dhcp = vec![dhcp(variant, &[TFTP_30])];
    Site { dhcp, tftp, call_managers: both_call_managers(), clusters: clusters(), phones }
}

fn downgraded(variant: &Variant) -> Site {
    let count = count(variant, 3, 2);
    let phone = |n| {
        if n == count {
            return phone(variant, n, LOAD_30);
        }
        phone(variant, n, LOAD_31).meant(&["stuck-load"], &["stuck-load"], |end| {
            end.registration = Registration::Rejected;
            end.load = LOAD_31.to_owned();
            end.call_manager = Some(CM_30_B);
        })
    };
    let phones: Vec<Phone> = (1..=count).map(phone).collect();
    let mut server = tftp(TFTP_30, &[LOAD_30]);
    for phone in &phones {
        configure(&mut server, phone, &naming(&[CM_30, CM_30_B], None));
    }
    Site {
        dhcp: vec![dhcp(variant, &[TFTP_30])],
        tftp: vec![server],
        call_managers: both_call_managers(),
        clusters: clusters(),
        phones,
    }
}

fn load_missing(variant: &Variant) -> Site {
    let mut site = downgraded(variant);
    site.tftp = vec![tftp(TFTP_30, &[])];
    for phone in &mut site.phones {
        configure(&mut site.tftp[0], phone, &naming(&[CM_30, CM_30_B], Some(LOAD_30)));
        if phone.meant.end.registration == Registration::Rejected {
            (phone.meant.with_site, phone.meant.without_site) = (vec!["load-file-missing"], vec!["load-file-missing"]);
        }
    }
    site
}

fn no_dhcp_answer(variant: &Variant) -> Site {
    let phone = |n| {
        let mut phone = phone(variant, n, LOAD_30);
        if n == 1 {
            return phone;
        }
        // The first one has the address by then.
        phone.plan.starts_after += 1500;
        phone.meant(&["no-dhcp-answer"], &["no-dhcp-answer"], |end| {
            (end.registration, end.dhcp_server) = (Registration::NotSeen, None);
            (end.tftp_server, end.call_manager) = (None, None);
        })
    };
    let phones: Vec<Phone> = (1..=count(variant, 2, 2)).map(phone).collect();
    let mut site = healthy(variant);
    for phone in &phones {
        configure(&mut site.tftp[0], phone, &naming(&[CM_30, CM_30_B], Some(LOAD_30)));
    }
    site.dhcp[0].scope.range = (100, 100);
    site.phones = phones;
    site
}

fn no_tftp_address(variant: &Variant) -> Site {
    let mut site = healthy(variant);
    site.dhcp[0].scope.option_150.clear();
    let nothing = |end: &mut End| {
        (end.registration, end.tftp_server, end.call_manager) = (Registration::NotSeen, None, None);
    };
    let phone = |n| phone(variant, n, LOAD_30).meant(&["no-tftp-address"], &["no-tftp-address"], nothing);
    site.phones = (1..=count(variant, 2, 1)).map(phone).collect();
    site
}

fn tftp_silent(variant: &Variant) -> Site {
    let count = count(variant, 2, 2);
    let mut site = healthy(variant);
    let phone = |n| {
        let phone = phone(variant, n, LOAD_30);
        if n == count {
            return phone.alternate(TFTP_31);
        }
        phone.meant(&["tftp-no-answer"], &["tftp-no-answer"], |end| {
            (end.registration, end.call_manager) = (Registration::NotSeen, None);
        })
    };
    site.phones = (1..=count).map(phone).collect();
    // A second TFTP server of the same cluster serves the last phone.
    let mut second = tftp(TFTP_31, &[LOAD_30]);
    for phone in &mut site.phones {
        configure(&mut second, phone, &naming(&[CM_30, CM_30_B], Some(LOAD_30)));
    }
    if let Some(last) = site.phones.last_mut() {
        last.meant.end.tftp_server = Some(TFTP_31);
    }
    site.tftp[0] = Tftp { ip: TFTP_30, is_silent: true, files: BTreeMap::new() };
    site.tftp.push(second);
    site.clusters = clusters().into_iter().take(1).collect();
    site.clusters[0].tftp.push(TFTP_31);
    site
}

fn config_missing(variant: &Variant) -> Site {
    let mut site = healthy(variant);
    let verdicts = ["config-file-missing", "registers-with-tftp-server"];
    let phone = |n| {
        phone(variant, n, LOAD_30).meant(&verdicts, &verdicts, |end| {
            (end.registration, end.call_manager) = (Registration::Refused, Some(TFTP_30));
        })
    };
    site.phones = (1..=count(variant, 2, 1)).map(phone).collect();
    site.tftp = vec![tftp(TFTP_30, &[LOAD_30])];
    site
}

/// The CallManager of the configuration turns all phones away, in one way or another.
fn turned_away(variant: &Variant, reach: Reach, answer: Answer, registration: Registration) -> Site {
    let mut site = healthy(variant);
    let code = match registration {
        Registration::Refused => "call-manager-refused",
        Registration::NoAnswer => "call-manager-no-answer",
        Registration::Closed => "call-manager-closed",
        _ => "registration-rejected",
    };
    let phone = |n| phone(variant, n, LOAD_30).meant(&[code], &[code], |end| end.registration = registration);
    site.phones = (1..=count(variant, 2, 1)).map(phone).collect();
    for phone in &site.phones {
        configure(&mut site.tftp[0], phone, &naming(&[CM_30], Some(LOAD_30)));
    }
    let mut server = call_manager(CM_30, "CM30", &["none"], LOAD_30);
    (server.reach, server.plan.others) = (reach, answer);
    site.call_managers = vec![server];
    site
}

fn rogue_dhcp(variant: &Variant) -> Site {
    let with_site = ["unknown-dhcp-server"];
    let without = ["unknown-dhcp-server", "conflicting-dhcp-offers", "wrong-tftp-server"];
    let phone = |n| {
        phone(variant, n, LOAD_30).meant(&with_site, &without, |end| {
            end.registration = Registration::Rejected;
            end.load = LOAD_31.to_owned();
            end.dhcp_server = Some(ROGUE);
            end.tftp_server = Some(TFTP_31);
        })
    };
    let phones: Vec<Phone> = (1..=count(variant, 2, 1)).map(phone).collect();
    let right = Dhcp { program: DhcpServer::Dnsmasq, scope: scope(DHCP, &[TFTP_30]), delay: 1, is_known: true };
    let mut rogue = Dhcp { program: variant.dhcpd, scope: scope(ROGUE, &[TFTP_31]), delay: 0, is_known: false };
    rogue.scope.range = (200, 250);
    Site {
        dhcp: vec![right, rogue],
        tftp: founding_servers(&phones),
        call_managers: both_call_managers(),
        clusters: clusters(),
        phones,
    }
}
