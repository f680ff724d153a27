//! The files that the servers of a scenario start with: DHCP configurations and TFTP folders.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use crate::scenarios;
use crate::site::{Dhcp, Site, Tftp, Variant};

fn said(path: &Path) -> impl Fn(std::io::Error) -> String {
    move |error| format!("{}: {error}", path.display())
}

/// Writes the configuration of a DHCP server; where.
///
/// # Errors
///
/// The folder can not be written.
pub(crate) fn dhcp(server: &Dhcp, folder: &Path) -> Result<PathBuf, String> {
    let path = folder.join(format!("dhcp-{}.conf", server.scope.server));
    let mut text = server.program.configuration(&server.scope);
    if server.delay > 0 {
        text += &format!("dhcp-reply-delay={}\n", server.delay);
    }
    std::fs::write(&path, text).map_err(said(&path))?;
    Ok(path)
}

/// Writes the folder of a TFTP server, then lays the files of `over` over them; where.
///
/// # Errors
///
/// The folder can not be written, or `over` not be read.
pub(crate) fn tftp(server: &Tftp, over: Option<&Path>, folder: &Path) -> Result<PathBuf, String> {
    let root = folder.join("tftp").join(server.ip.to_string());
    std::fs::create_dir_all(&root).map_err(said(&root))?;
    for (name, content) in &server.files {
        let path = root.join(name);
        std::fs::write(&path, content).map_err(said(&path))?;
    }
    let Some(over) = over else { return Ok(root) };
    for entry in std::fs::read_dir(over).map_err(said(over))? {
        let from = entry.map_err(said(over))?.path();
        if let (true, Some(name)) = (from.is_file(), from.file_name()) {
            let content = std::fs::read(&from).map_err(said(&from))?;
            std::fs::write(root.join(name), content).map_err(said(&root))?;
        }
    }
    Ok(root)
}

/// Writes what all servers of a scenario start with.
///
/// # Errors
///
/// There is no such scenario, or the folder can not be written.
pub(crate) fn write_all(scenario: &str, variant: &Variant, folder: &Path) -> Result<(), String> {
    let site: Site = (scenarios::named(scenario)?.build)(variant);
    std::fs::create_dir_all(folder).map_err(said(folder))?;
    for server in &site.dhcp {
        dhcp(server, folder)?;
    }
    for server in &site.tftp {
        tftp(server, None, folder)?;
    }
    Ok(())
}

/// `10.30.0.5=DIR`: files to lay over those of a TFTP server.
///
/// # Errors
///
/// It is not of that form.
pub(crate) fn over(text: &str) -> Result<(Ipv4Addr, PathBuf), String> {
    let (ip, folder) = text.split_once('=').ok_or("IP=FOLDER, such as 10.30.0.5=pack/tftp")?;
    let ip = ip.parse().map_err(|_| format!("{ip} is no IPv4 address"))?;
    Ok((ip, folder.into()))
}

/// The folders that were named for servers, by server.
pub(crate) fn by_server(list: &[(Ipv4Addr, PathBuf)]) -> BTreeMap<Ipv4Addr, PathBuf> {
    list.iter().cloned().collect()
}
