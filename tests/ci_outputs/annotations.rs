//! Annotations, read as GitHub's runner reads them.

use tollgate::judge::{Level, Verdict};
use tollgate::report::ci::{ANNOTATIONS_OF_A_KIND, OnInconclusive, annotations};

use crate::gates::{NASTY, context, finding, gate, nasty, validity};

/// A command as the runner takes it: kind, properties and message.
fn parsed(line: &str) -> (String, Vec<(String, String)>, String) {
    let rest = line.strip_prefix("::").unwrap();
    let (command, message) = rest.split_once("::").unwrap();
    let (kind, properties) = command.split_once(' ').unwrap();
    let unescaped = |text: &str| {
        let text = text.replace("%0D", "\r").replace("%0A", "\n");
        let text = text.replace("%3A", ":").replace("%2C", ",");
        text.replace("%25", "%")
    };
    let pairs = properties.split(',').map(|pair| {
        let (name, value) = pair.split_once('=').unwrap();
        (name.to_owned(), unescaped(value))
    });
    (kind.to_owned(), pairs.collect(), unescaped(message))
}

#[test]
fn each_threshold_is_told_at_its_line_by_what_became_of_it() {
    let mut advisory = finding("p50(ttft) < 100ms", Verdict::Fail);
    advisory.advisory = true;
    let found = gate(vec![
        finding("p95(ttft) < 800ms", Verdict::Fail),
        finding("p99(ttft) < 1s", Verdict::Inconclusive),
        advisory,
        finding("max(ttft) < 2s", Verdict::Pass),
        finding("p99.9(ttft) < 2s", Verdict::Invalid),
    ]);
    let valid = validity(Level::Valid);
    let said = annotations(&found, &context(&valid));
    let starts: Vec<&str> = said
        .lines()
        .map(|l| l.split("::").nth(1).unwrap())
        .collect();
    let place = "file=scenarios/smoke.yaml,line=12,title";
    assert_eq!(
        starts,
        [
            format!("error {place}=FAIL%3A p95(ttft) < 800ms"),
            format!("error {place}=INVALID%3A p99.9(ttft) < 2s"),
            format!("warning {place}=INCONCLUSIVE%3A p99(ttft) < 1s"),
            format!("warning {place}=FAIL%3A p50(ttft) < 100ms"),
            "notice title=PASS%3A validity of the run".to_owned(),
            format!("notice {place}=PASS%3A max(ttft) < 2s"),
        ]
    );
}

#[test]
fn an_inconclusive_threshold_is_an_error_only_where_it_stops_the_release() {
    let found = gate(vec![finding("p99(ttft) < 1s", Verdict::Inconclusive)]);
    let valid = validity(Level::Valid);
    let kinds = [
        OnInconclusive::Tell,
        OnInconclusive::Pass,
        OnInconclusive::Fail,
    ]
    .map(|policy| {
        let mut context = context(&valid);
        context.on_inconclusive = policy;
        let said = annotations(&found, &context);
        said.split(' ').next().unwrap().to_owned()
    });
    assert_eq!(kinds, ["::warning", "::warning", "::error"]);
}

#[test]
fn no_name_ends_its_line_or_becomes_a_command() {
    let valid = validity(Level::Valid);
    let mut context = context(&valid);
    context.scenario_file = Some(NASTY);
    let said = annotations(&nasty(), &context);
    for line in said.lines() {
        let (kind, properties, message) = parsed(line);
        assert!(["error", "warning", "notice"].contains(&kind.as_str()));
        let names: Vec<&str> = properties.iter().map(|(name, _)| name.as_str()).collect();
        assert!(
            names == ["title"] || names == ["file", "line", "title"],
            "{line}"
        );
        let controls = |text: &str| text.chars().any(char::is_control);
        assert!(!controls(line), "{line:?}");
        if names.len() == 3 {
            assert!(message.contains("50%,y:z ]]>"), "{message}");
        }
    }
}

#[test]
fn what_github_would_not_show_is_counted() {
    let failing = |n: usize| {
        let all = (0..n).map(|at| finding(&format!("p95(ttft) < {at}ms"), Verdict::Fail));
        let valid = validity(Level::Valid);
        let said = annotations(&gate(all.collect()), &context(&valid));
        said.lines()
            .filter(|line| line.starts_with("::error"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(failing(ANNOTATIONS_OF_A_KIND).len(), ANNOTATIONS_OF_A_KIND);
    let many = failing(25);
    assert_eq!(many.len(), ANNOTATIONS_OF_A_KIND);
    assert_eq!(
        many[9],
        "::error title=tollgate::16 more of this kind: see gate.json, or the job's summary"
    );
}
