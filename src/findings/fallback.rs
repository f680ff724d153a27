//! Who has a phone that a CallManager of its list failed: another one of the list, or only its SRST router.

use std::net::IpAddr;

use super::context::PhoneContext;
use super::{Draft, optional};
use crate::conversation::SeenAt;
use crate::diagnosis::{Fact, Severity};

/// Whom a phone is registered with while a CallManager of its list fails it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Fallback {
    /// The CallManager, or the router.
    pub server: IpAddr,
    /// The router of its place, which takes phones while no CallManager answers.
    pub srst: bool,
    /// Where it registers the phone.
    seen_at: SeenAt,
}

impl Fallback {
    /// Whom the phone is registered with now.
    pub(super) fn of(cx: &PhoneContext<'_>) -> Option<Fallback> {
        let contact = cx.registered_with()?;
        let seen_at = contact.attempt.and_then(|a| a.registered_at()).unwrap_or(contact.seen_at());
        Some(Fallback { server: contact.server, srst: is_srst(cx, contact.server), seen_at })
    }

    /// What is wrong with one CallManager of the list is a warning while another one has the phone. With the router
    /// alone the site is down.
    fn severity(this: Option<Fallback>) -> Severity {
        if this.is_some_and(|f| !f.srst) { Severity::Warning } else { Severity::Error }
    }

    /// The facts `registered_with` and `srst`, and what they mean for the phone.
    pub(super) fn add_to(this: Option<Fallback>, mut draft: Draft) -> Draft {
        draft = draft
            .severity(Fallback::severity(this))
            .fact("registered_with", optional(this.map(|f| f.server)))
            .fact("srst", Fact::Flag(this.is_some_and(|f| f.srst)));
        let Some(Fallback { server, srst, seen_at }) = this else { return draft };
        draft = draft.evidence(
            seen_at,
            format!("the phone is registered with {}{server}", if srst { "its SRST router " } else { "" }),
        );
        draft.says.summary.push_str(&if srst {
            format!(
                " It is registered only with its SRST router {server}: calls within its site work, the features of \
                 CallManager do not, until a CallManager takes it again."
            )
        } else {
            format!(" It is registered with {server} instead: it works, without a reserve.")
        });
        draft
    }
}

/// Whether a server that registers the phone is its SRST router: its configuration says so, or it is the phone's own
/// router and no CallManager that the configuration or the site file names.
pub(super) fn is_srst(cx: &PhoneContext<'_>, server: IpAddr) -> bool {
    if cx.configured_call_managers().contains(&server) {
        return false;
    }
    let named = cx.config().map(|(_, config)| config.srst.as_slice()).unwrap_or_default();
    if named.iter().any(|name| cx.world.registry.resolve(name.raw()).contains(&server)) {
        return true;
    }
    let is_router = cx.terms().is_some_and(|terms| terms.routers.iter().any(|router| IpAddr::V4(*router) == server));
    is_router && cx.world.site.cluster_of_call_manager(server).is_none()
}
