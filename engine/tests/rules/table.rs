//! `engine/rules.tsv`: every rule with its class and its promise. A line that begins with `#` is
//! the heading of the family below it.

/// What kind of promise a rule is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Class {
    /// Something that happens: code obeys it and a test sees it.
    Behaviour,
    /// A default, a name, a code, a number: a test compares it with a literal.
    Data,
    /// Not for this engine; the row says why.
    OutOfScope,
}

/// One row.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) id: String,
    pub(crate) class: Class,
    pub(crate) sentence: String,
    /// Why it is out of scope.
    pub(crate) reason: String,
}

impl Rule {
    /// `R-BATCH` of `R-BATCH-04`.
    pub(crate) fn family(&self) -> &str {
        self.id.rsplit_once('-').map_or(self.id.as_str(), |(family, _)| family)
    }
}

/// The rules that stand under one heading.
#[derive(Clone, Debug)]
pub(crate) struct Family {
    pub(crate) heading: String,
    pub(crate) rules: Vec<Rule>,
}

/// Reads the table; a line that is not a row is a mistake of the table.
pub(crate) fn read(text: &str) -> Vec<Family> {
    let mut families: Vec<Family> = Vec::new();
    for line in text.lines() {
        if let Some(heading) = line.strip_prefix("# ") {
            families.push(Family { heading: heading.to_owned(), rules: Vec::new() });
        } else {
            let family = families.last_mut().expect("a heading comes first");
            family.rules.push(row(line).unwrap_or_else(|| panic!("not a row: {line:?}")));
        }
    }
    families
}

fn row(line: &str) -> Option<Rule> {
    let mut fields = line.split('\t');
    let id = fields.next()?.to_owned();
    let class = match fields.next()? {
        "behaviour" => Class::Behaviour,
        "data" => Class::Data,
        "out-of-scope" => Class::OutOfScope,
        _ => return None,
    };
    let sentence = fields.next()?.to_owned();
    let reason = fields.next().unwrap_or_default().to_owned();
    fields.next().is_none().then_some(Rule { id, class, sentence, reason })
}
