//! A Rust file as the map needs it: which words are comments, which are code, and which test they
//! stand in. Not a parser: it counts quotes and braces, and trusts rustfmt for the rest.

use std::collections::BTreeSet;
use std::ops::Range;

/// One line, taken apart.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    /// What a comment says, slashes included.
    pub(crate) comment: String,
    /// The code, with nothing between the quotes of its literals.
    pub(crate) code: String,
    /// What stands in string literals, in order, unescaped.
    pub(crate) texts: Vec<String>,
}

/// One test function, with the comment above it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct TestFn {
    pub(crate) name: String,
    pub(crate) lines: Range<usize>,
}

/// One file.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// From the top of the repository, with slashes.
    pub(crate) path: String,
    pub(crate) lines: Vec<Line>,
    pub(crate) tests: Vec<TestFn>,
    /// From here to the end there is test code only.
    test_code_from: usize,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let lines = take_apart(text);
        let tests = test_fns(&lines);
        let is_test_file = path.contains("/tests/") || path.ends_with("tests.rs");
        let test_code_from = if is_test_file { 0 } else { tests_module(&lines) };
        Self { path: path.to_owned(), lines, tests, test_code_from }
    }

    /// Is this line of the program, not of its tests?
    pub(crate) fn is_program(&self, line: usize) -> bool {
        line < self.test_code_from
    }

    /// The test that this line belongs to.
    pub(crate) fn test_at(&self, line: usize) -> Option<&TestFn> {
        self.tests.iter().find(|test| test.lines.contains(&line))
    }

    /// The code of a test, in one piece, literals of text emptied.
    pub(crate) fn code_of(&self, test: &TestFn) -> String {
        let code: Vec<&str> =
            self.lines[test.lines.clone()].iter().map(|line| line.code.as_str()).collect();
        code.join("\n")
    }

    /// The words in quotes of a test.
    pub(crate) fn texts_of(&self, test: &TestFn) -> BTreeSet<&str> {
        let lines = &self.lines[test.lines.clone()];
        lines.iter().flat_map(|line| line.texts.iter().map(String::as_str)).collect()
    }
}

/// Where the unit tests at the foot of a file begin.
fn tests_module(lines: &[Line]) -> usize {
    let begins = |at: &usize| {
        lines[*at].code == "#[cfg(test)]"
            && lines.get(at + 1).is_some_and(|line| line.code.starts_with("mod tests"))
    };
    (0..lines.len()).find(begins).unwrap_or(lines.len())
}

/// What the reader of characters is inside of.
#[derive(Clone, Copy)]
enum Inside {
    Code,
    LineComment,
    /// Nested this deep.
    BlockComment(u32),
    Text,
    /// Ends with a quote and as many hashes.
    RawText(usize),
}

fn take_apart(text: &str) -> Vec<Line> {
    let chars: Vec<char> = text.chars().collect();
    let mut lines = vec![Line::default()];
    let (mut inside, mut at) = (Inside::Code, 0);
    while at < chars.len() {
        if chars[at] == '\n' {
            lines.push(Line::default());
            if matches!(inside, Inside::LineComment) {
                inside = Inside::Code;
            }
            at += 1;
            continue;
        }
        let line = lines.last_mut().expect("there is a first line");
        let step = match inside {
            Inside::Code => read_code(&chars[at..], line, &mut inside),
            Inside::LineComment => keep(&mut line.comment, &chars[at..=at]),
            Inside::BlockComment(depth) => {
                let pair = (chars[at], chars.get(at + 1).copied());
                let (deeper, step) = match pair {
                    ('/', Some('*')) => (depth + 1, 2),
                    ('*', Some('/')) => (depth - 1, 2),
                    (_, _) => (depth, 1),
                };
                inside = if deeper == 0 { Inside::Code } else { Inside::BlockComment(deeper) };
                keep(&mut line.comment, &chars[at..at + step])
            }
            Inside::Text => read_text(&chars[at..], line, &mut inside),
            Inside::RawText(hashes) => {
                let ends = chars[at] == '"'
                    && chars[at + 1..].iter().take_while(|c| **c == '#').count() >= hashes;
                if ends {
                    inside = Inside::Code;
                    keep(&mut line.code, &['"']) + hashes
                } else {
                    keep_text(line, chars[at])
                }
            }
        };
        at += step;
    }
    lines
}

fn keep(kept: &mut String, chars: &[char]) -> usize {
    kept.extend(chars);
    chars.len()
}

fn keep_text(line: &mut Line, found: char) -> usize {
    // A text over several lines goes on in the next one.
    if line.texts.is_empty() {
        line.texts.push(String::new());
    }
    line.texts.last_mut().expect("a text has begun").push(found);
    1
}

fn read_text(rest: &[char], line: &mut Line, inside: &mut Inside) -> usize {
    match (rest[0], rest.get(1)) {
        ('"', _) => {
            *inside = Inside::Code;
            keep(&mut line.code, &['"'])
        }
        ('\\', Some('\n')) | (_, None) => 1,
        ('\\', Some(escaped)) => 1 + keep_text(line, *escaped),
        (found, Some(_)) => keep_text(line, found),
    }
}

fn read_code(rest: &[char], line: &mut Line, inside: &mut Inside) -> usize {
    let follows_word = line.code.ends_with(|c: char| c.is_alphanumeric() || c == '_');
    let hashes = rest[1..].iter().take_while(|c| **c == '#').count();
    match (rest[0], rest.get(1)) {
        ('/', Some('/')) => {
            *inside = Inside::LineComment;
            keep(&mut line.comment, &rest[..2])
        }
        ('/', Some('*')) => {
            *inside = Inside::BlockComment(1);
            keep(&mut line.comment, &rest[..2])
        }
        ('"', _) => {
            *inside = Inside::Text;
            line.texts.push(String::new());
            keep(&mut line.code, &['"'])
        }
        ('r', Some(_)) if !follows_word && rest.get(1 + hashes) == Some(&'"') => {
            *inside = Inside::RawText(hashes);
            line.texts.push(String::new());
            keep(&mut line.code, &['"']);
            2 + hashes
        }
        ('\'', Some('\\')) => {
            let length = rest[3..].iter().position(|c| *c == '\'').expect("a literal ends");
            length + keep(&mut line.code, &['\'', '\'']) + 2
        }
        ('\'', Some(_)) if rest.get(2) == Some(&'\'') => 1 + keep(&mut line.code, &['\'', '\'']),
        (found, _) => keep(&mut line.code, &[found]),
    }
}

/// The test functions, each from the first line of the comment above it to its last brace.
fn test_fns(lines: &[Line]) -> Vec<TestFn> {
    let marked = |at: &usize| lines[*at].code.trim() == "#[test]";
    let found = (0..lines.len()).filter(marked).map(|mark| {
        let head = (mark..lines.len())
            .find(|at| lines[*at].code.trim_start().starts_with("fn "))
            .expect("a function follows its attribute");
        let name = lines[head].code.trim_start().trim_start_matches("fn ");
        let name = name.split(['(', '<']).next().unwrap_or_default().to_owned();
        TestFn { name, lines: comment_above(lines, mark)..foot(lines, head) }
    });
    found.collect()
}

fn comment_above(lines: &[Line], mark: usize) -> usize {
    let belongs = |line: &Line| {
        let is_comment = line.code.trim().is_empty() && line.comment.starts_with("//");
        (is_comment && !line.comment.starts_with("//!")) || line.code.trim().starts_with("#[")
    };
    (0..mark).rev().take_while(|at| belongs(&lines[*at])).last().unwrap_or(mark)
}

/// The line behind the brace that closes what opens at `head`.
fn foot(lines: &[Line], head: usize) -> usize {
    let (mut depth, mut opened) = (0_i32, false);
    for (at, line) in lines.iter().enumerate().skip(head) {
        for found in line.code.chars() {
            match found {
                '{' => {
                    depth += 1;
                    opened = true;
                }
                '}' => depth -= 1,
                _ => {}
            }
        }
        if opened && depth == 0 {
            return at + 1;
        }
    }
    lines.len()
}
