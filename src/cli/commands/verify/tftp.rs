//! One TFTP read over a socket: the transfer itself is `remedy::probe::tftp`.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use phonescope::remedy::probe::tftp::{Patience, Transfer};
use phonescope::remedy::probe::{Answer, FileName, Unreachable, Want};

use crate::cli::Failure;
use crate::cli::io::messages::reason;

/// Room for a datagram; what is longer than a block is wrong anyway.
const ROOM: usize = 2048;

/// Asks `server` for a file. The other addresses that answered come with the answer.
pub(super) fn read(
    server: SocketAddr,
    file: &FileName,
    want: Want,
    patience: Patience,
) -> Result<(Answer, Vec<SocketAddr>), Failure> {
    let any: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let failed = |e: io::Error| Failure::Work(format!("cannot open a socket to ask {}: {}", server.ip(), reason(&e)));
    let socket = UdpSocket::bind((any, 0)).map_err(failed)?;
    icmp::ask_for(&socket, server.is_ipv4()).map_err(failed)?;
    let began = Instant::now();
    let mut transfer = Transfer::new(server, file.clone(), want, patience, Duration::ZERO);
    let mut room = [0; ROOM];
    loop {
        while let Some(datagram) = transfer.poll_transmit() {
            if let Err(e) = socket.send_to(&datagram.octets, datagram.to) {
                unreachable(&socket, &mut transfer, &e, datagram.to);
            }
        }
        let Some(until) = transfer.poll_timeout() else { break };
        let wait = until.saturating_sub(began.elapsed());
        if wait.is_zero() {
            transfer.handle_timeout(began.elapsed());
            continue;
        }
        // Less than a millisecond could be taken for none at all.
        socket.set_read_timeout(Some(wait.max(Duration::from_millis(1)))).map_err(failed)?;
        match socket.recv_from(&mut room) {
            Ok((length, from)) => {
                transfer.handle_datagram(began.elapsed(), from, room.get(..length).unwrap_or_default());
            }
            Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                transfer.handle_timeout(began.elapsed());
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => unreachable(&socket, &mut transfer, &e, server),
        }
    }
    Ok(transfer.into_outcome())
}

/// Tells the transfer what the network said: of each packet that it says something about, or else of the one to `to`.
fn unreachable(socket: &UdpSocket, transfer: &mut Transfer, e: &io::Error, to: SocketAddr) {
    let told = icmp::told(socket);
    for (about, error) in &told {
        transfer.handle_unreachable(*about, why(error));
    }
    if told.is_empty() {
        transfer.handle_unreachable(to, why(e));
    }
}

fn why(e: &io::Error) -> Unreachable {
    match e.kind() {
        io::ErrorKind::ConnectionRefused => Unreachable::Port,
        io::ErrorKind::PermissionDenied => Unreachable::Filtered,
        _ => Unreachable::Host,
    }
}

/// ICMP errors for a socket that is not connected: the kernel tells them only to who asks.
#[cfg(any(target_os = "linux", target_os = "android"))]
mod icmp {
    use std::io::{self, IoSliceMut};
    use std::net::{SocketAddr, UdpSocket};
    use std::os::fd::AsRawFd;

    use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};

    /// Most errors that are read at once.
    const MOST: usize = 16;

    pub(super) fn ask_for(socket: &UdpSocket, v4: bool) -> io::Result<()> {
        if v4 {
            setsockopt(socket, sockopt::Ipv4RecvErr, &true)?;
        } else {
            setsockopt(socket, sockopt::Ipv6RecvErr, &true)?;
        }
        Ok(())
    }

    /// Which packets could not be delivered, by where they went, and why.
    pub(super) fn told(socket: &UdpSocket) -> Vec<(SocketAddr, io::Error)> {
        let mut told = Vec::new();
        for _ in 0..MOST {
            let mut quoted = [0; 1024];
            let mut parts = [IoSliceMut::new(&mut quoted)];
            let mut control = nix::cmsg_space!([u8; 128]);
            let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
            let Ok(message) = recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, Some(&mut control), flags)
            else {
                break;
            };
            let Some(about) = message.address.as_ref().and_then(address) else { continue };
            let errors = message.cmsgs().into_iter().flatten().filter_map(|c| match c {
                ControlMessageOwned::Ipv4RecvErr(e, _) | ControlMessageOwned::Ipv6RecvErr(e, _) => Some(e.ee_errno),
                _ => None,
            });
            let errors = errors.filter_map(|errno| i32::try_from(errno).ok()).map(io::Error::from_raw_os_error);
            told.extend(errors.map(|error| (about, error)));
        }
        told
    }

    fn address(storage: &SockaddrStorage) -> Option<SocketAddr> {
        let v4 = storage.as_sockaddr_in().map(|a| SocketAddr::from((a.ip(), a.port())));
        v4.or_else(|| storage.as_sockaddr_in6().map(|a| SocketAddr::from((a.ip(), a.port()))))
    }
}

/// Elsewhere a server that is not there is one that does not answer.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod icmp {
    use std::io;
    use std::net::{SocketAddr, UdpSocket};

    pub(super) fn ask_for(_: &UdpSocket, _: bool) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn told(_: &UdpSocket) -> Vec<(SocketAddr, io::Error)> {
        Vec::new()
    }
}
