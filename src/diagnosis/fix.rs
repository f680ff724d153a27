//! What to change, and how a fix stands to the others of its finding.

/// Where a fix is made.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)]
pub enum FixTarget {
    DhcpServer,
    TftpServer,
    CallManager,
    Phone,
    Network,
}

impl FixTarget {
    /// The word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            FixTarget::DhcpServer => "dhcp-server",
            FixTarget::TftpServer => "tftp-server",
            FixTarget::CallManager => "call-manager",
            FixTarget::Phone => "phone",
            FixTarget::Network => "network",
        }
    }
}

/// Makes [`Platform`] from its rows: variant, the contract's word, the maker's name.
macro_rules! platforms {
    ($($platform:ident = $word:literal, $name:literal;)+) => {
        /// What a fix is written for.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Platform {
            /// The same on all.
            Any,
            $(#[doc = $name] $platform,)+
        }

        impl Platform {
            /// The word of the contract.
            pub fn as_str(self) -> &'static str {
                match self {
                    Platform::Any => "any",
                    $(Platform::$platform => $word,)+
                }
            }

            /// Its maker's name for it; `None` where it is the same on all.
            pub fn name(self) -> Option<&'static str> {
                match self {
                    Platform::Any => None,
                    $(Platform::$platform => Some($name),)+
                }
            }
        }
    };
}

platforms! {
    Ios = "ios", "Cisco IOS";
    IscDhcpd = "isc-dhcpd", "ISC dhcpd";
    Kea = "kea", "Kea";
    Dnsmasq = "dnsmasq", "dnsmasq";
    Windows = "windows", "Windows DHCP";
    WindowsNetsh = "windows-netsh", "Windows DHCP (netsh)";
    Asa = "asa", "Cisco ASA";
    Cucm = "cucm", "CallManager's DHCP server";
    Infoblox = "infoblox", "Infoblox";
    Bluecat = "bluecat", "BlueCat";
    Meraki = "meraki", "Meraki";
    Fortigate = "fortigate", "FortiGate";
    Panos = "panos", "PAN-OS";
    Junos = "junos", "Junos";
    Aruba = "aruba", "Aruba";
    Comware = "comware", "Comware";
    Huawei = "huawei", "Huawei";
    Eos = "eos", "Arista EOS";
    Mikrotik = "mikrotik", "MikroTik";
    Pfsense = "pfsense", "pfSense";
    Opnsense = "opnsense", "OPNsense";
    Openwrt = "openwrt", "OpenWrt";
    Unifi = "unifi", "UniFi";
    Edgeos = "edgeos", "EdgeOS";
}

/// How a fix stands to the ones before it in its finding.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Role {
    /// To be done.
    Needed,
    /// In place of the ones before it: it cures the same.
    Alternative,
    /// Afterwards, so that it does not come again.
    FollowUp,
}

impl Role {
    /// The word of the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Needed => "needed",
            Role::Alternative => "alternative",
            Role::FollowUp => "follow-up",
        }
    }
}

/// What a fix does.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FixKind {
    /// Keeps another device from a phone's address.
    FreeAddress,
    /// Lets a DHCP server serve the phones' VLAN.
    AddDhcpScope,
    /// Lets a DHCP server's answers reach the phones.
    ReachDhcpServer,
    /// Lets several DHCP servers name the same TFTP servers, or leaves one of them.
    AgreeDhcpServers,
    /// Takes a DHCP server off the phones' network.
    RemoveDhcpServer,
    /// Names the right TFTP server in a scope.
    SetDhcpOption,
    /// The same by DHCPv6.
    SetDhcpv6Option,
    /// Names the default router in a scope.
    NameRouter,
    /// Leaves one of the places in a lease that name a TFTP server.
    NameTftpOnce,
    /// Finds out which TFTP server is right.
    FindTftpServer,
    /// Lets the name of a server resolve.
    ResolveName,
    /// Corrects the address that DNS has for a name.
    CorrectDnsRecord,
    /// Lets a TFTP server answer.
    ReachTftpServer,
    /// Lets transfers come to their end.
    LetTransfersPass,
    /// Sets the TFTP server on the phone.
    AlternateTftp,
    /// Takes back the TFTP server that is set on the phone.
    NoAlternateTftp,
    /// Puts a configuration on a TFTP server.
    ServeConfiguration,
    /// Makes a configuration whole.
    RepairConfiguration,
    /// Lets a TFTP server hand out a file that it refuses.
    AllowFile,
    /// Puts a load on a TFTP server.
    InstallLoad,
    /// Makes a load one that the phone takes.
    RepairLoad,
    /// Names the right load in a phone's configuration.
    NameLoad,
    /// Names the load that the phone runs in its configuration.
    KeepLoad,
    /// Lets all places that a phone asks name one load.
    NameOneLoad,
    /// Takes a load out of what a model is told.
    WithdrawLoad,
    /// Sends phones to the CallManagers of their cluster.
    MoveToCluster,
    /// Keeps another cluster from taking phones in.
    NoAutoRegistration,
    /// Starts the CallManager service.
    StartCallManager,
    /// Lets a CallManager answer.
    ReachCallManager,
    /// Adds the phone to a CallManager.
    AddPhone,
    /// Lets a CallManager take phones in from their addresses.
    PermitAddress,
    /// Finds out why a CallManager refuses a phone.
    FindRejectCause,
    /// Finds out what ends registrations.
    FindRegistrationEnd,
    /// Gives a device a name of its own.
    RenameDevice,
    /// Serves the trust lists.
    ServeTrustLists,
    /// Deletes a trust list on the phone.
    DeleteTrustList,
    /// Lets phone and CallManager take each other's certificates.
    FitCertificates,
    /// Lets phone and CallManager agree on how they secure a connection.
    AgreeOnSecurity,
    /// Brings a switch port into its voice VLAN.
    SetVoiceVlan,
}

/// Something to change.
#[derive(Clone, Debug)]
pub struct Fix {
    /// What it does: programs go by this, never by the title.
    pub kind: FixKind,
    #[allow(missing_docs)]
    pub title: String,
    #[allow(missing_docs)]
    pub role: Role,
    #[allow(missing_docs)]
    pub target: FixTarget,
    #[allow(missing_docs)]
    pub platform: Platform,
    #[allow(missing_docs)]
    pub steps: Vec<String>,
    /// To paste.
    pub config: Option<String>,
    /// The way back.
    pub undo: Option<String>,
    /// How to see that it worked.
    pub verify: String,
}

impl Fix {
    /// A needed fix that is the same on all platforms.
    pub(crate) fn new(kind: FixKind, target: FixTarget, title: impl Into<String>) -> Fix {
        Fix {
            kind,
            title: title.into(),
            role: Role::Needed,
            target,
            platform: Platform::Any,
            steps: Vec::new(),
            config: None,
            undo: None,
            verify: String::new(),
        }
    }

    /// For one platform.
    pub(crate) fn on(mut self, platform: Platform) -> Fix {
        self.platform = platform;
        self
    }

    pub(crate) fn step(mut self, step: impl Into<String>) -> Fix {
        self.steps.push(step.into());
        self
    }

    pub(crate) fn steps(mut self, steps: Vec<String>) -> Fix {
        self.steps.extend(steps);
        self
    }

    pub(crate) fn config(mut self, config: impl Into<OptionalText>) -> Fix {
        self.config = config.into().0;
        self
    }

    pub(crate) fn undo(mut self, undo: impl Into<OptionalText>) -> Fix {
        self.undo = undo.into().0;
        self
    }

    pub(crate) fn verify(mut self, verify: impl Into<String>) -> Fix {
        self.verify = verify.into();
        self
    }

    /// In place of the fixes before it, if there are any.
    pub(crate) fn instead_of(mut self, before: &[Fix]) -> Fix {
        if !before.is_empty() {
            self.role = Role::Alternative;
        }
        self
    }

    /// To be done afterwards.
    pub(crate) fn follow_up(mut self) -> Fix {
        self.role = Role::FollowUp;
        self
    }
}

/// A text, or none.
pub(crate) struct OptionalText(Option<String>);

impl From<&str> for OptionalText {
    fn from(text: &str) -> OptionalText {
        OptionalText(Some(text.to_owned()))
    }
}

impl From<String> for OptionalText {
    fn from(text: String) -> OptionalText {
        OptionalText(Some(text))
    }
}

impl From<Option<String>> for OptionalText {
    fn from(text: Option<String>) -> OptionalText {
        OptionalText(text)
    }
}
