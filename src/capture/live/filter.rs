//! The kernel's default filter: what the decoders use passes, voice and the rest do not.
//!
//! The filter peels a frame as [`crate::wire::frame`] does: ISL, tags, LLC, labels, PPPoE, IP with its options and
//! extension headers; and, once, the tunnels that mirrors use (ERSPAN, VXLAN, GENEVE, GRE, IP in IP), so that voice
//! in a mirror's tunnel does not pass either. Whatever it can not tell surely passes: fragments, deeper tunnels, rare
//! headers. So it may let too much through, and must never hold back a frame of which the decoders would make an event.
//!
//! It is no expression of libpcap's: those match at fixed places, and where those are depends on whether the port's
//! driver took the outermost tag off, on the order of the clauses, and on whether the capture is live.

use super::bpf::{Assembler, Instruction, Label};
use crate::types::LinkType;
use crate::wire::{ethernet, icmp, ip, tunnel};

/// Words of memory.
const NUMBER: u32 = 0;
const LENGTH: u32 = 1;

/// Tags of 802.1Q and its kin, two bytes and an EtherType each.
const TAGS: [u32; 4] =
    [ethernet::VLAN as u32, ethernet::SERVICE_VLAN as u32, ethernet::OLD_QINQ as u32, ethernet::OLD_QINQ_2 as u32];
/// Other things that stand between the addresses and the packet, and their bytes before the next EtherType.
const LONG_TAGS: [u32; 2] = [ethernet::E_TAG as u32, ethernet::CISCO_METADATA as u32];
const SHORT_TAG: u32 = ethernet::VN_TAG as u32;

const IPV4: u32 = ethernet::IPV4 as u32;
const IPV6: u32 = ethernet::IPV6 as u32;
const CDP: u32 = ethernet::CDP as u32;
const MIN_ETHER_TYPE: u32 = 0x0600;

/// Extension headers whose length counts eight bytes.
const OPTIONS: [u32; 3] = [ip::HOP_BY_HOP as u32, ip::ROUTING as u32, ip::DESTINATION_OPTIONS as u32];

/// The ports of [`crate::flow::streams`].
const TCP_PORTS: [u32; 8] = [2000, 2443, 2445, 5060, 5061, 6970, 6971, 53];
/// DNS, DHCPv6. DHCP and TFTP are the range 67 to 69.
const UDP_PORTS: [u32; 3] = [53, 546, 547];
const SIP_PORTS: (u32, u32) = (5060, 5061);
/// How SIP over UDP begins where neither port is its own: an answer from a port that the registrar picked, to the port
/// of the Via header. Over TCP a port must be one of `TCP_PORTS`: what a segment begins with says nothing.
const SIP_STARTS: [u32; 2] = [u32::from_be_bytes(*b"SIP/"), u32::from_be_bytes(*b"REGI")];

/// The filter for a port of this link type, that keeps `snap_len` bytes of a frame. `None`: there is none for it, and
/// all frames are to be looked at.
///
/// Ethernet, and what the kernel hands out without a link header and tells the EtherType of: `any` and other cooked
/// captures, raw IP.
pub fn default_filter(link_type: LinkType, snap_len: u32) -> Option<Vec<Instruction>> {
    let mut a = Assembler::new();
    let outer = Level::new(&mut a);
    let inner = Level::new(&mut a);
    let ends = Ends { pass: a.label(), drop: a.label(), snap_len };
    match link_type {
        LinkType::ETHERNET => a.go_to_start(),
        LinkType(101 | 113 | 276) => {
            // The kernel gives the packet without its link header, and this is where that said what it is.
            a.go_to_start();
            write_cooked(&mut a, ends, outer);
        }
        _ => return None,
    }
    outer.write(&mut a, ends, Some(inner));
    inner.write(&mut a, ends, None);
    a.assemble()
}

/// The two ends. They are placed again and again, so that every jump has one near by.
#[derive(Clone, Copy)]
struct Ends {
    pass: Label,
    drop: Label,
    snap_len: u32,
}

impl Ends {
    /// Only where the program does not go on by itself: after a jump.
    fn place(self, a: &mut Assembler) {
        a.place(self.pass);
        a.keep(self.snap_len);
        a.place(self.drop);
        a.keep(0);
    }
}

/// One frame or packet: that of the port, or the one in its tunnel. These are the ways in.
#[derive(Clone, Copy)]
struct Level {
    /// Reading stands at an Ethernet header.
    frame: Label,
    /// The accumulator holds an EtherType, reading stands at what follows it.
    ether_type: Label,
    /// Reading stands at an IPv4 header.
    v4: Label,
    /// Reading stands at an IPv6 header.
    v6: Label,
}

impl Level {
    fn new(a: &mut Assembler) -> Level {
        Level { frame: a.label(), ether_type: a.label(), v4: a.label(), v6: a.label() }
    }

    /// Writes the whole level. `tunnels`: where what is in them goes; `None`: they pass whole.
    fn write(self, a: &mut Assembler, ends: Ends, tunnels: Option<Level>) {
        self.write_link(a, ends, tunnels);
        self.write_network(a, ends, tunnels.is_some());
        let [udp, tcp, icmp, icmp_v6, gre, ether_ip] = std::array::from_fn(|_| a.label());
        let Ends { pass, drop, .. } = ends;

        // Behind IP: the protocol's number is in the accumulator.
        let tunnel_protocols = [ip::IPIP, ip::IPV6_IN_IP, ip::GRE, ip::ETHER_IP].map(u32::from);
        a.if_in(&[ip::ICMP.into()], icmp);
        a.if_in(&[ip::ICMPV6.into()], icmp_v6);
        a.if_in(&[ip::UDP.into()], udp);
        a.if_in(&[ip::TCP.into()], tcp);
        a.if_in(&[ip::FRAGMENT.into(), ip::MPLS_IN_IP.into(), ip::AUTHENTICATION.into()], pass);
        a.if_in(&OPTIONS, pass);
        match tunnels {
            Some(inside) => {
                a.if_in(&tunnel_protocols[..1], inside.v4);
                a.if_in(&tunnel_protocols[1..2], inside.v6);
                a.if_in(&tunnel_protocols[2..3], gre);
                a.if_in(&tunnel_protocols[3..], ether_ip);
            }
            None => a.if_in(&tunnel_protocols, pass),
        }
        a.jump(drop);
        ends.place(a);

        a.place(icmp);
        a.load_octet(0);
        a.if_within(3, 5, pass);
        a.if_in(&[11, 12], pass);
        a.jump(drop);
        a.place(icmp_v6);
        a.load_octet(0);
        a.if_within(1, 4, pass);
        a.if_within((*icmp::DISCOVERY.start()).into(), (*icmp::DISCOVERY.end()).into(), pass);
        a.jump(drop);

        a.place(tcp);
        for port in [0, 2] {
            a.load_half(port);
            a.if_in(&TCP_PORTS, pass);
        }
        a.jump(drop);
        ends.place(a);

        a.place(udp);
        write_udp(a, ends, tunnels);
        if let Some(inside) = tunnels {
            a.place(gre);
            write_gre(a, ends, inside);
            a.place(ether_ip);
            a.skip(2);
            a.jump(inside.frame);
        }
        ends.place(a);
    }

    /// From the Ethernet header to the packet.
    fn write_link(self, a: &mut Assembler, Ends { pass, drop, snap_len }: Ends, tunnels: Option<Level>) {
        let ends = Ends { pass, drop, snap_len };
        let [isl, no_isl, network, llc, snap, mpls, pppoe, macsec] = std::array::from_fn(|_| a.label());

        a.place(self.frame);
        a.load_word(0);
        a.if_in(&[0x0100_0c00, 0x0300_0c00], isl);
        a.jump(no_isl);
        a.place(isl);
        a.load_octet(4);
        a.unless(0, no_isl);
        a.load_word(14);
        a.shift_right(8);
        a.unless(0x00aa_aa03, no_isl);
        a.load_octet(5);
        a.if_at_least(0x10, drop);
        a.skip(26);
        a.place(no_isl);
        a.load_half(12);
        a.store(NUMBER);
        a.skip(14);
        a.recall(NUMBER);

        a.place(self.ether_type);
        // Most frames.
        a.if_in(&[IPV4], self.v4);
        // Five rounds: four tags, and one of the others before or behind the first tag.
        let rounds: &[bool] = if tunnels.is_some() { &[false, true, false, false, false] } else { &[false; 3] };
        for (round, others) in rounds.iter().enumerate() {
            let first = round == 0;
            let [tag, done, longer] = std::array::from_fn(|_| a.label());
            if *others {
                a.if_in(&LONG_TAGS, longer);
                a.unless(SHORT_TAG, done);
                a.load_half(4);
                a.store(NUMBER);
                a.skip(6);
                a.recall(NUMBER);
                a.jump(done);
                a.place(longer);
                a.skip(4);
            } else {
                a.if_in(&TAGS, tag);
                a.jump(if first { done } else { network });
                a.place(tag);
            }
            a.load_half(2);
            a.store(NUMBER);
            a.skip(4);
            a.recall(NUMBER);
            a.place(done);
        }

        a.place(network);
        a.if_in(&[IPV4], self.v4);
        a.if_in(&[IPV6], self.v6);
        a.if_in(&[ethernet::ARP.into(), ethernet::LLDP.into()], pass);
        a.if_below(MIN_ETHER_TYPE, llc);
        a.if_in(&[ethernet::MPLS.into(), ethernet::MPLS_MULTICAST.into()], mpls);
        a.if_in(&[ethernet::PPPOE_SESSION.into()], pppoe);
        a.if_in(&[ethernet::MACSEC.into()], macsec);
        // More tags than were peeled, and headers that are rare.
        a.if_in(&TAGS, pass);
        a.if_in(&LONG_TAGS, pass);
        a.if_in(&[SHORT_TAG, ethernet::BACKBONE.into(), ethernet::PPP.into()], pass);
        if tunnels.is_none() {
            // What GRE calls CDP.
            a.if_in(&[CDP], pass);
        }
        a.jump(drop);

        a.place(llc);
        a.load_half(0);
        a.if_in(&[0x0606], pass);
        a.unless(0xaaaa, drop);
        // The control byte, and whose number the protocol's is.
        a.load_word(2);
        a.if_in(&[0x0300_0000, 0x0300_00f8], snap);
        a.unless(0x0300_000c, drop);
        a.load_half(6);
        a.if_in(&[CDP], pass);
        a.jump(drop);
        a.place(snap);
        a.load_half(6);
        a.if_below(MIN_ETHER_TYPE, drop);
        a.store(NUMBER);
        a.skip(8);
        a.recall(NUMBER);
        a.if_in(&[IPV4], self.v4);
        a.if_in(&[IPV6], self.v6);
        a.jump(pass);

        a.place(macsec);
        // Encrypted or changed: nobody can read it.
        a.load_octet(0);
        a.if_any_bit(0x0c, drop);
        a.jump(pass);
        ends.place(a);

        match tunnels {
            Some(inside) => {
                a.place(mpls);
                self.write_mpls(a, ends, inside);
                a.place(pppoe);
                self.write_pppoe(a, ends);
            }
            None => {
                a.place(mpls);
                a.place(pppoe);
                a.jump(pass);
            }
        }
        ends.place(a);
    }

    /// Three labels at most, and what [`crate::wire::tunnel::mpls`] infers to be behind them.
    fn write_mpls(self, a: &mut Assembler, Ends { pass, .. }: Ends, inside: Level) {
        let [bottom, version_4, version_6, zeros] = std::array::from_fn(|_| a.label());
        for label in 1..=3 {
            a.load_octet(2);
            a.if_any_bit(1, bottom);
            if label < 3 {
                a.skip(4);
            }
        }
        a.jump(pass);
        a.place(bottom);
        a.skip(4);
        a.load_octet(0);
        a.shift_right(4);
        a.if_in(&[4], version_4);
        a.if_in(&[6], version_6);
        a.if_in(&[0], zeros);
        a.jump(inside.frame);

        // An address may begin with 4 or 6 as well: where an EtherType or a length could stand, the decoders decide.
        for (place, version) in [(version_4, self.v4), (version_6, self.v6)] {
            a.place(place);
            a.load_half(12);
            a.if_below(MIN_ETHER_TYPE, pass);
            a.if_within(0x0800, 0x0806, pass);
            a.if_within(0x8100, 0x9200, pass);
            a.jump(version);
        }

        a.place(zeros);
        let [control_word, plain] = std::array::from_fn(|_| a.label());
        let sure = [IPV4, IPV6, ethernet::VLAN.into(), ethernet::SERVICE_VLAN.into()];
        a.load_half(0);
        a.unless(0, inside.frame);
        a.load_half(16);
        a.if_in(&sure, control_word);
        // Less sure, so the decoders decide.
        a.if_in(&[ethernet::ARP.into()], pass);
        a.if_within(0x8800, 0x9200, pass);
        a.load_half(18);
        a.if_in(&[0xaaaa, 0x4242], pass);
        a.load_half(12);
        a.if_in(&sure, plain);
        a.jump(pass);
        a.place(control_word);
        a.skip(4);
        a.place(plain);
        a.jump(inside.frame);
    }

    fn write_pppoe(self, a: &mut Assembler, Ends { pass, drop, .. }: Ends) {
        let [version_4, version_6] = std::array::from_fn(|_| a.label());
        a.load_octet(1);
        a.unless(0, drop);
        a.load_half(6);
        a.if_in(&[0x0021], version_4);
        a.if_in(&[0x0057], version_6);
        a.jump(pass);
        a.place(version_4);
        a.skip(8);
        a.jump(self.v4);
        a.place(version_6);
        a.skip(8);
        a.jump(self.v6);
    }

    /// From the IP header to what it carries: its number is in the accumulator then.
    fn write_network(self, a: &mut Assembler, Ends { pass, drop, .. }: Ends, thorough: bool) {
        let [protocol, carried] = std::array::from_fn(|_| a.label());
        a.place(self.v4);
        a.load_octet(0);
        a.shift_right(4);
        a.unless(4, drop);
        a.load_half(6);
        a.if_any_bit(0x3fff, pass);
        a.load_octet(9);
        a.store(NUMBER);
        a.load_octet(0);
        a.and(0x0f);
        a.shift_left(2);
        a.skip_by_accumulator();
        a.jump(protocol);

        a.place(self.v6);
        a.load_octet(0);
        a.shift_right(4);
        a.unless(6, drop);
        a.load_octet(6);
        a.store(NUMBER);
        a.skip(40);

        a.place(protocol);
        for _ in 0..if thorough { 4 } else { 2 } {
            let [eights, fours, skip] = std::array::from_fn(|_| a.label());
            a.recall(NUMBER);
            a.if_in(&OPTIONS, eights);
            a.if_in(&[ip::AUTHENTICATION.into()], fours);
            a.jump(carried);
            a.place(fours);
            a.load_octet(1);
            a.add(2);
            a.shift_left(2);
            a.jump(skip);
            a.place(eights);
            a.load_octet(1);
            a.add(1);
            a.shift_left(3);
            a.place(skip);
            a.store(LENGTH);
            a.load_octet(0);
            a.store(NUMBER);
            a.recall(LENGTH);
            a.skip_by_accumulator();
        }
        a.recall(NUMBER);
        a.place(carried);
    }
}

/// Reading stands at a packet without its link header; the kernel knows what it is.
fn write_cooked(a: &mut Assembler, ends: Ends, packet: Level) {
    let [tagged, plain] = std::array::from_fn(|_| a.label());
    a.load_kernel_protocol();
    a.if_in(&TAGS, tagged);
    a.jump(packet.ether_type);
    // Of a frame on its way out the kernel may call the packet by its tag, and be beyond it already.
    a.place(tagged);
    // ARP, which looks like VLAN 1 of IPv4 then, and SNAP.
    a.load_half(4);
    a.if_in(&[0x0604, 0xaaaa], ends.pass);
    a.load_half(2);
    a.if_in(&[IPV4, IPV6, ethernet::ARP.into(), ethernet::LLDP.into()], plain);
    a.if_in(
        &[ethernet::MPLS, ethernet::MPLS_MULTICAST, ethernet::PPPOE_SESSION, ethernet::MACSEC].map(u32::from),
        plain,
    );
    a.if_in(&TAGS, plain);
    a.if_in(&LONG_TAGS, plain);
    a.if_in(&[SHORT_TAG], plain);
    a.load_octet(0);
    a.if_in(&[0x45], packet.v4);
    a.if_in(&[0x60], packet.v6);
    a.jump(ends.pass);
    a.place(plain);
    a.load_kernel_protocol();
    a.jump(packet.ether_type);
    ends.place(a);
}

/// Reading stands at a UDP header.
fn write_udp(a: &mut Assembler, ends: Ends, tunnels: Option<Level>) {
    use tunnel::udp::{ARUBA_PORT, GENEVE_PORT, HP_ERM_PORT, TZSP_PORT, VXLAN_OLD_PORT, VXLAN_PORT};
    let Ends { pass, drop, .. } = ends;
    let [sip, vxlan, geneve] = std::array::from_fn(|_| a.label());
    for port in [0, 2] {
        a.load_half(port);
        a.if_within(67, 69, pass);
        a.if_in(&UDP_PORTS, pass);
        a.if_within(SIP_PORTS.0, SIP_PORTS.1, sip);
    }
    if tunnels.is_none() {
        a.if_in(&[VXLAN_PORT, VXLAN_OLD_PORT, GENEVE_PORT].map(u32::from), pass);
    }
    a.if_in(&[TZSP_PORT, HP_ERM_PORT, ARUBA_PORT, tunnel::capwap::DATA_PORT].map(u32::from), pass);
    // TFTP leaves its port with the second packet; its operations are 1 to 6, and RTP begins with 0x80.
    a.load_half(8);
    a.if_within(1, 6, pass);
    if tunnels.is_some() {
        a.load_half(2);
        a.if_in(&[VXLAN_PORT, VXLAN_OLD_PORT].map(u32::from), vxlan);
        a.if_in(&[GENEVE_PORT.into()], geneve);
    }
    a.load_word(8);
    a.if_in(&SIP_STARTS, pass);
    a.jump(drop);

    // REGISTER, an answer (SIP/2.0), or blanks before either; TFTP from such a port begins with 0.
    a.place(sip);
    a.load_octet(8);
    a.if_in(&[u32::from(b'R'), u32::from(b'S')], pass);
    a.if_above(b' '.into(), drop);
    a.jump(pass);
    ends.place(a);

    let Some(inside) = tunnels else { return };
    a.place(vxlan);
    a.load_octet(8);
    a.and(0x0c);
    a.unless(0x08, drop);
    a.load_octet(15);
    a.unless(0, drop);
    a.skip(16);
    a.jump(inside.frame);

    a.place(geneve);
    let frame = a.label();
    a.load_octet(8);
    a.if_at_least(0x40, drop);
    a.load_octet(15);
    a.unless(0, drop);
    a.load_half(10);
    a.if_below(MIN_ETHER_TYPE, drop);
    a.store(NUMBER);
    a.load_octet(8);
    a.shift_left(2);
    a.add(16);
    a.skip_by_accumulator();
    a.recall(NUMBER);
    a.if_in(&[tunnel::gre::ETHERNET_BRIDGING.into()], frame);
    a.jump(inside.ether_type);
    a.place(frame);
    a.jump(inside.frame);
    ends.place(a);
}

/// Reading stands at a GRE header.
fn write_gre(a: &mut Assembler, Ends { pass, .. }: Ends, inside: Level) {
    use tunnel::gre::{CHECKSUM, ERSPAN, ERSPAN_III, ETHERNET_BRIDGING, KEY, ROUTING, SEQUENCE, VERSION};
    let [second, third, frame, extended] = std::array::from_fn(|_| a.label());
    a.load_half(0);
    // PPTP, and source routes.
    a.if_any_bit((ROUTING | VERSION).into(), pass);
    a.load_half(2);
    a.store(NUMBER);
    a.if_in(&[ERSPAN.into()], second);
    a.if_in(&[ERSPAN_III.into()], third);
    write_gre_options(a, &[CHECKSUM, KEY, SEQUENCE]);
    a.recall(NUMBER);
    a.if_in(&[ETHERNET_BRIDGING.into()], frame);
    a.jump(inside.ether_type);

    // Type I has no header of its own and no sequence number, type II has both: eight bytes.
    a.place(second);
    write_gre_options(a, &[CHECKSUM, KEY]);
    a.recall(LENGTH);
    a.unless_any_bit(SEQUENCE.into(), frame);
    a.skip(12);
    a.place(frame);
    a.jump(inside.frame);

    a.place(third);
    write_gre_options(a, &[CHECKSUM, KEY, SEQUENCE]);
    a.load_half(10);
    a.store(LENGTH);
    a.and(0x7c00);
    // IP without a frame around it, and what is no packet.
    a.unless(0, pass);
    a.recall(LENGTH);
    a.if_any_bit(1, extended);
    a.skip(12);
    a.jump(inside.frame);
    a.place(extended);
    a.skip(20);
    a.jump(inside.frame);
}

/// Skips the GRE header and four bytes for each of its options that is there; the flags are in memory then.
fn write_gre_options(a: &mut Assembler, options: &[u16]) {
    a.load_half(0);
    a.store(LENGTH);
    a.skip(4);
    for option in options {
        let absent = a.label();
        a.recall(LENGTH);
        a.unless_any_bit(u32::from(*option), absent);
        a.skip(4);
        a.place(absent);
    }
}

#[cfg(test)]
mod tests;
