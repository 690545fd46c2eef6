//! Gates made by hand, some with names that no format likes.

use tollgate::judge::{
    ArmComparison, Check, Comparison, Design, Difference, Figure, FigureComparison, FigureEvidence,
    Finding, GATE_SCHEMA, Gate, GatedRun, Level, MetricComparison, Unit, Validity, Verdict,
};
use tollgate::record::{Count, MetricSummary, QuantileSummary, ScopeSummary, Summary};
use tollgate::report::ci::{Context, OnInconclusive};
use tollgate::sample::Metric;

/// All that some format would take for its own.
pub(crate) const NASTY: &str = "p95(ttft){recipe=a|b} < 800ms\n::error::x 50%,y:z ]]> <script>`rm` \
     \"q\" 'r' & \0\u{1b}[31m\u{7f}\u{fffe} @octocat #1 https://e.example _em_ \\| \r\n| end";

pub(crate) fn finding(threshold: &str, verdict: Verdict) -> Finding {
    Finding {
        threshold: threshold.to_owned(),
        line: Some(12),
        scope: "total".to_owned(),
        metric: "ttft".to_owned(),
        stat: Some("p95".to_owned()),
        unit: Unit::Ms,
        value: Some(812.345),
        infinite: false,
        ci_low: Some(790.1),
        ci_high: Some(840.0),
        relation: "<".to_owned(),
        limit: Some(800.0),
        baseline: None,
        n: 1640,
        needs: 59,
        verdict,
        advisory: false,
        aborted: false,
        why: "why it is so".to_owned(),
    }
}

/// A gate of these findings, as bad as the worst of them.
pub(crate) fn gate(findings: Vec<Finding>) -> Gate {
    let deciding = findings.iter().filter(|finding| !finding.advisory);
    let verdict = Verdict::worst(deciding.map(|finding| finding.verdict));
    Gate {
        schema: GATE_SCHEMA,
        verdict: verdict.unwrap_or(Verdict::Invalid),
        reasons: Vec::new(),
        run: GatedRun {
            folder: "results/smoke/1".to_owned(),
            scenario: "smoke".to_owned(),
            digest: "081a9ddf33f6".to_owned(),
            started_utc: "2026-11-24T13:22:50Z".to_owned(),
        },
        baseline: None,
        differences: Vec::new(),
        findings,
        comparison: None,
    }
}

/// A gate in which every text is one that no format likes.
pub(crate) fn nasty() -> Gate {
    let mut found = gate(vec![
        finding(NASTY, Verdict::Fail),
        finding(NASTY, Verdict::Pass),
    ]);
    for finding in &mut found.findings {
        NASTY.clone_into(&mut finding.scope);
        NASTY.clone_into(&mut finding.why);
    }
    found.reasons = vec![NASTY.to_owned()];
    found.run = GatedRun {
        folder: NASTY.to_owned(),
        scenario: NASTY.to_owned(),
        digest: NASTY.to_owned(),
        started_utc: NASTY.to_owned(),
    };
    found.baseline = Some(found.run.clone());
    found.differences = vec![Difference {
        field: NASTY.to_owned(),
        baseline: NASTY.to_owned(),
        run: NASTY.to_owned(),
    }];
    found.comparison = Some(comparison(NASTY, Verdict::Fail));
    found
}

/// Two arms, of which one has a figure that decides and one that is told.
pub(crate) fn comparison(arm: &str, verdict: Verdict) -> Comparison {
    let metric = |metric, primary| MetricComparison {
        metric,
        stat: "p95".to_owned(),
        primary,
        baseline_ms: Some(100.0),
        baseline_low_ms: None,
        baseline_high_ms: None,
        arm_ms: Some(130.0),
        arm_low_ms: None,
        arm_high_ms: None,
        evidence: FigureEvidence::default(),
        ratio: Some(1.3),
        ratio_low: Some(1.21),
        ratio_high: Some(1.4),
        baseline_n: 3000,
        arm_n: 2999,
        verdict,
        why: "why it is so".to_owned(),
    };
    let errors = FigureComparison {
        figure: Figure::ErrorRate,
        unit: Unit::Share,
        primary: true,
        baseline: Some(0.01),
        baseline_low: None,
        baseline_high: None,
        arm: Some(0.0125),
        arm_low: None,
        arm_high: None,
        change: Some(0.0025),
        change_low: Some(-0.001),
        change_high: Some(0.006),
        evidence: FigureEvidence::default(),
        baseline_n: 3000,
        arm_n: 3000,
        verdict: Verdict::Pass,
        why: "why it is so".to_owned(),
    };
    Comparison {
        design: Design::Duet,
        baseline: "base".to_owned(),
        margin: 0.1,
        error_margin: 0.01,
        looks: 1,
        level: 0.05,
        ranking: None,
        alpha: 0.05,
        slices: 20,
        arms: vec![ArmComparison {
            arm: arm.to_owned(),
            metrics: vec![metric(Metric::Ttft, true), metric(Metric::E2e, false)],
            figures: vec![errors],
            verdict,
        }],
        verdict,
    }
}

pub(crate) fn validity(level: Level) -> Validity {
    Validity {
        verdict: level,
        checks: vec![Check {
            name: "dispatch lag".to_owned(),
            level,
            value: "p99 3 ms".to_owned(),
            limit: "1 ms".to_owned(),
            remedy: "lower the rate".to_owned(),
        }],
    }
}

pub(crate) fn context(validity: &Validity) -> Context<'_> {
    Context {
        scenario_file: Some("scenarios/smoke.yaml"),
        validity,
        on_inconclusive: OnInconclusive::Tell,
    }
}

/// A p95 that is carried, a p99 that is not.
pub(crate) fn times(metric: Metric) -> MetricSummary {
    let quantile = |stat: &str, value: Option<f64>| QuantileSummary {
        stat: stat.to_owned(),
        needs: 59,
        value_ms: value,
        ci_low_ms: value.map(|v| v - 1.5),
        ci_high_ms: value.map(|v| v + 1.5),
        adjusted_ms: None,
        adjusted_infinite: false,
    };
    MetricSummary {
        metric,
        n: 100,
        mean_ms: 50.0,
        max_ms: 200.0,
        quantiles: vec![quantile("p95", Some(116.13)), quantile("p99", None)],
    }
}

pub(crate) fn summary() -> Summary {
    let scope = |name: &str, ok: u64| ScopeSummary {
        scope: name.to_owned(),
        count: Count {
            requests: ok + 4,
            ok,
            failed: 4,
        },
        metrics: vec![times(Metric::Ttft), times(Metric::Lag)],
        ..ScopeSummary::default()
    };
    let mut total = scope("total", 96);
    total.totals.error_rate = 0.04;
    total.totals.goodput_per_s = 9.6;
    Summary {
        window_s: 10.0,
        scopes: vec![total, scope("recipe:chat", 96)],
        ..Summary::default()
    }
}
