//! Rights are for opening ports. Once they are open, and before the first frame is read, they are given up.

use std::ffi::CString;

use nix::unistd::{Gid, Uid, User};

use crate::cli::Failure;

/// Who goes on with the work.
#[derive(Clone, PartialEq, Eq, Debug)]
enum RunAs {
    /// The user who runs it, with no other rights than his.
    Same,
    /// Another user.
    User { name: String, uid: Uid, gid: Gid },
    /// Root, without the rights of root.
    Bare,
    /// Root with all rights, as `-Z root` asks.
    Root,
}

/// What the decision rests on.
#[derive(Clone, Debug, Default)]
struct Caller {
    is_root: bool,
    /// `-Z`.
    wanted: Option<String>,
    /// `SUDO_UID`, `SUDO_GID`, `SUDO_USER`.
    sudo: Option<(String, String, String)>,
}

/// Gives all rights up, for good. `wanted`: who goes on with the work; without it the user who called sudo.
///
/// To be called after the ports are open, before any frame is read and any thread begins. A sandbox (what files and what
/// calls of the system are left) belongs at the end of it: everything that takes rights has been done then.
///
/// # Errors
/// Where a user is not known, and where rights are left that should not be.
pub(crate) fn drop_privileges(wanted: Option<&str>) -> Result<(), Failure> {
    let variable = |name| std::env::var(name).ok();
    let caller = Caller {
        is_root: Uid::effective().is_root(),
        wanted: wanted.map(str::to_owned),
        sudo: variable("SUDO_UID").zip(variable("SUDO_GID")).zip(variable("SUDO_USER")).map(|((u, g), n)| (u, g, n)),
    };
    let heir = heir(&caller, |name| User::from_name(name).ok().flatten())?;
    match &heir {
        RunAs::Root => return Ok(()),
        // Root without capabilities can do no more than any user whose files are root's.
        RunAs::Same | RunAs::Bare => {}
        RunAs::User { name, uid, gid } => {
            become_user(name, *uid, *gid).map_err(|e| failed(&format!("go on as user {name}: {e}")))?;
        }
    }
    system::drop_capabilities().map_err(|e| failed(&e))?;
    check(&heir)
}

fn failed(what: &str) -> Failure {
    Failure::Work(format!("the rights of root could not be given up: cannot {what}; -Z root keeps them"))
}

fn heir(caller: &Caller, find: impl Fn(&str) -> Option<User>) -> Result<RunAs, Failure> {
    let unknown = |name: &str| Failure::Work(format!("there is no user {name} on this host; -Z takes the name of one"));
    match &caller.wanted {
        Some(name) if !caller.is_root => {
            // A service's unit may say who it already is.
            let is_self = find(name).is_some_and(|user| user.uid == Uid::effective());
            let message = || format!("only root can go on as user {name}: leave -Z out, or start as root");
            return if is_self { Ok(RunAs::Same) } else { Err(Failure::Work(message())) };
        }
        Some(name) => {
            let user = find(name).ok_or_else(|| unknown(name))?;
            return Ok(if user.uid.is_root() { RunAs::Root } else { RunAs::of(user) });
        }
        None if !caller.is_root => return Ok(RunAs::Same),
        None => {}
    }
    let Some((uid, gid, name)) = &caller.sudo else { return Ok(RunAs::Bare) };
    let (Ok(uid), Ok(gid)) = (uid.parse(), gid.parse()) else { return Ok(RunAs::Bare) };
    let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
    Ok(if uid.is_root() { RunAs::Bare } else { RunAs::User { name: name.clone(), uid, gid } })
}

impl RunAs {
    fn of(user: User) -> RunAs {
        RunAs::User { name: user.name, uid: user.uid, gid: user.gid }
    }
}

/// Real, effective and saved ids, with the groups that the user has.
fn become_user(name: &str, uid: Uid, gid: Gid) -> Result<(), String> {
    let groups = CString::new(name).map_err(|e| e.to_string())?;
    system::set_groups(&groups, gid).map_err(|e| format!("set the groups: {}", e.desc()))?;
    system::set_ids(uid, gid).map_err(|e| e.desc().to_owned())
}

/// Trusts nothing: tries to become root again, and looks at what is left.
fn check(heir: &RunAs) -> Result<(), Failure> {
    if let RunAs::User { uid, gid, .. } = heir {
        if nix::unistd::setuid(Uid::from_raw(0)).is_ok()
            || nix::unistd::setgid(Gid::from_raw(0)).is_ok() && !is_root(*gid)
        {
            return Err(failed("make sure of it: this process can become root again"));
        }
        let now = (Uid::current(), Uid::effective(), Gid::current(), Gid::effective());
        if now != (*uid, *uid, *gid, *gid) {
            return Err(failed("make sure of it: this process is not the user that it should be"));
        }
    }
    match system::capabilities_left() {
        None => Ok(()),
        Some(left) => Err(failed(&format!("drop {left}"))),
    }
}

fn is_root(gid: Gid) -> bool {
    gid.as_raw() == 0
}

#[cfg(target_os = "linux")]
mod system {
    use std::ffi::CStr;

    use caps::CapSet;
    use nix::unistd::{Gid, Uid};

    pub(super) fn set_groups(name: &CStr, gid: Gid) -> nix::Result<()> {
        nix::unistd::initgroups(name, gid)
    }

    pub(super) fn set_ids(uid: Uid, gid: Gid) -> nix::Result<()> {
        // Root may not be left for the bounding set, so that goes first; who may not drop it had no right to.
        let _ = caps::clear(None, CapSet::Bounding);
        nix::unistd::setresgid(gid, gid, gid)?;
        nix::unistd::setresuid(uid, uid, uid)
    }

    pub(super) fn drop_capabilities() -> Result<(), String> {
        let _ = caps::clear(None, CapSet::Bounding);
        // Where the kernel has no ambient set there is none to clear.
        let _ = caps::clear(None, CapSet::Ambient);
        for set in [CapSet::Inheritable, CapSet::Effective, CapSet::Permitted] {
            caps::clear(None, set).map_err(|e| format!("clear the {set:?} capabilities: {e}"))?;
        }
        rustix::thread::set_no_new_privs(true).map_err(|e| format!("forbid new privileges: {e}"))
    }

    pub(super) fn capabilities_left() -> Option<String> {
        [CapSet::Effective, CapSet::Permitted, CapSet::Inheritable]
            .into_iter()
            .find(|set| !caps::read(None, *set).is_ok_and(|left| left.is_empty()))
            .map(|set| format!("the {set:?} capabilities"))
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use std::ffi::CStr;

    use nix::unistd::{Gid, Uid};

    /// The group alone: the call that takes a user's groups is not on every system.
    pub(super) fn set_groups(_: &CStr, _: Gid) -> nix::Result<()> {
        Ok(())
    }

    pub(super) fn set_ids(uid: Uid, gid: Gid) -> nix::Result<()> {
        nix::unistd::setgid(gid)?;
        nix::unistd::setuid(uid)
    }

    pub(super) fn drop_capabilities() -> Result<(), String> {
        Ok(())
    }

    pub(super) fn capabilities_left() -> Option<String> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str, uid: u32) -> User {
        let mut user = User::from_uid(Uid::from_raw(0)).unwrap().unwrap();
        (user.name, user.uid, user.gid) = (name.to_owned(), Uid::from_raw(uid), Gid::from_raw(uid));
        user
    }

    fn find(name: &str) -> Option<User> {
        match name {
            "root" => Some(user("root", 0)),
            "capture" => Some(user("capture", 900)),
            "me" => Some(user("me", Uid::effective().as_raw())),
            _ => None,
        }
    }

    fn of(is_root: bool, wanted: Option<&str>, sudo: Option<[&str; 3]>) -> Result<RunAs, String> {
        let caller = Caller {
            is_root,
            wanted: wanted.map(str::to_owned),
            sudo: sudo.map(|[u, g, n]| (u.to_owned(), g.to_owned(), n.to_owned())),
        };
        heir(&caller, find).map_err(|failure| match failure {
            Failure::Work(message) => message,
            Failure::Output(e) => panic!("{e}"),
        })
    }

    fn other(name: &str, id: u32) -> RunAs {
        RunAs::User { name: name.to_owned(), uid: Uid::from_raw(id), gid: Gid::from_raw(id) }
    }

    #[test]
    fn the_one_who_called_sudo_goes_on_or_the_one_who_is_named() {
        let sudo = Some(["1000", "1000", "ann"]);
        assert_eq!(of(true, None, sudo), Ok(other("ann", 1000)));
        assert_eq!(of(true, Some("capture"), sudo), Ok(other("capture", 900)));
        assert_eq!(of(true, Some("root"), sudo), Ok(RunAs::Root));
        assert_eq!(of(true, None, None), Ok(RunAs::Bare));
        assert_eq!(of(true, None, Some(["0", "0", "root"])), Ok(RunAs::Bare), "sudo of root");
        assert_eq!(of(true, None, Some(["x", "0", "y"])), Ok(RunAs::Bare));
        assert_eq!(of(false, None, sudo), Ok(RunAs::Same), "what the environment says is nothing to a user");
    }

    #[test]
    fn nobody_becomes_who_is_not_there_or_without_the_right() {
        assert!(of(true, Some("nobody-here"), None).unwrap_err().contains("no user nobody-here"));
        if !Uid::effective().is_root() {
            assert_eq!(of(false, Some("me"), None), Ok(RunAs::Same));
        }
        assert!(of(false, Some("capture"), None).unwrap_err().contains("only root"));
    }
}
