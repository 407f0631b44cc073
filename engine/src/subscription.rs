//! Subscriptions: predicates over promoted properties, and the table that routes by them.
//!
//! Routing must not scan: with a thousand send ports a document costs what it costs with one.
//! The table files every group of a filter under one of its equality conditions, evaluates only
//! the groups so found, and remembers the answer per distinct set of routed-on values.

use std::hint::cold_path;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::config::Topology;
use crate::id::{SendPortGroupId, SubscriberId};
use crate::message::{Document, PropertyId, Value};

/// Answers remembered before the memory is emptied: a bound, not a tuning knob.
const REMEMBERED_MAX: usize = 65_536;

/// The operators of a condition (R-SUB-02).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Operator {
    /// `&`: integers that have a bit in common. \[M\] whether one common bit is enough is not
    /// documented.
    BitwiseAnd,
    /// `==`
    Equals,
    /// Present, whatever its value.
    Exists,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `!=`; false when the property is absent (R-SUB-04).
    NotEquals,
}

/// One condition on a promoted property.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Condition {
    /// The property.
    pub property: PropertyId,
    /// The comparison.
    pub operator: Operator,
    /// The value compared with; not looked at by [`Operator::Exists`].
    pub value: Value,
}

impl Condition {
    /// `property == value`.
    #[must_use]
    pub const fn equals(property: PropertyId, value: Value) -> Self {
        Self { property, operator: Operator::Equals, value }
    }

    /// Whether the condition holds for a promoted value; an absent one satisfies nothing
    /// (R-SUB-04). Values of different types are unequal and not ordered.
    #[must_use]
    pub fn holds(&self, found: Option<&Value>) -> bool {
        let Some(found) = found else { return false };
        let comparable = std::mem::discriminant(found) == std::mem::discriminant(&self.value);
        match self.operator {
            Operator::BitwiseAnd => match (found, &self.value) {
                (Value::Int(found), Value::Int(mask)) => found & mask != 0,
                _ => false,
            },
            Operator::Exists => true,
            Operator::Equals => *found == self.value,
            Operator::NotEquals => *found != self.value,
            Operator::Greater => comparable && *found > self.value,
            Operator::GreaterOrEqual => comparable && *found >= self.value,
            Operator::Less => comparable && *found < self.value,
            Operator::LessOrEqual => comparable && *found <= self.value,
        }
    }
}

/// A predicate: a disjunction of groups whose conditions must all hold (R-SUB-03).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Filter {
    /// The groups.
    pub groups: Vec<Vec<Condition>>,
}

impl Filter {
    /// A filter of one group.
    #[must_use]
    pub fn all_of(conditions: Vec<Condition>) -> Self {
        Self { groups: vec![conditions] }
    }

    /// Whether the predicate is true on the promoted properties (INV-19).
    pub fn matches(&self, promoted: impl Fn(PropertyId) -> Option<Value>) -> bool {
        let holds = |condition: &Condition| condition.holds(promoted(condition.property).as_ref());
        self.groups.iter().any(|group| group.iter().all(holds))
    }
}

/// What a new message meets at a send port (R-SUB-09, R-SUB-10).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum PortState {
    /// Not enlisted: no subscription.
    Bound = 1,
    /// Enlisted and active: references go to the work queue.
    #[default]
    Started = 3,
    /// Enlisted but inactive: references go to the suspended queue.
    Stopped = 2,
}

/// A matching subscription: who gets a reference, and by which group, if not by itself
/// (R-PUB-03, R-SUB-11).
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Match {
    /// The subscriber.
    pub subscriber: SubscriberId,
    /// The send port group whose filter matched.
    pub group: Option<SendPortGroupId>,
}

/// A remembered answer of the table: which subscriptions match.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RouteId(u32);

#[derive(Clone, Debug)]
struct Subscription {
    by: Match,
    filter: Filter,
}

/// The properties of a subscriber's host, shared by all of that host's.
type HostProperties = Arc<[(PropertyId, Value)]>;

/// All subscriptions of a MessageBox and the index over them.
#[derive(Clone, Debug)]
pub struct SubscriptionTable {
    subscriptions: Vec<Subscription>,
    /// By subscriber: what predicates are held against (R-CTX-08). Empty where no host has any.
    properties: Vec<HostProperties>,
    /// (property, value) of an equality condition → the (subscription, group) filed under it.
    by_equality: FxHashMap<(PropertyId, Value), Vec<(u32, u32)>>,
    /// Groups without an equality condition: tried for every new signature.
    elsewhere: Vec<(u32, u32)>,
    /// Properties that some condition names, sorted: only these can change an answer.
    routed_on: Vec<PropertyId>,
    routes: Vec<Box<[Match]>>,
    /// Answer by template number (zero: not known yet); valid while no condition looks at a
    /// value that differs between documents of one template.
    by_template: Vec<u32>,
    by_signature: FxHashMap<Vec<Option<Value>>, RouteId>,
    remembered_max: usize,
    /// Predicates that no subscription uses any more, waiting for their job (R-GC-02).
    unused: u64,
}

impl Default for SubscriptionTable {
    fn default() -> Self {
        Self {
            subscriptions: Vec::new(),
            properties: Vec::new(),
            by_equality: FxHashMap::default(),
            elsewhere: Vec::new(),
            routed_on: Vec::new(),
            routes: Vec::new(),
            by_template: Vec::new(),
            by_signature: FxHashMap::default(),
            remembered_max: REMEMBERED_MAX,
            unused: 0,
        }
    }
}

impl SubscriptionTable {
    /// An empty table that knows the hosts of its subscribers.
    #[must_use]
    pub fn new(topology: &Topology) -> Self {
        let hosts: Vec<HostProperties> =
            topology.hosts.iter().map(|host| Arc::from(host.properties.as_slice())).collect();
        let none = HostProperties::default();
        let properties = (0..topology.subscribers()).map(|at| {
            let host = topology.host_of(SubscriberId::from(at));
            host.map_or_else(|| Arc::clone(&none), |host| Arc::clone(&hosts[host.index()]))
        });
        Self { properties: properties.collect(), ..Self::default() }
    }

    /// Enlists a port: its filter, and its own transport identity, to which direct sends are
    /// addressed (R-SUB-06).
    pub fn enlist(&mut self, port: SubscriberId, transport: &str, filter: Option<Filter>) {
        let own = Condition::equals(PropertyId::SP_TRANSPORT_ID, Value::text(transport));
        self.subscribe(port, Filter::all_of(vec![own]));
        if let Some(filter) = filter {
            self.subscribe(port, filter);
        }
    }

    /// Enlists a member of a send port group: the group's filter and its identity (R-SUB-11).
    pub fn enlist_member(
        &mut self,
        port: SubscriberId,
        group: SendPortGroupId,
        name: &str,
        filter: Option<Filter>,
    ) {
        let own = Condition::equals(PropertyId::SP_GROUP_ID, Value::text(name));
        for filter in [Some(Filter::all_of(vec![own])), filter].into_iter().flatten() {
            self.add(Match { subscriber: port, group: Some(group) }, filter);
        }
        self.forget();
    }

    /// Adds an activation subscription (R-SUB-05).
    pub fn subscribe(&mut self, subscriber: SubscriberId, filter: Filter) {
        self.add(Match { subscriber, group: None }, filter);
        self.forget();
    }

    fn add(&mut self, by: Match, filter: Filter) {
        let number =
            u32::try_from(self.subscriptions.len()).expect("fewer than 2^32 subscriptions");
        for (group_number, group) in (0_u32..).zip(&filter.groups) {
            let place = (number, group_number);
            // The last equality is the likeliest to be selective: people write the port first.
            match group.iter().rev().find(|condition| condition.operator == Operator::Equals) {
                Some(by) => {
                    self.by_equality
                        .entry((by.property, by.value.clone()))
                        .or_default()
                        .push(place);
                }
                None => self.elsewhere.push(place),
            }
            self.routed_on.extend(group.iter().map(|condition| condition.property));
        }
        self.routed_on.sort_unstable();
        self.routed_on.dedup();
        self.subscriptions.push(Subscription { by, filter });
    }

    /// Removes every subscription of a port, its groups' included (R-SUB-09: unenlist).
    pub fn unenlist(&mut self, port: SubscriberId) {
        self.keep(|by| by.subscriber != port);
    }

    /// Removes every subscription that a send port group made (R-SUB-09: unenlist).
    pub fn unenlist_group(&mut self, group: SendPortGroupId) {
        self.keep(|by| by.group != Some(group));
    }

    fn keep(&mut self, stays: impl Fn(Match) -> bool) {
        let all = std::mem::take(&mut self.subscriptions);
        let properties = std::mem::take(&mut self.properties);
        let (remembered_max, mut unused) = (self.remembered_max, self.unused);
        *self = Self { properties, remembered_max, ..Self::default() };
        for subscription in all {
            if stays(subscription.by) {
                self.add(subscription.by, subscription.filter);
            } else {
                unused += subscription.filter.groups.len() as u64;
            }
        }
        self.unused = unused;
    }

    /// The work of the job `PurgeSubscriptions` (R-GC-02); returns how many predicates went.
    pub fn purge(&mut self) -> u64 {
        std::mem::take(&mut self.unused)
    }

    fn forget(&mut self) {
        self.by_template.clear();
        self.by_signature.clear();
        self.routes.clear();
    }

    /// Where a route leads, in the order of enlistment: one entry per matching subscription.
    #[must_use]
    pub fn matches(&self, route: RouteId) -> &[Match] {
        &self.routes[route.0 as usize]
    }

    /// Which subscriptions match `document`; an empty route is a routing failure (R-PUB-06).
    #[inline(always)]
    pub fn route(&mut self, document: &Document) -> RouteId {
        let template = document.context.template() as usize;
        // The sequence number is not part of the context, so a template does not fix it.
        let fixed = template != 0
            && (!document.name.split
                || self.routed_on.binary_search(&PropertyId::INTERCHANGE_SEQUENCE_NUMBER).is_err());
        if fixed
            && let Some(&known) = self.by_template.get(template)
            && known != 0
        {
            return RouteId(known - 1);
        }
        cold_path();
        let mut route = self.route_by_signature(document);
        if !document.context.predicates().is_empty() {
            route = self.admitted(document, route);
        }
        if fixed {
            if self.by_template.len() <= template {
                self.by_template.resize(template + 1, 0);
            }
            self.by_template[template] = route.0 + 1;
        }
        route
    }

    /// What the document's predicates leave of a route (R-PUB-05). \[M\] a document that no host
    /// may have is a routing failure.
    fn admitted(&mut self, document: &Document, route: RouteId) -> RouteId {
        let admits = |by: &&Match| {
            let host = self.properties.get(by.subscriber.index());
            document.context.admits(host.map_or(&[], |properties| properties))
        };
        let left: Vec<Match> = self.matches(route).iter().filter(admits).copied().collect();
        self.known_route(left)
    }

    fn known_route(&mut self, matches: Vec<Match>) -> RouteId {
        let known = self.routes.iter().position(|route| **route == matches);
        let index = known.unwrap_or_else(|| {
            self.routes.push(matches.into_boxed_slice());
            self.routes.len() - 1
        });
        RouteId(u32::try_from(index).expect("fewer than 2^32 routes"))
    }

    fn route_by_signature(&mut self, document: &Document) -> RouteId {
        let signature: Vec<Option<Value>> =
            self.routed_on.iter().map(|property| document.promoted(*property)).collect();
        if let Some(&known) = self.by_signature.get(&signature) {
            return known;
        }
        if self.by_signature.len() >= self.remembered_max {
            // Only the memory of signatures: a batch under judgement holds route numbers, and
            // there are few distinct routes.
            self.by_signature.clear();
        }
        let matches = self.evaluate(document, &signature);
        let route = self.known_route(matches);
        self.by_signature.insert(signature, route);
        route
    }

    fn evaluate(&self, document: &Document, signature: &[Option<Value>]) -> Vec<Match> {
        let filed = self
            .routed_on
            .iter()
            .zip(signature)
            .filter_map(|(property, value)| self.by_equality.get(&(*property, value.clone()?)));
        let mut matching: Vec<u32> = filed
            .flatten()
            .chain(&self.elsewhere)
            .filter(|(subscription, group)| {
                let filter = &self.subscriptions[*subscription as usize].filter;
                filter.groups[*group as usize].iter().all(|condition| {
                    condition.holds(document.promoted(condition.property).as_ref())
                })
            })
            .map(|(subscription, _)| *subscription)
            .collect();
        // Two groups of one subscription are still one match (INV-13).
        matching.sort_unstable();
        matching.dedup();
        matching.iter().map(|number| self.subscriptions[*number as usize].by).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Body, Context, DocumentName, Parts};
    use crate::time::Instant;

    const A: PropertyId = PropertyId(100);
    const B: PropertyId = PropertyId(101);

    fn reached(table: &SubscriptionTable, route: RouteId) -> Vec<SubscriberId> {
        table.matches(route).iter().map(|by| by.subscriber).collect()
    }

    fn document(promoted: &[(PropertyId, Value)]) -> Document {
        let mut context = Context::default();
        for (property, value) in promoted {
            context.promote(*property, Some(value.clone())).unwrap();
        }
        Document {
            name: DocumentName { wire: 1, sequence: 1, split: false },
            lineage: 1,
            arrived: Instant::ZERO,
            context,
            parts: Parts::of(Body::Described { bytes: 1, documents: 1 }),
        }
    }

    fn condition(property: PropertyId, operator: Operator, value: Value) -> Condition {
        Condition { property, operator, value }
    }

    #[test]
    fn every_operator_in_all_its_cases() {
        // R-SUB-02, R-SUB-04.
        use Operator::{
            BitwiseAnd, Equals, Exists, Greater, GreaterOrEqual, Less, LessOrEqual, NotEquals,
        };
        let five = Value::Int(5);
        let cases = [
            // operator, holds for 4, for 5, for 6, for text, for absent (R-SUB-04)
            (Equals, [false, true, false, false, false]),
            (NotEquals, [true, false, true, true, false]),
            (Less, [true, false, false, false, false]),
            (LessOrEqual, [true, true, false, false, false]),
            (Greater, [false, false, true, false, false]),
            (GreaterOrEqual, [false, true, true, false, false]),
            (Exists, [true, true, true, true, false]),
            // 4 & 5 and 5 & 5 and 6 & 5 have bits in common; see below for none.
            (BitwiseAnd, [true, true, true, false, false]),
        ];
        let found = [
            Some(Value::Int(4)),
            Some(five.clone()),
            Some(Value::Int(6)),
            Some(Value::text("x")),
            None,
        ];
        for (operator, expected) in cases {
            let condition = condition(A, operator, five.clone());
            let holds = found.each_ref().map(|found| condition.holds(found.as_ref()));
            assert_eq!(holds, expected, "{operator:?}");
        }
        let mask = condition(A, BitwiseAnd, Value::Int(2));
        let holds = found.each_ref().map(|found| mask.holds(found.as_ref()));
        assert_eq!(holds, [false, false, true, false, false], "4, 5 and 6 against the bit of 2");
    }

    #[test]
    fn the_index_agrees_with_the_predicates() {
        // INV-19 against the plain definition, over every combination of two small properties.
        let (one, two) = (SubscriberId(0), SubscriberId(1));
        let filters = [
            Filter {
                groups: vec![
                    vec![
                        Condition::equals(A, Value::Int(1)),
                        condition(B, Operator::Greater, Value::Int(1)),
                    ],
                    vec![Condition::equals(B, Value::Int(0))],
                ],
            },
            Filter::all_of(vec![condition(A, Operator::NotEquals, Value::Int(2))]),
        ];
        let mut table = SubscriptionTable::default();
        for (port, filter) in [one, two].into_iter().zip(&filters) {
            table.enlist(port, "transport", Some(filter.clone()));
        }
        for (a, b) in (0..4).flat_map(|a| (0..4).map(move |b| (a, b))) {
            let document = document(&[(A, Value::Int(a)), (B, Value::Int(b))]);
            let expected: Vec<SubscriberId> = [one, two]
                .into_iter()
                .zip(&filters)
                .filter(|(_, filter)| filter.matches(|property| document.promoted(property)))
                .map(|(port, _)| port)
                .collect();
            for _ in 0..2 {
                let route = table.route(&document);
                assert_eq!(reached(&table, route), expected, "a={a} b={b}");
            }
        }
    }

    #[test]
    fn one_group_is_enough_and_all_of_it_has_to_hold() {
        // R-SUB-03: (A = 1 and B = 1) or B = 2, over every combination; and no group at all is
        // never true.
        let filter = Filter {
            groups: vec![
                vec![Condition::equals(A, Value::Int(1)), Condition::equals(B, Value::Int(1))],
                vec![Condition::equals(B, Value::Int(2))],
            ],
        };
        let mut table = SubscriptionTable::default();
        table.enlist(SubscriberId(0), "transport", Some(filter.clone()));
        let mut holds = Vec::new();
        for (a, b) in (0..3).flat_map(|a| (0..3).map(move |b| (a, b))) {
            let document = document(&[(A, Value::Int(a)), (B, Value::Int(b))]);
            let route = table.route(&document);
            assert_eq!(
                !reached(&table, route).is_empty(),
                filter.matches(|property| document.promoted(property))
            );
            if !reached(&table, route).is_empty() {
                holds.push((a, b));
            }
        }
        assert_eq!(holds, [(0, 2), (1, 1), (1, 2), (2, 2)]);
        assert!(!Filter::default().matches(|_| Some(Value::Int(1))));
    }

    #[test]
    fn a_full_memory_forgets_answers_and_keeps_the_routes_in_use() {
        let mut table = SubscriptionTable { remembered_max: 2, ..SubscriptionTable::default() };
        for (port, value) in [(SubscriberId(0), 0), (SubscriberId(1), 1)] {
            let filter = Filter::all_of(vec![Condition::equals(A, Value::Int(value))]);
            table.enlist(port, "transport", Some(filter));
        }
        let first = table.route(&document(&[(A, Value::Int(1))]));
        for value in 0..9 {
            let _ = table.route(&document(&[(A, Value::Int(value))]));
        }
        assert_eq!(reached(&table, first), [SubscriberId(1)]);
    }

    #[test]
    fn written_properties_never_route() {
        // INV-20, R-SUB-04.
        let mut table = SubscriptionTable::default();
        table.enlist(
            SubscriberId(0),
            "t",
            Some(Filter::all_of(vec![Condition::equals(A, Value::Int(1))])),
        );
        let mut written = document(&[]);
        written.context.write(A, Some(Value::Int(1)));
        let route = table.route(&written);
        assert!(table.matches(route).is_empty());
        let promoted = document(&[(A, Value::Int(1))]);
        let route = table.route(&promoted);
        assert_eq!(reached(&table, route), [SubscriberId(0)]);
    }

    #[test]
    fn an_enlisted_port_is_reached_by_its_transport_and_an_unenlisted_one_by_nothing() {
        // R-SUB-06, R-SUB-09, INV-25.
        let mut table = SubscriptionTable::default();
        table.enlist(SubscriberId(3), "Partner", None);
        let direct = document(&[(PropertyId::SP_TRANSPORT_ID, Value::text("Partner"))]);
        let route = table.route(&direct);
        assert_eq!(reached(&table, route), [SubscriberId(3)]);
        table.unenlist(SubscriberId(3));
        let route = table.route(&direct);
        assert!(table.matches(route).is_empty());
    }
}
