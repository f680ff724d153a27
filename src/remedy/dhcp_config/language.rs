//! Whose configuration a file is, by what is in it.

/// A language of configurations.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Language {
    /// ISC dhcpd.
    Isc,
    /// Kea, DHCPv4.
    Kea,
    #[allow(missing_docs)]
    Dnsmasq,
    /// Cisco IOS, `show running-config`.
    Ios,
}

impl Language {
    /// What a file is; `None`: none of these.
    pub fn of(contents: &[u8]) -> Option<Language> {
        let mut scores = [(0usize, Language::Kea), (0, Language::Isc), (0, Language::Dnsmasq), (0, Language::Ios)];
        let [kea, isc, dnsmasq, ios] = &mut scores;
        for line in contents.split(|b| *b == b'\n').take(20_000) {
            let line = line.trim_ascii();
            let starts = |words: &[&str]| words.iter().any(|w| line.starts_with(w.as_bytes()));
            let mut is_key = line.iter().take_while(|b| b.is_ascii_lowercase() || **b == b'-' || b.is_ascii_digit());
            let key_len = is_key.by_ref().count();
            if line.is_empty() || starts(&["#", "//", "/*"]) {
                continue;
            }
            if starts(&["\"", "{ \"", "{\"", "<?include"]) || line == b"{" {
                kea.0 += 1;
            } else if starts(&["ip dhcp ", "option ", "network ", "host "])
                && !line.contains(&b';')
                && !line.contains(&b'{')
            {
                ios.0 += 2;
            } else if starts(&["!", "interface ", "version ", "hostname ", "service ", "Building configuration"]) {
                ios.0 += 1;
            } else if line.ends_with(b";") || line.contains(&b'{') || line.contains(&b';') || starts(&["include \""]) {
                isc.0 += 1;
            } else if key_len > 2 && line.get(key_len) == Some(&b'=') {
                dnsmasq.0 += if starts(&["dhcp-"]) { 2 } else { 1 };
            }
        }
        scores.into_iter().filter(|(n, _)| *n > 0).max_by_key(|(n, _)| *n).map(|(_, language)| language)
    }

    /// How it is called in a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Language::Isc => "ISC dhcpd",
            Language::Kea => "Kea",
            Language::Dnsmasq => "dnsmasq",
            Language::Ios => "IOS",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_what_is_in_it() {
        for (text, language) in [
            ("# x\noption a code 150 = ip-address;\nsubnet 10.0.0.0 netmask 255.0.0.0 {\n}\n", Some(Language::Isc)),
            ("option t 10.0.0.6; # a\noption u \"b\"; # c\n", Some(Language::Isc)),
            ("host a { hardware ethernet 00:00:00:00:00:01; }", Some(Language::Isc)),
            ("// x\n{\n\"Dhcp4\": { }\n}\n", Some(Language::Kea)),
            ("{ \"Dhcp4\": { \"subnet4\": [] } }", Some(Language::Kea)),
            ("port=0\ndhcp-range=10.0.0.1,10.0.0.9\nbind-interfaces\n", Some(Language::Dnsmasq)),
            ("Building configuration...\n!\nip dhcp pool V\r\n network 10.0.0.0 255.0.0.0\n!\n", Some(Language::Ios)),
            ("", None),
            ("hello world\n", None),
        ] {
            assert_eq!(Language::of(text.as_bytes()), language, "{text}");
        }
    }
}
