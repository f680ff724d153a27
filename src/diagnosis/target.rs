//! What a phone should have: the part of the model that a fix pack is made of.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use super::{Confidence, TftpSource};
use crate::types::{FrameRef, Mac, WireText};
use crate::wire::ConfigBody;
use crate::wire::dhcp::UnusableOption;
use crate::wire::phone_config::PhoneConfig;

/// What a phone should have, as far as that is known: what a fix pack is made of.
#[derive(Clone, Debug, Default)]
pub struct TargetState {
    /// The TFTP server that it turns to.
    pub tftp_now: Option<IpAddr>,
    /// It was seen to ask there; else its lease alone names it.
    pub tftp_asked: bool,
    /// That server is one of the site, as far as anything tells: what it serves may be handed on, and changed there.
    pub tftp_trusted: bool,
    /// The right TFTP servers; the one that it asks where nothing speaks against it. Empty: not known.
    pub tftp_right: Vec<IpAddr>,
    /// Right ones that the site file gives by name alone.
    pub tftp_names: Vec<String>,
    /// How sure that is, and why, as the end of a sentence; `None`: nothing says which are right.
    pub tftp_basis: Option<(Confidence, String)>,
    /// The load that it should run.
    pub load: Option<WireText>,
    /// CallManagers that it should register with, as far as their addresses are known.
    pub call_managers: Vec<IpAddr>,
    /// The same as the site file or the configuration writes them.
    pub call_manager_names: Vec<String>,
    /// The scope that its lease comes from.
    pub scope: Option<Scope>,
    /// Configurations that it was served, the latest first.
    pub configurations: Vec<SeenConfiguration>,
    /// Its own configuration's name as it asked for it last.
    pub config_name: Option<WireText>,
}

/// A configuration that a phone was served.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub struct SeenConfiguration {
    pub name: WireText,
    pub server: IpAddr,
    /// The server is one of the site, as far as anything tells. What another one served is never handed on.
    pub trusted: bool,
    /// The request.
    pub at: FrameRef,
    /// Addresses of the CallManagers that it names, as far as the capture shows them.
    pub call_managers: Vec<IpAddr>,
    /// The load that it names for this phone.
    pub load: Option<WireText>,
    pub config: Arc<PhoneConfig>,
    /// The file, where it was kept.
    pub body: Option<ConfigBody>,
}

/// The DHCP scope of a lease, as far as the lease shows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scope {
    /// The DHCP server that handed out the lease.
    pub server: Ipv4Addr,
    /// Network and mask of the lease; `None` where the lease did not tell.
    pub network: Option<(Ipv4Addr, Ipv4Addr)>,
    /// Where it names TFTP servers now: the way back.
    pub sources: Vec<(TftpSource, Vec<WireText>)>,
    /// TFTP options of it that name nothing usable.
    pub unusable: Vec<UnusableOption>,
    /// Whom a change of it may reach.
    pub reach: ScopeReach,
}

/// Whom a change of a scope may reach: everybody in it, or single phones.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum ScopeReach {
    /// Nobody in the capture is the worse for it.
    #[default]
    Whole,
    /// The change is for these phones alone.
    Phones {
        /// Those that need it, by MAC; bounded.
        phones: Vec<ScopePhone>,
        /// Why not for the scope.
        why: ScopeObstacle,
    },
}

/// A phone of a scope.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ScopePhone {
    #[allow(missing_docs)]
    pub mac: Mac,
    /// Of its lease, where the capture shows it.
    pub address: Option<Ipv4Addr>,
}

/// Why a scope cannot be changed as a whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ScopeObstacle {
    /// Another lease of the scope names other servers at the same time: something decides per phone.
    OtherValue {
        /// Whose lease that is.
        phone: Mac,
        /// What it names.
        servers: Vec<WireText>,
    },
    /// Phones of the scope need other servers than these do.
    OtherNeed {
        /// One of them.
        first: Mac,
    },
    /// Phones of the scope are well with the server that it names.
    HealthyPhones {
        /// How many.
        phones: u32,
        /// One of them.
        first: Mac,
    },
}

impl ScopeReach {
    /// The phones that a change is for; `None`: the whole scope.
    pub fn phones(&self) -> Option<&[ScopePhone]> {
        match self {
            ScopeReach::Whole => None,
            ScopeReach::Phones { phones, .. } => Some(phones),
        }
    }
}
