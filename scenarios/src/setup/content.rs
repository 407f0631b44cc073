//! What the messages of a load are: all alike, a mix, or as a recording says.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use floodgate_engine::message::Body;
use floodgate_engine::time::{Duration, Instant};
use floodgate_sim::dist::Dist;
use floodgate_sim::load::{Kind, Recorded, ReplayRow, Sizes, Variety, parse_csv};

use crate::plan::load::Load;
use crate::plan::mix::Interchange;
use crate::plan::rate::Rate;
use crate::plan::{self, Problems};

/// What a load sends, and when, as far as a recording says.
pub(super) struct Content {
    pub(super) body: Body,
    pub(super) variety: Variety,
    pub(super) instants: Vec<Instant>,
}

pub(super) fn content(load: &Load, folder: &Path) -> Result<Content, Problems> {
    let rows = match &load.rate {
        Rate::Replay(file) => replay(&folder.join(file), file)?,
        Rate::AllAtOnce
        | Rate::Bell(..)
        | Rate::Constant(_)
        | Rate::Floodgate(..)
        | Rate::Lots(_)
        | Rate::Poisson(_)
        | Rate::Ramp(..)
        | Rate::Sine(..)
        | Rate::Steps(..)
        | Rate::Users(_) => Vec::new(),
    };
    let body = real(load).unwrap_or_else(|| described(&load.size, load.documents));
    let of_mix = |kind: Interchange<'_>| Kind {
        weight: kind.weight,
        document_type: kind.document_type.to_owned(),
        body: described(kind.size, kind.documents),
        size: drawn(kind.size),
    };
    let mut kinds: Vec<Kind> = load.kinds_of_mix().map(of_mix).collect();
    let differs = load.size.constant().is_none() && load.body.is_none();
    let says = |row: &ReplayRow| row.size_bytes.is_some() || row.document_type.is_some();
    if kinds.is_empty() && (differs || rows.iter().any(says)) {
        kinds.push(Kind {
            weight: 1.0,
            document_type: load.document_type.clone(),
            body: body.clone(),
            size: drawn(&load.size),
        });
    }
    let recorded = recorded(&rows, &mut kinds);
    let instants = rows.iter().map(|row| row.at).collect();
    Ok(Content { body, variety: Variety { kinds, recorded }, instants })
}

/// The bytes that a load's interchanges are, if it says them.
pub(super) fn real(load: &Load) -> Option<Body> {
    load.body.as_ref().map(|text| Body::Real(Arc::from(text.as_bytes())))
}

/// An interchange of so many documents of this size.
pub(super) fn described(size: &plan::size::Sizes, documents: u32) -> Body {
    let bytes = size.mean().saturating_mul(u64::from(documents));
    Body::Described { bytes: u32::try_from(bytes).unwrap_or(u32::MAX), documents }
}

/// What the rows of a recording say; a type that is none of the load's is a kind without weight.
fn recorded(rows: &[ReplayRow], kinds: &mut Vec<Kind>) -> Vec<Recorded> {
    if kinds.is_empty() {
        return Vec::new();
    }
    let mut places: BTreeMap<String, u32> = BTreeMap::new();
    for (at, kind) in (0..).zip(&*kinds) {
        places.entry(kind.document_type.clone()).or_insert(at);
    }
    let mut one = |row: &ReplayRow| {
        let kind = row.document_type.as_ref().map(|name| {
            *places.entry(name.clone()).or_insert_with(|| {
                let like = kinds[0].clone();
                kinds.push(Kind { weight: 0.0, document_type: name.clone(), ..like });
                u32::try_from(kinds.len() - 1).expect("a recording has fewer types than that")
            })
        });
        Recorded { kind, bytes: row.size_bytes }
    };
    rows.iter().map(&mut one).collect()
}

/// The distribution of sizes, if they are not all alike.
fn drawn(sizes: &plan::size::Sizes) -> Option<Sizes> {
    use plan::size::Sizes as Plan;
    let bytes = Duration::from_nanos;
    let dist = match sizes {
        Plan::Constant(_) => return None,
        Plan::Exponential(mean) => Dist::Exponential { mean: bytes(*mean) },
        Plan::Lognormal(own) => Dist::Lognormal { mean: bytes(own.mean), scv: own.scv },
        Plan::Pareto(own) => Dist::Pareto { mean: bytes(own.mean), shape: own.shape },
        Plan::Uniform(own) => Dist::Uniform { low: bytes(own.low), high: bytes(own.high) },
    };
    Some(Sizes::of(dist))
}

fn replay(path: &Path, file: &str) -> Result<Vec<ReplayRow>, Problems> {
    let text = std::fs::read_to_string(path).map_err(|error| Problems::unreadable(path, &error))?;
    let rows = parse_csv(&text)
        .map_err(|error| Problems::one(format!("{}: {error}", path.display()), None))?;
    if rows.is_empty() {
        let help = "each line is 'seconds', 'seconds,size' or 'seconds,size,type'".to_owned();
        return Err(Problems::one(format!("'{file}' has no message to replay"), Some(help)));
    }
    Ok(rows)
}
