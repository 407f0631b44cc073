//! The rule map: every rule of the product with the code that obeys it and the tests that prove it.
//!
//! `engine/rules.tsv` says what there is, comments say where it is kept, and `engine/RULES.md` is
//! generated from both. A stale page fails; `BLESS=1` writes it.

mod choice;
mod citation;
mod map;
mod page;
mod pin;
mod source;
mod table;

use std::collections::BTreeSet;
use std::{env, fs};

use choice::Standing;
use map::Map;
use source::Source;
use table::{Class, Rule};

/// The share of behaviour that is covered may not fall below this, in thousandths. Raise it.
const BEHAVIOUR_PER_MILLE_MIN: usize = 980;
/// Of the `R-` rules, so many in a hundred may be out of scope.
const OUT_OF_SCOPE_PERCENT_MAX: usize = 10;
const SENTENCE_CHARS_MAX: usize = 110;
/// The rules that the specification marks as open or as told in two ways.
const MARKED: &[&str] = &[
    "X-01…14",
    "R-CLK-01…20",
    "R-ADD-02 R-BATCH-03 R-BATCH-06 R-BSND-02 R-CTX-05 R-DYN-05",
    "R-LMS-03 R-RETRY-02 R-RIP-08 R-RR-02 R-SUB-08",
];
const PAGE: &str = "engine/RULES.md";

fn none(offenders: &[String], rule: &str) {
    assert!(offenders.is_empty(), "{rule}:\n  {}", offenders.join("\n  "));
}

#[test]
fn the_page_is_what_the_sources_say() {
    let page = page::page(&Map::read());
    if env::var_os("BLESS").is_some() {
        fs::write(map::root().join(PAGE), &page).expect("the page can be written");
    }
    let found = fs::read_to_string(map::root().join(PAGE)).unwrap_or_default();
    let differs = page.lines().zip(found.lines()).find(|(due, found)| due != found);
    assert!(
        found == page,
        "{PAGE} is stale: BLESS=1 cargo test --package floodgate-engine --test rules\n{differs:#?}"
    );
}

#[test]
fn the_table_is_in_order() {
    let map = Map::read();
    let mut offenders = Vec::new();
    let mut seen = BTreeSet::new();
    for rule in map.rules() {
        if !seen.insert(rule.id.as_str()) {
            offenders.push(format!("{} is listed twice", rule.id));
        }
        if citation::ids(&rule.id) != [rule.id.clone()] {
            offenders.push(format!("{} is no id", rule.id));
        }
        let length = rule.sentence.chars().count();
        if length == 0 || length > SENTENCE_CHARS_MAX || rule.sentence.contains('|') {
            offenders.push(format!("{}: a sentence in one line ({length} characters)", rule.id));
        }
        if rule.class == Class::Data && pin::stated(&rule.sentence).is_empty() {
            offenders.push(format!("{}: a value, with a literal", rule.id));
        }
        if (rule.class == Class::OutOfScope) == rule.reason.is_empty() {
            offenders.push(format!("{}: a reason, exactly if it is out of scope", rule.id));
        }
    }
    none(&offenders, "engine/rules.tsv");
}

#[test]
fn few_rules_are_out_of_scope() {
    let map = Map::read();
    let product: Vec<&Rule> = map.rules().filter(|rule| rule.id.starts_with("R-")).collect();
    let out = product.iter().filter(|rule| rule.class == Class::OutOfScope).count();
    assert!(out * 100 <= product.len() * OUT_OF_SCOPE_PERCENT_MAX, "{out} of {}", product.len());
}

#[test]
fn every_rule_that_is_named_exists() {
    let map = Map::read();
    let known: BTreeSet<&str> = map.rules().map(|rule| rule.id.as_str()).collect();
    let mut offenders = Vec::new();
    for path in map::texts() {
        for (number, line) in (1..).zip(map::read(&path).lines()) {
            let unknown = citation::ids(line).into_iter().filter(|id| !known.contains(id.as_str()));
            let wrong = unknown.chain(citation::malformed(line));
            offenders.extend(wrong.map(|id| format!("{path}:{number}: {id}")));
        }
    }
    none(&offenders, "rules that engine/rules.tsv does not have");
}

#[test]
fn what_the_sources_leave_open_is_a_choice_with_tests() {
    let map = Map::read();
    let mut offenders = Vec::new();
    let listed: Vec<&str> =
        map.choices.iter().flat_map(|choice| &choice.ids).map(String::as_str).collect();
    for id in MARKED.iter().flat_map(|ids| citation::ids(ids)) {
        let times = listed.iter().filter(|known| **known == id).count();
        if times != 1 {
            offenders.push(format!("{id} is listed {times} times"));
        }
    }
    let keys: String = map::plan().concat();
    for choice in &map.choices {
        let Standing::Knob { key, tests } = &choice.standing else { continue };
        let last = key.rsplit('.').next().unwrap_or_default();
        if !keys.contains(&format!("\"{last}\",")) {
            offenders.push(format!("{:?}: no scenario has the key {key}", choice.ids));
        }
        let found: BTreeSet<String> =
            page::tests_of(&map, choice).into_values().flatten().collect();
        for test in tests.iter().filter(|test| !found.contains(*test)) {
            offenders.push(format!("{:?}: {test} names none of them", choice.ids));
        }
    }
    none(&offenders, "engine/choices.tsv");
}

#[test]
fn behaviour_that_is_proven_stays_proven() {
    let share = page::behaviour(&Map::read());
    assert!(
        share.per_mille() >= BEHAVIOUR_PER_MILLE_MIN,
        "{} of {} rules of behaviour are covered, {} thousandths",
        share.part,
        share.whole,
        share.per_mille()
    );
}

#[test]
fn no_test_compares_a_name_with_itself() {
    let mut offenders = Vec::new();
    for source in map::sources() {
        for test in &source.tests {
            let found = pin::comparisons_with_itself(&source.code_of(test));
            offenders
                .extend(found.iter().map(|side| format!("{}::{}: {side}", source.path, test.name)));
        }
    }
    none(&offenders, "comparisons that cannot fail");
}

#[test]
fn ids_are_found_in_ranges_and_lists() {
    assert_eq!(citation::ids("(R-FILT-01…03)."), ["R-FILT-01", "R-FILT-02", "R-FILT-03"]);
    assert_eq!(citation::ids("INV-10, 13, 16…17."), ["INV-10", "INV-13", "INV-16", "INV-17"]);
    assert_eq!(citation::ids("GS-02(b), X-05: R-RR-07, 20 minutes"), ["GS-02", "X-05", "R-RR-07"]);
    assert_eq!(citation::ids("MAX-01 R-… R-xx-01 INV-1"), Vec::<String>::new());
    assert_eq!(citation::malformed("GS-0123 X-1 R-RR-7"), ["GS-0123", "X-1", "R-RR-7"]);
}

#[test]
fn comments_belong_to_the_test_around_or_below_them() {
    let text = r#"//! INV-01.
/// R-BC-01.
fn program() { let _ = "// INV-02 \" {"; }
#[cfg(test)]
mod tests {
    // INV-03.
    fn helper() {}

    // INV-04.
    #[test]
    fn first() {
        // INV-05.
        assert_eq!('{', '\'');
    }
    // INV-06.
    fn other() {}
}
"#;
    let source = Source::new("engine/src/x.rs", text);
    let mut found = Vec::new();
    for (at, line) in source.lines.iter().enumerate() {
        for id in citation::ids(&line.comment) {
            found.push((id, source.is_program(at), source.test_at(at).map(|t| t.name.as_str())));
        }
    }
    let due = [
        ("INV-01", true, None),
        ("R-BC-01", true, None),
        ("INV-03", false, None),
        ("INV-04", false, Some("first")),
        ("INV-05", false, Some("first")),
        ("INV-06", false, None),
    ];
    assert_eq!(found, due.map(|(id, program, test)| (id.to_owned(), program, test)));
}

#[test]
fn values_are_pinned_by_assertions_that_hold_all_their_literals() {
    let held = |sentence: &str, code: &str, texts: &[&str]| {
        let stated = pin::stated(sentence);
        let held = pin::held(&stated, code, &texts.iter().copied().collect());
        (held == stated, held.len())
    };
    assert_eq!(held("1,000,000 bytes", "assert_eq!(limit, 1_000_000_u64)", &[]), (true, 1));
    assert_eq!(held("It is 0x00C00001", "assert_eq!(code, 0x00C0_0001)", &[]), (true, 1));
    assert_eq!(held("One is `FTP://`", "assert!(accepts(\"\"))", &["ftp", "FTP://x"]), (true, 1));
    assert_eq!(held("3 and 5", "assert_eq!(count, 3)", &[]), (false, 1), "one of two");
    assert_eq!(held("At most 20", "assert_eq!(limit, LIMIT)", &[]), (false, 0), "no literal");
    assert_eq!(held("At most 20", "assert_eq!(limit, 21)", &[]), (false, 0), "another one");
    assert_eq!(held("At most 20", "assert!(x, \"\")", &["20"]), (false, 0), "only in words");
    assert_eq!(held("At most 20", "let limit = 20;", &[]), (false, 0), "nothing is asserted");
}

#[test]
fn a_comparison_with_itself_is_noticed() {
    assert_eq!(pin::comparisons_with_itself("assert_eq!(A::B, A::B, \"\")"), ["A::B"]);
    let fair = "assert_eq!(run(1), run(1)); assert_ne!(a, b); assert_eq!(a[0], a[1])";
    assert_eq!(pin::comparisons_with_itself(fair), Vec::<String>::new());
}

#[test]
fn variants_are_letters_in_brackets() {
    let letters = |text: &str| citation::variants(text, "GS-02").into_iter().collect::<String>();
    assert_eq!(letters("// GS-02(a, c), GS-08 (b); GS-02 (e)."), "ace");
    assert_eq!(letters("// GS-02 (alt), GS-02."), "");
    let due: String = citation::lettered("Send: (a) true, (b) false (or so)").into_iter().collect();
    assert_eq!(due, "ab");
}
