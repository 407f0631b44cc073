//! How far the answer moves over all prices that fit what was published as well.
//!
//! Where the answer is the capacity, a full plant says it: the same runs with the same draws, once
//! with each set of prices, and what they get through against what the plant as it is does. For any
//! other answer the whole search is done again with each set, if somebody asks for that.

use floodgate_engine::time::Duration;
use floodgate_reports::{FigureSpread, MstRecord, MstVerdict, SpreadUse};

use super::capacity::Capacity;
use super::pinned::{Held, Stretch, seed_of};
use super::{Ask, Journal, Search, search};
use crate::experiment::parallel::in_order;
use crate::experiment::spread::alternatives;
use crate::plan::{Problems, Scenario};

/// Documents of a run of a full plant.
const DOCUMENTS: f64 = 10_000.0;
/// The seed of all of them; the ones before belong to other parts of the search.
const FIRST_RUN: u64 = 70_000;
/// A search that is done again is as narrow as this, or as it was.
const PRECISION_MIN: f64 = 0.02;

/// A full plant with its own prices, and with every other set that fits as well.
pub(super) struct Prices {
    /// Its own first.
    all: Vec<Scenario>,
    backlog: u64,
    seed: u64,
    spans: (Duration, Duration),
    /// What it gets through with its own.
    value: f64,
}

impl Prices {
    /// Of a plant that can do `capacity`; none where no other set fits as well.
    pub(super) fn of(scenario: &Scenario, capacity: &Capacity) -> Option<Self> {
        let others = alternatives(scenario);
        let value = capacity.mean.value;
        (!others.is_empty()).then(|| Self {
            all: std::iter::once(scenario.clone()).chain(others).collect(),
            backlog: capacity.backlog,
            seed: seed_of(scenario, FIRST_RUN),
            spans: (capacity.spans.0, Duration::from_secs_f64(DOCUMENTS / value)),
            value,
        })
    }

    /// How many looks there are.
    pub(super) const fn count(&self) -> usize {
        self.all.len()
    }

    /// What the plant gets through with set number `at`, zero being its own.
    pub(super) fn look(&self, at: usize, journal: &Journal) -> Result<Stretch, Problems> {
        let Self { backlog, seed, spans, .. } = *self;
        let scenario = &self.all[at];
        let key = || format!("priced {} {backlog} {seed} {spans:?}", scenario.hash());
        journal.once(key, |fuel| {
            let alone = Journal::default();
            Held::of(scenario, &alone)?.stretched(backlog, seed, spans, fuel)
        })
    }
}

impl Search<'_> {
    /// The capacity with other prices.
    pub(super) fn spread(
        &mut self,
        capacity: &Capacity,
        record: &mut MstRecord,
    ) -> Result<(), Problems> {
        let Some(prices) = Prices::of(self.scenario, capacity) else { return Ok(()) };
        let looks = match std::mem::take(&mut self.priced) {
            known if known.is_empty() => {
                let one = |at| prices.look(at, self.journal);
                let looks = in_order(prices.count(), self.ask.threads, one);
                let looks = looks.into_iter().collect::<Result<Vec<_>, _>>()?;
                self.documents += documents(&looks);
                looks
            }
            known => known,
        };
        let (own, others) = looks.split_first().expect("its own prices");
        let moved = others.iter().map(|look| prices.value * look.rate / own.rate);
        record.spread = Some(SpreadUse {
            sets: others.len() as u64,
            // A capacity at which a promise breaks is none.
            otherwise: others.iter().filter(|look| look.broken.is_some()).count() as u64,
            figures: vec![FigureSpread::of("capacity", "/s", prices.value, moved)],
        });
        Ok(())
    }
}

/// Documents simulated in these looks.
pub(super) fn documents(looks: &[Stretch]) -> u64 {
    looks.iter().map(|look| look.documents).sum()
}

/// The whole search again with every other set of prices, into `record`.
///
/// # Errors
///
/// What no interval can be had of.
pub fn search_again(
    name: &str,
    scenario: &Scenario,
    ask: Ask,
    record: &mut MstRecord,
) -> Result<(), Problems> {
    let others = alternatives(scenario);
    if others.is_empty() {
        return Ok(());
    }
    let once = Ask {
        precision: ask.precision.max(PRECISION_MIN),
        recovery: 0.0,
        threads: 1,
        explain: false,
        spread: false,
        ..ask
    };
    let found = in_order(others.len(), ask.threads, |at| search(name, &others[at], once));
    let found = found.into_iter().collect::<Result<Vec<_>, _>>()?;
    record.documents_simulated += found.iter().map(|own| own.documents_simulated).sum::<u64>();
    record.spread = Some(spread_of(record, &found));
    Ok(())
}

/// Reads a figure of a search.
type Read = fn(&MstRecord) -> Option<f64>;

fn spread_of(record: &MstRecord, found: &[MstRecord]) -> SpreadUse {
    let is_same = |own: &MstRecord| own.goal == record.goal && own.mst.is_some();
    let figures: [(&str, &str, Read); 4] = [
        ("mst", "/s", |own| own.mst),
        ("capacity", "/s", |own| own.capacity),
        ("users", "users", |own| own.users.map(|users| users as f64)),
        ("scale", "times", |own| own.scale),
    ];
    let of = |(name, unit, read): (&str, &str, Read)| {
        Some(FigureSpread::of(name, unit, read(record)?, found.iter().filter_map(read)))
    };
    SpreadUse {
        sets: found.len() as u64,
        otherwise: found.iter().filter(|own| !is_same(own)).count() as u64,
        figures: figures.into_iter().filter_map(of).collect(),
    }
}

/// Whether the answer of a search is the capacity itself.
pub(super) fn is_capacity(record: &MstRecord) -> bool {
    let broken = matches!(record.verdict, MstVerdict::Broken | MstVerdict::Inconsistent);
    !broken && record.mst.is_some() && record.mst == record.capacity
}
