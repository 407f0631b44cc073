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
//! Where host instances are built alike (`world/mirrored.rs`), they and their adapters are names
//! too. A frame, the cookie of a batch and the place of a job are those of whom the text has named
//! last: one and the same number is another name at each.
//!
//! A table in curly brackets has no order, and neither have a heap's places. The messages of a
//! source have one, that of their numbers.

mod named;

use floodgate_engine::hash::mix;
use rustc_hash::FxHashMap;

use named::{Kind, Stand, kind, place_kind};

/// What tells worlds apart, and what does not.
#[derive(Clone, Debug, Default)]
pub(super) struct Telling {
    /// Fields that nothing depends on, with the type around them.
    pub(super) idle: Vec<(&'static str, &'static str)>,
    /// Whether names are a text like any other.
    pub(super) kept: bool,
    /// Where the host instances are built alike: that of each adapter instance. Then both are
    /// names; frames and cookies are those of their host instance.
    pub(super) mirrored: Option<Vec<u32>>,
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

/// Rounds in which names are told apart: from publication to reference, message, cookie, frame.
const ROUNDS: usize = 4;

/// Reads what a world shows.
#[derive(Debug)]
pub(super) struct Likeness<'a> {
    text: &'a str,
    at: usize,
    telling: &'a Telling,
    nodes: Vec<Node>,
    names: Vec<(Kind, u64)>,
    /// Of each name, whether it is compared: where a source has it, a message's number is.
    compared: Vec<bool>,
    known: FxHashMap<(Kind, u64), u32>,
    /// Whose the frames, cookies and places are that are read now: one more than the number.
    instance: u64,
    node: u64,
}

impl<'a> Likeness<'a> {
    /// The hash of `text` without idle fields, and without its names unless they are kept.
    pub(super) fn of(text: &'a str, telling: &'a Telling) -> u64 {
        let mut own = Self {
            text,
            at: 0,
            telling,
            nodes: Vec::new(),
            names: Vec::new(),
            compared: Vec::new(),
            known: FxHashMap::default(),
            instance: 0,
            node: 0,
        };
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
                    "" | "Some" => Stand { compared, place: 0, ..stand },
                    "Reverse" => Stand { field: word, owner: word, compared, ..Stand::default() },
                    _ => Stand { field: word, owner: word, ..Stand::default() },
                };
                self.list(b')', inner);
            }
            b'[' if self.is_table(stand) => {
                self.open(word, Inside::Unordered);
                self.table(stand);
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
                let name = self.named(word, stand);
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

    /// Which name `word` is where it stands, if it is one.
    fn named(&mut self, word: &str, stand: Stand<'_>) -> Option<u32> {
        if self.telling.kept {
            return None;
        }
        let mirrored = self.telling.mirrored.as_ref();
        let among = mirrored.and_then(|of| Some((place_kind(word, stand)?, of)));
        if let Some(((kind, value), of)) = among {
            if kind == Kind::Instance {
                self.instance = value + 1;
            } else if kind == Kind::Node {
                self.node = value + 1;
                self.instance = u64::from(of[value as usize]) + 1;
            }
            let whose = if kind == Kind::Slot { self.node << 32 } else { 0 };
            return Some(self.name(kind, whose | value));
        }
        let (kind, value) = kind(word, stand)?;
        let of_instance = mirrored.is_some() && matches!(kind, Kind::Cookie | Kind::Frame);
        let whose = if of_instance { self.instance << 32 } else { 0 };
        let name = self.name(kind, whose | value);
        self.compared[name as usize] |= kind == Kind::Wire && stand.owner == "WireMessage";
        Some(name)
    }

    fn name(&mut self, kind: Kind, value: u64) -> u32 {
        let next = self.names.len() as u32;
        let name = *self.known.entry((kind, value)).or_insert(next);
        if name == next {
            self.names.push((kind, value));
            self.compared.push(kind == Kind::Sequence);
        }
        name
    }

    /// Whether it is a table by the number of a host instance or a place at work.
    fn is_table(&self, stand: Stand<'_>) -> bool {
        self.telling.mirrored.is_some()
            && matches!(
                (stand.owner, stand.field),
                ("Lives", "services")
                    | ("MessageBox", "own_queues")
                    | ("Sender", "running")
                    | ("Throttled", "instances" | "stopping")
            )
    }

    /// Reads such a table. Of places that are free nothing is kept: which is taken next is a name.
    fn table(&mut self, stand: Stand<'a>) {
        self.at += 1;
        let slots = stand.owner == "Sender";
        let mut number = 0;
        while !self.take(b']') {
            let (before, names) = (self.nodes.len(), self.names.len());
            self.open("", Inside::Ordered);
            let name = match self.telling.kept {
                true => None,
                false if slots => Some(self.name(Kind::Slot, self.node << 32 | number)),
                false => Some(self.name(Kind::Instance, number)),
            };
            let label = if self.telling.kept { number.to_string() } else { String::new() };
            self.open(&label, Inside::Leaf(name));
            self.instance = if slots { self.instance } else { number + 1 };
            let is_free = slots && self.text[self.at..].starts_with("None");
            self.value(stand);
            self.close(before);
            if is_free {
                self.forget(before, names);
            }
            number += 1;
            self.take(b',');
            self.take(b' ');
        }
    }

    /// Forgets what was read last.
    fn forget(&mut self, nodes: usize, names: usize) {
        self.nodes.truncate(nodes);
        self.compared.truncate(names);
        for name in self.names.drain(names..) {
            self.known.remove(&name);
        }
    }

    fn list(&mut self, close: u8, mut stand: Stand<'a>) {
        self.at += 1;
        while !self.take(close) {
            let before = self.nodes.len();
            self.value(stand);
            stand.place += 1;
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
        let (mut holds, mut unpaced) = (true, false);
        while !self.take(b'}') {
            self.take(b' ');
            let field = self.word();
            self.take(b':');
            self.take(b' ');
            let (place, names) = (self.nodes.len(), self.names.len());
            // The last of nothing is nobody. Who looks at once need not know since when it waits.
            let stale = (field == "fresh_last" && !holds)
                || (unpaced && field == "state" && self.text[self.at..].starts_with("Parked"));
            let from = self.at;
            holds = self.value(Stand { owner, field, ..Stand::default() });
            unpaced |=
                (owner, field, &self.text[from..self.at]) == ("Dequeuer", "poll", "Duration(0)");
            if stale || self.telling.idle.contains(&(owner, field)) {
                self.forget(place, names);
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
        let mut colours: Vec<u64> = (0..self.names.len()).map(|at| self.first_colour(at)).collect();
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
    fn first_colour(&self, at: usize) -> u64 {
        let (kind, value) = self.names[at];
        let names = self.names.iter().zip(&self.compared);
        let before =
            names.filter(|(name, compared)| **compared && name.0 == kind && name.1 <= value);
        mix(kind as u64, if self.compared[at] { before.count() as u64 } else { 0 })
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

#[cfg(test)]
mod tests {
    use super::{Likeness, Telling};

    #[track_caller]
    fn check(one: &str, other: &str, alike: bool) {
        let telling = Telling { idle: vec![("W", "state_hash")], ..Telling::default() };
        let of = |text| Likeness::of(text, &telling);
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

    #[track_caller]
    fn check_mirrored(one: &str, other: &str, alike: bool) {
        let idle = vec![("Sender", "free")];
        let telling = Telling { idle, kept: false, mirrored: Some(vec![0, 1]) };
        let of = |text| Likeness::of(text, &telling);
        assert_eq!(of(one) == of(other), alike, "{one} and {other}");
    }

    fn host(id: u32, frame: u32, life: &str) -> String {
        format!("HostInstance {{ id: HostInstanceId({id}), frames: {{#{frame}: {life}}} }}")
    }

    #[test]
    fn host_instances_that_are_built_alike_are_names() {
        let two = |(up, frame): (u32, u32), (down, other): (u32, u32), dies: u32| {
            let (up, down) = (host(up, frame, "Up"), host(down, other, "Down"));
            format!("({{{up}, {down}}}, HostInstanceId({dies}))")
        };
        let known = two((0, 1), (1, 1), 1);
        check_mirrored(&known, &two((1, 1), (0, 1), 0), true);
        check_mirrored(&known, &two((1, 1), (0, 1), 1), false);
        check(&known, &two((1, 1), (0, 1), 0), false);
        // A frame is that of its host instance.
        check_mirrored(&known, &two((0, 3), (1, 1), 1), true);
        let call = |mine, frame| {
            format!("({}, {}, FrameId(#{frame}))", host(0, 1, "Up"), host(1, mine, "Up"))
        };
        check_mirrored(&call(2, 2), &call(1, 1), true);
        check_mirrored(&call(2, 2), &call(2, 1), false);
        let lives = |one, other| format!("Lives {{ services: [{one}, {other}] }}");
        check_mirrored(&lives(1, 2), &lives(2, 1), true);
        check_mirrored(&lives(1, 2), &lives(2, 2), false);
    }

    #[test]
    fn adapters_and_their_places_at_work_are_names() {
        // Which place is free says nothing.
        let sender = |node: u32, places: &str, token: u32| {
            let sender = format!("Sender {{ running: [{places}], free: [0, 2] }}");
            let call = format!("SinkCall {{ node: {node}, token: {token} }}");
            format!("({{(Node({node}), {sender})}}, {call})")
        };
        let known = sender(0, "Some(1), Some(2)", 0);
        check_mirrored(&known, &sender(1, "None, Some(1), Some(2)", 1), true);
        check_mirrored(&known, &sender(0, "Some(2), Some(1)", 1), true);
        check_mirrored(&known, &sender(0, "Some(1), Some(2)", 1), false);
    }

    #[test]
    fn who_looks_at_once_does_not_know_since_when_it_waits() {
        let waits = |poll: u32, since: u32| {
            let state = format!("state: Parked(Instant({since}))");
            format!("Dequeuer {{ poll: Duration({poll}), {state} }}")
        };
        check(&waits(0, 3), &waits(0, 4), true);
        check(&waits(5, 3), &waits(5, 4), false);
    }

    #[test]
    fn messages_in_a_source_are_compared() {
        let of = |held: u32, first: u32, second: u32| {
            let message = |number: u32| format!("WireMessage {{ number: {number} }}");
            format!("(Wire({held}), [{}, {}])", message(first), message(second))
        };
        let known = of(1, 1, 2);
        check(&known, &of(3, 3, 4), true);
        check(&known, &of(2, 2, 1), false);
        check(&known, &of(2, 1, 2), false);
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
