//! Did a gateway share out the answers as it was told? Pearson's chi-square test of the counts.

use serde::{Deserialize, Serialize};
use statrs::function::gamma::checked_gamma_ur;

use crate::pricing;
use crate::record::{NameCount, Summary};
use crate::scenario::{By, Shares};

/// Fewer answers than this in a cell, and chi-square is no longer the distribution of the statistic.
const LEAST_EXPECTED: f64 = 5.0;
/// What chance gives less often than in one of a hundred runs is taken for no chance.
const SIGNIFICANT: f64 = 0.01;

/// How the answers of a recipe were shared out, against how they should be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SharesFound {
    /// The recipe.
    pub recipe: String,
    /// By what they are shared out.
    pub by: By,
    /// Whether they were as expected.
    pub verdict: ShareVerdict,
    /// The statistic; absent where it can't be given.
    pub chi_square: Option<f64>,
    /// How often chance alone gives counts that are as far off; absent where it can't be told.
    pub p: Option<f64>,
    /// Answers that told who they are of.
    pub answers: u64,
    /// Measured requests that did not.
    pub untold: u64,
    /// Each name: those with a weight first, in the order of the file.
    pub shares: Vec<ShareFound>,
}

/// One name among the answers of a recipe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShareFound {
    /// The model or provider.
    pub name: String,
    /// How many answers it gave.
    pub observed: u64,
    /// How many it should have given of as many.
    pub expected: f64,
}

/// Whether answers were shared out as they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShareVerdict {
    /// Chance gives as much.
    AsExpected,
    /// Chance hardly ever gives as much.
    Off,
    /// A name answered that has no weight.
    Unexpected,
    /// There are too few answers to tell.
    TooFew,
}

/// Holds the answers of each recipe against the shares that are expected of it.
pub fn shares<'e>(
    summary: &Summary,
    expected: impl Iterator<Item = (&'e str, &'e Shares)>,
) -> Vec<SharesFound> {
    let of = |(recipe, shares): (&str, &Shares)| {
        let mut scopes = summary.scopes.iter();
        let scope = scopes.find(|scope| scope.recipe() == Some(recipe))?;
        let told = match shares.by {
            By::Model => &scope.told.models,
            By::Provider => &scope.told.providers,
        };
        Some(found(recipe, shares, told, scope.count.requests))
    };
    expected.filter_map(of).collect()
}

fn found(recipe: &str, expected: &Shares, told: &[NameCount], requests: u64) -> SharesFound {
    let answers: u64 = told.iter().map(|name| name.count).sum();
    let all: f64 = expected.weights.iter().map(|(_, weight)| weight).sum();
    // Answers leave out the provider that requests name, or name one that these leave out.
    let names = expected.weights.iter().map(|(name, _)| name.as_str());
    let meant = |told: &NameCount| pricing::meant(&names, &told.name, None);
    let observed = |name: &str| {
        let of = told.iter().filter(|told| meant(told) == Some(name));
        of.map(|told| told.count).sum()
    };
    let mut shares: Vec<ShareFound> = expected
        .weights
        .iter()
        .map(|(name, weight)| ShareFound {
            name: name.clone(),
            observed: observed(name),
            expected: answers as f64 * weight / all,
        })
        .collect();
    let unexpected = told.iter().filter(|told| meant(told).is_none());
    let unexpected: Vec<&NameCount> = unexpected.collect();
    let statistic = unexpected.is_empty().then(|| chi_square(&shares)).flatten();
    let p = statistic.and_then(|statistic| p_value(statistic, shares.len() - 1));
    let verdict = match p {
        _ if !unexpected.is_empty() => ShareVerdict::Unexpected,
        None => ShareVerdict::TooFew,
        Some(p) if p < SIGNIFICANT => ShareVerdict::Off,
        Some(_) => ShareVerdict::AsExpected,
    };
    shares.extend(unexpected.into_iter().map(|told| ShareFound {
        name: told.name.clone(),
        observed: told.count,
        expected: 0.0,
    }));
    SharesFound {
        recipe: recipe.to_owned(),
        by: expected.by,
        verdict,
        chi_square: statistic,
        p,
        answers,
        untold: requests.saturating_sub(answers),
        shares,
    }
}

/// The sum of (observed - expected)^2 / expected; `None` where a cell expects too few.
fn chi_square(shares: &[ShareFound]) -> Option<f64> {
    let enough = |share: &ShareFound| share.expected >= LEAST_EXPECTED;
    shares.iter().all(enough).then(|| {
        let off = |share: &ShareFound| {
            let off = share.observed as f64 - share.expected;
            off * off / share.expected
        };
        shares.iter().map(off).sum()
    })
}

/// How often chance alone gives a statistic that is as large.
fn p_value(statistic: f64, freedom: usize) -> Option<f64> {
    match freedom {
        0 => None,
        // All of the distribution lies above 0.
        _ if statistic <= 0.0 => Some(1.0),
        _ => checked_gamma_ur(freedom as f64 / 2.0, statistic / 2.0).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected(weights: &[(&str, f64)]) -> Shares {
        let weights = weights
            .iter()
            .map(|(name, weight)| ((*name).to_owned(), *weight));
        Shares {
            by: By::Model,
            weights: weights.collect(),
        }
    }

    fn told(counts: &[(&str, u64)]) -> Vec<NameCount> {
        let count = |(name, count): &(&str, u64)| NameCount {
            name: (*name).to_owned(),
            count: *count,
        };
        counts.iter().map(count).collect()
    }

    fn near(found: Option<f64>, known: f64) {
        let found = found.unwrap();
        assert!((found - known).abs() < 1e-4, "{found} is not {known}");
    }

    #[test]
    fn p_values_are_those_of_the_tables() {
        // The critical values at 0.05 and 0.01, as every table of chi-square has them.
        for (freedom, at_5, at_1) in [
            (1, 3.841, 6.635),
            (2, 5.991, 9.210),
            (5, 11.070, 15.086),
            (10, 18.307, 23.209),
        ] {
            near(p_value(at_5, freedom), 0.05);
            near(p_value(at_1, freedom), 0.01);
        }
        assert_eq!(p_value(0.0, 3), Some(1.0));
        assert_eq!(p_value(1.0, 0), None);
        // With two degrees of freedom it is exp(-x/2).
        near(p_value(3.0, 2), (-1.5_f64).exp());
    }

    #[test]
    fn mendels_peas_are_as_he_expected() {
        let shares = expected(&[("ry", 9.0), ("wy", 3.0), ("rg", 3.0), ("wg", 1.0)]);
        let peas = told(&[("ry", 315), ("rg", 108), ("wy", 101), ("wg", 32)]);
        let found = found("peas", &shares, &peas, 556);
        near(found.chi_square, 0.4700);
        near(found.p, 0.9254);
        assert_eq!(found.verdict, ShareVerdict::AsExpected);
        assert_eq!((found.answers, found.untold), (556, 0));
        let names: Vec<_> = found
            .shares
            .iter()
            .map(|share| share.name.as_str())
            .collect();
        assert_eq!(names, ["ry", "wy", "rg", "wg"]);
    }

    #[test]
    fn shares_that_are_off_are_told_and_those_within_chance_are_not() {
        let shares = expected(&[("a", 3.0), ("b", 1.0)]);
        let even = found("r", &shares, &told(&[("a", 50), ("b", 50)]), 110);
        // 25^2 / 75 + 25^2 / 25
        near(even.chi_square, 33.3333);
        assert_eq!((even.verdict, even.untold), (ShareVerdict::Off, 10));
        assert!(even.p.unwrap() < 1e-6);
        let close = found("r", &shares, &told(&[("a", 70), ("b", 30)]), 100);
        near(close.chi_square, 4.0 / 3.0);
        near(close.p, 0.2482);
        assert_eq!(close.verdict, ShareVerdict::AsExpected);
        let only_one = found("r", &shares, &told(&[("a", 100)]), 100);
        assert_eq!(only_one.verdict, ShareVerdict::Off);
    }

    #[test]
    fn of_too_few_answers_nothing_is_said() {
        let shares = expected(&[("a", 3.0), ("b", 1.0)]);
        let few = found("r", &shares, &told(&[("a", 19)]), 19);
        assert_eq!((few.verdict, few.p), (ShareVerdict::TooFew, None));
        let none = found("r", &shares, &[], 7);
        assert_eq!((none.verdict, none.untold), (ShareVerdict::TooFew, 7));
        let enough = found("r", &shares, &told(&[("a", 20)]), 20);
        assert_eq!(enough.verdict, ShareVerdict::Off);
    }

    #[test]
    fn names_are_those_of_the_weights_with_or_without_their_provider() {
        let shares = expected(&[("openai/a", 3.0), ("anthropic/b", 1.0)]);
        let joined = found(
            "r",
            &shares,
            &told(&[("a", 70), ("b", 30), ("openai/a", 5)]),
            105,
        );
        let counts = joined.shares.iter().map(|share| share.observed);
        assert_eq!(counts.collect::<Vec<_>>(), [75, 30]);
        assert_eq!(joined.verdict, ShareVerdict::AsExpected);
        // Whose `a` it is nobody knows.
        let two = expected(&[("openai/a", 3.0), ("azure/a", 1.0)]);
        let unknown = found("r", &two, &told(&[("a", 100)]), 100);
        assert_eq!(unknown.verdict, ShareVerdict::Unexpected);
    }

    #[test]
    fn a_name_without_a_weight_is_unexpected_however_few() {
        let shares = expected(&[("a", 3.0), ("b", 1.0)]);
        let found = found("r", &shares, &told(&[("a", 75), ("b", 24), ("c", 1)]), 100);
        assert_eq!((found.verdict, found.p), (ShareVerdict::Unexpected, None));
        assert_eq!(found.shares[2].name, "c");
        near(Some(found.shares[2].expected), 0.0);
    }
}
