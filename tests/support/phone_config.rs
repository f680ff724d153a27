//! The configuration files that CallManager writes for phones: `SEP<MAC>.cnf.xml` and `XMLDefault.cnf.xml`.

use std::fmt::Write;

/// What a configuration says.
#[derive(Clone, Debug, Default)]
pub struct PhoneConfig {
    /// CallManagers, first choice first: names or addresses.
    pub call_managers: Vec<String>,
    /// Load of the phone; `None` leaves the element out, an empty one keeps the load that runs.
    pub load: Option<String>,
    /// Of the default file: device type, model, load.
    pub loads: Vec<(u32, String, String)>,
    /// Stands in for the change marker.
    pub version_stamp: String,
}

impl PhoneConfig {
    /// A configuration that names CallManagers and no load.
    pub fn naming(call_managers: &[&str]) -> Self {
        PhoneConfig {
            call_managers: call_managers.iter().map(ToString::to_string).collect(),
            version_stamp: "{Jun 04 2001 07:30:00}".to_owned(),
            ..PhoneConfig::default()
        }
    }

    pub fn load(mut self, load: &str) -> Self {
        self.load = Some(load.to_owned());
        self
    }

    /// The load of one device type in the default file.
    pub fn default_load(mut self, device_type: u32, model: &str, load: &str) -> Self {
        self.loads.push((device_type, format!("IP Phone {model}"), load.to_owned()));
        self
    }

    /// The load that a phone of this device type is to run.
    pub fn load_for(&self, device_type: u32) -> Option<&str> {
        let by_type = self.loads.iter().find(|(t, ..)| *t == device_type).map(|(.., load)| load.as_str());
        by_type.or(self.load.as_deref()).filter(|load| !load.is_empty())
    }

    fn group(&self) -> String {
        let mut text = String::from("<callManagerGroup>\n<members>\n");
        for (priority, name) in self.call_managers.iter().enumerate() {
            let _ = write!(
                text,
                "<member priority=\"{priority}\">\n<callManager>\n<ports>\n<ethernetPhonePort>2000</ethernetPhonePort>\n\
                 </ports>\n<processNodeName>{name}</processNodeName>\n</callManager>\n</member>\n"
            );
        }
        text + "</members>\n</callManagerGroup>\n"
    }

    /// A phone's own file.
    pub fn device_xml(&self) -> Vec<u8> {
        let mut text = format!("<device>\n<devicePool>\n{}</devicePool>\n", self.group());
        let _ = writeln!(text, "<versionStamp>{}</versionStamp>", self.version_stamp);
        if let Some(load) = &self.load {
            let _ = writeln!(text, "<loadInformation>{load}</loadInformation>");
        }
        text.push_str("</device>\n");
        text.into_bytes()
    }

    /// The file for phones that have none of their own.
    pub fn default_xml(&self) -> Vec<u8> {
        let mut text = format!("<Default>\n{}", self.group());
        for (device_type, model, load) in &self.loads {
            let _ =
                writeln!(text, "<loadInformation{device_type} model=\"{model}\">{load}</loadInformation{device_type}>");
        }
        text.push_str("</Default>\n");
        text.into_bytes()
    }
}
