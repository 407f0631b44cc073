//! Where a rule is named: its id, ranges of ids, and what looks like an id and is none.

use std::collections::BTreeSet;

/// The ids in a text, ranges such as `R-FILT-01…04` and lists such as `INV-10, 13` drawn out.
pub(crate) fn ids(text: &str) -> Vec<String> {
    found(text).into_iter().filter_map(Result::ok).flatten().collect()
}

/// The variants of a golden sequence that a text names: a and c of `GS-02(a, c)`.
pub(crate) fn variants(text: &str, id: &str) -> BTreeSet<char> {
    let named = text.split(id).skip(1).filter_map(|behind| {
        let (inner, _) = behind.trim_start().strip_prefix('(')?.split_once(')')?;
        Some(inner.split(", ").filter_map(only_letter))
    });
    named.flatten().collect()
}

/// The letters in brackets of a sentence: its variants.
pub(crate) fn lettered(sentence: &str) -> BTreeSet<char> {
    let inner = sentence.split('(').skip(1).filter_map(|behind| behind.split_once(')'));
    inner.filter_map(|(inner, _)| only_letter(inner)).collect()
}

fn only_letter(text: &str) -> Option<char> {
    let mut letters = text.chars();
    letters.next().filter(|first| first.is_ascii_lowercase() && letters.next().is_none())
}

/// What begins as an id and has not two digits.
pub(crate) fn malformed(text: &str) -> Vec<String> {
    found(text).into_iter().filter_map(Result::err).collect()
}

fn found(text: &str) -> Vec<Result<Vec<String>, String>> {
    let mut all = Vec::new();
    let mut rest = text;
    let mut before = ' ';
    while let Some(first) = rest.chars().next() {
        let stands_alone = !before.is_alphanumeric() && before != '-' && before != '_';
        match family(rest).filter(|_| stands_alone) {
            Some(family) => {
                let (result, length) = numbers(family, &rest[family.len() + 1..]);
                all.push(result);
                before = '0';
                rest = &rest[family.len() + 1 + length..];
            }
            None => {
                before = first;
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    all
}

/// The family at the beginning of a text, if a hyphen and a digit follow it.
fn family(text: &str) -> Option<&str> {
    let length = if let Some(rule) = text.strip_prefix("R-") {
        let word = rule.find(|c: char| !c.is_ascii_uppercase())?;
        (word >= 2).then_some(2 + word)?
    } else {
        ["X", "GS", "INV"].iter().find(|name| text.starts_with(**name))?.len()
    };
    let mut behind = text[length..].chars();
    (behind.next() == Some('-') && behind.next()?.is_ascii_digit()).then_some(&text[..length])
}

/// The numbers behind a family, and how much of the text they take.
fn numbers(family: &str, text: &str) -> (Result<Vec<String>, String>, usize) {
    let Some(first) = two_digits(text) else {
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        return (Err(format!("{family}-{}", &text[..digits])), digits);
    };
    let (mut all, mut at, mut last) = (vec![first], 2, first);
    loop {
        let rest = &text[at..];
        if let Some(end) = rest.strip_prefix('…').and_then(two_digits) {
            all.extend(last + 1..=end);
            (last, at) = (end, at + '…'.len_utf8() + 2);
        } else if let Some(next) = rest.strip_prefix(", ").and_then(listed) {
            all.push(next);
            (last, at) = (next, at + 4);
        } else {
            break;
        }
    }
    (Ok(all.into_iter().map(|number| format!("{family}-{number:02}")).collect()), at)
}

/// A number of exactly two digits.
fn two_digits(text: &str) -> Option<u32> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    (digits == 2).then(|| text[..2].parse().ok())?
}

/// One more number of a list; a word behind it would make it a quantity.
fn listed(text: &str) -> Option<u32> {
    let number = two_digits(text)?;
    let ends = text.len() == 2 || text[2..].starts_with(['.', ',', '…', ')', ':', ';']);
    ends.then_some(number)
}
