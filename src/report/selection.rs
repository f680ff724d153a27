//! Narrowing a diagnosis down to some phones and to what is bad enough, before it is rendered.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::diagnosis::{Detail, Diagnosis, Finding, Severity};
use crate::types::{Mac, WireText};

/// What names a phone on the command line: its MAC address in any spelling, its name or its IP address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PhoneSelector {
    text: String,
    mac: Option<Mac>,
    ip: Option<IpAddr>,
}

impl PhoneSelector {
    /// Any text is taken: what is neither a MAC nor an IP address is a name.
    pub fn new(text: &str) -> PhoneSelector {
        PhoneSelector { text: text.to_owned(), mac: text.parse().ok(), ip: text.parse().ok() }
    }

    fn selects(&self, mac: Mac, name: Option<&WireText>, ip: Option<IpAddr>) -> bool {
        self.mac == Some(mac)
            || self.ip.is_some() && self.ip == ip
            || name.is_some_and(|n| n.raw().eq_ignore_ascii_case(&self.text))
    }
}

/// What of a diagnosis is reported.
#[derive(Clone, Debug)]
pub struct Selection {
    /// The phones; all of them where it is empty. Their findings stay, the others go.
    pub phones: Vec<PhoneSelector>,
    /// Findings below it go, unless they explain one that stays.
    pub min_severity: Severity,
}

impl Selection {
    /// The diagnosis with the rest left out. Indices of findings are those of the result.
    ///
    /// A selector that matches no phone is a note of the coverage: that a phone was not seen does not mean that
    /// nothing is wrong with it.
    pub fn apply<'a>(&self, d: Diagnosis<'a>) -> Diagnosis<'a> {
        if self.phones.is_empty() && self.min_severity == Severity::Info {
            return d;
        }
        let Diagnosis {
            site,
            inputs,
            mut coverage,
            servers,
            mut findings,
            mut what_if,
            phone_count,
            other_dhcp_clients,
            make_phone,
        } = d;

        let chosen = (!self.phones.is_empty()).then(|| {
            let mut unmatched: Vec<bool> = vec![true; self.phones.len()];
            let mut indices = Vec::new();
            let mut macs = BTreeSet::new();
            let mut ids = BTreeSet::new();
            for index in 0..phone_count {
                let phone = make_phone(index, Detail::State);
                let mut any = false;
                for (selector, unmatched) in self.phones.iter().zip(&mut unmatched) {
                    if selector.selects(phone.mac, phone.name.as_ref(), phone.ip) {
                        any = true;
                        *unmatched = false;
                    }
                }
                if any {
                    indices.push(index);
                    macs.insert(phone.mac);
                    ids.insert(phone.id());
                }
            }
            for (selector, _) in self.phones.iter().zip(&unmatched).filter(|(_, u)| **u) {
                let name = WireText::from(selector.text.as_str());
                coverage.notes.push(format!("No phone {name} is in the capture; nothing can be said about it."));
            }
            (indices, macs, ids)
        });

        if let Some((_, macs, ids)) = &chosen {
            for answer in &mut what_if {
                answer.phones.retain(|p| macs.contains(&p.mac));
            }
            for finding in &mut findings {
                finding.phones.retain(|phone| ids.contains(phone));
                finding.phone_facts.retain(|phone, _| ids.contains(phone));
            }
        }
        let places = self.places(&findings, chosen.is_some());
        let mut kept: Vec<Finding> =
            findings.into_iter().zip(&places).filter(|(_, place)| place.is_some()).map(|(f, _)| f).collect();
        let place = move |index: usize| places.get(index).copied().flatten();
        for finding in &mut kept {
            finding.caused_by = finding.caused_by.and_then(&place);
        }

        let indices = chosen.map(|(indices, ..)| indices);
        Diagnosis {
            site,
            inputs,
            coverage,
            servers,
            findings: kept,
            what_if,
            phone_count: indices.as_ref().map_or(phone_count, Vec::len),
            other_dhcp_clients,
            make_phone: Box::new(move |index, detail| {
                let index = indices.as_ref().map_or(index, |i| i.get(index).copied().unwrap_or_default());
                let mut phone = make_phone(index, detail);
                phone.findings = phone.findings.into_iter().filter_map(&place).collect();
                phone
            }),
        }
    }

    /// Where each finding stands in the result; `None` for those left out.
    fn places(&self, findings: &[Finding], only_with_phones: bool) -> Vec<Option<usize>> {
        let mut keep: Vec<bool> = findings
            .iter()
            .map(|f| f.severity >= self.min_severity && !(only_with_phones && f.phones.is_empty()))
            .collect();
        // What explains one that stays, stays; each round goes one step up, so a circle ends it too.
        for _ in 0..findings.len() {
            let causes: Vec<usize> =
                findings.iter().zip(&keep).filter(|(_, k)| **k).filter_map(|(f, _)| f.caused_by).collect();
            let mut changed = false;
            for cause in causes {
                if let Some(k) = keep.get_mut(cause).filter(|k| !**k) {
                    *k = true;
                    changed = true;
                }
            }
            if !changed {
                break;
            }
        }
        let mut next = 0;
        keep.into_iter()
            .map(|k| {
                k.then(|| {
                    next += 1;
                    next - 1
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::Code;
    use crate::report::fixture::{self, mac};
    use crate::types::PhoneId;

    fn select(d: Diagnosis<'static>, phones: &[&str], min_severity: Severity) -> Diagnosis<'static> {
        let phones = phones.iter().map(|p| PhoneSelector::new(p)).collect();
        Selection { phones, min_severity }.apply(d)
    }

    fn codes(d: &Diagnosis<'_>) -> Vec<Code> {
        d.findings.iter().map(|f| f.code).collect()
    }

    #[test]
    fn without_a_selection_nothing_changes() {
        let d = select(fixture::mixed_site(), &[], Severity::Info);
        assert_eq!((d.phone_count, d.findings.len()), (6, 3));
    }

    #[test]
    fn a_phone_is_selected_by_mac_name_or_address() {
        for text in ["0030.9400.0005", "sep003094000005", "00:30:94:00:00:05", "10.50.0.15"] {
            let d = select(fixture::mixed_site(), &[text], Severity::Info);
            let phones: Vec<_> = d.phones(Detail::State).collect();
            assert_eq!(phones.len(), 1, "{text}");
            assert_eq!(phones[0].mac, mac(5));
            assert_eq!(codes(&d), [Code::TftpOptionsDisagree]);
        }
    }

    #[test]
    fn indices_are_those_of_what_is_left() {
        let mut d = fixture::mixed_site();
        d.findings.reverse();
        d.findings[1].caused_by = Some(2);
        let inner = d.make_phone;
        d.make_phone = Box::new(move |i, detail| {
            let mut p = inner(i, detail);
            p.findings = if i < 4 { vec![1, 2] } else { vec![0] };
            p
        });
        let d = select(d, &["10.50.0.10", "SEP003094000001"], Severity::Info);
        assert_eq!(codes(&d), [Code::RegistrationRejected, Code::WrongTftpServer]);
        assert_eq!(d.findings[0].caused_by, Some(1));
        assert_eq!(d.findings[1].phones, [mac(0), mac(1)].map(PhoneId::from));
        assert!(d.phones(Detail::State).all(|p| p.findings == [0, 1]));
    }

    #[test]
    fn a_phone_that_is_not_there_is_said_and_not_called_healthy() {
        let d = select(fixture::mixed_site(), &["SEP\x1b"], Severity::Info);
        assert_eq!((d.phone_count, d.findings.len()), (0, 0));
        let note = d.coverage.notes.last().unwrap();
        assert!(note.contains(r"No phone SEP\u{1b} is in the capture"), "{note}");
    }

    #[test]
    fn what_is_not_bad_enough_goes_unless_it_explains_what_stays() {
        let d = select(fixture::mixed_site(), &[], Severity::Error);
        assert_eq!(codes(&d), [Code::WrongTftpServer, Code::RegistrationRejected]);
        let mut d = fixture::mixed_site();
        d.findings[0].severity = Severity::Warning;
        let d = select(d, &[], Severity::Error);
        assert_eq!(codes(&d), [Code::WrongTftpServer, Code::RegistrationRejected]);
        assert_eq!(d.findings[1].caused_by, Some(0));
    }

    #[test]
    fn a_circle_of_causes_ends() {
        let mut d = fixture::mixed_site();
        d.findings[0].severity = Severity::Info;
        d.findings[0].caused_by = Some(1);
        assert_eq!(codes(&select(d, &[], Severity::Error)), [Code::WrongTftpServer, Code::RegistrationRejected]);
    }
}
