//! Are the arms of a comparison on an equal footing?

use super::{Check, Level, check};
use crate::record::{ScopeSummary, Summary};

/// Arms that were asked unequally often, or one that never answered, can't be compared. `None` where
/// there is one arm only.
pub(super) fn balance(summary: &Summary) -> Option<Check> {
    const WITHIN: f64 = 0.02;
    let arms = summary.scopes.iter();
    let arms: Vec<&ScopeSummary> = arms.filter(|scope| scope.arm().is_some()).collect();
    let requests = || arms.iter().map(|arm| arm.count.requests);
    let (least, most) = (requests().min()?, requests().max()?);
    // One block is cut at the end of a run.
    let even = most - least <= 1 || (most - least) as f64 <= WITHIN * most as f64;
    let silent = arms.iter().find(|arm| arm.count.ok == 0);
    let level = if even && silent.is_none() {
        Level::Valid
    } else {
        Level::Invalid
    };
    let value = match silent {
        Some(silent) => format!("`{}` answered nothing", silent.label()),
        None => format!("{least} to {most} requests each"),
    };
    let remedy = match silent {
        Some(_) => "an arm without an answer can't be compared: the errors say why",
        None => "the run was cut within a slice, or an arm lost requests: let it come to its end",
    };
    let limit = "within 2 % of each other, and an answer from each";
    Some(check("arms", level, value, limit, remedy))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Count;

    fn summary(arms: &[(&str, u64, u64)]) -> Summary {
        let scope = |(name, requests, ok): &(&str, u64, u64)| ScopeSummary {
            scope: format!("arm:{name}"),
            count: Count {
                requests: *requests,
                ok: *ok,
                failed: requests - ok,
            },
            ..ScopeSummary::default()
        };
        Summary {
            scopes: arms.iter().map(scope).collect(),
            ..Summary::default()
        }
    }

    #[test]
    fn arms_that_are_unequal_or_silent_are_invalid() {
        let level = |arms: &[(&str, u64, u64)]| balance(&summary(arms)).map(|check| check.level);
        assert_eq!(level(&[]), None);
        assert_eq!(level(&[("a", 1, 1), ("b", 0, 0)]), Some(Level::Invalid));
        assert_eq!(level(&[("a", 10, 5), ("b", 9, 1)]), Some(Level::Valid));
        assert_eq!(
            level(&[("a", 1_000, 900), ("b", 985, 900)]),
            Some(Level::Valid)
        );
        assert_eq!(
            level(&[("a", 1_000, 900), ("b", 970, 900)]),
            Some(Level::Invalid)
        );
        assert_eq!(
            level(&[("a", 1_000, 900), ("b", 1_000, 0)]),
            Some(Level::Invalid)
        );
    }
}
