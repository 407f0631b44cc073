//! What it takes to pin a value: tests that assert, and hold every literal of the rule's own
//! sentence between them. Comparing a constant with itself proves nothing.

use std::collections::BTreeSet;

/// The literals that a sentence states: its numbers, and its names in backticks.
pub(crate) fn stated(sentence: &str) -> BTreeSet<String> {
    let named = sentence.split('`').skip(1).step_by(2).map(str::to_owned);
    let rest: Vec<&str> = sentence.split('`').step_by(2).collect();
    numbers(&rest.join(" ")).into_iter().chain(named).collect()
}

/// Those of the stated literals that a test holds, if it asserts something.
pub(crate) fn held(
    stated: &BTreeSet<String>,
    code: &str,
    texts: &BTreeSet<&str>,
) -> BTreeSet<String> {
    if !asserts(code) {
        return BTreeSet::new();
    }
    let found = numbers(code);
    let is_held = |literal: &&String| {
        if literal.starts_with(|first: char| first.is_ascii_digit()) {
            found.contains(*literal)
        } else {
            texts.iter().any(|text| text.contains(literal.as_str()))
        }
    };
    stated.iter().filter(is_held).cloned().collect()
}

fn asserts(code: &str) -> bool {
    ["assert!", "assert_eq!", "assert_matches!", "assert_snapshot!"]
        .iter()
        .any(|name| code.contains(name))
}

/// The number literals of a text, written in one way: no underscores, no commas, no suffix.
fn numbers(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ',';
    let words = text.split(|c: char| !is_part(c));
    // A comma is part of a number only between digits: `1,000` and not `3, 4`.
    let words = words
        .flat_map(|word| if has_groups(word) { vec![word] } else { word.split(',').collect() });
    let number = |word: &str| {
        let plain = word.replace(['_', ','], "").to_ascii_lowercase();
        let plain = match plain.find(['u', 'i']) {
            Some(suffix) if !plain.starts_with("0x") => plain[..suffix].to_owned(),
            Some(_) | None => plain,
        };
        plain.starts_with(|c: char| c.is_ascii_digit()).then_some(plain)
    };
    words.filter_map(number).collect()
}

fn has_groups(word: &str) -> bool {
    let mut groups = word.split(',');
    groups.next().is_some_and(|first| first.chars().all(|c| c.is_ascii_digit()))
        && groups.clone().count() > 0
        && groups.all(|group| group.len() == 3 && group.chars().all(|c| c.is_ascii_digit()))
}

/// The comparisons of a code whose two sides are the same words.
pub(crate) fn comparisons_with_itself(code: &str) -> Vec<String> {
    let calls = ["assert_eq!(", "assert_ne!("];
    let found = calls.iter().flat_map(|call| code.split(call).skip(1)).filter_map(|behind| {
        let sides = sides(behind);
        let [left, right] = sides.get(..2)? else { return None };
        // Two calls may differ from each other; two names cannot.
        (left == right && !left.contains('(')).then(|| left.clone())
    });
    found.collect()
}

/// The arguments of a call whose bracket has just been opened.
fn sides(behind: &str) -> Vec<String> {
    let (mut depth, mut sides) = (0, vec![String::new()]);
    for found in behind.chars() {
        match found {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth == 0 => break,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        if found == ',' && depth == 0 {
            sides.push(String::new());
        } else if !found.is_whitespace() {
            sides.last_mut().expect("there is a first side").push(found);
        }
    }
    sides
}
