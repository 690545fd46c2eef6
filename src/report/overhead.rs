//! What a gateway adds, and what it makes of streams, for a terminal.

use super::Paint;
use super::table::Table;
use crate::judge::{AddedStat, AddedTime, Fidelity, LevelFound, Overhead, Upstream};

/// The text of a sandwich.
pub fn overhead(found: &Overhead, paint: Paint) -> String {
    let mut out = head(found, paint);
    out += &pairs(found);
    if found.exact {
        out += &stream(&found.stream, paint);
    }
    for time in AddedTime::ALL {
        out += &added(found, time, paint);
    }
    out += &limits(found);
    out += &used(&found.levels);
    if let Some(claim) = &found.claim {
        out += &format!(
            "claim       of {} requests the gateway says that it added {:.3} ms (p50); measured of the same: {:.3} ms\n",
            claim.n, claim.claimed_p50_ms, claim.measured_p50_ms
        );
    }
    if let Some(upstream) = &found.upstream {
        out += &of_upstream(upstream);
    }
    out
}

fn head(found: &Overhead, paint: Paint) -> String {
    let name = found.gateway.as_ref().map_or_else(
        || "the gateway".to_owned(),
        |gateway| match &gateway.version {
            Some(version) => format!("{} ({version})", gateway.name),
            None => gateway.name.clone(),
        },
    );
    let mut out = format!("{}\n", paint.bold(&format!("what {name} adds")));
    out += &if found.exact {
        let error = found.clock_error_us.unwrap_or(0.0);
        format!(
            "marks of client and provider are on one clock, {error:.1} us apart at most; the provider's own time is taken off\n"
        )
    } else {
        "PAIRED ARMS ONLY: no marks of the provider are here, so its own time and the network's are in both arms, and only \
         their difference says anything; streams can't be judged\n"
            .to_owned()
    };
    if let Some(gateway) = found.gateway.as_ref().filter(|gateway| gateway.by_itself) {
        out += &format!("THE GATEWAY ENDED BY ITSELF: {}\n", gateway.ended);
    }
    out
}

fn pairs(found: &Overhead) -> String {
    let pairs = &found.pairs;
    let why: Vec<String> = pairs
        .why
        .iter()
        .map(|(why, n)| format!("{n} {why}"))
        .collect();
    let why = if why.is_empty() {
        String::new()
    } else {
        format!(" ({})", why.join(", "))
    };
    let unkept = match found.unkept {
        0 => String::new(),
        n => format!("; the provider had no room for the marks of {n} requests"),
    };
    format!(
        "pairs       {} of a request through the gateway and one past it; {} dropped{why}{unkept}\n",
        pairs.kept, pairs.dropped
    )
}

fn stream(of: &Fidelity, paint: Paint) -> String {
    let Some(verdict) = of.verdict else {
        return "stream      none that could be judged\n".to_owned();
    };
    let mut out = format!(
        "stream      {}: {} of {} streams faithful, {} coalesced, {} buffered, {} broken\n",
        paint.bold(&verdict.to_string().to_uppercase()),
        of.faithful,
        of.streams,
        of.coalesced,
        of.buffered,
        of.broken
    );
    out += &format!(
        "            {} chunks in, {} out: {} merged, {} held for another, {} lost, {} doubled, {} out of order, {} words rewritten; {} streams failed\n",
        of.chunks_in,
        of.chunks_out,
        of.merged,
        of.held,
        of.lost,
        of.duplicated,
        of.reordered,
        of.rewritten,
        of.failed
    );
    out += &format!(
        "            longest on its way: {:.1} ms, and {:.1} ms past the gateway\n",
        of.longest_hold_ms, of.longest_hold_direct_ms
    );
    out
}

/// A figure of milliseconds, with as many digits as say something.
fn ms(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.1}"),
        size if size >= 10.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

fn added(found: &Overhead, time: AddedTime, paint: Paint) -> String {
    let of = |level: &LevelFound| level.added.iter().any(|added| added.time == time);
    if !found.levels.iter().any(of) {
        return String::new();
    }
    let formula = if found.exact {
        time.formula()
    } else {
        time.formula_of_arms()
    };
    let mut out = format!("\n{} in ms = {formula}\n", paint.bold(time.in_words()));
    let stats = ["p50", "p90", "p95", "p99", "p99.9"];
    let head = ["load", "n"].into_iter().chain(stats);
    let head: Vec<&str> = head
        .chain(["p50 [low - high]", "p99 [low - high]"])
        .collect();
    let mut table = Table::new(1, &head);
    for level in &found.levels {
        let Some(added) = level.added.iter().find(|added| added.time == time) else {
            let none = "no pair".to_owned();
            table.row([level.name.clone(), "0".to_owned(), none]);
            continue;
        };
        let at = |name: &str| added.stats.iter().find(|stat| stat.stat == name);
        let cell = |name: &&str| at(name).map_or_else(|| "n/a".to_owned(), |s| ms(s.added_ms));
        let interval = |name: &str| at(name).map_or_else(|| "n/a".to_owned(), interval);
        let figures = stats.iter().map(cell);
        let row = [level.name.clone(), added.n.to_string()]
            .into_iter()
            .chain(figures);
        table.row(row.chain([interval("p50"), interval("p99")]));
    }
    out += &table.render(2);
    out
}

fn interval(stat: &AddedStat) -> String {
    let high = stat.high_ms.map_or_else(|| "?".to_owned(), ms);
    format!("[{} - {high}]", ms(stat.low_ms))
}

fn limits(found: &Overhead) -> String {
    if found.limits.is_empty() {
        return String::new();
    }
    let mut out = "\nadded p99 to the first token, by the rate through the gateway\n".to_owned();
    for limit in &found.limits {
        let rate = |rate: f64| format!("{rate}/s");
        let said = match (limit.kept_at_per_s, limit.passed_at_per_s) {
            (Some(kept), Some(passed)) => {
                format!("kept at {}, passed at {}", rate(kept), rate(passed))
            }
            (Some(kept), None) => format!("kept at all rates, up to {}", rate(kept)),
            (None, Some(passed)) => format!("passed at the lowest rate, {}, already", rate(passed)),
            (None, None) => "not known".to_owned(),
        };
        out += &format!("  {:>3} ms  {said}\n", limit.added_p99_ms);
    }
    out
}

fn used(levels: &[LevelFound]) -> String {
    if levels.iter().all(|level| level.used.is_none()) {
        return String::new();
    }
    let head = [
        "load",
        "answers/s",
        "CPU cores",
        "CPU us a request",
        "memory MB",
    ];
    let mut table = Table::new(1, &head);
    for level in levels {
        let used = level.used.unwrap_or_default();
        let each = used.cpu_per_request_us;
        table.row([
            level.name.clone(),
            format!("{:.1}", level.through_per_s),
            format!("{:.2}", used.cpu_cores),
            each.map_or_else(|| "n/a".to_owned(), |each| format!("{each:.0}")),
            format!("{:.1}", used.memory_bytes as f64 / 1e6),
        ]);
    }
    format!(
        "\nwhat the gateway's processes used; answers are those through it\n{}",
        table.render(2)
    )
}

fn of_upstream(upstream: &Upstream) -> String {
    let mut out = format!(
        "upstream    {} requests at the providers for {} of the client: {:.3} each; {} asked again, {} from a cache\n",
        upstream.upstream_requests,
        upstream.client_requests,
        upstream.amplification,
        upstream.asked_again,
        upstream.from_cache
    );
    let quiet = |p: &crate::judge::UpstreamShare| p.faults.is_empty() && p.limited == 0;
    if upstream.providers.len() > 1 || !upstream.providers.iter().all(quiet) {
        let head = [
            "provider",
            "requests",
            "share",
            "whole",
            "faults",
            "429",
            "within 1 s of one",
            "left alone ms",
        ];
        let mut table = Table::new(1, &head);
        for share in &upstream.providers {
            let faults: Vec<String> = share
                .faults
                .iter()
                .map(|(kind, n)| format!("{n} {kind}"))
                .collect();
            let faults = if faults.is_empty() {
                "none".to_owned()
            } else {
                faults.join(", ")
            };
            let away = share.away_after_fault_ms;
            table.row([
                share.provider.clone(),
                share.requests.to_string(),
                format!("{:.1} %", share.share * 100.0),
                share.whole.to_string(),
                faults,
                share.limited.to_string(),
                share.within_1s_of_429.to_string(),
                away.map_or_else(|| "n/a".to_owned(), ms),
            ]);
        }
        out += &table.render(2);
    }
    let spreads = [
        (
            "gave up after",
            &upstream.patience_ms,
            "a provider that failed was waited for",
        ),
        (
            "switched in",
            &upstream.switch_ms,
            "from giving up to the next provider",
        ),
        (
            "rescued in",
            &upstream.rescued_ms,
            "from sending to the first token, or end, of answers that came all the same",
        ),
    ];
    for (name, spread, what) in spreads {
        if let Some(spread) = spread {
            out += &format!(
                "  {name:<13} {} ms p50, {} ms at most ({} times): {what}\n",
                ms(spread.p50),
                ms(spread.max),
                spread.n
            );
        }
    }
    if upstream.asked_again > 0 {
        out += &format!(
            "  rescued {} of {} requests that were asked again; {} of {} output tokens are paid twice\n",
            upstream.rescued, upstream.asked_again, upstream.tokens_twice, upstream.tokens_upstream
        );
    }
    if !upstream.failures.is_empty() {
        let failures: Vec<String> = upstream
            .failures
            .iter()
            .map(|(kind, n)| format!("{n} {kind}"))
            .collect();
        out += &format!("  the client saw failures: {}\n", failures.join(", "));
    }
    if let Some(cached) = upstream.cached_p50_ms {
        out += &format!("  answers from a cache took {} ms (p50)\n", ms(cached));
    }
    out
}
