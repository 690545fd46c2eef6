//! Thresholds that can't be meant: a problem at the very characters, before anything is sent.

use crate::bench::asking;
use crate::support::Sandbox;

/// A threshold, the characters that are wrong, and how that is said.
const MISTAKES: &[(&str, &str, &str)] = &[
    (
        "p95(tftt) < 1s",
        "tftt",
        "there is no time `tftt`, did you mean `ttft`?",
    ),
    ("p95(ttft) < 800", "800", "the limit `800` has no unit"),
    (
        "p95(ttft) < 3%",
        "3%",
        "`3%` is a share, and `ttft` is a time",
    ),
    (
        "p100(ttft) < 1s",
        "p100",
        "the percentile `p100` is out of range",
    ),
    (
        "eror_rate < 1%",
        "eror_rate",
        "there is no figure `eror_rate`, did you mean `error_rate`?",
    ),
    (
        "\"p95(ttft){recpe=plain} < 1s\"",
        "recpe",
        "requests have no `recpe` to tell them apart, did you mean `recipe`?",
    ),
    (
        "\"p95(e2e){recipe=plan} < 1s\"",
        "plan}",
        "there is no recipe `plan`, did you mean `plain`?",
    ),
    (
        "\"p95(e2e){phase=stedy} < 1s\"",
        "stedy",
        "there is no phase `stedy`, did you mean `steady`?",
    ),
    (
        "\"p95(e2e){arm=other} < 1s\"",
        "other",
        "there is no arm `other`",
    ),
    (
        "\"p95(chunk_gap){model=gpt-lab} < 1s\"",
        "model",
        "chunk gaps are kept by recipe and arm, and not by model",
    ),
    (
        "p95(ttft) <= * 1.10",
        "* 1.10",
        "a margin without `baseline`",
    ),
    (
        "shares == expected",
        "shares",
        "no recipe says which shares are expected",
    ),
    (
        "{ check: p95(e2e) < 1s, grace: 5s }",
        "5s",
        "`grace` without `abort` has no effect",
    ),
    (
        "{ check: max(e2e) < 1s, confident: true }",
        "true",
        "`e2e` has no interval",
    ),
    (
        "{ check: p95(e2e) <= baseline, abort: true }",
        "true",
        "this can't be told while the run goes on",
    ),
    (
        "{ check: p95(e2e) < 1s, abort: true, advisory: true }",
        "true",
        "an advisory threshold decides nothing, and ends no run",
    ),
    (
        "{ chek: p95(e2e) < 1s }",
        "chek",
        "unknown key `chek`, did you mean `check`?",
    ),
];

#[test]
fn each_mistake_in_a_threshold_is_told_at_its_characters() {
    for &(threshold, at, message) in MISTAKES {
        let sandbox = Sandbox::with(&asking(&[threshold]));
        let ran = sandbox.run("validate scenario.yaml").exits(2);
        let errors = ran.errors();
        assert!(errors[0].starts_with(message), "{threshold}: {errors:?}");
        let text = std::fs::read_to_string(sandbox.path("scenario.yaml")).unwrap();
        let lines = text.lines().enumerate();
        let (line, said) = lines.last().unwrap();
        let after_key = said.find(threshold).unwrap();
        let column = after_key + said[after_key..].find(at).unwrap() + 1;
        let place = format!("scenario.yaml:{}:{column}", line + 1);
        assert_eq!(ran.places()[0], place, "{threshold}\n{}", ran.stderr);
        assert!(
            ran.stderr.contains("= help: "),
            "{threshold}\n{}",
            ran.stderr
        );
    }
}

#[test]
fn a_number_is_no_threshold() {
    let sandbox = Sandbox::with(&asking(&["5"]));
    let ran = sandbox.run("validate scenario.yaml").exits(2);
    assert!(ran.errors()[0].starts_with("expected a threshold such as p95(ttft) < 800ms"));
}

#[test]
fn all_mistakes_are_told_at_once_and_a_threshold_twice_is_one() {
    let thresholds = [
        "p95(ttft) < 1s",
        "p95(ttft)  <  1000ms",
        "p0(e2e) < 1s",
        "failed == 0.5",
    ];
    let sandbox = Sandbox::with(&asking(&thresholds));
    let ran = sandbox.run("run scenario.yaml").exits(2);
    let wanted = [
        "`p95(ttft)  <  1000ms` is there twice",
        "the percentile `p0` is out of range",
        "`0.5` is no count",
    ];
    assert_eq!(ran.errors(), wanted);
}

#[test]
fn a_warm_up_has_no_figures_to_judge() {
    let scenario = asking(&["\"p95(e2e){phase=warm} < 1s\""]).replace(
        "load: [",
        "load: [ { name: warm, warmup: true, closed: { concurrency: 1, requests: 2 } },",
    );
    let sandbox = Sandbox::with(&scenario);
    let ran = sandbox.run("validate scenario.yaml").exits(2);
    assert_eq!(ran.errors(), ["`warm` only warms up: it has no figures"]);
}

#[test]
fn flags_that_have_no_effect_are_refused() {
    let sandbox = Sandbox::new();
    sandbox.run("gate somewhere --allow-unlike").exits(2);
    sandbox
        .run("gate somewhere --on-inconclusive maybe")
        .exits(2);
    sandbox.run("gate").exits(2);
}
