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

/// A kind of interchange with what it leaves out taken from its load.
#[derive(Clone, Copy, Debug)]
pub struct Interchange<'a> {
    /// Its share among the others.
    pub weight: f64,
    /// The document type.
    pub document_type: &'a str,
    /// Bytes of one document.
    pub size: &'a Sizes,
    /// Documents in one interchange.
    pub documents: u32,
}

impl Interchange<'_> {
    /// Bytes of the largest interchange of this kind, as far as there is a largest.
    #[must_use]
    pub fn bytes_max(&self) -> u64 {
        self.size.greatest().saturating_mul(u64::from(self.documents))
    }
}

impl Load {
    /// An interchange of the load as it says itself, whatever its mix.
    #[must_use]
    pub fn own_kind(&self) -> Interchange<'_> {
        Interchange {
            weight: 1.0,
            document_type: &self.document_type,
            size: &self.size,
            documents: self.documents,
        }
    }

    /// The kinds of its mix, in their order; there is none if all are alike.
    pub fn kinds_of_mix(&self) -> impl Iterator<Item = Interchange<'_>> {
        let own = self.own_kind();
        self.mix.iter().map(move |share| Interchange {
            weight: share.weight,
            document_type: share.document_type.as_deref().unwrap_or(own.document_type),
            size: share.size.as_ref().unwrap_or(own.size),
            documents: share.documents.unwrap_or(own.documents),
        })
    }

    /// All kinds of interchanges: those of its mix, or the only one.
    pub fn kinds(&self) -> impl Iterator<Item = Interchange<'_>> {
        let alone = self.mix.is_empty().then(|| self.own_kind());
        self.kinds_of_mix().chain(alone)
    }
}
