//! `no-tftp-address`: a lease that leads nowhere.

use std::net::IpAddr;

use crate::diagnosis::{Code, Confidence, Fix, FixKind, FixTarget};
use crate::findings::context::{PhoneContext, SETTLED};
use crate::findings::inference::stated;
use crate::findings::{Draft, evidence, text};
use crate::remedy;

declare_finding! {
    /// ## Trigger
    ///
    /// The lease that the phone took names no TFTP server in any way: no option 150, no option 66, no sname, no siaddr;
    /// and the phone asks nobody for a file after. A siaddr that is the DHCP server's own address, alone, is what some
    /// servers fill in by themselves: it counts as none where the phone does not turn to it (`likely`).
    ///
    /// ## Evidence
    ///
    /// The acknowledgement of the lease.
    ///
    /// ## Explanation
    ///
    /// Without a TFTP server the phone has nobody to ask for its configuration. It stays with what is in its flash, asks
    /// for the name CiscoCM1, or tries the DHCP server.
    ///
    /// ## Fix
    ///
    /// Set option 150 in the scope that handed out the lease.
    ///
    /// ## Not this
    ///
    /// `malformed-tftp-option`: an option is there and unusable. `conflicting-dhcp-offers`: another server offered one that
    /// names a TFTP server at the same time. `tftp-override`: the phone has a TFTP server of its own
    /// and needs none from the lease.
    ///
    /// ## References
    ///
    /// RFC 5859 (option 150), RFC 2132 section 9.4 (option 66), RFC 2131 section 2 (siaddr, sname).
    static NO_TFTP_ADDRESS = {
        code: NoTftpAddress,
        summary: "The lease names no TFTP server in any way",
        check: check,
    }
}

fn check(cx: &PhoneContext<'_>) -> Vec<Draft> {
    let phone = cx.phone;
    let Some(lease) = phone.lease() else { return Vec::new() };
    let terms = &lease.terms;
    let by_accident = terms.only_own_siaddr();
    if !(terms.sources.is_empty() || by_accident) || !terms.unusable.is_empty() || terms.cut {
        return Vec::new();
    }
    // A later lease of which the capture does not hold the acknowledgement may name one.
    let has_another = phone.dhcp.list.iter().any(|e| e.began > lease.seen_at && e.is_boot() && e.answered());
    // Nobody sets options on a server that should not be there: `conflicting-dhcp-offers`.
    if has_another || cx.better_offer().is_some() {
        return Vec::new();
    }
    let since = || phone.files.iter().filter(|f| f.last > lease.seen_at);
    // The DHCP server itself, which fills siaddr in and serves nobody, is the last that a phone without a server asks.
    let in_vain = since().all(|f| f.answered.is_none() && cx.is_last_resort(f.server)) && cx.wrong_tftp().is_none();
    let asks = since().next().is_some();
    if (asks && !(by_accident && in_vain)) || cx.is_registered() {
        return Vec::new();
    }
    // A phone that boots again may get another lease.
    let boots = phone.boot_began().is_some_and(|b| b > lease.seen_at);
    let settled = !boots && cx.now().since(lease.seen_at.time) >= SETTLED;
    let confidence = if settled && !by_accident { Confidence::Certain } else { Confidence::Likely };
    let confidence = if settled { cx.confidence_from_absence(confidence) } else { confidence };
    let accident =
        if by_accident { " (its siaddr is its own address, which some servers fill in by themselves)" } else { "" };
    let nobody = if asks {
        format!("It asks {} itself, which serves no file.", terms.server)
    } else {
        "It has nobody to ask for its configuration.".to_owned()
    };
    let right = stated(cx).map(|r| r.servers).unwrap_or_default();
    let scope = remedy::dhcp::Scope::of(terms, lease.address);
    let mut fixes = cx.set_option_150(&scope, &right);
    if fixes.is_empty() {
        fixes.push(
            Fix::new(
                FixKind::SetDhcpOption,
                FixTarget::DhcpServer,
                format!("Set option 150 in the scope of {}", terms.server),
            )
            .step("Name the TFTP server of the phones' cluster as a list of addresses (not as text).")
            .step("Give it to this program with --expect-tftp for the lines to paste.")
            .verify("The next ACK carries option 150."),
        );
    }
    vec![
        Draft::from_evidence(
            Code::NoTftpAddress,
            confidence,
            vec![evidence(
                lease.seen_at,
                format!("DHCP server {} leases an address to {}, without a TFTP server", terms.server, cx.label()),
            )],
        )
        .server(IpAddr::V4(terms.server))
        .fact("dhcp_server", text(terms.server))
        .title(format!("the lease from {} names no TFTP server", terms.server))
        .summary(format!(
            "{} took a lease from DHCP server {} that names no TFTP server: no option 150, no option 66, no sname, no \
                 siaddr{accident}. {nobody}",
            cx.label(),
            terms.server
        ))
        .fixes(fixes),
    ]
}
