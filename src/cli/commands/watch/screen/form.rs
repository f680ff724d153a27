//! A few fields over the screen: to filter, and to save.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use crate::cli::commands::watch::screen::keys::Input;
use crate::cli::commands::watch::screen::look::Look;
use crate::cli::commands::watch::screen::{clear, put};

/// What is typed into a field is no novel.
const LONGEST: usize = 200;

/// One field.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) text: String,
    /// What the keys to the left and to the right go through.
    pub(super) choices: Vec<String>,
    /// Only a choice can stand in it.
    pub(super) only_choices: bool,
}

/// Fields, one of which takes what is typed.
#[derive(Clone, Debug)]
pub(super) struct Form {
    pub(super) title: &'static str,
    /// One line below the fields.
    pub(super) hint: &'static str,
    pub(super) fields: Vec<Field>,
    pub(super) at: usize,
}

/// What came of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Filled {
    No,
    Yes,
    Cancelled,
}

impl Form {
    pub(super) fn handle(&mut self, input: Input) -> Filled {
        let count = self.fields.len().max(1);
        match input {
            Input::Enter => return Filled::Yes,
            Input::Esc | Input::Ctrl('c') => return Filled::Cancelled,
            Input::Up | Input::BackTab => self.at = (self.at + count - 1) % count,
            Input::Down | Input::Tab => self.at = (self.at + 1) % count,
            Input::Left => self.choose(false),
            Input::Right => self.choose(true),
            Input::Backspace => self.edit(|text| {
                text.pop();
            }),
            Input::Ctrl('u') | Input::Delete => self.edit(String::clear),
            Input::Char(c) if !c.is_control() => self.edit(|text| {
                if text.len() < LONGEST {
                    text.push(c);
                }
            }),
            _ => {}
        }
        Filled::No
    }

    /// What stands in the field of that place.
    pub(super) fn text(&self, at: usize) -> &str {
        self.fields.get(at).map_or("", |f| f.text.as_str())
    }

    fn edit(&mut self, change: impl FnOnce(&mut String)) {
        if let Some(field) = self.fields.get_mut(self.at).filter(|f| !f.only_choices) {
            change(&mut field.text);
        }
    }

    fn choose(&mut self, forward: bool) {
        let Some(field) = self.fields.get_mut(self.at).filter(|f| !f.choices.is_empty()) else { return };
        let count = field.choices.len();
        let next = match (field.choices.iter().position(|c| *c == field.text), forward) {
            (Some(at), true) => (at + 1) % count,
            (Some(at), false) => (at + count - 1) % count,
            (None, true) => 0,
            (None, false) => count - 1,
        };
        if let Some(choice) = field.choices.get(next) {
            field.text.clone_from(choice);
        }
    }

    pub(super) fn draw(&self, buf: &mut Buffer, screen: Rect, look: Look) {
        let names = self.fields.iter().map(|f| f.name.width()).max().unwrap_or(0);
        let height = u16::try_from(self.fields.len() + 4).unwrap_or(u16::MAX).min(screen.height);
        let width = screen.width.min(64);
        let area = Rect {
            x: screen.x + (screen.width - width) / 2,
            y: screen.y + (screen.height - height) / 2,
            width,
            height,
        };
        clear(buf, area, look.bar());
        put(buf, area.x, area.y, area.width, &format!(" {}", self.title), look.bar());
        // In a low window the field that takes what is typed is the one to be seen.
        let room = usize::from(height.saturating_sub(1)).max(1);
        let first = (self.at + 1).saturating_sub(room);
        for (line, (at, field)) in self.fields.iter().enumerate().skip(first).take(room).enumerate() {
            let y = area.y + 1 + u16::try_from(line).unwrap_or(u16::MAX);
            let is_here = at == self.at;
            let arrows = if field.choices.is_empty() || !is_here { "" } else { "  <- ->" };
            let cursor = if is_here && !field.only_choices { "_" } else { "" };
            let text = format!(" {:names$}  {}{cursor}{arrows}", field.name, field.text);
            if y < area.bottom() {
                put(buf, area.x, y, area.width, &text, if is_here { look.heading() } else { look.bar() });
                if is_here {
                    buf.set_style(Rect { y, height: 1, ..area }, look.heading());
                }
            }
        }
        let below = area.y + 2 + u16::try_from(self.fields.len()).unwrap_or(u16::MAX);
        if below < area.bottom() {
            put(buf, area.x, below, area.width, &format!(" {}", self.hint), look.bar());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(choices: &[&str], only_choices: bool) -> Field {
        let choices = choices.iter().map(|c| (*c).to_owned()).collect();
        Field { name: "Name", text: String::new(), choices, only_choices }
    }

    #[test]
    fn fields_are_typed_into_or_chosen() {
        let fields = vec![field(&[], false), field(&["a", "b"], true)];
        let mut form = Form { title: "T", hint: "", fields, at: 0 };
        for c in "xyz".chars() {
            form.handle(Input::Char(c));
        }
        form.handle(Input::Backspace);
        form.handle(Input::Right);
        assert_eq!(form.text(0), "xy");
        form.handle(Input::Tab);
        form.handle(Input::Char('q'));
        assert_eq!(form.text(1), "");
        form.handle(Input::Left);
        assert_eq!(form.text(1), "b");
        form.handle(Input::Right);
        assert_eq!(form.text(1), "a");
        assert_eq!(form.handle(Input::Enter), Filled::Yes);
        assert_eq!(form.handle(Input::Esc), Filled::Cancelled);
        form.handle(Input::Down);
        form.handle(Input::Ctrl('u'));
        assert_eq!((form.at, form.text(0)), (0, ""));
    }
}
