//! Which worlds are alike: the same but for what things are called.
//!
//! What a world shows (`Debug`) is read back as a tree. Some of its leaves are *names*: the place
//! of a frame or a reference in its table, the cookie of a batch, the number of a message. Nobody
//! decides by what a name is, only by what is called the same; a publication number is compared as
//! well. So a world whose names are exchanged one for one (publication numbers in their order) has
//! the same future, but for the names in it. Names are told apart by where they stand, in rounds:
//! by what stands around, and by the names there. In the order that comes out they are called by
//! ordinals, and then the tree is hashed. What is left undecided keeps the order of the names
//! themselves: alike worlds may then be taken for different ones, never different for alike.
//!
//! A table in curly brackets has no order, and neither have a heap's places.

use floodgate_engine::hash::mix;

/// What a name is the name of.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Kind {
    Cookie,
    Frame,
    Lineage,
    Message,
    Print,
    Reference,
    /// Publication numbers, which are compared.
    Sequence,
    Wire,
}

/// How what is inside is ordered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Inside {
    /// Nothing is: a text or a name.
    Leaf(Option<u32>),
    Ordered,
    Unordered,
}

#[derive(Clone, Copy, Debug)]
struct Node {
    label: u64,
    inside: Inside,
    /// Where its part of the tree is over.
    end: u32,
}

/// Where a value stands.
#[derive(Clone, Copy, Debug, Default)]
struct Stand<'a> {
    /// The type around it.
    owner: &'a str,
    field: &'a str,
    is_key: bool,
    /// Among what an ordering of a heap compares.
    compared: bool,
}

/// Rounds in which names are told apart: from publication to reference, message, cookie, frame.
const ROUNDS: usize = 4;

/// Reads what a world shows.
#[derive(Debug)]
pub(super) struct Likeness<'a> {
    text: &'a str,
    at: usize,
    /// Fields that nothing depends on.
    idle: &'a [&'a str],
    /// Whether names are a text like any other.
    kept: bool,
    nodes: Vec<Node>,
    names: Vec<(Kind, u64)>,
}

impl<'a> Likeness<'a> {
    /// The hash of `text` without `idle` fields, and without its names unless they are `kept`.
    pub(super) fn of(text: &'a str, idle: &'a [&'a str], kept: bool) -> u64 {
        let mut own = Self { text, at: 0, idle, kept, nodes: Vec::new(), names: Vec::new() };
        own.value(Stand::default());
        assert_eq!(own.at, text.len(), "what a world shows is read to its end");
        own.hashed()
    }

    fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.peek() == byte;
        self.at += usize::from(there);
        there
    }

    /// Reads a text in quotes, or what goes on to the next sign.
    fn word(&mut self) -> &'a str {
        let bytes = self.text.as_bytes();
        let from = self.at;
        if self.take(b'"') {
            while !self.take(b'"') {
                self.at += 1 + usize::from(bytes[self.at] == b'\\');
            }
        } else {
            let over = |byte: &u8| b",: ()[]{}".contains(byte);
            let rest = &bytes[from..];
            self.at += rest.iter().position(over).unwrap_or(rest.len());
        }
        &self.text[from..self.at]
    }

    /// Reads a value, and returns whether there is anything in it.
    fn value(&mut self, stand: Stand<'a>) -> bool {
        let word = self.word();
        if self.text[self.at..].starts_with(" {") {
            self.at += 1;
        }
        let place = self.nodes.len();
        match self.peek() {
            b'(' => {
                self.open(word, Inside::Ordered);
                let compared = word == "Reverse" || stand.compared;
                // What may be there, and what stands together, is what it is without that.
                let inner = match word {
                    "" | "Some" => Stand { compared, ..stand },
                    "Reverse" => Stand { field: word, owner: word, is_key: false, compared },
                    _ => Stand { field: word, owner: word, ..Stand::default() },
                };
                self.list(b')', inner);
            }
            b'[' => {
                let heap = matches!(stand.field, "returned" | "delayed");
                self.open(word, if heap { Inside::Unordered } else { Inside::Ordered });
                self.list(b']', stand);
            }
            b'{' if word.is_empty() => {
                self.open(word, Inside::Unordered);
                self.entries(stand);
            }
            b'{' => {
                self.open(word, Inside::Ordered);
                self.fields(word);
            }
            _ => {
                let name = kind(word, stand).filter(|_| !self.kept);
                let name = name.map(|(kind, value)| self.name(kind, value));
                self.open(word, Inside::Leaf(name));
                if name.is_some() {
                    self.nodes[place].label = 0;
                }
                return !word.is_empty();
            }
        }
        self.close(place)
    }

    fn open(&mut self, label: &str, inside: Inside) {
        self.nodes.push(Node { label: text_key(label), inside, end: 0 });
    }

    /// What has no name inside is one leaf. Returns whether it has anything inside.
    fn close(&mut self, place: usize) -> bool {
        let end = self.nodes.len();
        let named = |node: &Node| !matches!(node.inside, Inside::Leaf(None));
        let below = &self.nodes[place + 1..];
        if below.iter().any(named) {
            self.nodes[place].end = end as u32;
        } else {
            let label = together(self.nodes[place], below.iter().map(|node| node.label));
            self.nodes.truncate(place);
            self.nodes.push(Node { label, inside: Inside::Leaf(None), end: 0 });
        }
        end > place + 1
    }

    fn name(&mut self, kind: Kind, value: u64) -> u32 {
        let known = self.names.iter().position(|name| *name == (kind, value));
        known.unwrap_or_else(|| {
            self.names.push((kind, value));
            self.names.len() - 1
        }) as u32
    }

    fn list(&mut self, close: u8, mut stand: Stand<'a>) {
        self.at += 1;
        while !self.take(close) {
            let before = self.nodes.len();
            self.value(stand);
            // Of what a heap compares the first number is the publication's.
            let found = self.nodes.get(before).map(|node| node.inside);
            stand.compared &= !matches!(found, Some(Inside::Leaf(Some(_))));
            self.take(b',');
            self.take(b' ');
        }
    }

    /// What a table or a set holds.
    fn entries(&mut self, stand: Stand<'a>) {
        self.at += 1;
        while !self.take(b'}') {
            let place = self.nodes.len();
            self.open("", Inside::Ordered);
            self.value(Stand { is_key: true, ..stand });
            if self.take(b':') {
                self.take(b' ');
                self.value(stand);
            }
            self.close(place);
            self.take(b',');
            self.take(b' ');
        }
    }

    fn fields(&mut self, owner: &'a str) {
        self.at += 1;
        let mut holds = true;
        while !self.take(b'}') {
            self.take(b' ');
            let field = self.word();
            self.take(b':');
            self.take(b' ');
            let (place, names) = (self.nodes.len(), self.names.len());
            // The last of nothing is nobody.
            let stale = field == "fresh_last" && !holds;
            holds = self.value(Stand { owner, field, ..Stand::default() });
            if stale || self.idle.contains(&field) {
                self.nodes.truncate(place);
                self.names.truncate(names);
            }
            self.take(b',');
            self.take(b' ');
        }
    }

    /// The hashes of all parts, with names as `colours` has them.
    fn hash(&self, hashes: &mut [u64], colours: &[u64]) {
        for place in (0..self.nodes.len()).rev() {
            let node = self.nodes[place];
            hashes[place] = match node.inside {
                Inside::Leaf(None) => node.label,
                Inside::Leaf(Some(name)) => mix(node.label, colours[name as usize]),
                Inside::Ordered | Inside::Unordered => {
                    together(node, self.below(place).map(|child| hashes[child]))
                }
            };
        }
    }

    fn below(&self, place: usize) -> impl Iterator<Item = usize> + '_ {
        let mut next = place + 1;
        let end = match self.nodes[place].inside {
            Inside::Leaf(_) => next,
            Inside::Ordered | Inside::Unordered => self.nodes[place].end as usize,
        };
        std::iter::from_fn(move || {
            let child = next;
            (child < end).then(|| {
                next = self.after(child);
                child
            })
        })
    }

    fn after(&self, place: usize) -> usize {
        match self.nodes[place].inside {
            Inside::Leaf(_) => place + 1,
            Inside::Ordered | Inside::Unordered => self.nodes[place].end as usize,
        }
    }

    fn hashed(&self) -> u64 {
        let mut hashes = vec![0; self.nodes.len()];
        let mut around = vec![0; self.nodes.len()];
        let mut colours: Vec<u64> =
            self.names.iter().map(|name| self.first_colour(*name)).collect();
        for _ in 0..ROUNDS {
            self.hash(&mut hashes, &colours);
            self.look_around(&hashes, &mut around, &mut colours);
        }
        let mut order: Vec<usize> = (0..self.names.len()).collect();
        order.sort_unstable_by_key(|at| {
            let (kind, value) = self.names[*at];
            let compared = kind == Kind::Sequence;
            (kind, if compared { 0 } else { colours[*at] }, value)
        });
        for (ordinal, at) in order.into_iter().enumerate() {
            colours[at] = ordinal as u64;
        }
        self.hash(&mut hashes, &colours);
        hashes[0]
    }

    /// What is compared is known by its rank, all else by nothing yet.
    fn first_colour(&self, (kind, value): (Kind, u64)) -> u64 {
        let before = |name: &&(Kind, u64)| **name < (kind, value) && name.0 == kind;
        let rank =
            if kind == Kind::Sequence { self.names.iter().filter(before).count() } else { 0 };
        mix(kind as u64, rank as u64)
    }

    /// Gives every name the colour of all places at which it stands.
    fn look_around(&self, hashes: &[u64], around: &mut [u64], colours: &mut [u64]) {
        let before = colours.to_vec();
        for place in 0..self.nodes.len() {
            let node = self.nodes[place];
            if let Inside::Leaf(Some(name)) = node.inside {
                let colour = &mut colours[name as usize];
                *colour = colour.wrapping_add(mix(around[place], before[name as usize]));
            }
            let here = mix(around[place], hashes[place]);
            for (position, child) in self.below(place).enumerate() {
                let ordered = node.inside == Inside::Ordered;
                around[child] = mix(here, if ordered { position as u64 + 1 } else { 0 });
            }
        }
    }
}

/// The hash of what has these inside.
fn together(node: Node, inside: impl Iterator<Item = u64>) -> u64 {
    if node.inside == Inside::Unordered {
        mix(node.label, inside.fold(0, |all, one| all.wrapping_add(mix(one, 1))))
    } else {
        inside.fold(node.label, mix)
    }
}

fn text_key(text: &str) -> u64 {
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let words = words.iter().chain([&last]).map(|word| u64::from_le_bytes(*word));
    words.fold(text.len() as u64, mix)
}

/// Whether `word` is a name where it stands, and of what.
fn kind(word: &str, stand: Stand<'_>) -> Option<(Kind, u64)> {
    let table = stand.is_key.then_some(stand.owner);
    if let Some(place) = word.strip_prefix('#') {
        let kind = match stand.field {
            "FrameId" | "CallId" => Kind::Frame,
            "ReferenceId" => Kind::Reference,
            "MessageId" => Kind::Message,
            "frames" if table == Some("HostInstance") => Kind::Frame,
            "rows" if table == Some("Spool") => Kind::Message,
            "references" if table == Some("MessageBox") => Kind::Reference,
            _ => return None,
        };
        return Some((kind, place.parse().ok()?));
    }
    let value = word.parse().ok()?;
    let kind = match (stand.owner, stand.field) {
        _ if stand.compared => Kind::Sequence,
        ("DocumentName", "sequence") => return None,
        (_, "sequence" | "fresh_last" | "next_sequence" | "Sequence") => Kind::Sequence,
        (_, "cookie" | "Cookie") => Kind::Cookie,
        ("DocumentName", "wire") | ("WireMessage", "number") | (_, "numbers" | "Wire") => {
            Kind::Wire
        }
        ("Lane", "sent_last" | "with_adapter" | "failed")
        | ("OrderedPort", "held" | "apart" | "late" | "given_back") => Kind::Sequence,
        (_, "lineage") => Kind::Lineage,
        (_, "fingerprint") => Kind::Print,
        ("Sender", "posted") | ("Receiver", "outstanding") if stand.is_key => Kind::Cookie,
        _ => return None,
    };
    Some((kind, value))
}

#[cfg(test)]
mod tests {
    use super::Likeness;

    #[track_caller]
    fn check(one: &str, other: &str, alike: bool) {
        let of = |text| Likeness::of(text, &["state_hash"], false);
        assert_eq!(of(one) == of(other), alike, "{one} and {other}");
    }

    #[test]
    fn worlds_that_differ_in_names_alone_are_alike() {
        // Called otherwise, in another order of the table.
        let text = "({FrameId(#1): 7, FrameId(#0): 8}, [FrameId(#1)], state_hash)";
        check(text, "({FrameId(#0): 7, FrameId(#1): 8}, [FrameId(#0)], state_hash)", true);
        check(text, "({FrameId(#0): 8, FrameId(#5): 7}, [FrameId(#5)], state_hash)", true);
        check(text, "({FrameId(#0): 7, FrameId(#1): 8}, [FrameId(#1)], state_hash)", false);
        check("W { state_hash: 1, a: 2 }", "W { state_hash: 5, a: 2 }", true);
        check("W { state_hash: 1, a: 2 }", "W { state_hash: 1, a: 3 }", false);
        check("[1, 2]", "[2, 1]", false);
        check("{1, 2}", "{2, 1}", true);
        check(r#"W { a: "x\" }, {", b: 1 }"#, r#"W { a: "x\" }, {", b: 2 }"#, false);
        // Two pairs, and each with the other's other.
        let pairs = |last| format!("({{Wire(1): Cookie(1), Wire(2): Cookie(2)}}, {{{last}}})");
        let straight = pairs("Wire(1): Cookie(1), Wire(2): Cookie(2)");
        check(&straight, &pairs("Wire(2): Cookie(2), Wire(1): Cookie(1)"), true);
        check(&straight, &pairs("Wire(1): Cookie(2), Wire(2): Cookie(1)"), false);
    }

    #[test]
    fn publication_numbers_are_compared() {
        check("[Sequence(3), Sequence(7)]", "[Sequence(1), Sequence(2)]", true);
        check("[Sequence(3), Sequence(7)]", "[Sequence(2), Sequence(1)]", false);
        let lane = |fresh, last, returned| {
            let returned = format!("[Reverse((Instant(9), {returned}, 7, ReferenceId(#0)))]");
            format!("Lane {{ fresh: [{fresh}], fresh_last: {last}, returned: {returned} }}")
        };
        let waits = lane("ReferenceId(#1)", 2, 1);
        check(&waits, &lane("ReferenceId(#2)", 8, 5), true);
        check(&waits, &lane("ReferenceId(#1)", 1, 2), false);
        check(&waits, &lane("ReferenceId(#0)", 2, 1), false);
        // Of nothing fresh there is no last.
        check(&lane("", 2, 1), &lane("", 3, 4), true);
    }
}
