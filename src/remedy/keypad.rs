//! The TFTP server set on the phone itself, key by key, for each generation of phones (boot reference 8.8).

use std::net::IpAddr;

use crate::diagnosis::and_list;

/// Phones whose menus are alike.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Generation {
    /// 7910, 7940, 7960.
    First,
    /// 7906 to 7975.
    Java,
    /// 6900, 7800, 8800, 8900, 9900.
    Later,
    /// Any other, or not known.
    Unknown,
}

impl Generation {
    /// The generation of a model: `7960`, `7941G-GE`.
    pub fn of(model: Option<&str>) -> Generation {
        let digits: String = model.unwrap_or_default().chars().filter(char::is_ascii_digit).take(4).collect();
        match digits.as_str() {
            "7910" | "7940" | "7960" => Generation::First,
            "7906" | "7911" | "7931" | "7941" | "7942" | "7945" | "7961" | "7962" | "7965" | "7970" | "7971"
            | "7975" => Generation::Java,
            d if d.len() == 4 && ["69", "78", "88", "89", "99"].iter().any(|start| d.starts_with(start)) => {
                Generation::Later
            }
            _ => Generation::Unknown,
        }
    }

    /// Which phones they are.
    pub fn words(self) -> &'static str {
        match self {
            Generation::First => "7910, 7940, 7960",
            Generation::Java => "7906 to 7975",
            Generation::Later => "6900, 7800, 8800, 8900, 9900",
            Generation::Unknown => "other models",
        }
    }

    /// The way to the menu.
    fn menu(self) -> &'static str {
        match self {
            Generation::First => "Settings, Network Configuration; press **# to unlock.",
            Generation::Java => {
                "Settings, Network Configuration (later loads: then IPv4 Configuration); press **# to unlock."
            }
            Generation::Later => "Settings, Admin settings, Network setup, IPv4 setup.",
            Generation::Unknown => {
                "Settings, Network Configuration; press **# to unlock (7910, 7940, 7960; newer models: Settings, Admin \
                 settings, Network setup, IPv4 setup)."
            }
        }
    }

    /// Alternate TFTP set to these servers. Empty where there are none.
    pub fn set(self, right: &[IpAddr]) -> Vec<String> {
        let Some(first) = right.first() else { return Vec::new() };
        let second = right.get(1).map(|s| format!(", TFTP Server 2 to {s}")).unwrap_or_default();
        let mut steps = vec![
            self.menu().to_owned(),
            match self {
                Generation::Later => {
                    format!("Set Alternate TFTP to On, TFTP Server 1 to {first}{second}; Apply. The phone reboots.")
                }
                _ => format!(
                    "Set Alternate TFTP to Yes, TFTP Server 1 to {first}{second}; Validate, Save. The phone reboots."
                ),
            },
        ];
        steps.extend(self.trust().map(str::to_owned));
        steps.push(
            "Where the menu does not open, the configuration locks it (settingsAccess): then only DHCP, or the file on \
             the server that it asks, moves the phone."
                .to_owned(),
        );
        steps
    }

    /// Alternate TFTP taken back, and the phone on DHCP again.
    pub fn unset(self) -> Vec<String> {
        vec![
            self.menu().to_owned(),
            format!(
                "Set Alternate TFTP to {}, Save. The phone reboots and takes its TFTP server from DHCP.",
                if self == Generation::Later { "Off" } else { "No" }
            ),
        ]
    }

    /// Phones that remember whom to trust do not follow another cluster before they forget it.
    fn trust(self) -> Option<&'static str> {
        match self {
            Generation::Java => Some(
                "Where it then refuses the configuration: Settings, Security Configuration, Trust List, ITL File, **#, Erase.",
            ),
            Generation::Later => Some(
                "Where it then refuses the configuration: Admin settings, Security setup, Trust list, ITL file, **#, Erase.",
            ),
            _ => None,
        }
    }
}

/// `10.30.0.5 and 10.30.0.6`, for a title.
pub fn title(generation: Generation, right: &[IpAddr]) -> String {
    match generation {
        Generation::Unknown => format!("On the phone: Alternate TFTP to {}", and_list(right)),
        known => format!("On the phone ({}): Alternate TFTP to {}", known.words(), and_list(right)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_belongs_to_its_generation() {
        for (model, generation) in [
            ("7960", Generation::First),
            ("7940G", Generation::First),
            ("7941G-GE", Generation::Java),
            ("7975", Generation::Java),
            ("8841", Generation::Later),
            ("6921", Generation::Later),
            ("7920", Generation::Unknown),
            ("30VIP", Generation::Unknown),
            ("ATA186", Generation::Unknown),
        ] {
            assert_eq!(Generation::of(Some(model)), generation, "{model}");
        }
        assert_eq!(Generation::of(None), Generation::Unknown);
    }

    #[test]
    fn two_servers_are_set_and_none_is_no_step() {
        let servers: Vec<IpAddr> = vec![[10, 30, 0, 5].into(), [10, 30, 0, 6].into()];
        let steps = Generation::First.set(&servers);
        assert!(steps[1].contains("TFTP Server 1 to 10.30.0.5, TFTP Server 2 to 10.30.0.6"), "{steps:?}");
        assert!(Generation::First.set(&[]).is_empty());
    }
}
