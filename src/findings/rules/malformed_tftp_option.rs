//! `malformed-tftp-option`: option 150 as text, cut, or zero.

use std::net::{IpAddr, Ipv4Addr};

use crate::conversation::dhcp::LeaseTerms;
use crate::diagnosis::{Code, Confidence, Fact, Fix, FixKind, FixTarget, TftpSource};
use crate::findings::context::{PhoneContext, SETTLED};
use crate::findings::inference::{reversed, stated};
use crate::findings::{Draft, and_list, evidence, text};
use crate::remedy;
use crate::wire::dhcp::UnusableOption;

declare_finding! {
    /// ## Trigger
    ///
    /// The lease carries an option 150 that is no list of addresses (ASCII digits, a length that is no multiple of four,
    /// 0.0.0.0, octets in reverse of a server that is right or serves files here), or an option 66 that names nothing. Not where the phone got its configuration all the same.
    ///
    /// ## Evidence
    ///
    /// The acknowledgement, the option's bytes, and how they read.
    ///
    /// ## Explanation
    ///
    /// Option 150 is a list of IPv4 addresses in binary. Defined as a string on the DHCP server, `10.1.1.5` goes out as
    /// the eight characters, which a phone reads as the addresses 49.48.46.49 and 46.49.46.53.
    ///
    /// ## Fix
    ///
    /// Define option 150 as an array of IP addresses and set it again.
    ///
    /// ## Not this
    ///
    /// An option 150 with two addresses, eight bytes long: that is right. `no-tftp-address`: no option at all.
    ///
    /// ## References
    ///
    /// RFC 5859 section 2; RFC 2132 section 9.4.
    static MALFORMED_TFTP_OPTION = {
        code: MalformedTftpOption,
        summary: "Option 150 is no list of addresses, or option 66 is unusable",
        check: check,
    }
}

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    let Some(lease) = cx.phone.lease() else { return Vec::new() };
    let terms = &lease.terms;
    if terms.cut || cx.is_registered() || cx.files().iter().any(|f| f.config.is_some()) {
        return Vec::new();
    }
    let settled = cx.now().since(lease.seen_at.time) >= SETTLED;
    let right = stated(cx).map(|r| r.servers).unwrap_or_default();
    let reversed = reversed_option(cx, terms);
    let right = match &reversed {
        Some((_, meant, _)) if right.is_empty() => vec![IpAddr::V4(*meant)],
        _ => right,
    };
    let draft = |option: &UnusableOption| {
        let number = option.option;
        let scope = remedy::dhcp::Scope::of(terms, lease.address);
        let mut fixes = vec![Fix::new(FixKind::SetDhcpOption, FixTarget::DhcpServer, format!("On {}: option {number} in its right form", terms.server))
            .step("Option 150: define it as an array of IP addresses, not as a string (IOS: option 150 ip, never option 150 ascii).")
            .step("Option 66: a host name or a dotted address as text; better not beside option 150.")
            .verify("The next ACK carries option 150 as four octets an address.")];
        let lines: Vec<Fix> = cx.set_option_150(&scope, &right).into_iter().map(|f| f.instead_of(&fixes)).collect();
        fixes.extend(lines);
        Draft::from_evidence(
            Code::MalformedTftpOption,
            match &reversed {
                Some((_, _, sure)) if settled => *sure,
                None if settled => Confidence::Certain,
                _ => Confidence::Likely,
            },
            vec![evidence(
                lease.seen_at,
                format!(
                    "DHCP server {} sends option {number} as {} to {}: {}",
                    terms.server,
                    option.raw,
                    cx.label(),
                    option.reads_as
                ),
            )],
        )
        .server(IpAddr::V4(terms.server))
        .fact("option", Fact::Number(u64::from(number)))
        .fact("raw_hex", text(&option.raw))
        .fact("reads_as", text(&option.reads_as))
        .fact("dhcp_server", text(terms.server))
        .title(format!("option {number} of {} is malformed", terms.server))
        .summary(format!(
            "DHCP server {} sends {} an option {number} of the octets {}: {}. A phone can not find its TFTP server \
                     with that.",
            terms.server,
            cx.label(),
            option.raw,
            option.reads_as
        ))
        .fixes(fixes)
    };
    // A usable option 150 beside an odd option 66 is all that a phone needs.
    let has_150 = terms.sources.iter().any(|(s, _)| *s == crate::diagnosis::TftpSource::Option150);
    let of_message = terms.unusable.iter().filter(|o| o.option == 150 || !has_150);
    of_message.chain(reversed.iter().map(|(option, ..)| option)).map(draft).collect()
}

/// An option 150 whose octets are in reverse: the addresses of option 150, what is meant, and how sure that is.
fn reversed_option(cx: &PhoneContext<'_>, terms: &LeaseTerms) -> Option<(UnusableOption, Ipv4Addr, Confidence)> {
    let of_150 = terms.sources.iter().find(|(source, _)| *source == TftpSource::Option150);
    let named: Vec<Ipv4Addr> = of_150?.1.iter().filter_map(|name| name.raw().parse().ok()).collect();
    // One right address in it is enough for the phone.
    let found: Option<Vec<_>> = named.iter().map(|address| reversed(cx, *address)).collect();
    let (meant, sure) = *found?.first()?;
    let raw: Vec<u8> = named.iter().flat_map(Ipv4Addr::octets).collect();
    let reads_as = format!("{}, which is {meant} with its octets in reverse", and_list(&named));
    Some((UnusableOption { option: 150, raw: raw.as_slice().into(), reads_as }, meant, sure))
}
