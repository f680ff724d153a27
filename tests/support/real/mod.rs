//! Real programs in networks of their own: what tests against real DHCP and TFTP servers stand on.
//!
//! * [`programs`]: finds a program of this machine, or brings it into the build folder without installing anything.
//! * [`namespace`]: a private network, file system view and process list, in which hosts are joined by a bridge. It
//!   ends with the process that made it, however that ends.
//! * [`daemon`]: a server in there, waited for until it listens and stopped when it goes out of scope.
//! * [`servers`]: the DHCP and TFTP servers of others, with configurations for them.
//!
//! ```text
//! let Some(kea) = real::program("kea-dhcp4") else { return };
//! let Some(site) = real::namespace() else { return };
//! let server = site.host("dhcp", "10.20.0.2/24")?;
//! let running = DhcpServer::Kea.start(&server, &configuration, site.folder())?;
//! let phone = site.host_without_address("phone", Some("00:30:94:c2:d3:fa"))?;
//! succeeds(phone.command(&udhcpc).args([…]))?;
//! ```

#![allow(
    dead_code,
    unreachable_pub,
    clippy::print_stdout,
    reason = "who includes this uses a part of it; a test that skips says so"
)]

pub mod daemon;
pub mod namespace;
pub mod programs;
pub mod servers;

use namespace::Namespace;
use programs::{Program, Programs};

/// Whether this is a run that must have everything it needs.
pub fn must_have_everything() -> bool {
    std::env::var_os("CI").is_some_and(|v| v == "true")
}

/// The program, or `None` after saying what is missing. Where `CI` is `true` a missing program is a failure.
pub fn program(name: &str) -> Option<Program> {
    match Programs::find(name) {
        Ok(program) => Some(program),
        Err(missing) => {
            assert!(!must_have_everything(), "{missing}");
            println!("skipped: {missing}");
            None
        }
    }
}

/// A network of one's own, or `None` after saying that this machine refuses it.
pub fn namespace() -> Option<Namespace> {
    match Namespace::new() {
        Ok(namespace) => Some(namespace),
        Err(refused) => {
            println!("skipped: {refused}");
            None
        }
    }
}
