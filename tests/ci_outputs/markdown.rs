//! Markdown, with names that mean to be something else.

use proptest::prelude::*;
use tollgate::judge::{Gate, Level, Verdict};
use tollgate::report::ci::{COMMENT_LIMIT, OnInconclusive, markdown, marker};

use crate::gates::{NASTY, comparison, context, finding, gate, nasty, summary, validity};

fn page(gate: &Gate) -> String {
    let valid = validity(Level::Valid);
    markdown(gate, &summary(), &context(&valid), COMMENT_LIMIT)
}

/// The cells of a table's line.
fn cells(line: &str) -> usize {
    let inner = line.strip_prefix("| ").unwrap().strip_suffix(" |").unwrap();
    inner.replace("\\|", "").matches('|').count() + 1
}

/// The numbers of cells in the lines of each table.
fn tables(page: &str) -> Vec<Vec<usize>> {
    let mut tables = vec![Vec::new()];
    for line in page.lines() {
        match line.strip_prefix('|') {
            Some(_) => tables.last_mut().unwrap().push(cells(line)),
            None => tables.push(Vec::new()),
        }
    }
    tables.retain(|table| !table.is_empty());
    tables
}

#[test]
fn the_page_is_this() {
    let mut advisory = finding("p50(ttft) < 100ms", Verdict::Pass);
    advisory.advisory = true;
    let mut few = finding("p99.9(ttft) < 2s", Verdict::Invalid);
    (few.value, few.ci_low, few.ci_high, few.needs) = (None, None, None, 2995);
    let mut margin = finding("p95(e2e) <= baseline * 1.10", Verdict::Inconclusive);
    margin.baseline = Some(740.0);
    let mut found = gate(vec![
        finding("p95(ttft){recipe=a} < 800ms", Verdict::Fail),
        few,
        margin,
        advisory,
    ]);
    found.reasons = vec!["1 of 4 thresholds has no data".to_owned()];
    found.comparison = Some(comparison("candidate", Verdict::Fail));
    let warned = validity(Level::Warn);
    let page = markdown(&found, &summary(), &context(&warned), COMMENT_LIMIT);
    insta::assert_snapshot!(page, @r"
    <!-- tollgate-gate smoke 1a33b06e -->
    ## INVALID · <code>smoke</code>

    Thresholds: 1 invalid, 1 fail, 1 inconclusive, 1 advisory.

    - 1 of 4 thresholds has no data

    ### Thresholds

    | verdict | threshold | value | 95 % interval | limit | n | why |
    | --- | --- | ---: | ---: | ---: | ---: | --- |
    | **FAIL** | <code>p95(ttft)&#123;recipe=a&#125; &lt; 800ms</code> | 812.35 ms | 790.10 - 840.00 ms | &lt; 800.00 ms | 1640 | why it is so |
    | **INVALID** | <code>p99.9(ttft) &lt; 2s</code> | n/a (needs 2995, has 1640) |  | &lt; 800.00 ms | 1640 | why it is so |
    | **INCONCLUSIVE** | <code>p95(e2e) &lt;= baseline &#42; 1.10</code> | 812.35 ms | 790.10 - 840.00 ms | &lt; 800.00 ms (baseline 740.00 ms) | 1640 | why it is so |
    | pass (advisory) | <code>p50(ttft) &lt; 100ms</code> | 812.35 ms | 790.10 - 840.00 ms | &lt; 800.00 ms | 1640 | why it is so |

    ### Against <code>base</code>: FAIL

    Design duet, margin 10.0 %, of the error rate 1.00 points; alpha 0.05, 20 slices.

    - <code>candidate</code>: FAIL

    | verdict | arm | figure | value | baseline | change (95 %) | n | why |
    | --- | --- | --- | ---: | ---: | ---: | ---: | --- |
    | **FAIL** | <code>candidate</code> | <code>p95(ttft)</code> | 130.00 ms | 100.00 ms | ratio 1.300 (1.210 - 1.400) | 2999 / 3000 | why it is so |
    | pass | <code>candidate</code> | <code>error_rate</code> | 1.25 % | 1.00 % | difference &#43;0.25 (-0.10 to &#43;0.60) points | 3000 / 3000 | why it is so |
    | **FAIL** (advisory) | <code>candidate</code> | <code>p95(e2e)</code> | 130.00 ms | 100.00 ms | ratio 1.300 (1.210 - 1.400) | 2999 / 3000 | why it is so |

    ### The run is valid, with care

    - dispatch lag is p99 3 ms, wanted 1 ms. lower the rate

    100 requests, 4 failed (4.00 %). Cost unknown.

    ### Files

    - run: <code>results/smoke/1</code>, plan <code>081a9ddf33f6</code>, started 2026-11-24T13:22:50Z
    ");
}

#[test]
fn no_name_becomes_markup_a_mention_a_link_or_a_line() {
    let page = page(&nasty());
    assert_eq!(tables(&page), [vec![7; 4], vec![8; 5]]);
    for active in ["<script", "`", "@", "https:", " #1", "\0", "\u{1b}", "|b"] {
        let found = page.lines().find(|line| line.contains(active));
        assert_eq!(found, None, "{active:?}");
    }
    assert!(!page.contains("::error"), "{page}");
    // The only HTML is ours.
    let tags: Vec<&str> = page
        .split('<')
        .skip(1)
        .filter_map(|t| t.split('>').next())
        .collect();
    let ours =
        |tag: &&str| ["code", "/code"].contains(tag) || tag.starts_with("!-- tollgate-gate ");
    assert!(tags.iter().all(ours), "{tags:?}");
}

#[test]
fn the_marker_is_first_and_is_the_same_for_all_runs_of_a_scenario() {
    let (one, mut two) = (gate(Vec::new()), gate(vec![finding("x", Verdict::Pass)]));
    two.run.folder = "elsewhere".to_owned();
    let first = |gate: &Gate| page(gate).lines().next().unwrap().to_owned();
    assert_eq!(first(&one), marker("smoke"));
    assert_eq!(first(&one), first(&two));
    assert_eq!(marker("smoke"), "<!-- tollgate-gate smoke 1a33b06e -->");
    assert_ne!(marker("a b"), marker("ab"));
    assert!(!marker("x --> <b>").contains("<b>"));
}

#[test]
fn the_verdict_stands_before_all_else() {
    for (verdict, word) in [
        (Verdict::Pass, "PASS"),
        (Verdict::Inconclusive, "INCONCLUSIVE"),
    ] {
        let page = page(&gate(vec![finding("x", verdict)]));
        let second = page.lines().nth(1).unwrap();
        assert_eq!(second, format!("## {word} · <code>smoke</code>"));
    }
}

#[test]
fn a_policy_that_lets_an_inconclusive_gate_through_is_said() {
    let found = gate(vec![finding("x", Verdict::Inconclusive)]);
    let valid = validity(Level::Valid);
    let mut context = context(&valid);
    context.on_inconclusive = OnInconclusive::Pass;
    let page = markdown(&found, &summary(), &context, COMMENT_LIMIT);
    assert!(page.contains("lets an inconclusive gate through"), "{page}");
}

#[test]
fn what_is_too_long_loses_what_passed_first_and_says_so() {
    let mut findings: Vec<_> = (0..2_000)
        .map(|at| finding(&format!("p95(ttft) < {at}s"), Verdict::Pass))
        .collect();
    findings[1_500].verdict = Verdict::Fail;
    let found = gate(findings);
    let page = page(&found);
    assert!(page.len() <= COMMENT_LIMIT && page.len() > COMMENT_LIMIT / 2);
    assert!(page.contains("**FAIL** | <code>p95(ttft) &lt; 1500s"));
    let shown = page.matches("<code>p95(ttft)").count();
    let note = format!("{} more rows are left out here", 2_000 - shown);
    assert!(page.contains(&note), "{shown} shown, and no {note:?}");
    assert!(page.contains("1 fail, 1999 pass"), "the head counts all");
}

#[test]
fn the_longest_names_fit_and_no_room_gives_nothing() {
    let long = NASTY.repeat(100);
    let mut found = nasty();
    found.reasons = vec![long.clone(); 1_000];
    found.run.folder.clone_from(&long);
    found.findings = vec![finding(&long, Verdict::Fail); 100];
    let valid = validity(Level::Valid);
    let context = context(&valid);
    let page = markdown(&found, &summary(), &context, COMMENT_LIMIT);
    assert!(page.len() <= COMMENT_LIMIT && page.contains("## FAIL"));
    assert_eq!(markdown(&found, &summary(), &context, 100), "");
}

proptest! {
    #[test]
    fn every_line_of_a_table_has_the_cells_of_its_head(names in proptest::collection::vec(any::<String>(), 1..6)) {
        let mut found = gate(names.iter().map(|name| finding(name, Verdict::Fail)).collect());
        for (finding, name) in found.findings.iter_mut().zip(names.iter().rev()) {
            finding.why.clone_from(name);
            finding.relation.clone_from(name);
        }
        found.comparison = Some(comparison(&names[0], Verdict::Pass));
        let page = page(&found);
        prop_assert_eq!(tables(&page), [vec![7; names.len() + 2], vec![8; 5]]);
    }
}
