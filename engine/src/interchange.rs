//! Interchanges: one wire message that holds many documents.

use crate::hash::mix;
use crate::message::{Body, Document, DocumentName, Parts, WireMessage};
use crate::pipeline::{Failure, Stage};

/// Splits `wire` into its documents, numbered from 1 in the order of disassembly (INV-60).
///
/// Without a disassembler the message passes whole (R-PIPE-03). A described body says how many
/// documents it holds; zero means that the pipeline consumes it (R-RCV-02). Real bytes are
/// only looked at for the shape of XML: they are one document, and are not split by an envelope.
///
/// # Errors
/// Real bytes that are not UTF-8 text, or do not begin and end as XML does.
pub(crate) fn disassemble(
    splits: bool,
    wire: &WireMessage,
    out: &mut Vec<Document>,
) -> Result<(), Failure> {
    let count = match wire.parts.body() {
        Body::Described { documents, .. } if splits => *documents,
        Body::Real(bytes) if splits && !looks_like_xml(bytes) => {
            return Err(Failure { stage: Stage::Disassemble, document: 1 });
        }
        Body::Described { .. } | Body::Real(_) => 1,
    };
    let split = count > 1;
    out.extend((1..=count).map(|sequence| Document {
        name: DocumentName { wire: wire.number, sequence, split },
        lineage: if split { mix(wire.lineage, u64::from(sequence)) } else { wire.lineage },
        arrived: wire.arrived,
        context: wire.context.clone(),
        parts: if split { share(wire, count) } else { wire.parts.clone() },
    }));
    Ok(())
}

/// A split document's part of a described body: equal shares, never empty.
fn share(wire: &WireMessage, count: u32) -> Parts {
    let bytes = wire.parts.body().bytes() / u64::from(count);
    Parts::of(Body::Described {
        bytes: u32::try_from(bytes.max(1)).unwrap_or(u32::MAX),
        documents: 1,
    })
}

/// The least an XML reader asks for: text that starts an element and ends one.
fn looks_like_xml(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| {
        let text = text.trim_start_matches('\u{feff}').trim();
        text.starts_with('<') && text.ends_with('>')
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Context, PropertyId, Value};
    use crate::time::Instant;

    fn split(number: u64, documents: u32) -> Vec<Document> {
        let wire = WireMessage {
            number,
            lineage: number,
            arrived: Instant::ZERO,
            context: Context::default(),
            parts: Parts::of(Body::Described { bytes: 100, documents }),
            defect: None,
            seekable: true,
        };
        let mut out = Vec::new();
        disassemble(true, &wire, &mut out).unwrap();
        out
    }

    #[test]
    fn documents_of_an_interchange_share_its_identity_and_count_from_one() {
        // R-MSG-10, INV-60.
        let (one, other) = (split(1, 3), split(2, 1));
        let identity = |document: &Document| document.read(PropertyId::INTERCHANGE_ID).unwrap();
        assert!(one.iter().all(|document| identity(document) == identity(&one[0])));
        assert_ne!(identity(&one[0]), identity(&other[0]));
        let sequence = |document: &Document| document.read(PropertyId::INTERCHANGE_SEQUENCE_NUMBER);
        let found: Vec<_> = one.iter().chain(&other).filter_map(sequence).collect();
        assert_eq!(found, [1, 2, 3, 1].map(Value::Int));
    }

    #[test]
    fn an_empty_interchange_is_consumed() {
        // R-RCV-02, R-ADD-10.
        assert!(split(1, 0).is_empty());
    }
}
