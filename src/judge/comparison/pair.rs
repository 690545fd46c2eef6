//! One arm and the baseline: everything that can be compared of them.

use super::Evidence;
use super::case::{Case, known_costs};
use super::contrast::{Effect, critical, interval};
use super::quantiles::{Quantile, QuantileRatio, Times};
use super::settings::{Figure, Judged, Settings, Stat};
use super::test::chance;
use super::totals::{Mean, MeanRatio, ShareDifference, Sums};
use super::words;
use crate::base::Lane;
use crate::judge::Verdict;
use crate::record::{Tally, needed};
use crate::sample::Metric;

/// Slices that an error is worked out from at least.
const LEAST_SLICES: usize = 10;
/// The power at which the smallest effect is told.
const POWER: f64 = 0.8;
/// Outside of the probability that an arm's own interval leaves.
const OUTSIDE: f64 = 0.05;
/// Ratios beyond `e^8`, and below its inverse, are not looked for.
const REACH: f64 = 8.0;
/// Quantiles below this, in nanoseconds, are below what the clock and the histograms resolve.
const RESOLVED: f64 = 1_000.0;
/// The times that are compared, besides those that are asked for.
const TIMES: [Metric; 5] = [
    Metric::Ttft,
    Metric::Tpot,
    Metric::ChunkGap,
    Metric::E2e,
    Metric::Service,
];

/// Two values, or two ends of an interval.
type Two = [Option<f64>; 2];

/// One arm and the baseline.
pub(super) struct Pair<'s> {
    pub(super) baseline: &'s Case<'s>,
    pub(super) arm: &'s Case<'s>,
    pub(super) settings: &'s Settings,
    /// The level of one test.
    pub(super) level: f64,
    /// Where the draws of this pair begin.
    pub(super) draws: u64,
    /// Whether only what decides is looked at, and no interval.
    pub(super) brief: bool,
}

/// What a comparison of one thing came to.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) judged: Judged,
    pub(super) primary: bool,
    /// Of the baseline and of the arm, as they are shown.
    pub(super) values: Two,
    pub(super) ends: [Two; 2],
    /// Arm over baseline, or less.
    pub(super) change: Option<f64>,
    pub(super) change_ends: Two,
    pub(super) evidence: Evidence,
    pub(super) n: [u64; 2],
    /// Why nothing can be said of it.
    pub(super) kept_back: Option<(Verdict, String)>,
}

impl Pair<'_> {
    /// Everything that there is, what decides first.
    pub(super) fn lines(&self) -> Vec<Line> {
        let mut all = self.baseline.all.clone();
        all.merge(&self.arm.all);
        let primary = self.settings.primaries(&all);
        let judged = if self.brief {
            primary.clone()
        } else {
            self.judged(&all, &primary)
        };
        let lines = judged.into_iter().zip(self.draws..);
        lines
            .map(|(judged, draws)| {
                let line = match judged {
                    Judged::Time(metric, stat) => self.time(metric, stat, draws),
                    Judged::Figure(figure) => self.figure(figure, draws),
                };
                Line {
                    primary: primary.contains(&judged),
                    ..line
                }
            })
            .collect()
    }

    fn judged(&self, all: &Tally, primary: &[Judged]) -> Vec<Judged> {
        let mut judged = primary.to_vec();
        let times = TIMES
            .into_iter()
            .filter(|metric| all.times(*metric).is_some())
            .flat_map(|metric| Stat::ALL.map(|stat| Judged::Time(metric, stat)));
        let windows = self.baseline.window_s > 0.0 && self.arm.window_s > 0.0;
        let figures = Figure::ALL.into_iter().filter(|figure| match figure {
            Figure::ErrorRate => true,
            Figure::Goodput => windows,
            Figure::CostPerRequest => known_costs(all) > 0,
        });
        for more in times.chain(figures.map(Judged::Figure)) {
            if !judged.contains(&more) {
                judged.push(more);
            }
        }
        judged
    }

    fn time(&self, metric: Metric, stat: Stat, draws: u64) -> Line {
        let q = stat.q();
        let cases = [self.baseline, self.arm];
        let [baseline, arm] = cases.map(|case| case.times(metric));
        let both = [&baseline, &arm];
        let quantiles = both.map(|times| times.quantile(q));
        let name = format!("{} {}", metric.name(), stat.name());
        let n = both.map(Times::n);
        let paired = self.paired(|slice| both.iter().all(|times| times.n_of(slice) > 0.0));
        let kept_back = words::too_few(cases.map(|case| case.name), &name, n, needed(q))
            .or_else(|| words::few_slices(paired, LEAST_SLICES))
            .or_else(|| words::unresolved(&name, quantiles, RESOLVED))
            .or_else(|| {
                let failed = cases.map(|case| case.all.failed_of(metric));
                words::both_infinite(&name, quantiles, failed, n)
            });
        let values = cases.map(|case| shown(&case.all, metric, q));
        let ends = both.map(|times| {
            let quantile = times.quantile(q).filter(|_| times.n() >= needed(q));
            let effect = Quantile { times, q };
            quantile.map_or([None; 2], |quantile| {
                self.alone(&effect, quantile.ln(), REACH)
                    .map(|end| end.map(|end| end.exp() / 1e6))
            })
        });
        let effect = QuantileRatio {
            baseline: &baseline,
            arm: &arm,
            q,
        };
        let line = Line {
            judged: Judged::Time(metric, stat),
            primary: false,
            values,
            ends,
            change: ratio(values),
            change_ends: [None; 2],
            evidence: Evidence::default(),
            n,
            kept_back,
        };
        let estimate = ratio(quantiles).map(f64::ln);
        self.tried(line, &effect, estimate, draws)
    }

    fn figure(&self, figure: Figure, draws: u64) -> Line {
        let cases = [self.baseline, self.arm];
        let [baseline, arm] = cases.map(|case| case.sums(figure));
        let both = [&baseline, &arm];
        let values = both.map(Sums::mean);
        let share = figure == Figure::ErrorRate;
        let paired = self.paired(|slice| both.iter().all(|sums| sums.n_of(slice) > 0.0));
        let n = cases.map(|case| case.requests(figure));
        let kept_back = words::nothing(cases.map(|case| case.name), figure, n)
            .or_else(|| words::few_slices(paired, LEAST_SLICES))
            .or_else(|| words::both_zero(figure, values));
        let ends = both.map(|sums| {
            let effect = Mean { sums, share };
            let limit = if share { 1.0 } else { f64::INFINITY };
            sums.mean().map_or([None; 2], |mean| {
                let reach = if share { 2.0 } else { mean * 512.0 };
                self.alone(&effect, mean, reach)
                    .map(|end| end.map(|end| end.clamp(0.0, limit)))
            })
        });
        let change = match values {
            [Some(baseline), Some(arm)] if share => Some(arm - baseline),
            _ => ratio(values),
        };
        let line = Line {
            judged: Judged::Figure(figure),
            primary: false,
            values,
            ends,
            change,
            change_ends: [None; 2],
            evidence: Evidence::default(),
            n,
            kept_back,
        };
        let (baseline, arm) = (&baseline, &arm);
        if share {
            self.tried(line, &ShareDifference { baseline, arm }, change, draws)
        } else {
            let estimate = change.map(f64::ln).filter(|change| change.is_finite());
            self.tried(line, &MeanRatio { baseline, arm }, estimate, draws)
        }
    }

    /// Slices in which both have something.
    fn paired(&self, both: impl Fn(usize) -> bool) -> usize {
        (0..self.arm.slices.len())
            .filter(|slice| both(*slice))
            .count()
    }

    /// An arm's own 95 % interval.
    fn alone(&self, effect: &impl Effect, estimate: f64, reach: f64) -> Two {
        let k = self.arm.slices.len();
        if self.brief || k < 2 || reach <= 0.0 {
            return [None; 2];
        }
        interval(effect, estimate, critical(k, OUTSIDE / 2.0), reach)
    }

    /// The line with its bounds and p values.
    fn tried(&self, line: Line, effect: &impl Effect, estimate: Option<f64>, draws: u64) -> Line {
        let k = self.arm.slices.len();
        let difference = line.judged == Judged::Figure(Figure::ErrorRate);
        let (reach, none): (f64, f64) = if difference { (2.0, 0.0) } else { (REACH, 1.0) };
        let outer = |size: f64| if difference { size } else { size.exp() };
        let mut evidence = Evidence::default();
        let mut change_ends = [None; 2];
        if let Some(estimate) = estimate.filter(|_| k >= 2 && !self.brief) {
            let sides = critical(k, self.level / 2.0);
            let ends = interval(effect, estimate, sides, reach);
            let bounds = interval(effect, estimate, critical(k, self.level), reach);
            change_ends = ends.map(|end| end.map(outer));
            [evidence.bound_low, evidence.bound_high] = bounds.map(|end| end.map(outer));
            if let [Some(low), Some(high)] = ends {
                let error = (high - low) / (2.0 * sides);
                let seen = (critical(k, self.level) + critical(k, 1.0 - POWER)) * error;
                evidence.detectable = Some(outer(seen) - none);
            }
        }
        if line.kept_back.is_none() {
            let mut rng = self.settings.seed.rng(Lane::Swap, draws);
            let chance = chance(effect, estimate, self.margin(line.judged), &mut rng);
            let (fail, pass) = if higher_is_better(line.judged) {
                (chance.less, chance.more)
            } else {
                (chance.more, chance.less)
            };
            evidence.p_fail = Some(fail[0].max(fail[1]));
            evidence.p_pass = Some(pass[0].max(pass[1]));
            let leans = if fail[0] < pass[0] { fail } else { pass };
            evidence.p_swap = Some(leans[1]);
            evidence.p_t = Some(leans[0]);
        }
        let [baseline, arm] = [0, 1].map(|at| around(line.values[at], line.ends[at]));
        Line {
            change_ends: around(line.change, change_ends),
            ends: [baseline, arm],
            evidence,
            ..line
        }
    }

    /// The size of the effect that is the margin.
    fn margin(&self, judged: Judged) -> f64 {
        match judged {
            Judged::Figure(Figure::ErrorRate) => self.settings.error_margin,
            _ if higher_is_better(judged) => -self.settings.margin.ln_1p(),
            _ => self.settings.margin.ln_1p(),
        }
    }
}

fn higher_is_better(judged: Judged) -> bool {
    matches!(judged, Judged::Figure(figure) if figure.higher_is_better())
}

/// The interval with the value in it: values are shown as the summary has them, whose quantiles are the
/// upper edges of buckets.
fn around(value: Option<f64>, [low, high]: Two) -> Two {
    let Some(value) = value else {
        return [low, high];
    };
    [
        low.map(|low| low.min(value)),
        high.map(|high| high.max(value)),
    ]
}

/// A quantile in milliseconds, as the run's own summary has it.
fn shown(all: &Tally, metric: Metric, q: f64) -> Option<f64> {
    let failed = all.failed_of(metric);
    let time = match all.times(metric) {
        Some(times) => times.adjusted(q, failed).flatten()?,
        None => return None,
    };
    Some(time.as_nanos() as f64 / 1e6)
}

/// The second over the first.
fn ratio(values: Two) -> Option<f64> {
    match values {
        [Some(baseline), Some(arm)] if baseline > 0.0 => Some(arm / baseline),
        _ => None,
    }
}
