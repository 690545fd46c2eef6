//! Did somebody hold arrivals back by hand?

use serde::{Deserialize, Serialize};

use super::{Check, Level, check as made};

/// How often and how long arrivals were held by hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// How often.
    pub times: u64,
    /// How long, all times together, in milliseconds.
    pub ms: f64,
}

impl Held {
    /// In words.
    pub fn in_words(self) -> String {
        let often = match self.times {
            1 => "once".to_owned(),
            n => format!("{n} times"),
        };
        format!("{often}, {:.1} s", self.ms / 1e3)
    }
}

/// A run that was held is not the run that was planned: what came due meanwhile went late and in a burst.
/// Named only where it was.
pub(super) fn check(held: Option<Held>) -> Option<Check> {
    let value = held?.in_words();
    let limit = "arrivals as planned";
    let remedy = "somebody held the arrivals (p in the live view): what came due meanwhile was sent late, in a burst, and the times count that. Let a run that is to count go on untouched";
    Some(made("held by hand", Level::Invalid, value, limit, remedy))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_was_held_is_invalid_and_says_how_long() {
        assert_eq!(check(None), None);
        let held = |times, ms| check(Some(Held { times, ms })).unwrap();
        assert_eq!(held(1, 100.0).level, Level::Invalid);
        assert_eq!(held(1, 1_200.0).value, "once, 1.2 s");
        assert_eq!(held(3, 0.0).value, "3 times, 0.0 s");
    }
}
