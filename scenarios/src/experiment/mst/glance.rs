//! Where to look: what one run of a number says.
//!
//! Most numbers of a search are far from the answer, and one run says on which side they lie. So
//! single runs bracket it first, two at a time on either side of where it should be; what they say
//! is believed of no end of the answer before more runs have shown it (`replicated.rs`), and a
//! number below one that is met, or above one that is missed, contradicts them.

use std::collections::BTreeMap;

use super::probes::unknown;
use super::replicated::{Extent, Knob, Numbers, PROGRESS, Shown, known, within};
use crate::plan::Problems;

impl<K: Knob> Numbers<'_, K> {
    /// The greatest number that seems to be met below the least that seems to be missed, and that
    /// one; the same number twice where there is nothing below or above it.
    pub(super) fn looked(&mut self) -> Result<(u64, u64), Problems> {
        let written = self.knob.written();
        let (mut low, mut high) = (written, written);
        if self.seems_missed(written)? {
            while self.seems_missed(low)? {
                high = low;
                low = self.knob.fewer(low, &self.seen[&low]);
                if low == high {
                    return Ok((low, high));
                }
            }
        } else {
            while !self.seems_missed(high)? {
                low = high;
                high = self.knob.more(high, &self.seen);
                if low == high {
                    return Ok((low, high));
                }
            }
        }
        let mut is_slow = false;
        while (high - low) as f64 > self.knob.apart(low).max(1.0) {
            let before = (high - low) as f64;
            let both = self.two_between((low, high), is_slow);
            self.glance(&both)?;
            for next in both {
                if !(low + 1..high).contains(&next) {
                    continue;
                }
                match self.seems_missed(next)? {
                    true => high = next,
                    false => low = next,
                }
            }
            is_slow = (high - low) as f64 > before * (1.0 - PROGRESS);
        }
        Ok((low, high))
    }

    /// Looks at two numbers between these: on either side of where the answer should be, or a
    /// third of the way from either end.
    fn two_between(&mut self, (low, high): (u64, u64), is_slow: bool) -> Vec<u64> {
        let (below, above) = (&self.seen[&low], &self.seen[&high]);
        let guess = self.knob.between((low, below), (high, above)).filter(|_| !is_slow);
        let beside = (self.knob.apart(low) / 2.0).max(1.0) as u64;
        let third = (high - low) / 3;
        let (from, to) = match guess {
            Some(guess) => (guess.saturating_sub(beside), guess + beside),
            None => (low + third, high - third),
        };
        let mut both = vec![from.clamp(low + 1, high - 1), to.clamp(low + 1, high - 1)];
        both.dedup();
        both
    }

    /// Whether one run each misses these numbers.
    fn seems_missed(&mut self, number: u64) -> Result<bool, Problems> {
        self.glance(&[number])?;
        Ok(self.seen[&number].shown == Shown::Missed)
    }

    /// Looks at these numbers with one run each, at the same time.
    pub(super) fn glance(&mut self, numbers: &[u64]) -> Result<(), Problems> {
        let new = numbers.iter().filter(|number| !self.seen.contains_key(number));
        let new: Vec<(u64, u64)> = new.map(|number| (*number, 0)).collect();
        if let [(first, _), ..] = new[..] {
            self.turn_to(format!("{}, at a glance", self.knob.said(first)));
        }
        for ((number, _), run) in new.iter().zip(self.run_all(&new, Extent::Glance)?) {
            let (told, rate) = (self.judged_alone(&run), run.rate);
            let runs = vec![run];
            self.note(*number, rate, &told, &runs);
            let shown = told.shown;
            let shown = self.carried.map_or(shown, |carried| within(carried, rate, shown));
            let mut seen = known(told, runs);
            seen.shown = shown;
            self.seen.insert(*number, seen);
        }
        Ok(())
    }

    /// Whether there is no single answer: one of these numbers, or one that was seen, is missed
    /// below the answer, or met above it.
    pub(super) fn is_contradicted(
        &mut self,
        (low, high): (u64, u64),
        below: &[u64],
    ) -> Result<bool, Problems> {
        self.glance(below)?;
        let against = |(number, shown): (u64, Shown)| match shown {
            Shown::Missed => number < low,
            Shown::Met => number > high,
            Shown::Open => false,
        };
        let seen: BTreeMap<u64, Shown> =
            self.seen.iter().map(|(number, seen)| (*number, seen.shown)).collect();
        for (number, shown) in seen {
            if against((number, shown)) && self.shown(number)? == shown {
                let (lower, higher) = if number < low { (number, low) } else { (high, number) };
                let [lower, higher] = [lower, higher].map(|number| self.knob.said(number));
                let why =
                    format!("{lower} is missed and {higher} is met: there is no single answer");
                self.probes.push(unknown(self.known[&number].rate, &why));
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What is known of a search that came to no end.
    pub(super) fn so_far(&self) -> String {
        let known = self.seen.iter().chain(&self.known);
        let all: BTreeMap<u64, Shown> =
            known.map(|(number, known)| (*number, known.shown)).collect();
        let of = |shown: Shown| all.iter().filter(move |(_, own)| **own == shown);
        let missed = of(Shown::Missed).map(|(number, _)| *number).next();
        let mut met = of(Shown::Met).map(|(number, _)| *number);
        let met = met.rfind(|number| missed.is_none_or(|missed| *number < missed));
        let said = |word: &str, number: Option<u64>| {
            number.map_or(String::new(), |number| format!("; {word}: {}", self.knob.said(number)))
        };
        format!("{}{}", said("met so far", met), said("missed so far", missed))
    }
}
