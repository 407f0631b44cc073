//! The context: what is written, promoted and demanded, shared until it is changed.

use std::sync::Arc;

use super::{PropertyId, PropertyKind, Value};
use crate::config::PromotedLength;

/// Why a context refused a property.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PropertyRefusal {
    /// A promoted text longer than its [`PromotedLength`] (R-CTX-05).
    TooLong,
}

/// A demand on the host that may get a message: its property of this name equals the value, or
/// does not exist when there is none (R-CTX-08).
pub type Predicate = (PropertyId, Option<Value>);

#[derive(Clone, Debug, Default, Eq, PartialEq)]
struct Properties {
    /// Sorted by identity.
    entries: Vec<(PropertyId, Value, PropertyKind)>,
    /// In the order of the calls; almost always none.
    predicates: Vec<Predicate>,
}

/// A message's context: properties by identity, shared until changed.
///
/// Messages of one location and type share one stored context; a change copies it first, so that
/// no redelivery can see another's change (INV-18).
#[derive(Clone, Debug, Default)]
pub struct Context {
    properties: Arc<Properties>,
    /// Not zero: all contexts with this number are equal, so routing may be remembered by it.
    template: u32,
    /// Every promotion counts as written: a delivered copy shares what is stored and routes on
    /// nothing of it.
    demoted: bool,
    /// The longest text that may be promoted.
    promoted_length: PromotedLength,
}

impl Eq for Context {}

impl PartialEq for Context {
    fn eq(&self, other: &Self) -> bool {
        self.template == other.template
            && self.predicates() == other.predicates()
            && self.iter().eq(other.iter())
    }
}

impl Context {
    /// A context that may promote texts of this length. Copies keep it.
    #[must_use]
    pub fn promoting(self, promoted_length: PromotedLength) -> Self {
        Self { promoted_length, ..self }
    }

    /// Marks this context as the template `number` (not zero): the caller promises that every
    /// context marked with it is equal. Any later change of a copy removes the mark.
    #[must_use]
    pub fn into_template(mut self, number: u32) -> Self {
        self.template = number;
        self
    }

    /// The template's number, or zero when this context is one of its own.
    #[must_use]
    pub const fn template(&self) -> u32 {
        self.template
    }

    fn find(&self, property: PropertyId) -> Result<usize, usize> {
        let entries = &self.properties.entries;
        // Half of what is asked for is absent, and behind all that is there.
        if entries.last().is_none_or(|last| last.0 < property) {
            return Err(entries.len());
        }
        self.search(property)
    }

    /// Apart, since it is long where it is written out, and the way around it is short.
    #[inline(never)]
    fn search(&self, property: PropertyId) -> Result<usize, usize> {
        self.properties.entries.binary_search_by_key(&property, |entry| entry.0)
    }

    fn put(&mut self, property: PropertyId, value: Option<Value>, kind: PropertyKind) {
        let place = self.find(property);
        self.template = 0;
        let entries = &mut self.own().entries;
        match (place, value) {
            (Ok(at), Some(value)) => entries[at] = (property, value, kind),
            (Err(at), Some(value)) => entries.insert(at, (property, value, kind)),
            (Ok(at), None) => drop(entries.remove(at)),
            (Err(_), None) => {}
        }
    }

    /// The properties for change: a copy of its own, with its demotion carried out.
    fn own(&mut self) -> &mut Properties {
        let demoted = std::mem::take(&mut self.demoted);
        let properties = Arc::make_mut(&mut self.properties);
        if demoted {
            for (.., kind) in &mut properties.entries {
                *kind = PropertyKind::Written;
            }
            properties.predicates.clear();
        }
        properties
    }

    /// Demands that only a host whose property equals `value` gets the message; `None` demands
    /// that the host has no such property (R-CTX-08). A second demand on a property replaces the
    /// first.
    pub fn add_predicate(&mut self, property: PropertyId, value: Option<Value>) {
        self.template = 0;
        let predicates = &mut self.own().predicates;
        match predicates.iter_mut().find(|(known, _)| *known == property) {
            Some((_, old)) => *old = value,
            None => predicates.push((property, value)),
        }
    }

    /// What the message demands of a host (R-CTX-08).
    #[must_use]
    pub fn predicates(&self) -> &[Predicate] {
        if self.demoted { &[] } else { &self.properties.predicates }
    }

    /// Whether a host with these properties may get the message (R-PUB-05, INV-23).
    #[must_use]
    pub fn admits(&self, host: &[(PropertyId, Value)]) -> bool {
        self.predicates().iter().all(|(property, demanded)| {
            let found = host.iter().find(|(known, _)| known == property).map(|(_, value)| value);
            found == demanded.as_ref()
        })
    }

    /// Writes a property: not routable, even if it was promoted before (R-CTX-03). `None`
    /// deletes it (R-CTX-04).
    pub fn write(&mut self, property: PropertyId, value: Option<Value>) {
        self.put(property, value, PropertyKind::Written);
    }

    /// Promotes a property: routable from now on (R-CTX-06). `None` deletes it (R-CTX-04).
    ///
    /// # Errors
    /// [`PropertyRefusal::TooLong`] for a text above the length of [`Self::promoting`], which is
    /// 255 characters by default; nothing is changed (R-CTX-05).
    pub fn promote(
        &mut self,
        property: PropertyId,
        value: Option<Value>,
    ) -> Result<(), PropertyRefusal> {
        if let Some(Value::Text(text)) = &value
            && text.chars().count() > self.promoted_length.chars()
        {
            return Err(PropertyRefusal::TooLong);
        }
        self.put(property, value, PropertyKind::Promoted);
        Ok(())
    }

    /// The value, promoted or written; `None` when absent (R-CTX-04).
    #[must_use]
    pub fn read(&self, property: PropertyId) -> Option<&Value> {
        self.find(property).ok().map(|at| &self.properties.entries[at].1)
    }

    /// The value if it is promoted: what subscriptions may see (R-SUB-04).
    #[must_use]
    pub fn promoted(&self, property: PropertyId) -> Option<&Value> {
        let (_, value, kind) = &self.properties.entries[self.find(property).ok()?];
        (*kind == PropertyKind::Promoted && !self.demoted).then_some(value)
    }

    /// Whether any property is promoted.
    #[must_use]
    pub fn promotes(&self) -> bool {
        let promoted = |(.., kind): &(_, _, PropertyKind)| *kind == PropertyKind::Promoted;
        !self.demoted && self.properties.entries.iter().any(promoted)
    }

    /// Whether the property is present and `true`.
    #[must_use]
    pub fn is_set(&self, property: PropertyId) -> bool {
        self.read(property) == Some(&Value::Bool(true))
    }

    /// The copy a subscriber gets: values stay, promotions and predicates go, so that publishing
    /// it again does not loop (R-CTX-07, INV-24). It shares what is stored until it is changed.
    #[must_use]
    pub fn demoted(&self) -> Self {
        let promoted_length = self.promoted_length;
        Self {
            properties: Arc::clone(&self.properties),
            template: 0,
            demoted: true,
            promoted_length,
        }
    }

    /// Whether every value can be stored (R-CTX-09).
    #[must_use]
    pub fn is_storable(&self) -> bool {
        !self.properties.entries.iter().any(|(_, value, _)| *value == Value::Object)
    }

    /// All properties in the order of their identities.
    pub fn iter(&self) -> impl Iterator<Item = (PropertyId, &Value, PropertyKind)> {
        let demoted = self.demoted;
        let kind_of = move |kind| if demoted { PropertyKind::Written } else { kind };
        self.properties.entries.iter().map(move |(id, value, kind)| (*id, value, kind_of(*kind)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const P: PropertyId = PropertyId(1000);

    #[test]
    fn the_last_call_decides_whether_a_property_is_promoted() {
        // R-CTX-03, INV-21.
        let mut context = Context::default();
        context.promote(P, Some(Value::Int(1))).unwrap();
        assert_eq!(context.promoted(P), Some(&Value::Int(1)));
        context.write(P, Some(Value::Int(2)));
        assert_eq!((context.promoted(P), context.read(P)), (None, Some(&Value::Int(2))));
        context.promote(P, Some(Value::Int(3))).unwrap();
        assert_eq!(context.promoted(P), Some(&Value::Int(3)));
    }

    #[test]
    fn none_deletes_and_absent_reads_as_none() {
        // R-CTX-04.
        let mut context = Context::default();
        context.write(P, None);
        assert_eq!(context.read(P), None);
        context.promote(P, Some(Value::Bool(true))).unwrap();
        context.promote(P, None).unwrap();
        assert_eq!((context.read(P), context.iter().count()), (None, 0));
    }

    #[test]
    fn promoted_text_is_limited_written_text_is_not() {
        // R-CTX-05, X-05.
        let (short, long) = ("x".repeat(255), "x".repeat(256));
        let mut context = Context::default();
        assert_eq!(context.promote(P, Some(Value::text(&long))), Err(PropertyRefusal::TooLong));
        assert_eq!(context.read(P), None);
        assert_eq!(context.promote(P, Some(Value::text(&short))), Ok(()));
        context.write(P, Some(Value::text(&long)));
        assert_eq!(context.read(P), Some(&Value::text(&long)));
    }

    #[test]
    fn a_demoted_copy_keeps_values_and_routes_on_nothing() {
        // R-CTX-07, INV-24; INV-18: the original is untouched.
        let mut context = Context::default();
        context.promote(P, Some(Value::Int(7))).unwrap();
        let delivered = context.demoted();
        assert_eq!((delivered.read(P), delivered.promoted(P)), (Some(&Value::Int(7)), None));
        assert_eq!(context.promoted(P), Some(&Value::Int(7)));
        // What is promoted again routes, and nothing else comes back with it.
        let (mut again, other) = (delivered.clone(), PropertyId(1001));
        again.promote(other, Some(Value::Int(1))).unwrap();
        assert_eq!((again.promoted(P), again.promoted(other)), (None, Some(&Value::Int(1))));
        assert_eq!(again.read(P), Some(&Value::Int(7)));
        assert!(delivered.iter().all(|(.., kind)| kind == PropertyKind::Written));
        let mut written = Context::default();
        written.write(P, Some(Value::Int(7)));
        assert_eq!(delivered, written);
    }

    #[test]
    fn a_predicate_demands_an_equal_host_property_or_none() {
        // R-CTX-08, INV-23: every demand against every host.
        let (one, two) = ([(P, Value::Int(1))], [(P, Value::Int(2))]);
        let hosts: [&[(PropertyId, Value)]; 3] = [&[], &one, &two];
        for (demand, admitted) in [
            (None, [true, false, false]),
            (Some(Value::Int(1)), [false, true, false]),
            (Some(Value::text("1")), [false, false, false]),
        ] {
            let mut context = Context::default();
            context.add_predicate(P, demand.clone());
            assert_eq!(hosts.map(|host| context.admits(host)), admitted, "{demand:?}");
            assert_eq!((context.read(P), context.promoted(P)), (None, None));
            assert!(context.demoted().predicates().is_empty());
        }
        // The last demand on a property counts, and all properties must be content.
        let mut context = Context::default();
        context.add_predicate(P, Some(Value::Int(2)));
        context.add_predicate(P, Some(Value::Int(1)));
        context.add_predicate(PropertyId(1001), None);
        assert_eq!(hosts.map(|host| context.admits(host)), [false, true, false]);
    }

    #[test]
    fn a_context_promotes_when_one_of_its_properties_is_promoted() {
        // R-CTX-02, R-CTX-07: others may be written only; a demoted copy promotes nothing.
        let mut context = Context::default();
        assert!(!context.promotes());
        context.write(P, Some(Value::Int(1)));
        assert!(!context.promotes());
        context.promote(PropertyId(1001), Some(Value::Int(2))).unwrap();
        assert!(context.promotes());
        assert!(!context.demoted().promotes());
    }

    #[test]
    fn a_changed_copy_is_no_longer_the_template() {
        let template = Context::default().into_template(5);
        let mut copy = template.clone();
        copy.write(P, Some(Value::Int(1)));
        assert_eq!((template.template(), copy.template(), template.read(P)), (5, 0, None));
    }
}
