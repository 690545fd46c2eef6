//! `JUnit` XML, as Jenkins, GitLab and GitHub's test reporters read it.
//!
//! The common part of what these accept, by the description at
//! <https://github.com/testmoapp/junitxml>: a case is a pass unless it holds `failure`, `error` or
//! `skipped`. A run has no meaningful time for one threshold, so `time` is left out.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::Context;
use super::case::{Case, Shown, cases};
use super::text::{at_most, line};
use crate::judge::{Gate, Verdict};

/// Characters of a message. The file is for viewers that show each in a line.
const MESSAGE: usize = 2_000;

/// The suite of a gate. It is never empty, and what is no pass is never shown as one:
///
/// - a threshold that does not hold is a `failure`;
/// - what can't be told is an `error`; with [`OnInconclusive::Pass`](super::OnInconclusive::Pass) it is
///   `skipped`, which viewers show apart and no pipeline fails by, and with
///   [`OnInconclusive::Fail`](super::OnInconclusive::Fail) a `failure`;
/// - an invalid run, or a threshold without data, is an `error`;
/// - what is advisory and no pass is `skipped`.
pub fn junit(gate: &Gate, context: &Context) -> String {
    let mut suite = TestSuite::new(line(&gate.run.scenario));
    for (name, value) in properties(gate) {
        suite.add_property((name, line(&value)));
    }
    for case in cases(gate, context) {
        suite.add_test_case(test_case(&case, gate, context));
    }
    let mut report = Report::new("tollgate");
    report.add_test_suite(suite);
    report
        .to_string()
        .expect("a String takes all that is written")
}

fn properties(gate: &Gate) -> Vec<(String, String)> {
    let baseline = gate.baseline.iter();
    let baseline = baseline.flat_map(|run| {
        [
            ("baseline", run.folder.clone()),
            ("baseline_digest", run.digest.clone()),
            ("baseline_started_utc", run.started_utc.clone()),
        ]
    });
    let of_run = [
        ("verdict", gate.verdict.name().to_owned()),
        ("run", gate.run.folder.clone()),
        ("digest", gate.run.digest.clone()),
        ("started_utc", gate.run.started_utc.clone()),
    ];
    let all = of_run.into_iter().chain(baseline);
    all.map(|(name, value)| (name.to_owned(), value)).collect()
}

fn test_case(case: &Case, gate: &Gate, context: &Context) -> TestCase {
    let mut status = match case.shown(context.on_inconclusive) {
        Shown::Green => TestCaseStatus::success(),
        Shown::Open => TestCaseStatus::skipped(),
        Shown::Failure => TestCaseStatus::non_success(NonSuccessKind::Failure),
        Shown::Error => TestCaseStatus::non_success(NonSuccessKind::Error),
    };
    let advisory = if case.decides { "" } else { "advisory: " };
    let message = format!("{advisory}{}: {}", case.verdict, case.why);
    let message = line(&at_most(&message, MESSAGE));
    status
        .set_message(message)
        .set_type(case.verdict.name())
        .set_description(line(&at_most(&case.detail, MESSAGE)));
    let green = case.verdict == Verdict::Pass;
    let mut test = TestCase::new(&*case.name, status);
    test.set_classname(line(&gate.run.scenario));
    if green {
        let told: Vec<&str> = [&*case.why, &*case.detail]
            .into_iter()
            .filter(|text| !text.is_empty())
            .collect();
        test.set_system_out(line(&at_most(&told.join("; "), MESSAGE)));
    }
    test
}
