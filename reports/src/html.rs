//! The page a run, a search or a sweep leaves behind: one file, no network, no JavaScript, the
//! record inside.

mod axis;
mod chart;
mod figures;
pub(crate) mod island;
mod mst;
mod run;
mod spread;
mod sweep;
mod thin;

pub use chart::ChartError;
pub use mst::mst_html;
pub(crate) use mst::{
    answer as mst_answer, full_at as mst_full_at, headline as mst_headline,
    interval as mst_interval, is_bounded as mst_is_bounded, recovers as mst_recovers,
};
pub(crate) use run::headline as run_headline;
pub use run::run_html;
pub use sweep::sweep_html;

use crate::figure::Figure;
use crate::number::Quantity;

/// What stops a page.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// A chart could not be drawn.
    #[error(transparent)]
    Chart(#[from] ChartError),
    /// The record could not be written as JSON.
    #[error("the record is no JSON")]
    Json(#[from] serde_json::Error),
    /// The template could not be filled.
    #[error("the page could not be filled in")]
    Template(#[from] askama::Error),
}

/// A number with its unit set apart, as HTML.
fn html(quantity: Quantity) -> String {
    let Quantity { number, unit } = quantity;
    match unit {
        "" => number,
        "/s" => format!("{number}<small>/s</small>"),
        unit => format!("{number}<small>\u{202F}{unit}</small>"),
    }
}

/// One of the large numbers at the top of a page.
struct Key {
    label: &'static str,
    /// HTML.
    value: String,
    note: String,
}

/// One line of small print: where the page comes from.
struct Origin {
    label: &'static str,
    text: String,
}

/// What every page has around its own content.
struct Frame {
    kind: &'static str,
    glossary: Vec<Figure>,
    /// The JSON island.
    island: String,
}
