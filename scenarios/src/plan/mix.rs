//! Mixes: the kinds of interchanges that one load sends, each with its share.

use super::bind::{Bind, Binder};
use super::load::Load;
use super::row::{Kind, Row, Shape};
use super::size::{SIZES, Sizes};

/// One kind of interchange of a load.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Share {
    /// Its share among the others.
    pub weight: f64,
    /// The document type.
    pub document_type: Option<String>,
    /// Bytes of one document.
    pub size: Option<Sizes>,
    /// Documents in one interchange.
    pub documents: Option<u32>,
}

const OWN: &str = "the load's own";

pub(crate) static SHARE: Shape = Shape::of(
    "mix",
    "one kind of interchange of a load",
    &[
        Row::required("weight", Kind::Number(0.0, 1e9), "its share among the others"),
        Row::optional("document_type", Kind::Text, OWN, "the document type"),
        Row::optional("size", Kind::Table(&SIZES), OWN, "bytes of one document"),
        Row::optional(
            "documents",
            Kind::Integer(1, 1_000_000),
            OWN,
            "documents in one interchange",
        ),
    ],
)
.inline();

impl Bind for Share {
    const SHAPE: &'static Shape = &SHARE;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("weight", &mut self.weight);
        b.key("document_type", &mut self.document_type);
        b.key("size", &mut self.size);
        b.key("documents", &mut self.documents);
    }
}

impl Load {
    /// Documents of an interchange in the mean over its mix.
    #[must_use]
    pub fn documents_mean(&self) -> f64 {
        let weights: f64 = self.mix.iter().map(|share| share.weight).sum();
        if weights <= 0.0 {
            return f64::from(self.documents);
        }
        let documents = |share: &Share| f64::from(share.documents.unwrap_or(self.documents));
        self.mix.iter().map(|share| share.weight * documents(share)).sum::<f64>() / weights
    }
}
