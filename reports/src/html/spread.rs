//! How far figures move over other prices, as a table of a page.

use askama::Template;

use crate::spread::{FigureSpread, SpreadUse};

/// A table of its own; nothing where the spread was not found out.
#[derive(Template)]
#[template(path = "spread.html")]
pub(super) struct SpreadTable<'a> {
    over: String,
    rows: Vec<(&'a FigureSpread, [String; 3])>,
}

impl<'a> SpreadTable<'a> {
    pub(super) fn of(spread: &'a SpreadUse) -> Self {
        Self {
            over: spread.over(),
            rows: spread.figures.iter().map(|one| (one, one.cells())).collect(),
        }
    }
}
