use std::time::Duration;

use super::*;
use crate::judge::{Check, Level, Validity};
use crate::record::{Histogram, LogFigures, ScopeFigures};
use crate::sample::Metric;
use crate::scenario::Threshold;

fn thresholds(written: &[&str]) -> Vec<Threshold> {
    let threshold = |written: &&str| {
        let json = serde_json::json!({ "check": written, "line": 3 });
        serde_json::from_value(json).unwrap()
    };
    written.iter().map(threshold).collect()
}

/// A scope with these times to first token in milliseconds, and so many failures.
fn scope(name: &str, ttft: impl IntoIterator<Item = u64>, failed: u64) -> ScopeFigures {
    let mut times = Histogram::default();
    for ms in ttft {
        times.record(Duration::from_millis(ms));
    }
    let mut figures = ScopeFigures {
        failed_streamed: failed,
        ..ScopeFigures::default()
    };
    name.clone_into(&mut figures.summary.scope);
    figures.summary.count.ok = times.len();
    figures.summary.count.failed = failed;
    figures.summary.count.requests = times.len() + failed;
    if !times.is_empty() {
        figures.times.insert(Metric::Ttft, times);
    }
    figures
}

fn valid(level: Level) -> Validity {
    let [name, value, limit, remedy] = ["ok samples", "some", "all", ""].map(str::to_owned);
    Validity {
        verdict: level,
        checks: vec![Check {
            name,
            level,
            value,
            limit,
            remedy,
        }],
    }
}

fn judged(
    written: &[&str],
    figures: &[ScopeFigures],
    ending: Ending,
    baseline: Option<&[ScopeFigures]>,
) -> Gate {
    let validity = valid(Level::Valid);
    let evidence = Evidence {
        run: GatedRun::default(),
        figures,
        shares: &[],
        validity: &validity,
        ending,
        comparison: None,
        overhead: None,
    };
    let baseline = baseline.map(|figures| Baseline {
        run: GatedRun::default(),
        figures,
        differences: Vec::new(),
    });
    gate(&thresholds(written), &evidence, baseline.as_ref())
}

/// The verdict and the reason of one threshold on one scope.
fn one(written: &str, figures: ScopeFigures) -> (Verdict, String) {
    let gate = judged(&[written], &[figures], Ending::Whole, None);
    assert_eq!(gate.verdict, gate.findings[0].verdict);
    (gate.verdict, gate.findings[0].why.clone())
}

/// The same against a baseline.
fn against(written: &str, figures: ScopeFigures, baseline: ScopeFigures) -> (Verdict, String) {
    let gate = judged(&[written], &[figures], Ending::Whole, Some(&[baseline]));
    (gate.verdict, gate.findings[0].why.clone())
}

#[test]
fn a_value_is_held_against_its_limit() {
    let quick = scope("total", 1..=100, 0);
    let (verdict, why) = one("p95(ttft) < 200ms", quick.clone());
    assert_eq!(verdict, Verdict::Pass);
    assert_eq!(why, "95 ms keeps to 200 ms");
    assert_eq!(one("p95(ttft) < 60ms", quick.clone()).0, Verdict::Fail);
    assert_eq!(one("mean(ttft) < 51ms", quick.clone()).0, Verdict::Pass);
    assert_eq!(one("max(ttft) < 99ms", quick.clone()).0, Verdict::Fail);
    assert_eq!(one("p72.5(ttft) > 70ms", quick.clone()).0, Verdict::Pass);
    assert_eq!(one("requests == 100", quick).0, Verdict::Pass);
}

#[test]
fn an_interval_with_the_limit_in_it_is_told_and_decides_only_where_that_is_asked() {
    let figures = scope("total", 1..=100, 0);
    let (verdict, why) = one("p95(ttft) < 97ms", figures.clone());
    assert_eq!(verdict, Verdict::Pass);
    assert!(why.contains("has the limit in it"), "{why}");
    let mut confident = thresholds(&["p95(ttft) < 97ms"]);
    confident[0].confident = true;
    let validity = valid(Level::Valid);
    let evidence = Evidence {
        run: GatedRun::default(),
        figures: &[figures],
        shares: &[],
        validity: &validity,
        ending: Ending::Whole,
        comparison: None,
        overhead: None,
    };
    assert_eq!(
        gate(&confident, &evidence, None).verdict,
        Verdict::Inconclusive
    );
}

#[test]
fn a_quantile_that_the_sample_cant_carry_is_inconclusive() {
    let (verdict, why) = one("p95(ttft) < 1s", scope("total", 1..=58, 0));
    assert_eq!(verdict, Verdict::Inconclusive);
    assert_eq!(why, "it needs 59 values, and has 58");
    assert_eq!(
        one("p95(ttft) < 1s", scope("total", 1..=59, 0)).0,
        Verdict::Pass
    );
}

#[test]
fn what_has_no_data_is_invalid_whichever_way_the_limit_lies() {
    let empty = scope("total", [], 0);
    let failed = scope("total", [], 500);
    for written in [
        "p95(ttft) < 1s",
        "p95(ttft) > 1s",
        "mean(ttft) < 1s",
        "max(ttft) >= 0ms",
        "p95(tpot) < 1s",
        "cost_per_request < $1",
        "cost_reported < $1",
        "share(model=a) < 50%",
        "cache_hit_rate < 50%",
    ] {
        assert_eq!(one(written, empty.clone()).0, Verdict::Invalid, "{written}");
    }
    for written in ["error_rate < 1%", "requests < 5", "goodput >= 0/s"] {
        assert_eq!(one(written, empty.clone()).0, Verdict::Invalid, "{written}");
    }
    assert_eq!(one("p95(ttft) < 1s", failed).0, Verdict::Invalid);
    let elsewhere = judged(
        &["p95(ttft){provider=a} < 1s"],
        &[scope("total", 1..=99, 0)],
        Ending::Whole,
        None,
    );
    assert_eq!(elsewhere.verdict, Verdict::Invalid);
}

#[test]
fn who_fails_fast_does_not_pass_for_fast() {
    // 94 of 100 answers are quick; the others failed, quickly too.
    let (verdict, why) = one("p95(ttft) < 200ms", scope("total", 1..=94, 6));
    assert_eq!(verdict, Verdict::Fail);
    assert_eq!(
        why,
        "infinite does not keep to 200 ms, but its interval [90 ms - infinite] has the limit in it; \
         6 failed requests count as infinitely slow"
    );
    assert_eq!(
        one("p90(ttft) < 200ms", scope("total", 1..=94, 6)).0,
        Verdict::Pass
    );
    for written in ["mean(ttft) < 1s", "max(ttft) < 1s"] {
        assert_eq!(
            one(written, scope("total", 1..=94, 1)).0,
            Verdict::Fail,
            "{written}"
        );
    }
}

#[test]
fn failures_that_dont_tell_whose_they_are_leave_a_pass_in_doubt() {
    let mut figures = scope("provider=a", 1..=94, 0);
    figures.untold = 6;
    let (verdict, why) = one("p95(ttft){provider=a} < 200ms", figures.clone());
    assert_eq!(verdict, Verdict::Inconclusive);
    assert!(
        why.ends_with(
            "6 failed requests told no provider, and may belong here: then it does not hold"
        ),
        "{why}"
    );
    assert_eq!(
        one("p90(ttft){provider=a} < 200ms", figures.clone()).0,
        Verdict::Pass
    );
    assert_eq!(
        one("error_rate{provider=a} < 1%", figures).0,
        Verdict::Inconclusive
    );
}

#[test]
fn a_cost_that_is_unknown_for_any_request_is_no_cost() {
    let mut figures = scope("total", 1..=10, 0);
    figures.summary.totals.cost.per_request_usd = crate::base::Money::from_dollars(0.001);
    assert_eq!(
        one("cost_per_request < $0.002", figures.clone()).0,
        Verdict::Pass
    );
    figures.summary.totals.cost.unknown = 1;
    let (verdict, why) = one("cost_per_request < $0.002", figures);
    assert_eq!(verdict, Verdict::Invalid);
    assert_eq!(why, "the cost of 1 of 10 requests is unknown");
}

#[test]
fn a_run_that_is_cut_or_invalid_or_asked_nothing_never_passes() {
    let figures = [scope("total", 1..=100, 0)];
    let asked = ["p95(ttft) < 1s"];
    let cut = judged(&asked, &figures, Ending::Cut("the budget".to_owned()), None);
    assert_eq!(cut.verdict, Verdict::Invalid);
    assert_eq!(cut.reasons, ["the budget"]);
    assert_eq!(cut.findings[0].verdict, Verdict::Pass);
    assert_eq!(
        judged(&[], &figures, Ending::Whole, None).verdict,
        Verdict::Invalid
    );
    let validity = valid(Level::Invalid);
    let evidence = Evidence {
        run: GatedRun::default(),
        figures: &figures,
        shares: &[],
        validity: &validity,
        ending: Ending::Whole,
        comparison: None,
        overhead: None,
    };
    let invalid = gate(&thresholds(&asked), &evidence, None);
    assert_eq!(invalid.verdict, Verdict::Invalid);
    assert!(invalid.reasons[0].contains("ok samples is some"));
    let aborted = judged(&asked, &figures, Ending::Aborted(vec![0]), None);
    assert_eq!(aborted.verdict, Verdict::Fail);
    assert!(aborted.findings[0].aborted);
}

#[test]
fn an_advisory_threshold_is_told_and_decides_nothing() {
    let mut both = thresholds(&["p95(ttft) < 1ms", "p95(ttft) < 1s"]);
    both[0].advisory = true;
    let validity = valid(Level::Warn);
    let figures = [scope("total", 1..=100, 0)];
    let evidence = Evidence {
        run: GatedRun::default(),
        figures: &figures,
        shares: &[],
        validity: &validity,
        ending: Ending::Whole,
        comparison: None,
        overhead: None,
    };
    let told = gate(&both, &evidence, None);
    assert_eq!(
        (told.findings[0].verdict, told.verdict),
        (Verdict::Fail, Verdict::Pass)
    );
    assert_eq!(
        gate(&both[..1], &evidence, None).verdict,
        Verdict::Invalid,
        "nothing decides"
    );
}

#[test]
fn of_several_margins_the_widest_counts() {
    let base = || scope("total", (1..=1000).map(|ms| 90 + ms % 20), 0);
    let slower = |by: u64| scope("total", (1..=1000).map(move |ms| 90 + by + ms % 20), 0);
    let ratio = "p50(ttft) <= baseline * 1.10";
    let either = "p50(ttft) <= baseline * 1.10 or baseline + 30ms";
    assert_eq!(against(ratio, slower(2), base()).0, Verdict::Pass);
    let (verdict, why) = against(ratio, slower(25), base());
    assert_eq!(verdict, Verdict::Fail);
    assert!(why.contains("(+25.3 %)"), "{why}");
    assert_eq!(against(either, slower(25), base()).0, Verdict::Pass);
    assert_eq!(
        against(
            "p50(ttft) >= baseline * 0.5 or baseline - 90ms",
            slower(0),
            base()
        )
        .0,
        Verdict::Pass
    );
}

#[test]
fn where_both_intervals_leave_it_open_a_margin_is_inconclusive() {
    let wide = |by: u64| scope("total", (1..=100).map(move |ms| by + ms * ms), 0);
    let (verdict, why) = against("p50(ttft) <= baseline * 1.10", wide(100), wide(0));
    assert_eq!(verdict, Verdict::Inconclusive);
    assert!(why.contains("which has the limit in it"), "{why}");
    let failing = |failed: u64| scope("total", (0..1000 - failed).map(|_| 5), failed);
    let margin = "error_rate <= baseline + 0.5%";
    assert_eq!(
        against(margin, failing(10), failing(10)).0,
        Verdict::Inconclusive
    );
    assert_eq!(against(margin, failing(60), failing(10)).0, Verdict::Fail);
    assert_eq!(against(margin, failing(0), failing(40)).0, Verdict::Pass);
}

#[test]
fn a_margin_without_a_baseline_or_its_value_is_invalid() {
    let margin = "p95(ttft) <= baseline * 1.10";
    let (verdict, why) = one(margin, scope("total", 1..=99, 0));
    assert_eq!(verdict, Verdict::Invalid);
    assert_eq!(why, "no baseline was given: name one with --baseline");
    let few = against(margin, scope("total", 1..=99, 0), scope("total", 1..=9, 0));
    assert_eq!(few.0, Verdict::Invalid);
    let other = against(
        margin,
        scope("total", 1..=99, 0),
        scope("recipe:a", 1..=99, 0),
    );
    assert_eq!(other.0, Verdict::Invalid);
    let failed = against(
        margin,
        scope("total", 1..=99, 50),
        scope("total", 1..=99, 50),
    );
    assert_eq!(failed.0, Verdict::Invalid, "an infinite baseline");
}

#[test]
fn a_run_is_ended_only_where_the_whole_interval_lies_beyond() {
    let fails = |written: &str, figures: ScopeFigures| {
        fails_clearly(&thresholds(&[written])[0], &[figures])
    };
    assert!(fails("p95(ttft) < 50ms", scope("total", 1..=100, 0)));
    assert!(!fails("p95(ttft) < 94ms", scope("total", 1..=100, 0)));
    assert!(
        !fails("p95(ttft) < 1ms", scope("total", 5..=9, 0)),
        "too few"
    );
    assert!(!fails(
        "p95(ttft) <= baseline * 1.1",
        scope("total", 1..=100, 0)
    ));
    assert!(fails("error_rate < 1%", scope("total", 1..=90, 10)));
    assert!(!fails("error_rate < 1%", scope("total", 1..=90, 1)));
    assert!(fails("p95(ttft) < 50ms", scope("total", [], 100)));
    assert!(!fails("p95(ttft) < 50ms", scope("total", [], 10)));
}

#[test]
fn what_only_the_gateways_log_tells_needs_the_whole_of_it() {
    let unread = scope("total", 1..=100, 0);
    let of = |written: &str, log: LogFigures| {
        let figures = ScopeFigures {
            log: Some(log),
            ..unread.clone()
        };
        one(written, figures).0
    };
    let log = LogFigures {
        sent: 100,
        joined: 98,
        missing: 2,
        cost_drift: Some(0.02),
        whole: true,
    };
    assert_eq!(of("missing_logs == 0", log), Verdict::Fail);
    assert_eq!(of("missing_logs <= 2", log), Verdict::Pass);
    assert_eq!(of("cost_drift < 1%", log), Verdict::Fail);
    assert_eq!(of("cost_drift < 3%", log), Verdict::Pass);
    let part = LogFigures {
        whole: false,
        ..log
    };
    assert_eq!(of("missing_logs <= 2", part), Verdict::Invalid);
    let priceless = LogFigures {
        cost_drift: None,
        ..log
    };
    assert_eq!(of("cost_drift < 3%", priceless), Verdict::Invalid);
    let (verdict, why) = one("missing_logs == 0", unread);
    assert_eq!(verdict, Verdict::Invalid);
    assert!(why.contains("not held against a log"), "{why}");
}

#[test]
fn the_arms_decide_beside_the_thresholds_and_alone() {
    let compared = |verdict: Verdict| crate::judge::Comparison {
        verdict,
        ..crate::judge::compare_arms(&[], &crate::judge::Settings::new(Vec::new()))
    };
    let figures = [scope("total", 1..=100, 0)];
    let of = |written: &[&str], comparison: Option<&crate::judge::Comparison>| {
        let validity = valid(Level::Valid);
        let evidence = Evidence {
            run: GatedRun::default(),
            figures: &figures,
            shares: &[],
            validity: &validity,
            ending: Ending::Whole,
            comparison,
            overhead: None,
        };
        gate(&thresholds(written), &evidence, None).verdict
    };
    assert_eq!(of(&[], None), Verdict::Invalid);
    for verdict in [Verdict::Pass, Verdict::Inconclusive, Verdict::Fail] {
        let found = compared(verdict);
        assert_eq!(of(&[], Some(&found)), verdict);
        assert_eq!(of(&["p95(ttft) < 200ms"], Some(&found)), verdict);
        assert_eq!(of(&["p95(ttft) < 1ms"], Some(&found)), Verdict::Fail);
    }
}
