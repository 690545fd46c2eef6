//! Thresholds on some of the requests: what is judged is what the rows say.

use serde_json::Value;

use crate::bench::{ask, bench, edit, gate, said};

#[test]
fn a_scope_has_the_rows_that_fit_it() {
    let (sandbox, folder) = bench();
    let rows = folder.measured();
    let count = |fits: fn(&tollgate::results::Row) -> bool| rows.iter().filter(|r| fits(r)).count();
    let cases = [
        ("requests > 0", count(|_| true)),
        ("requests{recipe=plain} > 0", count(|r| r.recipe == "plain")),
        ("requests{stream=true} > 0", count(|r| r.stream)),
        (
            "requests{cold=true} > 0",
            count(|r| r.reused == Some(false)),
        ),
        (
            "requests{cold=false} > 0",
            count(|r| r.reused == Some(true)),
        ),
        (
            "requests{reused=true,recipe=streamed} > 0",
            count(|r| r.reused == Some(true) && r.recipe == "streamed"),
        ),
        (
            "requests{model=gpt-lab,phase=steady,arm=lab} > 0",
            count(|r| r.model.as_deref() == Some("gpt-lab")),
        ),
    ];
    ask(&folder, &cases.map(|(threshold, _)| threshold));
    let found = said(&gate(&sandbox, &folder, "--json").exits(0));
    for ((threshold, count), finding) in cases.iter().zip(found["findings"].as_array().unwrap()) {
        assert!(*count > 0, "{threshold} has no rows here");
        assert_eq!(finding["value"], *count as f64, "{threshold}");
    }
}

#[test]
fn a_name_that_no_row_has_is_no_data() {
    let (sandbox, folder) = bench();
    ask(
        &folder,
        &[
            "error_rate{model=gpt-other} < 1%",
            "p95(e2e){provider=nobody} < 60s",
        ],
    );
    let found = said(&gate(&sandbox, &folder, "--json").exits(4));
    for finding in found["findings"].as_array().unwrap() {
        assert_eq!(finding["verdict"], "invalid");
        assert_eq!(finding["why"], "there is no such request");
    }
}

#[test]
fn a_killed_runs_folder_is_judged_as_far_as_it_came() {
    let (sandbox, folder) = bench();
    ask(
        &folder,
        &["p50(e2e){stream=true} < 60s", "requests{reused=true} > 0"],
    );
    edit(&folder, |info| {
        info["complete"] = false.into();
        for gone in ["summary", "validity", "process_cpu"] {
            info[gone] = Value::Null;
        }
    });
    let rows = folder.read("samples.csv");
    folder.write("samples.csv", &rows[..rows.len() * 2 / 3]);
    let found = said(&gate(&sandbox, &folder, "--json").exits(4));
    assert_eq!(found["reasons"][0], "the run did not come to its end");
    for finding in found["findings"].as_array().unwrap() {
        assert_eq!(finding["verdict"], "pass", "{finding}");
    }
}
