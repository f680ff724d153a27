//! The rules: one file a finding.

use std::net::IpAddr;

use super::context::{Contact, PhoneContext};
use super::fallback::Fallback;
use super::{Draft, Rule};
use crate::diagnosis::RegistrationState;

mod call_manager_closed;
mod call_manager_no_answer;
mod call_manager_refused;
mod config_file_broken;
mod config_file_missing;
mod conflicting_dhcp_offers;
mod dhcp_refused;
mod duplicate_device;
mod file_refused;
mod foreign_call_manager;
mod load_file_missing;
mod load_flapping;
mod load_not_accepted;
mod load_trap;
pub(super) mod load_wrong_family;
mod malformed_tftp_option;
mod name_mac_mismatch;
mod no_default_router;
mod no_dhcp_answer;
mod no_tftp_address;
mod offer_not_taken;
mod registered_elsewhere;
mod registers_with_tftp_server;
mod registration_flapping;
mod registration_rejected;
mod secure_registration_failed;
mod sip_answers_astray;
mod stuck_load;
mod tftp_name_unresolved;
mod tftp_no_answer;
mod tftp_options_disagree;
mod tftp_override;
mod tftp_transfer_failed;
mod trust_list_mismatch;
mod unknown_dhcp_server;
mod wrong_tftp_server;
mod wrong_voice_vlan;

/// All rules, in the order of a phone's boot: of two that nothing explains the earlier one is the verdict.
pub static RULES: &[&Rule] = &[
    &wrong_voice_vlan::WRONG_VOICE_VLAN,
    &no_dhcp_answer::NO_DHCP_ANSWER,
    &offer_not_taken::OFFER_NOT_TAKEN,
    &dhcp_refused::DHCP_REFUSED,
    &unknown_dhcp_server::UNKNOWN_DHCP_SERVER,
    &conflicting_dhcp_offers::CONFLICTING_DHCP_OFFERS,
    &malformed_tftp_option::MALFORMED_TFTP_OPTION,
    &no_tftp_address::NO_TFTP_ADDRESS,
    &no_default_router::NO_DEFAULT_ROUTER,
    &tftp_options_disagree::TFTP_OPTIONS_DISAGREE,
    &tftp_name_unresolved::TFTP_NAME_UNRESOLVED,
    &duplicate_device::DUPLICATE_DEVICE,
    &wrong_tftp_server::WRONG_TFTP_SERVER,
    &tftp_override::TFTP_OVERRIDE,
    &tftp_no_answer::TFTP_NO_ANSWER,
    &trust_list_mismatch::TRUST_LIST_MISMATCH,
    &config_file_missing::CONFIG_FILE_MISSING,
    &file_refused::FILE_REFUSED,
    &tftp_transfer_failed::TFTP_TRANSFER_FAILED,
    &config_file_broken::CONFIG_FILE_BROKEN,
    &foreign_call_manager::FOREIGN_CALL_MANAGER,
    &load_wrong_family::LOAD_WRONG_FAMILY,
    &load_file_missing::LOAD_FILE_MISSING,
    &load_not_accepted::LOAD_NOT_ACCEPTED,
    &load_flapping::LOAD_FLAPPING,
    &load_trap::LOAD_TRAP,
    &stuck_load::STUCK_LOAD,
    &registers_with_tftp_server::REGISTERS_WITH_TFTP_SERVER,
    &call_manager_refused::CALL_MANAGER_REFUSED,
    &call_manager_no_answer::CALL_MANAGER_NO_ANSWER,
    &registration_rejected::REGISTRATION_REJECTED,
    &call_manager_closed::CALL_MANAGER_CLOSED,
    &secure_registration_failed::SECURE_REGISTRATION_FAILED,
    &sip_answers_astray::SIP_ANSWERS_ASTRAY,
    &name_mac_mismatch::NAME_MAC_MISMATCH,
    &registered_elsewhere::REGISTERED_ELSEWHERE,
    &registration_flapping::REGISTRATION_FLAPPING,
];

/// A draft of each CallManager with which the phone came to this state, where it is not registered in the end.
fn failed_contacts(
    cx: &PhoneContext<'_>,
    state: RegistrationState,
    draft: impl Fn(&Contact<'_>) -> Option<Draft>,
) -> Vec<Draft> {
    if cx.is_registered() || cx.open_session().is_some() {
        return Vec::new();
    }
    cx.contacts().iter().filter(|c| c.state == state).filter_map(draft).collect()
}

/// The same, also of a phone that is registered with somebody else: another CallManager of its list, or its SRST router.
/// Not of one that stands with a secure session: whether it is registered in it is not to be seen.
fn failed_beside(
    cx: &PhoneContext<'_>,
    state: RegistrationState,
    draft: impl Fn(&Contact<'_>, Option<Fallback>) -> Option<Draft>,
) -> Vec<Draft> {
    let fallback = Fallback::of(cx);
    let Some(fallback) = fallback.map(Some).or((!cx.is_registered()).then_some(None)) else { return Vec::new() };
    if cx.open_session().is_some() {
        return Vec::new();
    }
    let named = cx.configured_call_managers();
    let is_of_list = |server: &IpAddr| fallback.is_none() || named.is_empty() || named.contains(server);
    let failed = cx.contacts().iter().filter(|c| c.state == state && is_of_list(&c.server));
    failed.filter_map(|c| Some(Fallback::add_to(fallback, draft(c, fallback)?))).collect()
}
