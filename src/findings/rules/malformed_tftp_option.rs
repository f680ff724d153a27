//! `malformed-tftp-option`: option 150 as text, cut, or zero.

use std::net::{IpAddr, Ipv4Addr};

use crate::conversation::dhcp::{LeaseTerms, OfferSeen};
use crate::diagnosis::{Code, Confidence, Fact, Fix, FixKind, FixTarget, Severity, TftpSource};
use crate::findings::context::{PhoneContext, SETTLED};
use crate::findings::inference::{reversed, stated};
use crate::findings::{Draft, and_list, text};
use crate::remedy;
use crate::wire::dhcp::UnusableOption;

declare_finding! {
    /// ## Trigger
    ///
    /// The lease carries an option 150 that is no list of addresses (ASCII digits, a length that is no multiple of four,
    /// 0.0.0.0, octets in reverse of a server that is right or serves files here), or an option 66 that names nothing. So do
    /// offers that the phone never takes. Where the phone got its configuration all the same: a warning if option 150 is an
    /// address in digits, and nothing otherwise.
    ///
    /// ## Evidence
    ///
    /// The acknowledgement or the offer, the option's bytes, and how they read. Certain, of offers, where the phone left
    /// three of them lying.
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

/// What a server says, and whether the phone goes by it.
struct Said<'a> {
    offer: &'a OfferSeen,
    /// How many offers the phone left lying; `None`: it took the lease.
    untaken: Option<u32>,
    severity: Severity,
}

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    let said = |offer, untaken| Said { offer, untaken, severity: Severity::Error };
    let all: Vec<Said<'_>> = match cx.untaken_offers() {
        Some(untaken) => untaken.offers.into_iter().map(|o| said(o, Some(untaken.offered))).collect(),
        None => cx.phone.lease().map(|lease| said(lease, None)).into_iter().collect(),
    };
    all.into_iter().filter(|said| !said.offer.terms.cut).flat_map(|said| of_message(cx, said)).collect()
}

fn of_message(cx: &PhoneContext<'_>, mut said: Said<'_>) -> Vec<Draft> {
    let terms = &said.offer.terms;
    // A usable option 150 beside an odd option 66 is all that a phone needs.
    let has_150 = terms.sources.iter().any(|(s, _)| *s == TftpSource::Option150);
    let mut unusable: Vec<&UnusableOption> = terms.unusable.iter().filter(|o| o.option == 150 || !has_150).collect();
    let mut reversed = reversed_option(cx, terms);
    if said.untaken.is_none() && (cx.is_registered() || cx.files().iter().any(|f| f.config.is_some())) {
        // The phone found its way all the same; the next one that reads the text as addresses does not.
        unusable.retain(|o| o.option == 150 && !has_150 && !o.written_as_text().is_empty());
        reversed = None;
        said.severity = Severity::Warning;
    }
    let meant = reversed.as_ref().map(|(_, meant, sure)| (*meant, *sure));
    let drafts = unusable.into_iter().map(|option| draft(cx, &said, option, None));
    drafts.chain(reversed.iter().map(|(option, ..)| draft(cx, &said, option, meant))).collect()
}

fn draft(
    cx: &PhoneContext<'_>,
    said: &Said<'_>,
    option: &UnusableOption,
    reversed: Option<(Ipv4Addr, Confidence)>,
) -> Draft {
    let Said { offer, untaken, severity } = said;
    let (terms, number) = (&offer.terms, option.option);
    let settled = cx.now().since(offer.seen_at.time) >= SETTLED;
    let certain = reversed.map_or(Confidence::Certain, |(_, sure)| sure);
    let confidence = match untaken {
        // Left lying once or twice, the offer may have got lost.
        Some(count) if *count < 3 => Confidence::Likely,
        _ if !settled => Confidence::Likely,
        _ => certain,
    };
    let does = match untaken {
        Some(1) => " The phone does not take the offer.".to_owned(),
        Some(count) => format!(" The phone takes none of {count} offers, and asks again."),
        None if *severity == Severity::Warning => {
            " This phone found a TFTP server another way; one that goes by option 150 does not.".to_owned()
        }
        None => " A phone can not find its TFTP server with that.".to_owned(),
    };
    let shows = format!(
        "DHCP server {} sends option {number} as {} to {}: {}",
        terms.server,
        option.raw,
        cx.label(),
        option.reads_as
    );
    Draft::of(Code::MalformedTftpOption, confidence, offer.seen_at, shows)
        .severity(*severity)
        .server(IpAddr::V4(terms.server))
        .fact("option", Fact::Number(u64::from(number)))
        .fact("raw_hex", text(&option.raw))
        .fact("reads_as", text(&option.reads_as))
        .fact("dhcp_server", text(terms.server))
        .title(format!("option {number} of {} is malformed", terms.server))
        .summary(format!(
            "DHCP server {} sends {} an option {number} of the octets {}: {}.{does}",
            terms.server,
            cx.label(),
            option.raw,
            option.reads_as
        ))
        .fixes(fixes(cx, offer, option, reversed.map(|(meant, _)| meant)))
}

fn fixes(cx: &PhoneContext<'_>, offer: &OfferSeen, option: &UnusableOption, reversed: Option<Ipv4Addr>) -> Vec<Fix> {
    let (terms, number) = (&offer.terms, option.option);
    let mut right = stated(cx).map(|r| r.servers).unwrap_or_default();
    if right.is_empty() {
        right.extend(reversed.map(IpAddr::V4));
    }
    if right.is_empty() && number == 150 {
        right.extend(option.written_as_text().into_iter().map(IpAddr::V4));
    }
    let scope = remedy::dhcp::Scope::of(terms, offer.address);
    let first = Fix::new(
        FixKind::SetDhcpOption,
        FixTarget::DhcpServer,
        format!("On {}: option {number} in its right form", terms.server),
    )
    .step("Option 150: define it as an array of IP addresses, not as a string (IOS: option 150 ip, never option 150 ascii).")
    .step("Option 66: a host name or a dotted address as text; better not beside option 150.")
    .verify("The next ACK carries option 150 as four octets an address.");
    let mut fixes = vec![first];
    let lines: Vec<Fix> = cx.set_option_150(&scope, &right).into_iter().map(|f| f.instead_of(&fixes)).collect();
    fixes.extend(lines);
    fixes
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
