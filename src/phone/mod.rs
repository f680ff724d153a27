//! Who: the phones, and everything that one phone did, in order.
//!
//! A phone is known by its MAC ([`Phone::mac`]). Its conversations are found by MAC, by the address that it leased, and
//! by the name that it gives itself: that is the `directory`'s work. One observer per protocol (`observe`) writes what a
//! message shows into the records; the [`registry`] owns them all and passes each event to its observer.
//!
//! [`limits`] <- [`record`] <- `directory` <- `observe` <- [`registry`] <- `eviction`, `capture_gap`, [`timeline`]:
//! each imports only what stands to its left.

mod aging;
mod capture_gap;
pub mod dhcpv6;
pub(crate) mod directory;
mod eviction;
pub mod identity;
pub mod ladder;
pub mod limits;
mod observe;
pub mod record;
pub mod registry;
pub(crate) mod saved;
mod shared;
mod shared_address;
mod sharing;
pub mod timeline;
pub mod traffic;
mod updates;

pub use self::record::{
    AT_ONCE, AddressConflict, Announced, AnnouncementProtocol, ArpAsk, DnsAnswer, LoadSeen, LoadSource, NameAsk,
    NameSeen, Phone, ReasonSeen, TrustAsk, VoiceVlanSeen,
};
