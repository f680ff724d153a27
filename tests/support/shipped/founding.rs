//! The founding case (Cisco document 5278): phones stuck on a 3.1 load that CallManager 3.0 does not take.

use super::super::phone::{AlarmSpelling, Cdp, Phone, Segments};
use super::super::phone_config::PhoneConfig;
use super::super::site::{CallManager, DhcpServer, Segment, Site, TftpServer};
use super::*;

pub(super) const SHIPPED: &[Shipped] = &[
    Shipped {
        path: "founding-case/mixed-site.pcap",
        what: "A campus with CallManager 3.0 and 3.1. DHCP sends the phones of one subnet to the 3.1 TFTP server: two \
               take the 3.1 load (and boot twice), two have it from before; CallManager 3.0 rejects all four. Beside them \
               a phone with Alternate TFTP set to the 3.0 server, and one in a subnet whose scope is right.",
        expect: &[
            (A, "wrong-tftp-server", REJECTED),
            (B, "wrong-tftp-server", REJECTED),
            (C, "wrong-tftp-server", REJECTED),
            (D, "wrong-tftp-server", REJECTED),
            (E, HEALTHY, REGISTERED),
            (F, HEALTHY, REGISTERED),
        ],
        site: Some("founding-case/site.toml"),
        build: mixed_site,
    },
    Shipped {
        path: "founding-case/downgraded-server.pcap",
        what: "CallManager went back from 3.1 to 3.0, the phones kept the 3.1 load. TFTP server and lease are right. The \
               configuration names no load; one that is not there; the default file serves and names none; names the 3.0 \
               load, and that phone comes back. The last phone never left 3.0.",
        expect: &[
            (A, "stuck-load", REJECTED),
            (B, "load-file-missing", REJECTED),
            (C, "stuck-load", REJECTED),
            (E, HEALTHY, REGISTERED),
            (F, HEALTHY, REGISTERED),
        ],
        site: Some("founding-case/site.toml"),
        build: downgraded_server,
    },
    Shipped {
        path: "wrong-tftp-server/fires-load-taken.pcap",
        what: "Option 150 names the 3.1 TFTP server; the phone takes its load and is rejected by CallManager 3.0. Its \
               neighbour asks the 3.0 TFTP server (Alternate TFTP) and registers.",
        expect: &[(A, "wrong-tftp-server", REJECTED), (B, HEALTHY, REGISTERED)],
        site: None,
        build: load_taken,
    },
    Shipped {
        path: "wrong-tftp-server/fires-option-66.pcap",
        what: "Option 66 names the 3.1 TFTP server, the phone has its 3.1 load from before and its CallManager set by hand. \
               The neighbour in another subnet has the right lease.",
        expect: &[(A, "wrong-tftp-server", REJECTED), (B, HEALTHY, REGISTERED)],
        site: None,
        build: option_66,
    },
    Shipped {
        path: "wrong-tftp-server/fires-alternate-tftp.pcap",
        what: "The lease is right, but Alternate TFTP on the phone names the 3.1 server. The neighbour follows the lease.",
        expect: &[(A, "wrong-tftp-server", REJECTED), (B, HEALTHY, REGISTERED)],
        site: None,
        build: alternate_to_the_wrong_one,
    },
    Shipped {
        path: "wrong-tftp-server/silent-two-clusters.pcap",
        what: "Two clusters side by side, each with its subnet, TFTP server, load and CallManager; every phone at its own.",
        expect: &[
            (A, HEALTHY, REGISTERED),
            (B, HEALTHY, REGISTERED),
            (C, HEALTHY, REGISTERED),
            (E, HEALTHY, REGISTERED),
        ],
        site: None,
        build: two_clusters,
    },
    Shipped {
        path: "wrong-tftp-server/silent-alternate-tftp.pcap",
        what: "The scope names the 3.1 TFTP server, but Alternate TFTP on the phone names the right one, and it registers.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: alternate_to_the_right_one,
    },
    Shipped {
        path: "stuck-load/fires-no-load-named.pcap",
        what: "Right TFTP server, but its configuration names no load: the phone keeps its 3.1 load and CallManager 3.0 \
               rejects it. A phone on the 3.0 load registers.",
        expect: &[(A, "stuck-load", REJECTED), (B, HEALTHY, REGISTERED)],
        site: None,
        build: no_load_named,
    },
    Shipped {
        path: "stuck-load/fires-default-file.pcap",
        what: "The phone has no configuration of its own and gets the default file, which names a load for the 7910 only.",
        expect: &[(A, "stuck-load", REJECTED), (B, HEALTHY, REGISTERED)],
        site: None,
        build: default_file,
    },
    Shipped {
        path: "stuck-load/silent-comes-back.pcap",
        what: "The phone runs the 3.1 load, its configuration names the 3.0 one: it fetches it, boots again and registers.",
        expect: &[(A, HEALTHY, REGISTERED)],
        site: None,
        build: comes_back,
    },
    Shipped {
        path: "stuck-load/silent-old-load-taken.pcap",
        what: "The phone runs an older load than its neighbour and its configuration names none; CallManager takes both.",
        expect: &[(A, HEALTHY, REGISTERED), (B, HEALTHY, REGISTERED)],
        site: None,
        build: old_load_taken,
    },
];

fn dhcp_scope(segment: usize, pool: &str, tftp: &str) -> DhcpServer {
    DhcpServer::at(DHCP, pool).option_150(&[tftp]).only_on(&[segment])
}

/// What the 3.1 TFTP server says to phones that it once knew: CallManager 3.0, with a 3.1 load.
fn config_31_for_hq(load: &str) -> PhoneConfig {
    PhoneConfig::naming(&[CM_30]).load(load)
}

/// The 3.1 TFTP server; its default file is for phones of the pilot.
fn tftp_31() -> TftpServer {
    let default = PhoneConfig::naming(&[CM_31])
        .default_load(6, "7910", LOAD_31_7910)
        .default_load(7, "7960", LOAD_31)
        .default_load(8, "7940", LOAD_31);
    TftpServer::at(TFTP_31).default(&default).load(LOAD_31, 30).load(LOAD_31_7910, 24)
}

fn cm_31() -> CallManager {
    CallManager::at(CM_31, "PILOT-CM1")
}

fn mixed_site() -> Vec<u8> {
    let mut site = Site::new(&[voice(), Segment::new("10.30.120")])
        .dhcp(dhcp_scope(0, "10.30.110.20", TFTP_31))
        .dhcp(dhcp_scope(1, "10.30.120.20", TFTP_30))
        .tftp(tftp_30(&[E, F]).single_port())
        .tftp(tftp_31().phones(&[A, B], &config_31_for_hq(LOAD_31)))
        .call_manager(cm_30())
        .call_manager(cm_30_b())
        .call_manager(cm_31());
    site.boot(0, &phone(A));
    site.boot(1_300, &phone(B).segments(Segments::Coalesced).alarm(AlarmSpelling::Name).cdp(Cdp::WithoutLoad));
    site.boot(2_900, &Phone::new("7940", C, LOAD_31).stored(&[CM_30, CM_30_B]).segments(Segments::Split7));
    site.boot(4_100, &Phone::new("7910", D, LOAD_31_7910).stored(&[CM_30]));
    site.boot(6_000, &phone(E).alternate(TFTP_30));
    site.boot(7_700, &phone(F).on_segment(1).cdp(Cdp::Silent));
    site.capture().pcap()
}

fn downgraded_server() -> Vec<u8> {
    let named = |load: &str| PhoneConfig::naming(&[CM_30, CM_30_B]).load(load);
    let tftp = TftpServer::at(TFTP_30)
        .phone(A, &PhoneConfig::naming(&[CM_30, CM_30_B]))
        .phone(B, &named("P00303000400"))
        .phones(&[E, F], &named(LOAD_30))
        .default(&PhoneConfig::naming(&[CM_30]).default_load(6, "7910", LOAD_30_7910))
        .load(LOAD_30, 30);
    let mut site = headquarters(voice(), dhcp_voice(), tftp);
    site.boot(0, &Phone::new("7960", A, LOAD_31));
    site.boot(1_100, &Phone::new("7960", B, LOAD_31).alarm(AlarmSpelling::Name));
    site.boot(2_500, &Phone::new("7940", C, LOAD_31).segments(Segments::Coalesced));
    site.boot(3_800, &Phone::new("7960", E, LOAD_31));
    site.boot(5_200, &phone(F));
    site.capture().pcap()
}

fn load_taken() -> Vec<u8> {
    let mut site = Site::new(&[voice()])
        .dhcp(dhcp_scope(0, "10.30.110.20", TFTP_31))
        .tftp(tftp_30(&[B]))
        .tftp(tftp_31().phone(A, &config_31_for_hq(LOAD_31)))
        .call_manager(cm_30());
    site.boot(0, &phone(A));
    site.boot(3_000, &phone(B).alternate(TFTP_30));
    site.capture().pcap()
}

fn option_66() -> Vec<u8> {
    let wrong = DhcpServer::at(DHCP, "10.30.110.20").option_66(TFTP_31).only_on(&[0]);
    let right = DhcpServer::at(DHCP, "10.30.120.20").option_66(TFTP_30).only_on(&[1]);
    let mut site = Site::new(&[voice(), Segment::new("10.30.120")])
        .dhcp(wrong)
        .dhcp(right)
        .tftp(tftp_30(&[B]))
        .tftp(tftp_31())
        .call_manager(cm_30());
    site.boot(0, &Phone::new("7960", A, LOAD_31).stored(&[CM_30]).alarm(AlarmSpelling::Name));
    site.boot(2_000, &phone(B).on_segment(1));
    site.capture().pcap()
}

fn alternate_to_the_wrong_one() -> Vec<u8> {
    let mut site = headquarters(voice(), dhcp_voice(), tftp_30(&[A, B])).tftp(tftp_31()).call_manager(cm_31());
    site.boot(0, &Phone::new("7960", A, LOAD_31).stored(&[CM_30]).alternate(TFTP_31));
    site.boot(2_000, &phone(B));
    site.capture().pcap()
}

fn alternate_to_the_right_one() -> Vec<u8> {
    let mut site = headquarters(voice(), dhcp_scope(0, "10.30.110.20", TFTP_31), tftp_30(&[A]))
        .tftp(tftp_31())
        .call_manager(cm_31());
    site.boot(0, &phone(A).alternate(TFTP_30));
    site.capture().pcap()
}

fn two_clusters() -> Vec<u8> {
    let pilot = PhoneConfig::naming(&[CM_31]).load(LOAD_31);
    let mut site = Site::new(&[voice(), Segment::new("10.31.110")])
        .dhcp(dhcp_scope(0, "10.30.110.20", TFTP_30))
        .dhcp(dhcp_scope(1, "10.31.110.20", TFTP_31))
        .tftp(tftp_30(&[A, B]))
        .tftp(tftp_31().phones(&[C, E], &pilot))
        .call_manager(cm_30())
        .call_manager(cm_31());
    site.boot(0, &phone(A));
    site.boot(900, &Phone::new("7940", C, LOAD_31).on_segment(1));
    site.boot(1_900, &phone(B));
    site.boot(3_100, &phone(E).on_segment(1));
    site.capture().pcap()
}

fn no_load_named() -> Vec<u8> {
    let tftp = tftp_30(&[B]).phone(A, &PhoneConfig::naming(&[CM_30]));
    let mut site = headquarters(voice(), dhcp_voice(), tftp);
    site.boot(0, &Phone::new("7960", A, LOAD_31));
    site.boot(2_200, &phone(B));
    site.capture().pcap()
}

fn default_file() -> Vec<u8> {
    let tftp = tftp_30(&[B]).default(&PhoneConfig::naming(&[CM_30]).default_load(6, "7910", LOAD_30_7910));
    let mut site = headquarters(flat(), dhcp_flat(), tftp);
    site.boot(0, &Phone::new("7960", A, LOAD_31).alarm(AlarmSpelling::Name));
    site.boot(2_200, &phone(B));
    site.capture().pcap()
}

fn comes_back() -> Vec<u8> {
    let mut site = headquarters(voice(), dhcp_voice(), tftp_30(&[A]).load(LOAD_30, 24));
    site.boot(0, &Phone::new("7960", A, LOAD_31));
    site.capture().pcap()
}

fn old_load_taken() -> Vec<u8> {
    let tftp = tftp_30(&[B]).phone(A, &PhoneConfig::naming(&[CM_30]));
    let mut site = headquarters(voice(), dhcp_voice(), tftp);
    site.boot(0, &Phone::new("7960", A, "P00303000101"));
    site.boot(2_200, &phone(B));
    site.capture().pcap()
}
