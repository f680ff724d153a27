//! Tables that fit: the columns that matter most are there, the others as far as there is room.

use std::io;

use comfy_table::{Cell, ContentArrangement, Table, presets};
use unicode_width::UnicodeWidthStr;

use super::format::shortened;
use super::page::{Page, TextStyle};

/// A column of a table whose rows are `R`: one place says its header and what stands below it.
pub struct Column<R: ?Sized> {
    #[allow(missing_docs)]
    pub title: &'static str,
    /// The lower, the sooner it gets room; 0 and 1 are always there.
    pub rank: usize,
    /// The cell of a row; [`DASH`] where there is nothing to say.
    pub cell: fn(&R) -> String,
}

/// A cell that says nothing.
pub const DASH: &str = "-";

/// What is known, or a dash.
pub fn or_dash<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| DASH.to_owned(), |v| v.to_string())
}

/// A cell is wrapped beyond this width.
const CELL_WIDTH: usize = 32;

/// Writes the rows. A column that says nothing in any row is left out.
///
/// # Errors
/// Those of the output.
pub fn write<'r, R: ?Sized + 'r>(
    page: &mut Page<'_>,
    columns: &[Column<R>],
    rows: impl IntoIterator<Item = &'r R>,
) -> io::Result<()> {
    let cells = |row: &R| columns.iter().map(|column| (column.cell)(row)).collect::<Vec<_>>();
    let rows: Vec<Vec<String>> = rows.into_iter().map(cells).collect();
    let cell = |row: &[String], i: usize| row.get(i).map(|text| shortened(text, 3 * CELL_WIDTH)).unwrap_or_default();
    let used = |i: usize| rows.iter().any(|row| !matches!(cell(row, i).as_str(), "" | DASH));
    let mut by_rank: Vec<(usize, &Column<R>)> = columns.iter().enumerate().filter(|(i, _)| used(*i)).collect();
    by_rank.sort_by_key(|(_, c)| c.rank);

    let (mut kept, mut left_out, mut width) = (Vec::new(), Vec::new(), 1);
    for (i, column) in by_rank {
        let longest = rows.iter().map(|row| cell(row, i).width()).max().unwrap_or(0);
        let needed = longest.min(CELL_WIDTH).max(column.title.width()) + 3;
        if width + needed <= page.width || column.rank < 2 {
            width += needed;
            kept.push(i);
        } else {
            left_out.push(column.title);
        }
    }
    kept.sort_unstable();

    let mut table = Table::new();
    table.load_style(if page.terminal {
        presets::UTF8_FULL_CONDENSED.with_rounded_corners()
    } else {
        presets::ASCII_FULL_CONDENSED
    });
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(width.min(page.width)).unwrap_or(u16::MAX));
    table.set_header(kept.iter().map(|i| columns.get(*i).map_or("", |c| c.title)));
    for row in &rows {
        table.add_row(kept.iter().map(|i| {
            let text = cell(row, *i);
            // A code breaks at its hyphens, where it has to.
            let hyphens = !text.contains(' ') && text.contains('-');
            let cell = Cell::new(text);
            if hyphens { cell.set_delimiter('-') } else { cell }
        }));
    }
    page.verbatim("", &table.to_string())?;
    if !left_out.is_empty() {
        page.text(TextStyle::Plain, "", "", &format!("No room for: {} (-T json has them).", left_out.join(", ")))?;
    }
    Ok(())
}
