//! Slices of time with a tally for each arm -> what was found of all arms.

use super::case::Case;
use super::looks::level;
use super::pair::{Line, Pair};
use super::ranking::ranking;
use super::settings::{Judged, Settings};
use super::test::holm;
use super::words::sentence;
use super::{ArmComparison, Comparison, FigureComparison, MetricComparison};
use crate::judge::Verdict;
use crate::record::Tally;

/// Draws of the label swaps that one arm may need.
const LANES: u64 = 1_000;

/// Holds each arm against the baseline. `slices` are in time; each has one tally for each arm, in the
/// order of `settings.arms`. A tally that is missing counts as empty.
pub fn compare_arms(slices: &[Vec<Tally>], settings: &Settings) -> Comparison {
    compared(slices, settings, false)
}

/// The same verdicts by what decides alone, without intervals and ranking: many times as fast.
pub(super) fn compare_briefly(slices: &[Vec<Tally>], settings: &Settings) -> Comparison {
    compared(slices, settings, true)
}

fn compared(slices: &[Vec<Tally>], settings: &Settings, brief: bool) -> Comparison {
    let cases = Case::all(slices, settings);
    let level = level(settings);
    let baseline = cases.get(settings.baseline);
    let others = cases.iter().zip(0..);
    let arms: Vec<ArmComparison> = others
        .filter(|(_, at)| *at != settings.baseline)
        .filter_map(|(arm, at)| {
            let pair = Pair {
                baseline: baseline?,
                arm,
                settings,
                level,
                draws: at as u64 * LANES,
                brief,
            };
            Some(decided(arm.name, pair.lines(), settings, level))
        })
        .collect();
    let verdict = Verdict::worst(arms.iter().map(|arm| arm.verdict)).unwrap_or(Verdict::Invalid);
    Comparison {
        design: settings.design,
        baseline: baseline.map_or_else(String::new, |case| case.name.to_owned()),
        margin: settings.margin,
        error_margin: settings.error_margin,
        alpha: settings.alpha,
        looks: settings.looks.max(1),
        level,
        slices: cases.first().map_or(0, |case| case.slices.len() as u32),
        ranking: if brief {
            None
        } else {
            ranking(&cases, settings, level)
        },
        arms,
        verdict,
    }
}

/// The verdicts. Worse is a family of claims, any of which fails the arm: Holm. Within the margin is said
/// of the arm only where it is found of every primary one, which needs no correction (an
/// intersection-union test: Berger, 1982).
fn decided(arm: &str, lines: Vec<Line>, settings: &Settings, level: f64) -> ArmComparison {
    let primary = lines.iter().filter(|line| line.primary);
    let p: Vec<Option<f64>> = primary.map(|line| line.evidence.p_fail).collect();
    let mut worse = holm(&p, level).into_iter();
    let mut deciding = Vec::new();
    let mut of = ArmComparison {
        arm: arm.to_owned(),
        metrics: Vec::new(),
        figures: Vec::new(),
        verdict: Verdict::Invalid,
    };
    for line in lines {
        let small = |p: Option<f64>| p.is_some_and(|p| p <= level);
        let worse = if line.primary {
            worse.next().unwrap_or(false)
        } else {
            small(line.evidence.p_fail)
        };
        let (verdict, why) = line.kept_back.clone().unwrap_or_else(|| {
            let verdict = if worse {
                Verdict::Fail
            } else if small(line.evidence.p_pass) {
                Verdict::Pass
            } else {
                Verdict::Inconclusive
            };
            (verdict, sentence(&line, verdict, settings, level))
        });
        if line.primary {
            deciding.push(verdict);
        }
        add(&mut of, &line, verdict, why);
    }
    of.verdict = Verdict::worst(deciding).unwrap_or(Verdict::Invalid);
    of
}

fn add(of: &mut ArmComparison, line: &Line, verdict: Verdict, why: String) {
    let ([baseline, arm], [baseline_ends, arm_ends]) = (line.values, line.ends);
    match line.judged {
        Judged::Time(metric, stat) => of.metrics.push(MetricComparison {
            metric,
            stat: stat.name().to_owned(),
            primary: line.primary,
            baseline_ms: baseline,
            baseline_low_ms: baseline_ends[0],
            baseline_high_ms: baseline_ends[1],
            arm_ms: arm,
            arm_low_ms: arm_ends[0],
            arm_high_ms: arm_ends[1],
            ratio: line.change,
            ratio_low: line.change_ends[0],
            ratio_high: line.change_ends[1],
            evidence: line.evidence,
            baseline_n: line.n[0],
            arm_n: line.n[1],
            verdict,
            why,
        }),
        Judged::Figure(figure) => of.figures.push(FigureComparison {
            figure,
            unit: figure.unit(),
            primary: line.primary,
            baseline,
            baseline_low: baseline_ends[0],
            baseline_high: baseline_ends[1],
            arm,
            arm_low: arm_ends[0],
            arm_high: arm_ends[1],
            change: line.change,
            change_low: line.change_ends[0],
            change_high: line.change_ends[1],
            evidence: line.evidence,
            baseline_n: line.n[0],
            arm_n: line.n[1],
            verdict,
            why,
        }),
    }
}
