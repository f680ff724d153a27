//! A phone's configuration with another load named in it, and everything else byte for byte as it was.
//!
//! [`edit`] finds the places by the tokens that `wire::phone_config` reads too, and replaces those bytes alone: the
//! order, comments, character set, line ends and what stands behind the last tag stay. [`minimal`] makes a
//! configuration where none was seen whole.
//!
//! Where a file names the load of one phone more than once, nothing that is documented tells which one the phone
//! goes by, so all of them are replaced; the load of an expansion module never is.

mod places;
mod view;

use std::ops::Range;

use self::places::Places;
use self::view::View;
use crate::types::WireText;
use crate::wire::ConfigBody;
use crate::wire::load::LoadName;
use crate::wire::phone_config::{self, PhoneConfig};

/// An edited configuration.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Edited {
    /// The file.
    pub body: ConfigBody,
    /// Places that named a load and now name another; 0: none did, one was added.
    pub replaced: usize,
    /// CallManagers replaced.
    pub call_managers: usize,
}

/// Why a configuration can not be edited.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CannotEdit {
    /// The file bears a signature, which a change would break, or is encrypted.
    Signed,
    /// The binary form before XML.
    OldForm,
    /// The end of it is missing.
    CutOff,
    /// It is no phone configuration.
    NotAConfiguration,
    /// It names loads by device type, and the phone's is not known.
    NoDeviceType,
    /// The load is no name that a configuration can hold.
    NotALoadName,
    /// Read again, the edited file does not say what it should.
    Contradiction,
}

impl CannotEdit {
    /// The end of a sentence that begins with "it".
    pub fn because(self) -> &'static str {
        match self {
            CannotEdit::Signed => "is signed or encrypted, and a change would break that",
            CannotEdit::OldForm => "is in the binary form of before XML",
            CannotEdit::CutOff => "was not seen to its end",
            CannotEdit::NotAConfiguration => "is no phone configuration",
            CannotEdit::NoDeviceType => "names loads by device type, and the phone's type is not known",
            CannotEdit::NotALoadName => "can not name this load: it is no name of a load file",
            CannotEdit::Contradiction => "can not be edited safely: read again, it would say something else",
        }
    }
}

/// What a file is to name.
#[derive(Clone, Copy, Debug)]
pub struct EditRequest<'a> {
    /// The load.
    pub load: &'a str,
    /// SCCP device type of the phone, for files that name loads by type.
    pub device_type: Option<u32>,
    /// Its model, for an element that is added.
    pub model: Option<&'a str>,
    /// CallManagers in place of those named; empty: these stay.
    pub call_managers: &'a [String],
}

/// The file `name` with the load named in it.
///
/// # Errors
/// Where that can not be done, or would change anything else.
pub fn edit(name: &WireText, body: &ConfigBody, wish: &EditRequest<'_>) -> Result<Edited, CannotEdit> {
    if !is_load_name(wish.load) {
        return Err(CannotEdit::NotALoadName);
    }
    let octets = body.octets();
    let lower = name.raw().to_ascii_lowercase();
    if lower.ends_with(".sgn") || octets.starts_with(phone_config::SIGNATURE) {
        return Err(CannotEdit::Signed);
    }
    let (before, _) = phone_config::parse(name, octets);
    match before.problem.as_deref() {
        _ if before.text_form => return Err(CannotEdit::OldForm),
        None | Some(phone_config::NO_CALL_MANAGER) => {}
        Some(phone_config::ENCRYPTED) => return Err(CannotEdit::Signed),
        Some(phone_config::OLD_FORMAT) => return Err(CannotEdit::OldForm),
        Some(phone_config::TOO_LONG) => return Err(CannotEdit::CutOff),
        Some(problem) if problem.starts_with("cut off") => return Err(CannotEdit::CutOff),
        Some(_) => return Err(CannotEdit::NotAConfiguration),
    }
    let view = View::of(octets);
    let places = Places::find(&view).ok_or(CannotEdit::CutOff)?;
    if !places.is_clear {
        return Err(CannotEdit::Contradiction);
    }
    let mut changes: Vec<(Range<usize>, String)> = Vec::new();
    for place in places.loads.iter().filter(|p| p.number.is_none() || p.number == wish.device_type) {
        changes.extend(place.element.set(wish.load));
    }
    let replaced = changes.iter().filter(|(_, text)| !text.is_empty()).count();
    if changes.is_empty() {
        changes.push(places.added(&view, wish).ok_or(CannotEdit::NoDeviceType)?);
    }
    let mut call_managers = 0;
    for (at, place) in places.call_managers.iter().enumerate() {
        let Some(wanted) = wish.call_managers.get(at).or(wish.call_managers.last()) else { continue };
        if !is_server_name(wanted) {
            return Err(CannotEdit::Contradiction);
        }
        changes.extend(place.set(wanted));
        call_managers += 1;
    }
    let edited = ConfigBody::new(view.changed(octets, changes));
    let (after, _) = phone_config::parse(name, edited.octets());
    if !says_the_same(before, after, wish) {
        return Err(CannotEdit::Contradiction);
    }
    Ok(Edited { body: edited, replaced, call_managers })
}

/// Whether an edited configuration names the load, and is the same in all else that is read of it.
fn says_the_same(mut before: PhoneConfig, mut after: PhoneConfig, wish: &EditRequest<'_>) -> bool {
    let of_type = wish.device_type.and_then(|t| after.loads.get(&t));
    let named = after.load.as_ref().or(of_type);
    if named.is_none_or(|l| l.raw() != wish.load) {
        return false;
    }
    for config in [&mut before, &mut after] {
        config.load = None;
        if let Some(number) = wish.device_type {
            config.loads.remove(&number);
        }
        if !wish.call_managers.is_empty() {
            config.call_managers.clear();
        }
    }
    before == after
}

/// Whether a text can be the name of a load in a configuration: a file's name without its extension, and not the
/// spelling of an alarm (`8.0(2.0)`, `AJ.30`).
pub fn is_load_name(load: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    let old_letters = load.split_once('.').is_some_and(|(a, b)| a.len() == 2 && b.len() == 2);
    let no_version = LoadName::parse(load).is_none_or(|name| name.family.is_some());
    (4..=64).contains(&load.len())
        && load.bytes().all(plain)
        && load.starts_with(|c: char| c.is_ascii_alphanumeric())
        && !old_letters
        && no_version
}

/// Whether a text is an address or a name that a configuration can hold.
pub fn is_server_name(name: &str) -> bool {
    (1..=253).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_:".contains(&b))
}

/// The mark of a configuration that this program made.
pub const MINIMAL_MARK: &str = "Minimal configuration made by phonescope";

/// A configuration that names CallManagers (by priority, at least one) and a load, and nothing else.
///
/// `None`: a name that can not stand in a configuration.
pub fn minimal(call_managers: &[String], port: Option<u16>, load: &str) -> Option<ConfigBody> {
    if call_managers.is_empty() || !call_managers.iter().all(|c| is_server_name(c)) || !is_load_name(load) {
        return None;
    }
    let port = port.unwrap_or(2000);
    let mut text = format!(
        "<device>\n  <!-- {MINIMAL_MARK}: the phone's own was not seen whole. -->\n  <devicePool>\n    \
         <callManagerGroup>\n      <members>\n"
    );
    for (priority, name) in call_managers.iter().take(5).enumerate() {
        text.push_str(&format!(
            "        <member priority=\"{priority}\">\n          <callManager>\n            <ports>\n              \
             <ethernetPhonePort>{port}</ethernetPhonePort>\n            </ports>\n            \
             <processNodeName>{name}</processNodeName>\n          </callManager>\n        </member>\n"
        ));
    }
    text.push_str(&format!(
        "      </members>\n    </callManagerGroup>\n  </devicePool>\n  <loadInformation>{load}</loadInformation>\n</device>\n"
    ));
    Some(ConfigBody::new(text.into_bytes()))
}

#[cfg(test)]
mod tests;
