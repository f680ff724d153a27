//! The network of a scenario: hosts on a bridge, their servers, and the port that shows what passes.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use crate::configurations;
use crate::real::daemon::{Daemon, Ready};
use crate::real::namespace::{Host, Namespace, succeeds};
use crate::real::programs::{Program, Programs};
use crate::real::servers::TftpServer;
use crate::site::{CallManager, Dhcp, Reach, Tftp};
use crate::span::Span;

/// The interface of the span port, on the host `sniffer`.
pub(crate) const SPAN: &str = "span";
/// Where mirrored frames leave the bridge's host.
const MIRROR: &str = "mirror";

/// The network, without its phones.
pub(crate) struct Network<'n> {
    pub(crate) namespace: &'n Namespace,
    /// This program.
    own: PathBuf,
    tc: Program,
    /// What runs: servers, and the switch.
    running: Vec<(String, Daemon)>,
}

impl<'n> Network<'n> {
    /// An empty network with its span port.
    ///
    /// # Errors
    ///
    /// A program is missing, or what it says when it fails.
    pub(crate) fn new(namespace: &'n Namespace, span: Span) -> Result<Network<'n>, String> {
        let own = std::env::current_exe().map_err(|error| format!("where this program is: {error}"))?;
        let tc = Programs::find("tc").map_err(|missing| missing.to_string())?;
        // Neither IGMP nor MLD questions of the bridge belong into a capture of phones.
        namespace.ip("link set br0 type bridge mcast_snooping 0")?;
        let mut network = Network { namespace, own, tc, running: Vec::new() };
        let sniffer = network.quiet(namespace.host_off_the_bridge("sniffer")?)?;
        if span == Span::Plain {
            sniffer.cable(SPAN, MIRROR)?;
            return Ok(network);
        }
        let switch = network.quiet(namespace.host_off_the_bridge("switch")?)?;
        switch.cable("tap", MIRROR)?;
        // The span port: a cable between switch and sniffer, made on this side and moved there.
        sniffer.cable(SPAN, "out")?;
        namespace.ip("link set out netns switch")?;
        switch.ip("link set out up")?;
        let mut command = switch.command_named(&network.own);
        command.args(["switch", "tap", "out", &span.to_string()]);
        network.start("switch", command, Ready::Captures(1))?;
        Ok(network)
    }

    /// A host that says nothing by itself: no IPv6.
    fn quiet<'h>(&self, host: Host<'h>) -> Result<Host<'h>, String> {
        host.shell("for c in all default; do echo 1 >/proc/sys/net/ipv6/conf/$c/disable_ipv6; done")?;
        Ok(host)
    }

    /// A host whose frames the span port shows. What enters the bridge is mirrored, at each port, so that each frame is
    /// shown once.
    fn seen(&self, host: Host<'n>) -> Result<Host<'n>, String> {
        let port = format!("p-{}", host.name());
        let tc = |words: &str| succeeds(self.namespace.command(&self.tc).args(words.split_whitespace()));
        tc(&format!("qdisc add dev {port} clsact"))?;
        tc(&format!(
            "filter add dev {port} ingress protocol all u32 match u32 0 0 action mirred egress mirror dev {MIRROR}"
        ))?;
        self.quiet(host)
    }

    fn server(&self, ip: Ipv4Addr) -> Result<Host<'n>, String> {
        let [.., last] = ip.octets();
        let host = self.seen(self.namespace.host(&format!("s{last}"), &format!("{ip}/24"))?)?;
        Ok(host)
    }

    /// A host for a phone, without an address.
    ///
    /// # Errors
    ///
    /// What `ip` or `tc` say when they fail.
    pub(crate) fn phone(&self, number: usize, mac: &str) -> Result<Host<'n>, String> {
        self.seen(self.namespace.host_without_address(&format!("phone{number}"), Some(mac))?)
    }

    /// The host that has the span port.
    pub(crate) fn sniffer(&self) -> Host<'n> {
        self.namespace.existing("sniffer")
    }

    fn start(&mut self, name: &str, command: std::process::Command, ready: Ready) -> Result<(), String> {
        self.running.push((name.to_owned(), Daemon::start(command, ready)?));
        Ok(())
    }

    /// Starts a DHCP server, with this configuration where it is given one.
    ///
    /// # Errors
    ///
    /// It does not start: with what it wrote.
    pub(crate) fn dhcp(&mut self, server: &Dhcp, configuration: Option<&Path>) -> Result<(), String> {
        let folder = self.namespace.folder();
        let host = self.server(server.scope.server)?;
        let configuration = match configuration {
            Some(path) => path.to_owned(),
            None => configurations::dhcp(server, folder)?,
        };
        let daemon = server.program.start(&host, &configuration, folder)?;
        self.running.push((format!("{} on {}", server.program, server.scope.server), daemon));
        Ok(())
    }

    /// Starts a TFTP server, with these files laid over its own.
    ///
    /// # Errors
    ///
    /// It does not start: with what it wrote.
    pub(crate) fn tftp(
        &mut self,
        server: &Tftp,
        program: TftpServer,
        over: &BTreeMap<Ipv4Addr, PathBuf>,
    ) -> Result<(), String> {
        let host = self.server(server.ip)?;
        let name = format!("{program} on {}", server.ip);
        if server.is_silent {
            let mut command = host.command_named(&self.own);
            command.arg("tftp-silent");
            return self.start(&name, command, Ready::Udp(69));
        }
        let root = configurations::tftp(server, over.get(&server.ip).map(PathBuf::as_path), self.namespace.folder())?;
        self.running.push((name, program.start(&host, &root)?));
        Ok(())
    }

    /// Starts a CallManager.
    ///
    /// # Errors
    ///
    /// It does not start: with what it wrote.
    pub(crate) fn call_manager(&mut self, server: &CallManager) -> Result<(), String> {
        let host = self.server(server.ip)?;
        match server.reach {
            Reach::Refuses => return Ok(()),
            Reach::Silent => return self.lose_tcp(&host),
            Reach::Listens => {}
        }
        let plan = self.namespace.folder().join(format!("call-manager-{}.json", server.ip));
        write_json(&plan, &server.plan)?;
        let mut command = host.command_named(&self.own);
        command.arg("call-manager").arg(plan);
        self.start(&format!("CallManager {}", server.ip), command, Ready::Tcp(2000))
    }

    /// TCP packets to the host go elsewhere, and are seen by nobody there.
    fn lose_tcp(&self, host: &Host<'n>) -> Result<(), String> {
        host.ip("link add away type veth peer name nowhere")?;
        host.ip("link set away up")?;
        let tc = |words: &str| succeeds(host.command(&self.tc).args(words.split_whitespace()));
        tc("qdisc add dev eth0 clsact")?;
        tc(
            "filter add dev eth0 ingress protocol ip u32 match ip protocol 6 0xff action mirred egress redirect dev away",
        )
    }

    /// What plays a phone.
    pub(crate) fn phone_command(&self, host: &Host<'n>, plan: &Path) -> std::process::Command {
        let mut command = host.command_named(&self.own);
        command.arg("phone").arg(plan);
        command
    }

    /// A server that has ended, with what it wrote.
    pub(crate) fn fallen(&mut self) -> Option<String> {
        let mut running = self.running.iter_mut();
        running.find_map(|(name, daemon)| (!daemon.is_running()).then(|| format!("{name} ended:\n{}", daemon.log())))
    }

    /// Writes what the servers wrote into the folder.
    pub(crate) fn write_logs(&self) {
        for (name, daemon) in &self.running {
            let path = self.namespace.folder().join(format!("{}.log", name.replace(' ', "-")));
            let _ = std::fs::write(path, daemon.log());
        }
    }
}

/// Whether this kernel mirrors frames.
///
/// # Errors
///
/// What `tc` says when it does not, or that it is missing.
pub(crate) fn can_mirror(namespace: &Namespace) -> Result<(), String> {
    let program = Programs::find("tc").map_err(|missing| missing.to_string())?;
    let tc = |words: &str| succeeds(namespace.command(&program).args(words.split_whitespace()));
    tc("qdisc add dev lo clsact")?;
    tc("filter add dev lo ingress protocol all u32 match u32 0 0 action mirred egress mirror dev br0")?;
    tc("qdisc delete dev lo clsact")
}

/// Writes a plan.
///
/// # Errors
///
/// The file can not be written.
pub(crate) fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<(), String> {
    let text = serde_json::to_vec_pretty(value).map_err(|error| error.to_string())?;
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
