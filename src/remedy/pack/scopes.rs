//! The scopes that hand out a wrong TFTP server, and the files that correct them.

use std::net::{IpAddr, Ipv4Addr};

use super::{PackFile, PhoneToFix};
use crate::diagnosis::Code;
use crate::remedy::dhcp::{Platform, Scope, Snippet, snippet_v6};

/// A scope to be corrected.
pub(super) struct ScopeFix {
    pub(super) scope: Scope,
    pub(super) right: Vec<IpAddr>,
    /// Its phones in the pack.
    pub(super) phones: usize,
    /// Behind the names of its files, where there are several scopes.
    suffix: String,
}

impl ScopeFix {
    /// What identifies the scope on its server.
    fn key(&self) -> (Ipv4Addr, Option<(Ipv4Addr, Ipv4Addr)>) {
        (self.scope.server, self.scope.network)
    }

    /// Path of a platform's file.
    pub(super) fn path(&self, platform: Platform) -> String {
        let (name, extension) = platform.file();
        format!("dhcp/{name}{}.{extension}", self.suffix)
    }

    /// One file a platform, with its undo in comments.
    pub(super) fn files(&self) -> Vec<PackFile> {
        let mut files = Vec::new();
        let mut push = |path: String, contents: String, about: String| {
            files.push(PackFile { path, contents: contents.into_bytes(), secret: false, about });
        };
        let label = self.scope.label();
        for Snippet { platform, config, undo } in self.scope.snippets(&self.right) {
            let path = self.path(platform);
            let mark = platform.comment();
            let undo: String = match undo {
                Some(undo) => undo.lines().map(|line| format!("{mark}  {}\n", line.trim_start_matches(mark))).collect(),
                None => format!("{mark}  see above\n"),
            };
            push(path, format!("{config}\n{mark}Undo:\n{undo}"), format!("option 150 of {label}"));
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files
    }
}

/// What DHCPv6 should name, where it named a wrong server: the right ones, and the wrong one.
pub(super) fn by_dhcpv6(patients: &[PhoneToFix]) -> Vec<(Vec<IpAddr>, IpAddr)> {
    let mut all: Vec<(Vec<IpAddr>, IpAddr)> = Vec::new();
    for patient in patients.iter().filter(|p| !p.is_set_by_hand()) {
        let Some(wrong) = patient.wrong_server().filter(IpAddr::is_ipv6) else { continue };
        let pair = (patient.phone.wanted.tftp_right.clone(), wrong);
        if snippet_v6(&pair.0, None).is_some() && !all.contains(&pair) && all.len() < 16 {
            all.push(pair);
        }
    }
    all.sort();
    all
}

/// The files for DHCPv6.
pub(super) fn files_v6(all: &[(Vec<IpAddr>, IpAddr)]) -> Vec<PackFile> {
    let file = |(at, (right, wrong)): (usize, &(Vec<IpAddr>, IpAddr))| {
        let (config, undo) = snippet_v6(right, Some(*wrong))?;
        let number = if all.len() > 1 { format!("-{}", at + 1) } else { String::new() };
        let last = undo.lines().last().unwrap_or_default();
        Some(PackFile {
            path: format!("dhcp/isc-dhcpd6{number}.conf"),
            contents: format!("{config}\n# The way back:\n#   {last}\n").into_bytes(),
            secret: false,
            about: format!("the TFTP server by DHCPv6, in place of {wrong}"),
        })
    };
    all.iter().enumerate().filter_map(file).collect()
}

/// The scopes of these phones, in the order of their servers and networks.
pub(super) fn scopes(patients: &[PhoneToFix]) -> Vec<ScopeFix> {
    let mut fixes: Vec<ScopeFix> = Vec::new();
    for patient in patients {
        let wanted = &patient.phone.wanted;
        let Some(scope) = wanted.scope.as_ref().filter(|_| is_at_fault(patient)) else { continue };
        match fixes.iter_mut().find(|f| f.scope == *scope && f.right == wanted.tftp_right) {
            Some(fix) => fix.phones += 1,
            None => fixes.push(ScopeFix {
                scope: scope.clone(),
                right: wanted.tftp_right.clone(),
                phones: 1,
                suffix: String::new(),
            }),
        }
    }
    fixes.sort_by_key(|f| (f.key(), std::cmp::Reverse(f.phones), f.right.clone()));
    // A scope that was changed while the capture ran counts as it was for most.
    fixes.dedup_by(|later, first| {
        let same = later.key() == first.key() && later.right == first.right;
        first.phones += if same { later.phones } else { 0 };
        same
    });
    let several = fixes.len() > 1;
    let keys: Vec<_> = fixes.iter().map(ScopeFix::key).collect();
    let same_network = |fix: &ScopeFix| keys.iter().any(|k| k.1 == fix.scope.network && k.0 != fix.scope.server);
    let same_scope = |fix: &ScopeFix| keys.iter().filter(|k| **k == fix.key()).count() > 1;
    let flags: Vec<(bool, bool)> = fixes.iter().map(|f| (same_network(f), same_scope(f))).collect();
    for (fix, (network_again, scope_again)) in fixes.iter_mut().zip(flags).filter(|_| several) {
        fix.suffix = match fix.scope.network {
            Some((network, mask)) => format!("-{network}-{}", mask.to_bits().leading_ones()),
            None => format!("-of-{}", fix.scope.server),
        };
        if network_again && fix.scope.network.is_some() {
            fix.suffix.push_str(&format!("-of-{}", fix.scope.server));
        }
        if scope_again && let Some(first) = fix.right.first() {
            fix.suffix.push_str(&format!("-to-{}", first.to_string().replace(':', "_")));
        }
    }
    fixes
}

/// Whether the scope of the phone's lease names something else than it should.
fn is_at_fault(patient: &PhoneToFix) -> bool {
    let wanted = &patient.phone.wanted;
    // The server that should not be there is taken away, not corrected.
    let foreign = patient.codes.contains(&Code::UnknownDhcpServer);
    let named = wanted.scope.as_ref().map(Scope::now).unwrap_or_default();
    let is_right =
        named.first().is_some_and(|n| n.raw().parse::<IpAddr>().is_ok_and(|ip| wanted.tftp_right.contains(&ip)));
    let is_its_fault = patient.codes.iter().any(|c| c.is_helped_by_scope());
    !foreign && is_its_fault && !is_right && wanted.tftp_right.iter().any(IpAddr::is_ipv4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::{ScopeReach, TftpSource};

    #[test]
    fn undo_says_what_was_not_there_before() {
        let scope = Scope {
            server: Ipv4Addr::new(10, 30, 0, 2),
            network: Some((Ipv4Addr::new(10, 50, 3, 0), Ipv4Addr::new(255, 255, 255, 0))),
            sources: vec![(TftpSource::Option66, vec!["tftp-31.example".into()])],
            unusable: Vec::new(),
            reach: ScopeReach::Whole,
        };
        let right = vec![IpAddr::from([10, 30, 0, 5])];
        let fix = ScopeFix { scope, right, phones: 1, suffix: String::new() };
        let files = fix.files();
        for (path, line) in [
            ("dhcp/dnsmasq.conf", "#   take out: dhcp-option=tag:phonescope-10-50-3-0-24,150,10.30.0.5"),
            ("dhcp/isc-dhcpd.conf", "#   take out: option NAME 10.30.0.5;"),
            ("dhcp/ios.txt", "!     no option 150"),
            ("dhcp/windows.ps1", "#   Remove-DhcpServerv4OptionValue -ScopeId 10.50.3.0 -OptionId 150"),
            ("dhcp/windows-netsh.txt", "rem   netsh dhcp server scope 10.50.3.0 delete optionvalue 150"),
            ("dhcp/kea-dhcp4.json", "//   take out the entry for option 150 of 10.50.3.0/24"),
        ] {
            let file = files.iter().find(|f| f.path == path).unwrap_or_else(|| panic!("{path}: {files:?}"));
            let text = String::from_utf8(file.contents.clone()).unwrap();
            let (_, back) = text.split_once("Undo:\n").unwrap_or(("", &text));
            assert!(back.lines().any(|l| l == line), "{path}: {text}");
        }
    }
}
