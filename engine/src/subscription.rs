//! Subscriptions: predicates over promoted properties, and the table that routes by them.
//!
//! Routing must not scan: with a thousand send ports a document costs what it costs with one.
//! The table files every group of a filter under one of its equality conditions, evaluates only
//! the groups so found, and remembers the answer per distinct set of routed-on values.

use rustc_hash::FxHashMap;

use crate::id::SubscriberId;
use crate::message::{Document, PropertyId, Value};

/// Answers remembered before the memory is emptied: a bound, not a tuning knob.
const REMEMBERED_MAX: usize = 65_536;

/// The operators of a condition (R-SUB-02; the bitwise operator is not modelled).
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Operator {
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

/// A remembered answer of the table: which ports get a reference.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RouteId(u32);

#[derive(Clone, Debug)]
struct Subscription {
    port: SubscriberId,
    filter: Filter,
}

/// All subscriptions of a MessageBox and the index over them.
#[derive(Clone, Debug)]
pub struct SubscriptionTable {
    subscriptions: Vec<Subscription>,
    /// (property, value) of an equality condition → the (subscription, group) filed under it.
    by_equality: FxHashMap<(PropertyId, Value), Vec<(u32, u32)>>,
    /// Groups without an equality condition: tried for every new signature.
    elsewhere: Vec<(u32, u32)>,
    /// Properties that some condition names, sorted: only these can change an answer.
    routed_on: Vec<PropertyId>,
    routes: Vec<Box<[SubscriberId]>>,
    /// Answer by template number (zero: not known yet); valid while no condition looks at a
    /// value that differs between documents of one template.
    by_template: Vec<u32>,
    by_signature: FxHashMap<Vec<Option<Value>>, RouteId>,
    remembered_max: usize,
}

impl Default for SubscriptionTable {
    fn default() -> Self {
        Self {
            subscriptions: Vec::new(),
            by_equality: FxHashMap::default(),
            elsewhere: Vec::new(),
            routed_on: Vec::new(),
            routes: Vec::new(),
            by_template: Vec::new(),
            by_signature: FxHashMap::default(),
            remembered_max: REMEMBERED_MAX,
        }
    }
}

impl SubscriptionTable {
    /// Enlists a port: its filter, and its own transport identity, to which direct sends are
    /// addressed (R-SUB-06).
    pub fn enlist(&mut self, port: SubscriberId, transport: &str, filter: Option<Filter>) {
        let own = Condition::equals(PropertyId::SP_TRANSPORT_ID, Value::text(transport));
        self.subscribe(port, Filter::all_of(vec![own]));
        if let Some(filter) = filter {
            self.subscribe(port, filter);
        }
    }

    /// Adds an activation subscription (R-SUB-05).
    pub fn subscribe(&mut self, port: SubscriberId, filter: Filter) {
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
        self.subscriptions.push(Subscription { port, filter });
        self.forget();
    }

    /// Removes every subscription of a port (R-SUB-09: unenlist).
    pub fn unenlist(&mut self, port: SubscriberId) {
        let kept: Vec<Subscription> =
            self.subscriptions.drain(..).filter(|known| known.port != port).collect();
        *self = Self::default();
        for subscription in kept {
            self.subscribe(subscription.port, subscription.filter);
        }
    }

    fn forget(&mut self) {
        self.by_template.clear();
        self.by_signature.clear();
        self.routes.clear();
    }

    /// The ports that a route leads to, in the order of their enlistment.
    #[must_use]
    pub fn subscribers(&self, route: RouteId) -> &[SubscriberId] {
        &self.routes[route.0 as usize]
    }

    /// Which subscriptions match `document`; an empty route is a routing failure (R-PUB-06).
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
        let route = self.route_by_signature(document);
        if fixed {
            if self.by_template.len() <= template {
                self.by_template.resize(template + 1, 0);
            }
            self.by_template[template] = route.0 + 1;
        }
        route
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
        let ports = self.evaluate(document, &signature);
        let known = self.routes.iter().position(|route| **route == ports);
        let index = known.unwrap_or_else(|| {
            self.routes.push(ports.into_boxed_slice());
            self.routes.len() - 1
        });
        let route = RouteId(u32::try_from(index).expect("fewer than 2^32 routes"));
        self.by_signature.insert(signature, route);
        route
    }

    fn evaluate(&self, document: &Document, signature: &[Option<Value>]) -> Vec<SubscriberId> {
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
        matching
            .iter()
            .map(|subscription| self.subscriptions[*subscription as usize].port)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Body, Context, DocumentName, Parts};
    use crate::time::Instant;

    const A: PropertyId = PropertyId(100);
    const B: PropertyId = PropertyId(101);

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
        use Operator::{Equals, Exists, Greater, GreaterOrEqual, Less, LessOrEqual, NotEquals};
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
                assert_eq!(table.subscribers(route), expected, "a={a} b={b}");
            }
        }
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
        assert_eq!(table.subscribers(first), [SubscriberId(1)]);
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
        assert!(table.subscribers(route).is_empty());
        let promoted = document(&[(A, Value::Int(1))]);
        let route = table.route(&promoted);
        assert_eq!(table.subscribers(route), [SubscriberId(0)]);
    }

    #[test]
    fn an_enlisted_port_is_reached_by_its_transport_and_an_unenlisted_one_by_nothing() {
        // R-SUB-06, R-SUB-09, INV-25.
        let mut table = SubscriptionTable::default();
        table.enlist(SubscriberId(3), "Partner", None);
        let direct = document(&[(PropertyId::SP_TRANSPORT_ID, Value::text("Partner"))]);
        let route = table.route(&direct);
        assert_eq!(table.subscribers(route), [SubscriberId(3)]);
        table.unenlist(SubscriberId(3));
        let route = table.route(&direct);
        assert!(table.subscribers(route).is_empty());
    }
}
