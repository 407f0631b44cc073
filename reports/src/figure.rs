//! A figure is one field of a record together with its definition.
//!
//! The definition is the doc comment of the field: rustdoc and the glossary of every HTML page show
//! the same sentence, so the two cannot disagree.

/// One field of a record, as the glossary shows it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Figure {
    /// Where the field stands in the JSON, such as `documents.received`.
    pub path: String,
    /// What it says, in one line.
    pub definition: &'static str,
    /// What it is counted in, such as `documents/s`; empty for a name or a text.
    pub unit: &'static str,
}

impl Figure {
    /// Splits the doc comment `What it says. Unit: s.` into a definition and a unit.
    pub(crate) fn new(parent: &str, field: &str, doc: &'static str) -> Self {
        let (definition, unit) = doc.split_once(" Unit: ").unwrap_or((doc, ""));
        // `final` is a word of Rust, hence `final_` in the code and `final` in the JSON.
        let path = format!("{parent}{}", field.trim_end_matches('_'));
        Self { path, definition: definition.trim(), unit: unit.trim_end_matches('.') }
    }
}

/// Declares a struct as written and gives it `figures(parent)`, the list of its fields with their
/// doc comments.
macro_rules! figures {
    ($(
        $(#[doc = $about:literal])+
        #[derive($($derive:ident),+)]
        pub struct $name:ident {$(
            $(#[doc = $doc:literal])+
            $(#[serde($($serde:tt)+)])?
            pub $field:ident: $type:ty,
        )+}
    )+) => {$(
        $(#[doc = $about])+
        #[derive($($derive),+)]
        pub struct $name {$(
            $(#[doc = $doc])+
            $(#[serde($($serde)+)])?
            pub $field: $type,
        )+}

        impl $name {
            /// Every field with its definition; `parent` is the path in front, such as
            /// `documents.`.
            pub fn figures(parent: &str) -> Vec<$crate::figure::Figure> {
                let figure = $crate::figure::Figure::new;
                vec![$(figure(parent, stringify!($field), concat!($($doc),+))),+]
            }
        }
    )+};
}
pub(crate) use figures;
