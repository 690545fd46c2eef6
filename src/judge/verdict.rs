//! What a gate comes to.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a gate comes to, from the best to the worst: of several, the worst counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The figures show that what was asked holds.
    Pass,
    /// The figures can't tell.
    Inconclusive,
    /// The figures show that it does not hold.
    Fail,
    /// There are no figures, or none that are to be trusted. Never a pass.
    Invalid,
}

impl Verdict {
    /// The worst of several; `None` where there are none.
    pub fn worst(verdicts: impl IntoIterator<Item = Self>) -> Option<Self> {
        verdicts.into_iter().max()
    }

    /// The word in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Inconclusive => "inconclusive",
            Self::Fail => "fail",
            Self::Invalid => "invalid",
        }
    }
}

/// In capitals, as a report shows it.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "PASS",
            Self::Inconclusive => "INCONCLUSIVE",
            Self::Fail => "FAIL",
            Self::Invalid => "INVALID",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_verdicts_the_worst_counts_and_nothing_is_no_pass() {
        let worst = |of: &[Verdict]| Verdict::worst(of.iter().copied());
        assert_eq!(worst(&[]), None);
        assert_eq!(
            worst(&[Verdict::Pass, Verdict::Inconclusive]),
            Some(Verdict::Inconclusive)
        );
        assert_eq!(
            worst(&[Verdict::Fail, Verdict::Inconclusive]),
            Some(Verdict::Fail)
        );
        assert_eq!(
            worst(&[Verdict::Fail, Verdict::Invalid]),
            Some(Verdict::Invalid)
        );
    }
}
