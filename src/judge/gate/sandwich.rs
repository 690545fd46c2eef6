//! Thresholds on what a gateway adds, and on what it makes of streams.

use super::Finding;
use super::measure::interval_in_words;
use super::words::words;
use crate::judge::{AddedStat, AddedTime, LevelFound, Overhead, Verdict};
use crate::record::needed;
use crate::scenario::{ADDED_QUANTILES, Figure, Key, Limit, Relation, Threshold};

/// What became of such a threshold.
pub(super) fn find(
    threshold: &Threshold,
    overhead: Option<&Overhead>,
    mut finding: Finding,
) -> Finding {
    let Some(overhead) = overhead else {
        "this run has no gateway between its client and a provider: measure with `tollgate overhead`"
            .clone_into(&mut finding.why);
        return finding;
    };
    let scope = threshold.test.scope.iter();
    let mut phases = scope.filter(|part| part.key == Key::Phase);
    let phase = phases.next().map(|part| part.value.as_str());
    let of_phase = |level: &&LevelFound| phase.is_none_or(|name| level.name == name);
    let levels: Vec<&LevelFound> = overhead.levels.iter().filter(of_phase).collect();
    match &threshold.test.figure {
        Figure::Stream => stream(threshold, overhead, &levels, phase, finding),
        Figure::Added(q, name) => added(threshold, *q, name, &levels, finding),
        _ => finding,
    }
}

fn stream(
    threshold: &Threshold,
    overhead: &Overhead,
    levels: &[&LevelFound],
    phase: Option<&str>,
    mut finding: Finding,
) -> Finding {
    let of = match (phase, levels) {
        (None, _) => &overhead.stream,
        (Some(_), [level, ..]) => &level.stream,
        (Some(_), []) => return finding,
    };
    finding.n = of.streams;
    let (Some(found), Limit::Stream(wanted)) = (of.verdict, &threshold.test.limit) else {
        "no stream went through the gateway that could be judged".clone_into(&mut finding.why);
        return finding;
    };
    (finding.value, finding.limit) = (Some(found.rank()), Some(wanted.rank()));
    let holds = match threshold.test.relation {
        Relation::Equal => found == *wanted,
        _ => found <= *wanted,
    };
    finding.verdict = if holds { Verdict::Pass } else { Verdict::Fail };
    finding.why = format!(
        "streams are {found}: {} of {} faithful, {} coalesced, {} buffered, {} broken",
        of.faithful, of.streams, of.coalesced, of.buffered, of.broken
    );
    finding
}

/// Of several levels the one decides that keeps least to the limit: all of them must.
fn added(
    threshold: &Threshold,
    q: f64,
    name: &str,
    levels: &[&LevelFound],
    mut finding: Finding,
) -> Finding {
    let Limit::Value(limit) = threshold.test.limit else {
        "what is added is held against a value of its own, and against no baseline"
            .clone_into(&mut finding.why);
        return finding;
    };
    (finding.limit, finding.needs) = (Some(limit), needed(q));
    let time = AddedTime::ALL.into_iter().find(|time| time.name() == name);
    let stat = ADDED_QUANTILES
        .iter()
        .find(|(_, known)| (known - q).abs() < 1e-9);
    let (Some(time), Some((stat, _))) = (time, stat) else {
        return finding;
    };
    let upper = threshold.test.relation.is_upper();
    let mut worst: Option<(&LevelFound, &AddedStat, u64)> = None;
    for level in levels {
        let Some(added) = level.added.iter().find(|added| added.time == time) else {
            finding.why = format!("in `{}` no pair has a `{name}`", level.name);
            return finding;
        };
        let Some(found) = added.stats.iter().find(|found| found.stat == *stat) else {
            (finding.n, finding.verdict) = (added.n, Verdict::Inconclusive);
            finding.why = format!(
                "in `{}` it needs {} values, and has {}",
                level.name, finding.needs, added.n
            );
            return finding;
        };
        if worst.is_none_or(|(_, so_far, _)| (found.added_ms > so_far.added_ms) == upper) {
            worst = Some((level, found, added.n));
        }
    }
    let Some((level, found, n)) = worst else {
        "no level of load was measured".clone_into(&mut finding.why);
        return finding;
    };
    let unit = threshold.test.figure.unit();
    let (low, high) = (found.low_ms, found.high_ms.unwrap_or(f64::INFINITY));
    (finding.value, finding.n) = (Some(found.added_ms), n);
    (finding.ci_low, finding.ci_high) = (Some(low), found.high_ms);
    let relation = threshold.test.relation;
    let holds = relation.holds(found.added_ms, limit);
    let open = relation.holds(low, limit) != relation.holds(high, limit);
    finding.verdict = match holds {
        _ if threshold.confident && open => Verdict::Inconclusive,
        true => Verdict::Pass,
        false => Verdict::Fail,
    };
    let keeps = if holds {
        "keeps to"
    } else {
        "does not keep to"
    };
    finding.why = format!(
        "{} {keeps} {} in `{}`, {}",
        words(found.added_ms, unit),
        words(limit, unit),
        level.name,
        interval_in_words((low, high), unit)
    );
    finding
}
