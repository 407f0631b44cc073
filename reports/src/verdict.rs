//! Judgements in three values: silence is not success.

use serde::{Deserialize, Serialize};

use crate::figure::figures;

/// What a check says.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The promise was broken. First, because a reader wants it first.
    Fail,
    /// The run could not tell.
    Unknown,
    /// The promise was kept.
    Pass,
}

impl Verdict {
    /// The verdict over many: the worst of them; none at all is a pass.
    pub fn overall(verdicts: impl IntoIterator<Item = Self>) -> Self {
        verdicts.into_iter().min().unwrap_or(Self::Pass)
    }

    /// What the process ends with: 0 every verdict passes, 1 some fails, 3 some is unknown and none
    /// fails.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Fail => 1,
            Self::Unknown => 3,
            Self::Pass => 0,
        }
    }

    /// The word the JSON uses.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Unknown => "unknown",
            Self::Pass => "pass",
        }
    }
}

figures! {
    /// One check or one expectation, judged.
    #[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
    pub struct VerdictRow {
        /// The check or expectation that was judged.
        pub name: String,
        /// Its judgement: `pass`, `fail`, or `unknown` where the run could not tell.
        pub verdict: Verdict,
        /// What was seen, in one line.
        pub detail: String,
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict::{self, Fail, Pass, Unknown};

    #[test]
    fn the_worst_verdict_decides_the_exit_code() {
        let check = |verdicts: &[Verdict], exit_code| {
            let overall = Verdict::overall(verdicts.iter().copied());
            assert_eq!(overall.exit_code(), exit_code, "{verdicts:?}");
        };
        check(&[], 0);
        check(&[Pass, Pass], 0);
        check(&[Pass, Unknown], 3);
        check(&[Unknown, Fail, Pass], 1);
    }
}
