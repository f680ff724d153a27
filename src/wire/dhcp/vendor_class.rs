//! Who the client says it is: Cisco phones by their vendor class (option 60).

use super::Message;

/// A vendor class of a Cisco phone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PhoneClass {
    /// Model as CallManager names it: `7960`, `7941G-GE`, `ATA190`. `None`: the class does not say it.
    pub model: Option<String>,
}

impl Message {
    /// The phone that the vendor class stands for; `None` where it is no phone of a CallManager.
    ///
    /// The class names the hardware only: the same 7940 runs SCCP, SIP or MGCP. Multiplatform phones (`-3PCC`,
    /// `-MPP`) are left out: they are provisioned by HTTP and never ask a CallManager's TFTP server.
    /// A bare `Cisco Systems, Inc.` is the 6901's, but not only its: it counts where option 150 is asked for.
    pub fn phone_class(&self) -> Option<PhoneClass> {
        class_of(self.vendor_class.as_ref()?.raw(), self.parameter_list.contains(&150))
    }
}

/// The same of a text; `asks_150`: the phone wants Cisco's own list of TFTP servers.
pub(crate) fn class_of(text: &str, asks_150: bool) -> Option<PhoneClass> {
    let class = text.trim();
    if class.ends_with("-3PCC") || class.ends_with("-MPP") {
        return None;
    }
    if let Some(rest) = strip_prefix_ignoring_case(class, "cisco ata") {
        let number = rest.get(..digits(rest))?;
        return (3..=4).contains(&number.len()).then(|| PhoneClass { model: Some(format!("ATA{number}")) });
    }
    // The 7921 writes "Cisco Systems Inc." without the comma.
    let rest = class.strip_prefix("Cisco Systems")?;
    let rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    let product = rest.strip_prefix("Inc.").unwrap_or(rest).trim_start();
    if product.is_empty() {
        return asks_150.then_some(PhoneClass { model: None });
    }
    let (_, name) = product.split_once("Phone")?;
    Some(PhoneClass { model: model(name) })
}

/// The model in what follows "Phone": `CP-7960G` is a 7960, `CP-7941G-GE` is a device of its own.
fn model(name: &str) -> Option<String> {
    const LONGEST: usize = 12;
    let word = name.split_ascii_whitespace().next()?;
    let word = word.strip_prefix("CP-").unwrap_or(word);
    let fits = (3..=LONGEST).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !fits || digits(word.trim_start_matches(|c: char| c.is_ascii_uppercase())) == 0 {
        return None;
    }
    if word.ends_with("G-GE") {
        return Some(word.to_owned());
    }
    let base = word.split('-').next().unwrap_or(word);
    Some(base.strip_suffix('G').unwrap_or(base).to_owned())
}

/// How many digits `text` begins with.
fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

fn strip_prefix_ignoring_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then(|| text.get(prefix.len()..)).flatten()
}

#[cfg(test)]
mod tests {
    use super::super::tests::message;
    use super::*;

    /// The model of a class; `None`: no phone; `Some("")`: a phone of no stated model.
    #[track_caller]
    fn check(class: &str, model: Option<&str>) {
        let mut request = message();
        request.vendor_class = Some(class.into());
        let got = request.phone_class().map(|c| c.model.unwrap_or_default());
        assert_eq!(got.as_deref(), model, "{class}");
    }

    #[test]
    fn every_known_spelling_of_the_vendor_class_gives_its_model() {
        check("Cisco Systems, Inc. IP Phone CP-7940G", Some("7940"));
        check("Cisco Systems, Inc. IP Phone CP-7960", Some("7960"));
        check("Cisco Systems, Inc. IP Phone CP-7960G", Some("7960"));
        check("Cisco Systems, Inc. IP Phone 7905", Some("7905"));
        check("Cisco Systems, Inc. IP Phone 7920", Some("7920"));
        check("Cisco Systems Inc. Wireless Phone 7921", Some("7921"));
        check("Cisco Systems, Inc. IP Phone CP-7937G", Some("7937"));
        check("Cisco Systems, Inc. IP Phone CP-8941", Some("8941"));
        check("Cisco Systems, Inc. IP Phone CP-7941G-GE", Some("7941G-GE"));
        check("Cisco Systems, Inc. IP Phone CP-8845-K9", Some("8845"));
        check("Cisco Systems, Inc. IP Phone CP-DX650", Some("DX650"));
        check("CISCO ATA190", Some("ATA190"));
        check("Cisco Systems, Inc. IP Phone", Some(""));
        check("Cisco Systems, Inc. IP Phone CP-\u{202e}7960", Some(""));
    }

    #[test]
    fn what_is_no_phone_of_a_call_manager_has_no_phone_class() {
        for class in [
            "",
            "MSFT 5.0",
            "Cisco Systems, Inc. IP Phone CP-7841-3PCC",
            "CISCO ATA191-MPP",
            "CISCO ATA",
            "Cisco AP c1130",
            "Cisco Systems, Inc. Router",
            "ciscopnp",
            "yealink",
            "cisco systems, inc. ip phone cp-7960g",
            "C",
            "Ciscô ATA190",
        ] {
            check(class, None);
        }
    }

    #[test]
    fn the_bare_class_counts_where_option_150_is_asked_for() {
        let mut request = message();
        request.vendor_class = Some("Cisco Systems, Inc.".into());
        assert_eq!(request.phone_class(), None);
        request.parameter_list = vec![1, 66, 6, 3, 15, 150, 35];
        assert_eq!(request.phone_class(), Some(PhoneClass { model: None }));
        request.vendor_class = None;
        assert_eq!(request.phone_class(), None);
    }
}
