//! The trust list on the phone itself (CTL, ITL), by generation of phones: what it is called and how it is deleted.

/// Digits of a model: `7941G-GE` is 7941.
fn digits(model: Option<&str>) -> String {
    model.unwrap_or_default().chars().filter(char::is_ascii_digit).take(4).collect()
}

/// Which lists a model keeps.
pub fn lists(model: Option<&str>) -> &'static str {
    match digits(model).as_str() {
        "7902" | "7905" | "7910" | "7912" | "7920" | "7940" | "7960" => "CTL",
        _ => "CTL and ITL",
    }
}

/// How they are deleted on the phone, where that is documented.
pub fn erase(model: Option<&str>) -> Vec<String> {
    let model = digits(model);
    let on_security = "Then look at Security setup, Trust list: the guides name only the CTL for this reset, and the ITL has to be \
                       gone too.";
    let steps: &[&str] = match model.as_str() {
        "7902" | "7905" | "7910" | "7912" | "7920" | "7940" | "7960" => &[
            "On the phone: Settings, Security Configuration, CTL File; press **# to unlock; Erase. The phone restarts.",
        ],
        "7906" | "7911" | "7931" | "7941" | "7942" | "7945" | "7961" | "7962" | "7965" | "7970" | "7971" | "7975" => &[
            "On the phone: Settings, Security Configuration, Trust List, ITL File; press **# to unlock; Erase. The phone restarts. The \
             same with CTL File where there is one.",
        ],
        "8821" => {
            &["On the phone: Settings, Admin settings, Reset settings, Security settings, Reset. The phone restarts."]
        }
        "8941" | "8945" => {
            &["On the phone: reset the security configuration (these models have no Erase for CTL and ITL)."]
        }
        m if m.starts_with("78") => {
            &["On the phone: Applications, Admin Settings, Reset Settings, Security.", on_security]
        }
        m if m.starts_with("88") => {
            &["On the phone: Applications, Admin settings, Reset settings, Security settings.", on_security]
        }
        m if m.len() == 4 && ["69", "89", "99"].iter().any(|start| m.starts_with(start)) => &[
            "The keys that delete CTL and ITL are not documented here for this model: look for Reset settings, Security.",
        ],
        _ => &[
            "On the phone: Settings, Security Configuration (newer models: Admin settings, Reset settings, Security), Trust List: \
             delete the CTL and the ITL file.",
        ],
    };
    let last = "Where that does not help: a factory reset deletes CTL, ITL and the network settings.";
    steps.iter().copied().chain([last]).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_generation_has_its_own_way() {
        for (model, says, not) in [
            ("7960G", "CTL File", "ITL"),
            ("7942", "ITL File", "Reset Settings"),
            ("7821", "Reset Settings, Security", "**#"),
            ("8851", "Reset settings, Security settings", "**#"),
            ("8945", "no Erase", "**#"),
            ("6921", "not documented", "**#"),
        ] {
            let steps = erase(Some(model));
            let way = &steps[..steps.len() - 1];
            assert!(way[0].contains(says), "{model}: {way:?}");
            assert!(!way[0].contains(not), "{model}: {way:?}");
        }
        assert_eq!((lists(Some("7940")), lists(Some("7975")), lists(None)), ("CTL", "CTL and ITL", "CTL and ITL"));
    }
}
