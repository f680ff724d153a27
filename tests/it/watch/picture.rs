//! Pictures of the screen for the documents: what a terminal shows, as SVG. Written with `BLESS=1`.

use std::fmt::Write;
use std::path::Path;

use super::tmux::Terminal;

/// Of a cell, in units of the picture.
const WIDTH: f32 = 8.4;
const HEIGHT: f32 = 18.0;
const MARGIN: f32 = 10.0;
const INK: &str = "#d0d0d0";
const PAPER: &str = "#16181d";

/// Keeps what is to be seen under `docs/pictures`, where pictures are wanted.
pub(crate) fn keep(name: &str, terminal: &Terminal<'_>) {
    let is_wanted = std::env::var_os("BLESS").is_some_and(|v| v == "1");
    let shown = terminal.shows_in_colour();
    let picture = svg(&shown);
    assert!(picture.contains("phonescope"), "{picture}");
    if is_wanted {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/pictures");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{name}.svg")), picture).unwrap();
    }
}

#[derive(Clone, Copy, PartialEq, Default)]
struct Style {
    ink: Option<u8>,
    bold: bool,
    reversed: bool,
}

impl Style {
    /// The parameters of one SGR sequence (ECMA-48).
    fn apply(&mut self, parameters: &str) {
        let numbers: Vec<u8> = parameters.split(';').map(|n| n.parse().unwrap_or(0)).collect();
        let mut rest = numbers.iter();
        while let Some(number) = rest.next() {
            match number {
                0 => *self = Style::default(),
                1 => self.bold = true,
                22 => self.bold = false,
                7 => self.reversed = true,
                27 => self.reversed = false,
                30..=37 => self.ink = Some(number - 30),
                90..=97 => self.ink = Some(number - 90 + 8),
                // One of 256: crossterm names the first sixteen so.
                38 => {
                    rest.next();
                    self.ink = rest.next().copied();
                }
                39 => self.ink = None,
                _ => {}
            }
        }
    }

    fn colour(self) -> &'static str {
        match self.ink {
            Some(1 | 9) => "#ff6b68",
            Some(2 | 10) => "#8fd18f",
            Some(3 | 11) => "#e5c07b",
            Some(6 | 14) => "#6fc3df",
            Some(8) => "#808590",
            _ => INK,
        }
    }
}

/// The text with its escape sequences as a picture.
fn svg(text: &str) -> String {
    let lines: Vec<&str> = text.trim_end_matches('\n').split('\n').collect();
    let (width, height) = (80.0 * WIDTH + 2.0 * MARGIN, lines.len() as f32 * HEIGHT + 2.0 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} \
         {height}\" font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" font-size=\"14\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"{PAPER}\"/>\n"
    );
    let mut style = Style::default();
    for (row, line) in lines.iter().enumerate() {
        let y = MARGIN + row as f32 * HEIGHT;
        let mut column = 0;
        let mut rest = *line;
        while !rest.is_empty() {
            if let Some((sgr, after)) = rest.strip_prefix("\x1b[").and_then(|r| r.split_once('m')) {
                style.apply(sgr);
                rest = after;
                continue;
            }
            let end = rest.find('\x1b').filter(|end| *end > 0).unwrap_or(rest.len());
            let (run, after) = rest.split_at(end);
            let count = run.chars().count();
            cells(&mut svg, run, column, count, y, style);
            column += count;
            rest = after;
        }
    }
    svg.push_str("</svg>\n");
    svg
}

fn cells(svg: &mut String, run: &str, column: usize, count: usize, y: f32, style: Style) {
    let x = MARGIN + column as f32 * WIDTH;
    let length = count as f32 * WIDTH;
    if style.reversed {
        let fill = style.colour();
        writeln!(svg, "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{length:.1}\" height=\"{HEIGHT}\" fill=\"{fill}\"/>")
            .unwrap();
    }
    if run.trim().is_empty() {
        return;
    }
    let ink = if style.reversed { PAPER } else { style.colour() };
    let weight = if style.bold { " font-weight=\"bold\"" } else { "" };
    let text = run.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{:.1}\" fill=\"{ink}\"{weight} textLength=\"{length:.1}\" xml:space=\"preserve\">{text}</text>",
        y + 13.5
    )
    .unwrap();
}

#[test]
fn colours_become_colours_and_text_stays_text() {
    let svg = svg("\x1b[1m\x1b[38;5;1mERR\x1b[0m <a>\n\x1b[7m bar \x1b[0m");
    assert!(svg.contains("fill=\"#ff6b68\" font-weight=\"bold\""), "{svg}");
    assert!(svg.contains("&lt;a&gt;") && svg.contains("<rect x=\"10.0\" y=\"28.0\""), "{svg}");
}
