//! Words: enumerations that a scenario file spells out.

/// Declares an enumeration with the word of each variant, its parser and its binding.
macro_rules! words {
    (
        $(#[$meta:meta])*
        pub enum $name:ident { $( $(#[$variant_meta:meta])* $variant:ident = $word:literal, )+ }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
        pub enum $name { $( $(#[$variant_meta])* $variant, )+ }

        impl $name {
            /// Every word, in the order of the variants.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The word of this variant.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }

            /// The variant that `word` stands for.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $( $word => Some(Self::$variant), )+ _ => None }
            }
        }

        impl $crate::plan::value::Value for $name {
            fn read(
                kind: &$crate::plan::row::Kind,
                node: &$crate::plan::node::Node,
                report: &mut $crate::plan::report::Report,
            ) -> Option<Self> {
                let word = $crate::plan::value::word(kind, node, report)?;
                Self::from_word(word)
            }

            fn write(&self, _kind: &$crate::plan::row::Kind) -> Option<$crate::plan::node::Node> {
                Some($crate::plan::node::Node::text(self.word()))
            }
        }
    };
}
pub(crate) use words;

/// Gives words to enumerations of the engine, each with the list of them.
macro_rules! words_of {
    ($( $words:ident: $name:ident { $( $variant:ident = $word:literal, )+ } )+) => { $(
        const $words: &[&str] = &[$($word),+];

        impl $crate::plan::value::Value for $name {
            fn read(
                kind: &$crate::plan::row::Kind,
                node: &$crate::plan::node::Node,
                report: &mut $crate::plan::report::Report,
            ) -> Option<Self> {
                match $crate::plan::value::word(kind, node, report)? {
                    $( $word => Some(Self::$variant), )+
                    _ => None,
                }
            }

            fn write(&self, _kind: &$crate::plan::row::Kind) -> Option<$crate::plan::node::Node> {
                let word = match self { $( Self::$variant => $word, )+ };
                Some($crate::plan::node::Node::text(word))
            }
        }
    )+ };
}
pub(crate) use words_of;
