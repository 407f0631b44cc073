//! The rows: every key of a scenario file, declared once.
//!
//! A [`Shape`] is one kind of table and a [`Row`] one key of it. Unknown-key errors, defaults, the
//! expanded form and the JSON Schema are all read from the rows, so none of them can disagree.
//! A new key is one row here plus one line that binds it to its field.

/// One kind of table: its keys and how it may be written.
#[derive(Debug)]
pub struct Shape {
    /// What an error calls it: `host`, `rate`.
    pub name: &'static str,
    /// One line for people.
    pub meaning: &'static str,
    /// Its keys, in the order of the expanded form.
    pub rows: &'static [Row],
    /// Keys of which exactly one must be there; empty when any combination will do.
    pub one_of: &'static [&'static str],
    /// The key that a bare value stands for: `wire = "8 ms"` is `wire = { constant = "8 ms" }`.
    pub short: Option<&'static str>,
    /// Whether the expanded form writes it on one line.
    pub inline: bool,
}

/// One key of a table.
#[derive(Debug)]
pub struct Row {
    /// The key.
    pub key: &'static str,
    /// What its value may be.
    pub kind: Kind,
    /// What happens when it is absent.
    pub presence: Presence,
    /// One line for people.
    pub meaning: &'static str,
}

/// Characters of a name at most. Names of ports and locations are promoted, promoted texts have
/// 255 characters (R-CTX-05), and a location without a name gets its port's and a number.
pub const TEXT_MAX: usize = 240;

/// What a value may be.
#[derive(Debug)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A span of time with its unit, zero allowed.
    Duration,
    /// A filter expression of a send port.
    Filter,
    /// A whole number from the first to the second bound, both included.
    Integer(u64, u64),
    /// A list of values of one kind.
    List(&'static Self),
    /// A finite number from the first to the second bound, both included.
    Number(f64, f64),
    /// A span of time with its unit, longer than zero.
    PositiveDuration,
    /// A number of bytes with its unit.
    Size,
    /// A table.
    Table(&'static Shape),
    /// A list of tables.
    Tables(&'static Shape),
    /// A sentence: a string that is not empty, of any length.
    Prose,
    /// A name or a path: a string that is not empty and no longer than [`TEXT_MAX`].
    Text,
    /// One of a few words.
    Word(&'static [&'static str]),
    /// `true`, the only value that says anything.
    Yes,
}

/// What happens when a key is absent.
#[derive(Debug)]
pub enum Presence {
    /// This TOML value is read in its place.
    Default(&'static str),
    /// Nothing is read; the text says what that means.
    Optional(&'static str),
    /// The cost profile says what is read in its place.
    Profile,
    /// It is an error.
    Required,
}

impl Shape {
    /// An ordinary table with these keys.
    pub(crate) const fn of(
        name: &'static str,
        meaning: &'static str,
        rows: &'static [Row],
    ) -> Self {
        Self { name, meaning, rows, one_of: &[], short: None, inline: false }
    }

    /// The same, written on one line in the expanded form.
    pub(crate) const fn inline(self) -> Self {
        Self { inline: true, ..self }
    }

    /// The same, with exactly one of `keys` required.
    pub(crate) const fn one_of(self, keys: &'static [&'static str]) -> Self {
        Self { one_of: keys, ..self }
    }

    /// The same, where a bare value stands for `{ key = value }`.
    pub(crate) const fn short(self, key: &'static str) -> Self {
        Self { short: Some(key), ..self }
    }

    /// The row of `key`, if the table has such a key.
    #[must_use]
    pub fn row(&self, key: &str) -> Option<&'static Row> {
        self.rows.iter().find(|row| row.key == key)
    }
}

impl Row {
    /// A key that must be there.
    pub(crate) const fn required(key: &'static str, kind: Kind, meaning: &'static str) -> Self {
        Self { key, kind, presence: Presence::Required, meaning }
    }

    /// A key that stands for the TOML text `default` when absent.
    pub(crate) const fn default(
        key: &'static str,
        kind: Kind,
        default: &'static str,
        meaning: &'static str,
    ) -> Self {
        Self { key, kind, presence: Presence::Default(default), meaning }
    }

    /// A key whose absence means what `absent` says.
    pub(crate) const fn optional(
        key: &'static str,
        kind: Kind,
        absent: &'static str,
        meaning: &'static str,
    ) -> Self {
        Self { key, kind, presence: Presence::Optional(absent), meaning }
    }

    /// A key whose default the cost profile knows.
    pub(crate) const fn profile(key: &'static str, kind: Kind, meaning: &'static str) -> Self {
        Self { key, kind, presence: Presence::Profile, meaning }
    }
}
