//! Maps: what turns a document of one type into one of another.
//!
//! A map is described by the types it takes and makes and by how the size changes; nobody's
//! transformation runs here.

use std::sync::Arc;

use crate::message::{Body, Context, Document, PropertyId, Value};
use crate::pipeline::Stage;

/// One map of a port.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Map {
    /// Its name, for people.
    pub name: String,
    /// The type it takes; without one it takes everything, documents without a type included.
    pub from: Option<Arc<str>>,
    /// The type it makes; without one the type stays.
    pub to: Option<Arc<str>>,
    /// Bytes that it makes of a thousand.
    pub size_per_mille: u32,
}

/// The map failed (R-MAP-01): it is an error of the map stage.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MapFailure;

impl Map {
    /// A map that takes everything and changes neither type nor size.
    #[must_use]
    pub fn any() -> Self {
        Self { name: "any".to_owned(), from: None, to: None, size_per_mille: 1000 }
    }

    /// Whether documents come out as they went in.
    #[must_use]
    pub const fn is_neutral(&self) -> bool {
        self.to.is_none() && self.size_per_mille == 1000
    }

    /// The map for a document's type: the first that takes it (R-MAP-01; \[M\] which of several
    /// is not documented). `None`: the document passes unmapped.
    #[must_use]
    pub fn choose<'a>(maps: &'a [Self], message_type: Option<&Value>) -> Option<&'a Self> {
        maps.iter().find(|map| match (&map.from, message_type) {
            (None, _) => true,
            (Some(from), Some(Value::Text(found))) => from == found,
            (Some(_), Some(Value::Bool(_) | Value::Int(_) | Value::Object) | None) => false,
        })
    }

    /// The map for a context's type.
    #[must_use]
    #[inline(always)]
    pub fn choose_for<'a>(maps: &'a [Self], context: &Context) -> Option<&'a Self> {
        if maps.is_empty() {
            return None;
        }
        Self::choose(maps, context.read(PropertyId::MESSAGE_TYPE))
    }

    /// The size of what it makes.
    #[must_use]
    pub fn bytes(&self, bytes: u64) -> u64 {
        let made = u128::from(bytes) * u128::from(self.size_per_mille) / 1000;
        u64::try_from(made).unwrap_or(u64::MAX).max(u64::from(bytes > 0))
    }

    /// Gives `context` the type it makes, promoted as it was.
    pub(crate) fn retype(&self, context: &mut Context) {
        let Some(to) = &self.to else { return };
        if context.read(PropertyId::MESSAGE_TYPE) == Some(&Value::Text(Arc::clone(to))) {
            return;
        }
        let refused = context.promote(PropertyId::MESSAGE_TYPE, Some(Value::Text(Arc::clone(to))));
        assert!(refused.is_ok(), "the type that a map makes is short enough to promote");
    }

    /// Maps a document on its way in. Real bytes stay what they are unless their size changes:
    /// then the body is only described. \[M\]
    pub(crate) fn apply(maps: &[Self], document: &mut Document) -> Result<(), MapFailure> {
        let Some(map) = Self::choose_for(maps, &document.context) else { return Ok(()) };
        if Stage::Map.trips(&document.context) {
            return Err(MapFailure);
        }
        if !map.is_neutral() {
            map.retype(&mut document.context);
        }
        if map.size_per_mille != 1000 {
            let bytes = map.bytes(document.parts.body().bytes());
            let documents = match document.parts.body() {
                Body::Described { documents, .. } => *documents,
                Body::Real(_) => 1,
            };
            let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
            document.parts = document.parts.with_body(Body::Described { bytes, documents });
        }
        Ok(())
    }
}

/// The type of a document once the maps of a port have seen it.
#[must_use]
pub fn mapped_type<'a>(maps: &'a [Map], context: &'a Context) -> Option<Value> {
    let own = context.read(PropertyId::MESSAGE_TYPE);
    let made = Map::choose_for(maps, context).and_then(|map| map.to.clone());
    made.map(Value::Text).or_else(|| own.cloned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{DocumentName, Parts};
    use crate::time::Instant;

    fn map(from: Option<&str>, to: Option<&str>, size_per_mille: u32) -> Map {
        Map {
            name: String::new(),
            from: from.map(Arc::from),
            to: to.map(Arc::from),
            size_per_mille,
        }
    }

    fn document(message_type: Option<&str>) -> Document {
        let mut context = Context::default();
        context.promote(PropertyId::MESSAGE_TYPE, message_type.map(Value::text)).unwrap();
        Document {
            name: DocumentName { wire: 1, sequence: 1, split: false },
            lineage: 1,
            arrived: Instant::ZERO,
            context,
            parts: Parts::of(Body::Described { bytes: 1000, documents: 1 }),
        }
    }

    #[test]
    fn the_type_chooses_the_map_and_no_map_is_no_change() {
        // R-MAP-01.
        let maps = [
            map(Some("a"), Some("b"), 1500),
            map(Some("a"), Some("c"), 1),
            map(Some("d"), None, 0),
        ];
        let cases = [
            (Some("a"), Some("b"), 1500),
            (Some("d"), Some("d"), 1),
            (Some("x"), Some("x"), 1000),
            (None, None, 1000),
        ];
        for (own, made, bytes) in cases {
            let mut document = document(own);
            assert_eq!(mapped_type(&maps, &document.context), made.map(Value::text));
            Map::apply(&maps, &mut document).unwrap();
            assert_eq!(document.promoted(PropertyId::MESSAGE_TYPE), made.map(Value::text));
            assert_eq!(document.parts.bytes(), bytes, "{own:?}");
        }
    }

    #[test]
    fn a_fault_of_the_map_stage_trips_the_map_that_takes_the_document() {
        // R-MAP-01: no map, no failure.
        let mut document = document(Some("a"));
        Stage::Map.mark(&mut document.context);
        assert_eq!(Map::apply(&[map(Some("x"), None, 1000)], &mut document), Ok(()));
        assert_eq!(Map::apply(&[Map::any()], &mut document), Err(MapFailure));
    }
}
