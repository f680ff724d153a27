//! The scopes of the phones' leases, and how a change of them is written where other phones hold leases there.

use std::net::{IpAddr, Ipv4Addr};

use super::context::{DiagnosisContext, PhoneContext};
use super::inference::stated;
use super::occupants::{Occupant, Occupants};
use crate::diagnosis::{Fix, Scope, ScopePhone};
use crate::remedy::dhcp;

impl DiagnosisContext<'_> {
    /// Who holds leases; worked out where a scope is to be changed.
    fn occupants(&self) -> &Occupants {
        self.occupants.get_or_init(|| {
            let mut all = Occupants::default();
            for phone in self.registry.phones() {
                let cx = PhoneContext::new(self, phone);
                let Some(lease) = phone.lease().filter(|l| !l.terms.cut) else { continue };
                let wrong = cx.wrong_tftp();
                let right = match wrong {
                    Some(wrong) => wrong.right.servers.clone(),
                    None => stated(&cx).map(|r| r.servers).unwrap_or_default(),
                };
                let scope = Scope::of(&lease.terms, lease.address);
                let occupant = Occupant {
                    mac: phone.mac,
                    address: lease.address,
                    named: scope.now(),
                    leased: lease.seen_at,
                    is_healthy: cx.is_registered() && wrong.is_none(),
                    uses: cx.tftp_use().filter(|u| u.asked).map(|u| u.server),
                    right,
                };
                all.add(&scope, occupant);
            }
            all
        })
    }
}

impl PhoneContext<'_> {
    /// The scope with whom its change to `right` is for.
    pub(super) fn scope_to_change(&self, scope: Scope, right: &[IpAddr]) -> Scope {
        let by = ScopePhone { mac: self.phone.mac, address: self.phone.lease().and_then(|l| l.address) };
        let reach = self.world.occupants().reach(&scope, right, by);
        Scope { reach, ..scope }
    }

    /// What makes the scope name the right servers, or gives them to the phones that need them where others hold leases
    /// there; where the site file does not know its DHCP server, that one taken off: nobody corrects the options of a
    /// server that should not be there.
    pub(super) fn set_option_150(&self, scope: &Scope, right: &[IpAddr]) -> Vec<Fix> {
        if self.is_foreign_dhcp_server(scope.server) {
            return vec![dhcp::remove_server(scope.server, self.phone.vlan)];
        }
        let mut fixes = dhcp::set_option_150(&self.scope_to_change(scope.clone(), right), right);
        if self.world.together.proxies.contains(&scope.server) {
            for fix in &mut fixes {
                fix.steps.insert(0, behind_proxy(scope.server));
            }
        }
        fixes
    }
}

/// Whose scope it is where a relay agent names itself.
fn behind_proxy(relay: Ipv4Addr) -> String {
    format!(
        "{relay} is a relay agent that answers in the name of the server behind it: make the change there. Its configuration \
         (ip helper-address) names that server."
    )
}
