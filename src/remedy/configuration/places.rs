//! Where a configuration names its loads and CallManagers, as places in a [`View`].

use std::ops::Range;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Error, Reader};

use super::EditRequest;
use super::view::View;

/// Depth to which elements are told apart, as in `wire::phone_config`.
const MAX_DEPTH: usize = 64;
/// Most places of one kind; the default file of the latest CallManager names fewer than 200 loads.
const MAX_PLACES: usize = 1_024;

/// An element and the text in it.
#[derive(Clone, Debug)]
pub(super) struct Element {
    /// Its name as written.
    name: String,
    /// The start tag.
    tag: Range<usize>,
    /// `<name/>`.
    is_empty_tag: bool,
    /// The pieces of its text that are not blank, without the blanks around them.
    pieces: Vec<Range<usize>>,
    /// Behind its end tag.
    end: usize,
}

impl Element {
    /// The changes that give it this text.
    pub(super) fn set(&self, text: &str) -> Vec<(Range<usize>, String)> {
        if self.is_empty_tag {
            let slash = self.tag.end.saturating_sub(2)..self.tag.end;
            return vec![(slash, format!(">{text}</{}>", self.name))];
        }
        let Some((first, rest)) = self.pieces.split_first() else {
            return vec![(self.tag.end..self.tag.end, text.to_owned())];
        };
        let rest = rest.iter().map(|piece| (piece.clone(), String::new()));
        std::iter::once((first.clone(), text.to_owned())).chain(rest).collect()
    }
}

/// A `loadInformation`, outside expansion modules.
#[derive(Clone, Debug)]
pub(super) struct Load {
    /// The device type in its name.
    pub(super) number: Option<u32>,
    pub(super) element: Element,
}

/// The places of one file.
#[derive(Default, Debug)]
pub(super) struct Places {
    /// In the order of the file.
    pub(super) loads: Vec<Load>,
    /// `processNodeName`s of the CallManager group, likewise.
    pub(super) call_managers: Vec<Element>,
    /// Every element that could name a load is among them: none has tags that do not match, none is too deep.
    pub(super) is_clear: bool,
    version_stamp: Option<Element>,
    /// The root element is a phone's own, not the default for phones that have none.
    is_device: bool,
    root_end: usize,
}

/// An open element, and what is known of its text.
struct Open {
    name: String,
    tag: Range<usize>,
    pieces: Vec<Range<usize>>,
}

#[derive(Default)]
struct Search {
    places: Places,
    open: Vec<Open>,
    deeper: usize,
    root: Option<String>,
    /// Start tags of elements that could name a load.
    begun: usize,
}

impl Places {
    /// The places of a file; `None` where its end is missing.
    pub(super) fn find(view: &View) -> Option<Places> {
        let text = &view.text;
        let mut reader = Reader::from_str(text);
        let settings = reader.config_mut();
        settings.check_end_names = false;
        settings.allow_unmatched_ends = true;
        settings.allow_dangling_amp = true;
        let place = |reader: &Reader<&[u8]>| usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let mut search = Search::default();
        // Every event takes at least one byte; the bound is for an error that does not move on.
        for _ in 0..=text.len() {
            let start = place(&reader);
            let event = reader.read_event();
            let range = start..place(&reader);
            match event {
                Ok(Event::Start(tag)) => search.start(&tag, range),
                Ok(Event::Empty(tag)) => search.empty(&tag, range),
                Ok(Event::End(tag)) => search.end(tag.local_name().into_inner(), range.end),
                Ok(Event::Text(_) | Event::GeneralRef(_)) => search.text(text, range),
                Ok(Event::CData(_)) => search.text(text, range.start + "<![CDATA[".len()..range.end.saturating_sub(3)),
                Ok(Event::Eof) => return None,
                Ok(_) | Err(Error::IllFormed(_)) => {}
                Err(_) => return None,
            }
            if search.root.is_some() && search.open.is_empty() {
                search.places.root_end = start;
                search.places.is_clear = search.begun == search.places.loads.len();
                return Some(search.places);
            }
        }
        None
    }

    /// An element for the load where the file has none: behind its like, or before the end of the root.
    pub(super) fn added(&self, view: &View, wish: &EditRequest<'_>) -> Option<(Range<usize>, String)> {
        let element = if self.is_device {
            format!("<loadInformation>{}</loadInformation>", wish.load)
        } else {
            let number = wish.device_type?;
            let plain = |m: &&str| m.bytes().all(|b| b.is_ascii_alphanumeric() || b"+- ".contains(&b));
            let model = wish.model.filter(plain).map(|m| format!(" model=\"IP Phone {m}\"")).unwrap_or_default();
            format!("<loadInformation{number}{model}>{}</loadInformation{number}>", wish.load)
        };
        let like = if self.is_device { self.version_stamp.as_ref() } else { self.loads.last().map(|l| &l.element) };
        if let Some(like) = like {
            let before = view.text.get(..like.tag.start).unwrap_or_default();
            let blanks = before.get(before.trim_end().len()..).unwrap_or_default();
            return Some((like.end..like.end, format!("{blanks}{element}")));
        }
        Some((self.root_end..self.root_end, format!("{element}{}", view.line_end())))
    }
}

impl Search {
    fn start(&mut self, tag: &BytesStart<'_>, range: Range<usize>) {
        // The text before a child is none of the element's.
        if let Some(open) = self.open.last_mut() {
            open.pieces.clear();
        }
        let name = tag.local_name().into_inner();
        if self.root.is_none() {
            self.places.is_device = name.eq_ignore_ascii_case("device");
            self.root = Some(name.to_owned());
        }
        self.begun += usize::from(load_of(name).is_some() && !self.is_in("addOnModule"));
        if self.open.len() == MAX_DEPTH {
            self.deeper += 1;
            return;
        }
        self.open.push(Open { name: name.to_owned(), tag: range, pieces: Vec::new() });
    }

    fn empty(&mut self, tag: &BytesStart<'_>, range: Range<usize>) {
        self.start(tag, range.clone());
        if self.deeper > 0 {
            self.deeper -= 1;
            return;
        }
        let Some(open) = self.open.pop() else { return };
        let name = tag.name().into_inner().to_owned();
        let end = range.end;
        self.take(&open.name, Element { name, tag: range, is_empty_tag: true, pieces: Vec::new(), end });
    }

    fn text(&mut self, text: &str, range: Range<usize>) {
        let blank = |c: char| c.is_ascii_whitespace() || c == '\0' || c == '\x0b';
        let piece = text.get(range.clone()).unwrap_or_default();
        let start = range.start + (piece.len() - piece.trim_start_matches(blank).len());
        let end = start + piece.trim_matches(blank).len();
        if let Some(open) = self.open.last_mut().filter(|_| self.deeper == 0 && start < end)
            && open.pieces.len() < MAX_PLACES
        {
            open.pieces.push(start..end);
        }
    }

    fn end(&mut self, name: &str, end: usize) {
        if self.deeper > 0 {
            self.deeper -= 1;
            return;
        }
        // An end without its start is skipped; one that closes others on its way closes them, and takes nothing.
        let Some(place) = self.open.iter().rposition(|open| open.name == name) else { return };
        if place + 1 == self.open.len()
            && let Some(Open { name, tag, pieces }) = self.open.pop()
        {
            self.take(&name.clone(), Element { name, tag, is_empty_tag: false, pieces, end });
        }
        self.open.truncate(place);
        if let Some(open) = self.open.last_mut() {
            open.pieces.clear();
        }
    }

    fn is_in(&self, element: &str) -> bool {
        self.open.iter().any(|open| open.name.eq_ignore_ascii_case(element))
    }

    /// Takes an element that is closed; those around it are open still.
    fn take(&mut self, name: &str, element: Element) {
        let name = name.to_ascii_lowercase();
        let places = &self.places;
        if name == "processnodename" && self.is_in("callManagerGroup") && places.call_managers.len() < MAX_PLACES {
            self.places.call_managers.push(element);
        } else if name == "versionstamp" && self.open.len() == 1 {
            self.places.version_stamp.get_or_insert(element);
        } else if let Some(number) = load_of(&name)
            && !self.is_in("addOnModule")
            && places.loads.len() < MAX_PLACES
        {
            self.places.loads.push(Load { number, element });
        }
    }
}

/// Whether an element of this name names a load, and of which device type.
fn load_of(name: &str) -> Option<Option<u32>> {
    let stem = name.get(..LOAD.len()).filter(|stem| stem.eq_ignore_ascii_case(LOAD))?;
    match name.get(stem.len()..)? {
        "" => Some(None),
        number => number.parse().ok().map(Some),
    }
}

const LOAD: &str = "loadInformation";
