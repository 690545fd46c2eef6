//! A page of two arms, with what a gate and a comparison found: made from their types.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;
use tollgate::judge::{
    ArmComparison, Comparison, Design, Figure, FigureComparison, FigureEvidence, Finding,
    GATE_SCHEMA, Gate, GatedRun, MetricComparison, Unit, Validity, Verdict,
};
use tollgate::record::{IntervalRow, Names, Summary};
use tollgate::report::html::{self, Course, Sheet};
use tollgate::results::{Places, RunInfo, read_info};
use tollgate::sample::Metric;

use crate::browser::Browser;

const SECONDS: u64 = 240;

fn metric(metric: Metric, stat: &str, ratio: f64, verdict: Verdict) -> MetricComparison {
    MetricComparison {
        metric,
        stat: stat.to_owned(),
        primary: metric == Metric::Ttft,
        baseline_ms: Some(200.0),
        arm_ms: Some(200.0 * ratio),
        ratio: Some(ratio),
        ratio_low: Some(ratio * 0.96),
        ratio_high: Some(ratio * 1.05),
        baseline_n: 3_000,
        arm_n: 2_998,
        verdict,
        why: "the lower end of the ratio's interval is above the margin".to_owned(),
        baseline_low_ms: Some(190.0),
        baseline_high_ms: Some(211.0),
        arm_low_ms: None,
        arm_high_ms: None,
        evidence: FigureEvidence {
            detectable: Some(0.075),
            ..FigureEvidence::default()
        },
    }
}

fn errors() -> FigureComparison {
    FigureComparison {
        figure: Figure::ErrorRate,
        unit: Unit::Share,
        primary: true,
        baseline: Some(0.01),
        baseline_low: Some(0.0),
        baseline_high: Some(0.02),
        arm: Some(0.04),
        arm_low: None,
        arm_high: None,
        change: Some(0.03),
        change_low: Some(0.015),
        change_high: Some(0.045),
        evidence: FigureEvidence::default(),
        baseline_n: 3_000,
        arm_n: 2_998,
        verdict: Verdict::Fail,
        why: "more requests fail".to_owned(),
    }
}

pub(crate) fn comparison() -> Comparison {
    let arm = |name: &str, verdict, metrics| ArmComparison {
        arm: name.to_owned(),
        metrics,
        figures: vec![errors()],
        verdict,
    };
    let missing = MetricComparison {
        baseline_ms: None,
        arm_ms: None,
        ratio: None,
        ratio_low: None,
        ratio_high: None,
        ..metric(Metric::Tpot, "p99.9", 1.0, Verdict::Invalid)
    };
    let fast = vec![
        metric(Metric::Ttft, "p95", 0.98, Verdict::Pass),
        metric(Metric::E2e, "p95", 1.06, Verdict::Inconclusive),
    ];
    let slow = vec![metric(Metric::Ttft, "p95", 1.31, Verdict::Fail), missing];
    Comparison {
        design: Design::Duet,
        baseline: "direct".to_owned(),
        margin: 0.1,
        error_margin: 0.01,
        looks: 1,
        level: 0.05,
        ranking: None,
        alpha: 0.05,
        slices: 20,
        arms: vec![
            arm("gateway", Verdict::Inconclusive, fast),
            arm("<b>slow</b>", Verdict::Fail, slow),
        ],
        verdict: Verdict::Fail,
    }
}

pub(crate) fn gate() -> Gate {
    let finding = |threshold: &str, unit, value, limit, verdict| Finding {
        threshold: threshold.to_owned(),
        line: Some(31),
        scope: "total".to_owned(),
        metric: "ttft".to_owned(),
        stat: Some("p95".to_owned()),
        unit,
        value,
        infinite: false,
        ci_low: value.map(|value: f64| value * 0.9),
        ci_high: value.map(|value| value * 1.1),
        relation: "<".to_owned(),
        limit: Some(limit),
        baseline: None,
        n: 620,
        needs: 59,
        verdict,
        advisory: false,
        aborted: false,
        why: "the whole interval is beyond the limit".to_owned(),
    };
    Gate {
        schema: GATE_SCHEMA,
        verdict: Verdict::Fail,
        reasons: Vec::new(),
        run: GatedRun::default(),
        baseline: None,
        differences: Vec::new(),
        findings: vec![
            finding(
                "p95(ttft) < 300ms",
                Unit::Ms,
                Some(412.5),
                300.0,
                Verdict::Fail,
            ),
            finding(
                "error_rate < 1%",
                Unit::Share,
                Some(0.002),
                0.01,
                Verdict::Pass,
            ),
            finding(
                "cost_per_request < $0.002",
                Unit::Usd,
                None,
                0.002,
                Verdict::Invalid,
            ),
        ],
        comparison: None,
    }
}

/// The course of arms that drift, each a little slower than the one before.
fn course(scopes: &[&str], arms: &[&str]) -> Course {
    let row = |second, arm: &str| IntervalRow {
        second,
        arm: arm.to_owned(),
        ended: 40 + second % 9,
        failed: u64::from(second % 50 == 7),
        in_flight: 12 + second % 5,
        ..IntervalRow::default()
    };
    let intervals: Vec<IntervalRow> = (0..SECONDS)
        .flat_map(|second| arms.iter().map(move |arm| row(second, arm)))
        .collect();
    let names = Names {
        arms: arms.iter().map(|arm| (*arm).to_owned()).collect(),
        recipes: vec!["chat".to_owned(), "code".to_owned()],
    };
    let mut course = Course::new(&intervals, scopes, &names);
    for second in 0..SECONDS {
        for (slow, arm) in arms.iter().enumerate() {
            for (name, base) in [
                ("ttft", 180.0),
                ("e2e", 900.0),
                ("tpot", 9.0),
                ("chunk_gap", 8.0),
            ] {
                let tag = format!("{arm}/chat.{name}");
                let times = course.place(second, &tag).unwrap();
                for k in 0..40_u64 {
                    let dice = ((second * 40 + k).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f64
                        / f64::from(1 << 24);
                    let drift = 1.0 + 0.15 * (second as f64 / 30.0).sin() + 0.14 * slow as f64;
                    times.record(Duration::from_secs_f64(
                        base * drift * (0.7 - (1.0 - dice).ln() * 0.3) / 1e3,
                    ));
                }
            }
        }
    }
    course
}

/// Writes the page, with the figures of the run in `folder` for each of the arms.
fn write(run: &std::path::Path) -> (TempDir, PathBuf) {
    let mut info: RunInfo = read_info(run).unwrap();
    let (mut summary, validity): (Summary, Validity) =
        (info.summary.take().unwrap(), info.validity.take().unwrap());
    let arms = ["direct", "gateway", "<b>slow</b>"];
    let total = summary.scopes[0].clone();
    for (at, arm) in arms.iter().enumerate() {
        let mut scope = total.clone();
        scope.scope = format!("arm:{arm}");
        summary.scopes.insert(1 + at, scope);
    }
    let scopes: Vec<String> = summary
        .scopes
        .iter()
        .map(|scope| scope.scope.clone())
        .collect();
    let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
    let (gate, comparison) = (gate(), comparison());
    let sheet = Sheet {
        info: &info,
        summary: &summary,
        validity: &validity,
        notes: &[],
        gate: Some(&gate),
        comparison: Some(&comparison),
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("arms.html");
    fs::write(&path, html::page(&sheet, course(&scopes, &arms))).unwrap();
    (folder, path)
}

#[test]
fn arms_are_drawn_over_each_other_and_what_the_gate_and_the_comparison_found_is_told() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let (_folder, page) = write(&crate::RUN.1);
    if let Some(keep) = std::env::var_os("TOLLGATE_KEEP_PAGE") {
        fs::copy(&page, keep).unwrap();
    }
    browser.open(&page, 1280, "light");
    assert_eq!(browser.complaints(), [""; 0]);
    let colours = "new Set([...document.querySelectorAll('#plot-quantiles path.line')].map((line) => line.style.stroke)).size";
    assert_eq!(browser.eval(colours), 3, "the arms, and no total of them");
    let verdict = browser.text("#verdict");
    assert!(
        verdict.contains("gate✗ FAIL") && verdict.contains("comparison✗ FAIL"),
        "{verdict}"
    );
    let gate = browser.text("#gate");
    for said in [
        "p95(ttft) < 300ms",
        "line 31",
        "412.50 ms",
        "< 300.00 ms",
        "[371.25 ms – 453.75 ms]",
        "✗ INVALID",
        "0.20 %",
    ] {
        assert!(gate.contains(said), "{said}: {gate}");
    }
    let comparison = browser.text("#comparison");
    for said in [
        "<b>slow</b> against direct",
        "1.310",
        "[1.258 – 1.376]",
        "? INCONCLUSIVE",
        "Margin 10.00 %",
        "20 slices",
        "+3.00 %",
        "7.50 %",
    ] {
        assert!(comparison.contains(said), "{said}: {comparison}");
    }
    assert_eq!(
        browser.eval("document.querySelectorAll('.forest').length"),
        4
    );
    assert_eq!(
        browser.eval("document.querySelectorAll('#page b b').length"),
        0
    );
    let beyond = "(() => { return document.documentElement.scrollWidth - innerWidth; })()";
    browser.open(&page, 400, "dark");
    assert!(browser.eval(beyond).as_i64().unwrap() <= 0);
}
