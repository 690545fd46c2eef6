//! Folders that a killed process or a bad disk left behind.

use serde_json::Value;

use crate::support::*;

const LOAD: &str = "load: [ { name: steady, constant: { rate: 100/s, duration: 30s } } ]";

#[test]
fn a_run_that_was_killed_leaves_a_folder_that_reports_the_figures_so_far() {
    let sandbox = Sandbox::with(&scenario(QUICK_LAB, LOAD));
    let mut started = sandbox.start("run scenario.yaml -o out");
    until("the first rows", || {
        let folder = sandbox.folder_so_far();
        folder.is_some_and(|folder| lines(&folder) > 10)
    });
    started.child.kill().unwrap();
    assert_eq!(started.finish().code, None, "a signal ended it");

    let folder = sandbox.folder();
    let info = folder.info();
    assert_eq!(
        (&info["complete"], &info["summary"]),
        (&false.into(), &Value::Null)
    );
    let path = folder.path.display();
    let report = sandbox.run(&format!("report {path}")).exits(0);
    assert!(report.stdout.contains(", INCOMPLETE"), "{}", report.stdout);
    assert!(
        report
            .stdout
            .contains("note: the run did not come to its end"),
        "{}",
        report.stdout
    );
    let json = sandbox.run(&format!("report {path} --json")).exits(0);
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["complete"], false);
    let ok = json["summary"]["scopes"][0]["count"]["ok"]
        .as_u64()
        .unwrap() as usize;
    // The last row may be cut within its last columns, which are empty here: then it reads as a whole one.
    let cut = usize::from(!folder.read("samples.csv").ends_with(b"\n"));
    assert!((10..=lines(&folder) + cut).contains(&ok), "{ok}");
}

/// The whole lines of `samples.csv` below its head.
fn lines(folder: &Folder) -> usize {
    let path = folder.path.join("samples.csv");
    let text = std::fs::read(path).unwrap_or_default();
    let ends = text.iter().filter(|byte| **byte == b'\n');
    ends.count().saturating_sub(1)
}

/// A run of 20 requests whose rows are then changed by `change`, which gets them line by line.
fn report_after(change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Ran {
    let sandbox = Sandbox::with(&scenario(QUICK_LAB, LOAD));
    let folder = sandbox.results("-n 20");
    let text = folder.read("samples.csv");
    let mut lines: Vec<Vec<u8>> = text
        .split_inclusive(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    change(&mut lines);
    folder.write("samples.csv", lines.concat());
    sandbox.run(&format!("report {}", folder.path.display()))
}

fn left_out(report: &Ran) -> Option<&str> {
    let mut lines = report.stdout.lines();
    lines.find_map(|line| {
        line.strip_prefix("note: ")?
            .split_once(" of samples.csv")
            .map(|(rows, _)| rows)
    })
}

fn measured(report: &Ran) -> &str {
    let mut lines = report.stdout.lines();
    let counts = lines
        .find_map(|line| line.strip_prefix("requests"))
        .unwrap();
    counts.split_whitespace().next().unwrap()
}

#[test]
fn a_last_row_that_is_cut_in_half_is_left_out_and_said() {
    let report = report_after(|lines| {
        let last = lines.last_mut().unwrap();
        last.truncate(last.len() / 2);
    })
    .exits(0);
    assert_eq!(
        (left_out(&report), measured(&report)),
        (Some("1 row"), "19")
    );
}

#[test]
fn a_last_row_that_lacks_only_its_end_of_line_is_kept() {
    let report = report_after(|lines| {
        lines.last_mut().unwrap().pop();
    })
    .exits(0);
    assert_eq!((left_out(&report), measured(&report)), (None, "20"));
}

#[test]
fn a_line_of_garbage_costs_no_other_row() {
    let garbage: [&[u8]; 5] = [
        b"garbage\n",
        b"\"a quote that never closes, and so takes the lines below with it\n",
        b"\xff\xfe\x00,\x80\n",
        b"1-3,lab,steady,perhaps\n",
        b"\0\0\0\0\0\0\0\0\n",
    ];
    for line in garbage {
        let report = report_after(|lines| lines.insert(5, line.to_vec())).exits(0);
        let said = String::from_utf8_lossy(line);
        assert_eq!(
            (left_out(&report), measured(&report)),
            (Some("1 row"), "20"),
            "{said}"
        );
    }
}

#[test]
fn rows_that_are_broken_are_counted_one_by_one() {
    let report = report_after(|lines| {
        lines[2] = b"oops\n".to_vec();
        lines[3] = b"\"\n".to_vec();
        lines[4] = b"oops, \"again\"\n".to_vec();
    })
    .exits(0);
    assert_eq!(
        (left_out(&report), measured(&report)),
        (Some("3 rows"), "17")
    );
}

#[test]
fn a_folder_that_is_no_run_is_a_usage_error_that_says_so() {
    let sandbox = Sandbox::new();
    for (name, text) in [
        ("run.json", "{"),
        ("run.json", r#"{"schema":1}"#),
        ("run.json", r#"{"schema":99}"#),
    ] {
        sandbox.write(name, text);
        let report = sandbox.run("report .").exits(2);
        assert_eq!((report.stdout.as_str(), report.errors().len()), ("", 1));
    }
    let report = sandbox.run("report nowhere").exits(2);
    assert!(report.stderr.contains("nowhere"), "{}", report.stderr);
}

#[test]
fn a_folder_without_its_histograms_still_reports_and_says_what_is_missing() {
    let sandbox = Sandbox::with(&scenario(QUICK_LAB, LOAD));
    let folder = sandbox.results("-n 20");
    std::fs::remove_file(folder.path.join("latency.hlog")).unwrap();
    let report = sandbox
        .run(&format!("report {}", folder.path.display()))
        .exits(0);
    assert!(report.stdout.contains("note: there is no latency.hlog"));
    assert_eq!(measured(&report), "20");
}

/// The folder of a run with streamed answers, and the sandbox that it is in.
fn streamed() -> (Sandbox, Folder) {
    let load = "load: [ { name: users, closed: { concurrency: 4, requests: 200 } } ]";
    let sandbox =
        Sandbox::with(&(scenario(QUICK_LAB, load) + "thresholds: [ p50(chunk_gap) < 10s ]\n"));
    sandbox.run("run scenario.yaml -o out");
    let folder = sandbox.folder();
    (sandbox, folder)
}

#[test]
fn histograms_that_were_cut_short_pass_no_gate_and_a_report_says_so() {
    let (sandbox, folder) = streamed();
    let log = folder.path.join("latency.hlog");
    let bytes = std::fs::read(&log).unwrap();
    std::fs::write(&log, &bytes[..bytes.len() / 2]).unwrap();
    let path = folder.path.display();
    let gate = sandbox.run(&format!("gate {path}"));
    assert_eq!(gate.code, Some(2), "{}{}", gate.stdout, gate.stderr);
    let said = "chunk gaps, and latency.hlog has";
    assert!(gate.stderr.contains(said), "{}", gate.stderr);
    let report = sandbox.run(&format!("report {path}")).exits(0);
    assert!(report.stdout.contains(said) || report.stderr.contains(said));
}

#[test]
fn rows_that_are_missing_are_missed_by_a_report() {
    let (sandbox, folder) = streamed();
    let rows = folder.path.join("samples.csv");
    let text = std::fs::read_to_string(&rows).unwrap();
    let half: Vec<&str> = text.lines().take(101).collect();
    std::fs::write(&rows, half.join("\n") + "\n").unwrap();
    let report = sandbox
        .run(&format!("report {}", folder.path.display()))
        .exits(0);
    let said = "run.json tells of 200 measured requests, and samples.csv has 100";
    let told = report.stdout + &report.stderr;
    assert!(told.contains(said), "{told}");
}
