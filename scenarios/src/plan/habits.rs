//! Habits of a synthetic send adapter: what it does beyond the recommended policy, on purpose.

use super::bind::{Bind, Binder};
use super::row::{Kind, Row, Shape};
use super::word::words;

words! {
    /// A call of the engine that an adapter throws in.
    pub enum ThrowingCall {
        /// `BeginBatch`, and `GetBatch` of the adapter with it.
        BeginBatch = "begin_batch",
        /// `Done` of an adapter batch.
        Done = "done",
        /// `TransmitMessage`.
        #[default]
        TransmitMessage = "transmit_message",
    }
}

/// In which calls an adapter throws.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Throws {
    /// The call.
    pub call: ThrowingCall,
    /// The first n of them, in each host instance.
    pub first: Option<u32>,
    /// Every n-th of them.
    pub every: Option<u32>,
}

/// A property that an adapter asks to be kept with what it gives back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Update {
    /// The property.
    pub property: String,
    /// Its value.
    pub value: String,
}

pub(crate) static THROWS: Shape = Shape::of(
    "exception",
    "the calls that a synthetic adapter throws in (R-SND-08, R-BSND-04, R-BSND-05)",
    &[
        Row::required("in", Kind::Word(ThrowingCall::WORDS), "the call; it is counted"),
        Row::optional(
            "first",
            Kind::Integer(1, 1_000_000),
            "another form is used",
            "in the first n of them, in each host instance",
        ),
        Row::optional(
            "every",
            Kind::Integer(1, 1_000_000),
            "another form is used",
            "in every n-th of them; 1 = always",
        ),
    ],
)
.one_of(&["first", "every"])
.inline();

pub(crate) static UPDATE: Shape = Shape::of(
    "update",
    "a property that a synthetic adapter has kept with what it gives back (R-CTX-10)",
    &[
        Row::required("property", Kind::Text, "the property, its namespace and a dot before"),
        Row::required("value", Kind::Text, "its value; a whole number, true and false are those"),
    ],
)
.inline();

/// Namespaces of the engine's own.
const OWN: [&str; 4] = ["BTS.", "ErrorReport.", "Floodgate.", "XLANGs."];

impl Bind for Throws {
    const SHAPE: &'static Shape = &THROWS;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("in", &mut self.call);
        b.key("first", &mut self.first);
        b.key("every", &mut self.every);
        if b.reading() {
            b.form();
        }
    }
}

impl Bind for Update {
    const SHAPE: &'static Shape = &UPDATE;

    fn bind(&mut self, b: &mut Binder<'_>) {
        b.key("property", &mut self.property);
        b.key("value", &mut self.value);
        if !b.reading() || self.property.is_empty() {
            return;
        }
        if OWN.iter().any(|namespace| self.property.starts_with(namespace)) {
            let message = format!("'{}' is the engine's own", self.property);
            let help = match self.property.as_str() {
                "BTS.RetryCount" => "R-RETRY-09: say 'more_tries' and 'keeps_retries = true'",
                _ => "R-CTX-10: take a property of your own schema",
            };
            b.refuse("property", &message, help);
        } else if self
            .property
            .rsplit_once('.')
            .is_none_or(|(space, name)| space.is_empty() || name.is_empty())
        {
            let message = format!("'{}' has no namespace", self.property);
            b.refuse("property", &message, "R-CTX-10: write 'Namespace.Name'");
        }
    }
}
