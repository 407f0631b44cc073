//! `engine/choices.tsv`: what the sources leave open, with the default, the alternative and its
//! knob, and the tests of both.

/// What stands of an alternative.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Standing {
    /// There is none, for this reason.
    Fixed(String),
    /// A key of a scenario takes it, and these tests explore both sides.
    Knob { key: String, tests: Vec<String> },
    /// It is not built.
    Open,
}

/// One row.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) ids: Vec<String>,
    pub(crate) question: String,
    pub(crate) default: String,
    pub(crate) other: String,
    pub(crate) standing: Standing,
}

/// Reads the table; a line that is not a row is a mistake of the table.
pub(crate) fn read(text: &str) -> Vec<Choice> {
    let rows = text.lines().filter(|line| !line.starts_with('#'));
    rows.map(|line| row(line).unwrap_or_else(|| panic!("not a row: {line:?}"))).collect()
}

fn row(line: &str) -> Option<Choice> {
    let fields: Vec<String> = line.split('\t').map(str::to_owned).collect();
    let [ids, question, default, other, knob, last] = <[String; 6]>::try_from(fields).ok()?;
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let standing = match knob.as_str() {
        "fixed" if other.is_empty() && !last.is_empty() => Standing::Fixed(last),
        "open" if last.is_empty() => Standing::Open,
        _ if !other.is_empty() && !last.is_empty() => {
            Standing::Knob { key: knob, tests: words(&last) }
        }
        _ => return None,
    };
    Some(Choice { ids: words(&ids), question, default, other, standing })
}
