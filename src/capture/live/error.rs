//! Why a port can not be captured on, in words for who stands in front of it.

use std::fmt;

use crate::types::WireText;

/// Why a port can not be captured on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PortError {
    /// There is no such port.
    #[error("cannot capture on {name}: there is no such port; phonescope interfaces lists them")]
    Missing {
        /// As given.
        name: WireText,
    },
    /// The port is switched off.
    #[error("cannot capture on {name}: it is switched off; switch it on: ip link set {name} up")]
    Down {
        /// As given.
        name: WireText,
    },
    /// This user may not capture.
    #[error("cannot capture on {name}: no permission; {advice}")]
    NoPermission {
        /// As given.
        name: WireText,
        /// How to get it.
        advice: Advice,
    },
    /// The filter is not understood.
    #[error(
        "cannot use the filter: {reason}; its syntax is that of tcpdump (man pcap-filter)\n  {filter}{}",
        Mark(*.column)
    )]
    Filter {
        /// As given.
        filter: WireText,
        /// What is wrong.
        reason: WireText,
        /// Where, in characters from 0, if it is known.
        column: Option<usize>,
    },
    /// Anything else.
    #[error("cannot capture on {name}: {reason}")]
    Other {
        /// As given.
        name: WireText,
        /// What libpcap or the system says.
        reason: WireText,
    },
}

impl PortError {
    pub(super) fn of(name: &WireText, error: &pcap::Error) -> PortError {
        let name = name.clone();
        let text = error.to_string();
        let reason = text.strip_prefix("libpcap error: ").unwrap_or(&text);
        if reason.contains("No such device") {
            PortError::Missing { name }
        } else if reason.contains("is not up") {
            PortError::Down { name }
        } else if reason.contains("ermission") || reason.contains("not permitted") {
            PortError::NoPermission { name, advice: Advice::here() }
        } else {
            PortError::Other { name, reason: WireText::from(reason) }
        }
    }
}

/// A line with a mark under a column of the line above.
struct Mark(Option<usize>);

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            // The filter stands two columns in.
            Some(column) => write!(f, "\n  {:column$}^", ""),
            None => Ok(()),
        }
    }
}

/// How to get the permission to capture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Advice {
    program: String,
    is_root: bool,
}

impl Advice {
    /// For this program and this user.
    pub fn here() -> Advice {
        Advice {
            program: std::env::current_exe()
                .map_or_else(|_| "phonescope".to_owned(), |path| path.display().to_string()),
            is_root: rustix::process::geteuid().is_root(),
        }
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root {
            // Root without the capability is root of a container.
            return f.write_str(
                "root has no CAP_NET_RAW here: start the container with --cap-add=NET_RAW --network=host, or capture outside of it",
            );
        }
        write!(f, "run it with sudo, or grant it once: sudo setcap cap_net_raw+ep {}", quoted(&self.program))?;
        f.write_str(
            " (that has no effect on a file system mounted nosuid, nor where the program runs with no_new_privs, as in \
             many containers)",
        )
    }
}

/// As a shell takes it.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '-' | '_');
    if text.chars().all(is_plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_in_a_filter_is_marked_under_its_place() {
        let error = |column| PortError::Filter { filter: "udp prot 67".into(), reason: "syntax error".into(), column };
        let text = error(Some(4)).to_string();
        assert!(text.ends_with("\n  udp prot 67\n      ^"), "{text}");
        assert!(error(None).to_string().ends_with("\n  udp prot 67"));
    }

    #[test]
    fn a_missing_right_comes_with_the_line_that_grants_it() {
        let advice = |is_root| Advice { program: "/opt/our tools/phonescope".into(), is_root };
        let error = PortError::NoPermission { name: "eth0".into(), advice: advice(false) };
        assert!(error.to_string().contains("sudo setcap cap_net_raw+ep '/opt/our tools/phonescope'"), "{error}");
        assert!(advice(true).to_string().contains("--cap-add=NET_RAW"));
        assert_eq!(quoted("/usr/bin/phonescope"), "/usr/bin/phonescope");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
