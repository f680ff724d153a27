//! Windows Server (`dhcp-platforms.md` 3.4): a PowerShell script with `-WhatIf` and a way back from what it saved, and
//! netsh for servers that have no PowerShell for DHCP.

use std::net::Ipv4Addr;

use super::change::{Change, Text, joined};
use crate::diagnosis::TftpSource;

fn word(place: TftpSource) -> &'static str {
    match place {
        TftpSource::Siaddr => "The next server (siaddr)",
        TftpSource::Sname => "The boot server's name",
        _ => "Option 66",
    }
}

/// `None` where the scope's network is not known.
pub(super) fn power_shell(change: &Change<'_>) -> Option<Text> {
    let (network, _) = change.scope.network?;
    let mut steps = vec![
        format!("As administrator on {}, in PowerShell; this file is a script:", change.scope.server),
        "  powershell -ExecutionPolicy Bypass -File windows.ps1 -WhatIf      shows what it would do".to_owned(),
        "  powershell -ExecutionPolicy Bypass -File windows.ps1              saves what is there and changes it"
            .to_owned(),
        "  powershell -ExecutionPolicy Bypass -File windows.ps1 -Rollback    goes back to what was saved".to_owned(),
        format!("Failover partners get the scope as it is on this server. {}.", change.was),
    ];
    steps.extend(change.beside_steps(word));
    steps.extend(change.not_restored().map(|why| format!("As the packets show it, the old value is {why}.")));
    let servers = joined(change.right, ",");
    let mut set = BEGINNING.replace("SCOPE", &network.to_string());
    let undo = match change.phones {
        None => {
            set.push_str(&WHOLE_SCOPE.replace("SERVERS", &servers));
            match change.old.is_empty() {
                true => format!("Remove-DhcpServerv4OptionValue -ScopeId {network} -OptionId 150\n"),
                false => format!(
                    "Set-DhcpServerv4OptionValue -ScopeId {network} -OptionId 150 -Value {}\n",
                    joined(&change.old, ",")
                ),
            }
        }
        Some(_) => {
            let list: Vec<String> = addressed(change)
                .map(|(mac, ip)| format!("  @{{ Address = '{ip}'; ClientId = '{}' }}", mac.replace(':', "-")))
                .collect();
            if list.is_empty() {
                return None;
            }
            set.push_str(&SINGLE_PHONES.replace("PHONES", &list.join("\n")).replace("SERVERS", &servers));
            addressed(change).map(|(_, ip)| format!("Remove-DhcpServerv4Reservation -IPAddress {ip}\n")).collect()
        }
    };
    set.push_str(END);
    Some(Text { steps, set, undo })
}

/// Finds what beats the scope, saves what it has, sets it; or goes back.
const WHOLE_SCOPE: &str = r#"Get-DhcpServerv4Policy -ScopeId $scope -ErrorAction SilentlyContinue | ForEach-Object {
  $value = Get-DhcpServerv4OptionValue -ScopeId $scope -PolicyName $_.Name -OptionId 150 -ErrorAction SilentlyContinue
  if ($value) { Write-Warning "policy $($_.Name) has an option 150 of its own: $($value.Value)" }
}
Get-DhcpServerv4Reservation -ScopeId $scope -ErrorAction SilentlyContinue | ForEach-Object {
  $value = Get-DhcpServerv4OptionValue -ReservedIP $_.IPAddress -OptionId 150 -ErrorAction SilentlyContinue
  if ($value) { Write-Warning "reservation $($_.IPAddress) has an option 150 of its own: $($value.Value)" }
}
if ($Rollback) {
  $value = (Get-Content -Raw -Path $saved | ConvertFrom-Json).Value
  if ($value) { Set-DhcpServerv4OptionValue -ScopeId $scope -OptionId 150 -Value $value -WhatIf:$WhatIfPreference }
  else { Remove-DhcpServerv4OptionValue -ScopeId $scope -OptionId 150 -WhatIf:$WhatIfPreference }
}
else {
  if (-not (Test-Path $saved)) {
    $value = Get-DhcpServerv4OptionValue -ScopeId $scope -OptionId 150 -ErrorAction SilentlyContinue
    @{ Value = @($value.Value | Where-Object { $_ }) } | ConvertTo-Json | Set-Content -Path $saved -WhatIf:$WhatIfPreference
  }
  Set-DhcpServerv4OptionValue -ScopeId $scope -OptionId 150 -Value SERVERS -WhatIf:$WhatIfPreference
}
"#;

/// Adds a reservation for each phone; it stops before any change where one has a reservation already.
const SINGLE_PHONES: &str = r#"$phones = @(
PHONES
)
if ($Rollback) {
  foreach ($added in (Get-Content -Raw -Path $saved | ConvertFrom-Json).Added) {
    Remove-DhcpServerv4Reservation -IPAddress $added -WhatIf:$WhatIfPreference
  }
}
else {
  foreach ($phone in $phones) {
    $there = Get-DhcpServerv4Reservation -ScopeId $scope -ErrorAction SilentlyContinue |
      Where-Object { $_.ClientId -eq $phone.ClientId }
    if ($there) { throw "$($phone.ClientId) has a reservation already ($($there.IPAddress)): set option 150 of that one." }
  }
  $added = @()
  foreach ($phone in $phones) {
    Add-DhcpServerv4Reservation -ScopeId $scope -IPAddress $phone.Address -ClientId $phone.ClientId -WhatIf:$WhatIfPreference
    $added += $phone.Address
    @{ Added = $added } | ConvertTo-Json | Set-Content -Path $saved -WhatIf:$WhatIfPreference
    Set-DhcpServerv4OptionValue -ReservedIP $phone.Address -OptionId 150 -Value SERVERS -WhatIf:$WhatIfPreference
  }
}
"#;

/// What every script begins with: it stops where option 150 is typed as anything but an address.
const BEGINNING: &str = r#"[CmdletBinding(SupportsShouldProcess)]
param([switch]$Rollback)
$ErrorActionPreference = 'Stop'
$scope = 'SCOPE'
$saved = Join-Path $PWD "option-150-of-$scope.json"
$definition = Get-DhcpServerv4OptionDefinition -OptionId 150 -ErrorAction SilentlyContinue
if ($definition -and $definition.Type -ne 'IPv4Address') {
  throw "Option 150 is defined as $($definition.Type): it is sent as text. Export its values, then remove the definition (this removes the values)."
}
if (-not $definition -and -not $Rollback) {
  Add-DhcpServerv4OptionDefinition -OptionId 150 -Name 'TFTP server address' -Type IPv4Address -MultiValued -WhatIf:$WhatIfPreference
}
"#;

/// A failover partner has the old value until it gets the scope.
const END: &str = r#"Get-DhcpServerv4Failover -ScopeId $scope -ErrorAction SilentlyContinue | ForEach-Object {
  Invoke-DhcpServerv4FailoverReplication -ScopeId $scope -Force -WhatIf:$WhatIfPreference
}
"#;

/// MACs and addresses of the phones whose address is known.
fn addressed(change: &Change<'_>) -> impl Iterator<Item = (String, Ipv4Addr)> {
    change.listed().filter_map(|p| Some((p.mac.to_string(), p.address?)))
}

/// `None` where the scope's network is not known.
pub(super) fn netsh(change: &Change<'_>) -> Option<Text> {
    let (network, _) = change.scope.network?;
    let scope = format!("netsh dhcp server scope {network}");
    let mut steps = vec![
        format!("At a command prompt on {}, where there is no PowerShell for DHCP.", change.scope.server),
        format!("Save what is there: {scope} show optionvalue > before.txt"),
        "An error that the definition exists already does no harm if its type is IPADDRESS; with STRING stop: it is sent as \
         text."
            .to_owned(),
        format!("{}.", change.was),
    ];
    steps.extend(change.beside_steps(word));
    steps.extend(change.not_restored().map(|why| format!("The old value is {why}.")));
    let servers = joined(change.right, " ");
    let mut set =
        "netsh dhcp server add optiondef 150 \"Cisco TFTP\" IPADDRESS 1 comment=\"TFTP servers of IP phones\"\n"
            .to_owned();
    let mut undo = String::new();
    match change.phones {
        None => {
            set.push_str(&format!("{scope} set optionvalue 150 IPADDRESS {servers}\n"));
            undo = match change.old.is_empty() {
                true => format!("{scope} delete optionvalue 150\n"),
                false => format!("{scope} set optionvalue 150 IPADDRESS {}\n", joined(&change.old, " ")),
            };
        }
        Some(_) => {
            for (mac, ip) in addressed(change) {
                let mac = mac.replace(':', "");
                set.push_str(&format!(
                    "{scope} add reservedip {ip} {mac}\n{scope} set reservedoptionvalue {ip} 150 IPADDRESS {servers}\n"
                ));
                undo.push_str(&format!("{scope} delete reservedip {ip} {mac}\n"));
            }
            if undo.is_empty() {
                return None;
            }
        }
    }
    Some(Text { steps, set, undo })
}
