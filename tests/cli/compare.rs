//! Arms of one run, and stored runs, against each other.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::*;

/// Two lab targets, whose first tokens take so long.
fn targets(first: &str, second: &str) -> String {
    let lab = |ttft: &str| {
        format!(
            "{{ lab: {{ script: {{ models: [ {{ ttft: {{ {ttft} }}, pace: {{ constant: 1ms }}, \
             output_tokens: {{ constant: 8 }} }} ] }} }} }}"
        )
    };
    format!(
        "targets:\n  present: {}\n  newer: {}\n",
        lab(first),
        lab(second)
    )
}

const MIX_OF_TWO: &str = r"
mix:
  - { name: long, weight: 2, chat: { model: openai/gpt-lab, prompt: { synthetic: { tokens: { uniform: { min: 5, max: 400 } } } } } }
  - { name: plain, chat: { model: openai/gpt-lab, stream: false, prompt: { text: hello } } }
";

fn arms(targets: &str, rest: &str) -> Sandbox {
    Sandbox::with(&format!(
        "name: arms\nseed: 7\n{targets}\narms: {{ present: {{ target: present }}, newer: {{ target: newer }} }}\n{MIX_OF_TWO}\n{rest}\n"
    ))
}

const LOAD: &str = "load: [ { name: steady, constant: { rate: 100/s, requests: 400 } } ]";
const SAME: &str = "constant: 40ms";

/// What a comparison found. Its exit code is that of its verdict, wherever this machine kept up.
fn compare(sandbox: &Sandbox, args: &str) -> Value {
    compared(sandbox, args).0
}

/// What a comparison found, and whether this machine kept up.
fn compared(sandbox: &Sandbox, args: &str) -> (Value, bool) {
    let ran = sandbox.run(&format!("compare scenario.yaml -o out {args}"));
    let comparison: Value =
        serde_json::from_slice(&sandbox.folder().read("comparison.json")).unwrap();
    let code = match comparison["verdict"].as_str().unwrap() {
        "pass" => 0,
        "fail" => 1,
        "inconclusive" => 3,
        other => panic!("{other}: {}", ran.stdout),
    };
    let valid = sandbox.folder().info()["validity"]["verdict"] != "invalid";
    let wanted = if valid { code } else { 4 };
    assert_eq!(ran.code, Some(wanted), "{}{}", ran.stdout, ran.stderr);
    (comparison, valid)
}

/// What a comparison of a fresh sandbox found on a run that this machine kept up with; `None` where it
/// never did: no such run passes, and that is seen to.
fn of_a_valid_run(fresh: impl Fn() -> Sandbox) -> Option<(Sandbox, Value)> {
    (0..4).find_map(|_| {
        let sandbox = fresh();
        let (found, valid) = compared(&sandbox, "");
        valid.then_some((sandbox, found))
    })
}

/// The folder of the only run below `root`.
fn only_run(sandbox: &Sandbox, root: &str) -> String {
    let list = |path: &str| {
        let entries = std::fs::read_dir(sandbox.path(path)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.collect::<Vec<_>>()
    };
    let scenario = &list(root)[0];
    let run = &list(&format!("{root}/{scenario}"))[0];
    format!("{root}/{scenario}/{run}")
}

/// The verdict on one figure.
fn of<'c>(comparison: &'c Value, list: &str, name: &str, stat: Option<&str>) -> &'c Value {
    let all = comparison["arms"][0][list].as_array().unwrap();
    let key = if list == "metrics" {
        "metric"
    } else {
        "figure"
    };
    let is_it = |row: &&Value| row[key] == name && stat.is_none_or(|stat| row["stat"] == stat);
    all.iter().find(is_it).unwrap()
}

#[test]
fn each_arm_is_asked_the_same_and_each_row_names_its_arm() {
    let sandbox = arms(&targets(SAME, SAME), LOAD);
    compare(&sandbox, "");
    let folder = sandbox.folder();
    let mut of_arm: BTreeMap<String, Vec<(u64, String)>> = BTreeMap::new();
    for row in folder.rows() {
        let asked = format!("{} {:?}", row.recipe, row.input_tokens);
        of_arm
            .entry(row.arm)
            .or_default()
            .push((row.id.number, asked));
    }
    let asked: Vec<Vec<String>> = of_arm
        .into_values()
        .map(|mut rows| {
            rows.sort();
            rows.into_iter().map(|(_, asked)| asked).collect()
        })
        .collect();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0].len(), 200);
    assert_eq!(asked[0], asked[1]);
    let differ: std::collections::BTreeSet<&String> = asked[0].iter().collect();
    assert!(differ.len() > 50, "prompts differ within an arm");
    let arms = folder.info()["arms"].clone();
    assert_eq!(
        (&arms[0]["name"], &arms[1]["name"]),
        (&"present".into(), &"newer".into())
    );
}

#[test]
fn the_parts_of_arms_and_slices_add_up_to_the_run() {
    let sandbox = arms(&targets(SAME, SAME), LOAD);
    compare(&sandbox, "");
    let folder = sandbox.folder();
    let info = folder.info();
    let scopes = info["summary"]["scopes"].as_array().unwrap();
    let requests = |scope: &str| {
        let found = scopes.iter().find(|found| found["scope"] == scope);
        found.unwrap_or_else(|| panic!("{scope}"))["count"]["requests"]
            .as_u64()
            .unwrap()
    };
    assert_eq!(
        requests("arm:present") + requests("arm:newer"),
        requests("total")
    );
    assert_eq!(
        requests("group:present/long") + requests("group:newer/long"),
        requests("recipe:long")
    );
    let rows: Vec<BTreeMap<String, String>> = folder.csv("slices.csv");
    assert_eq!(rows.len(), 40, "20 slices of 2 arms");
    let all: u64 = rows
        .iter()
        .map(|row| row["requests"].parse::<u64>().unwrap())
        .sum();
    assert_eq!(all, 400);
    assert!(
        rows.iter().all(|row| row["requests"] == "10"),
        "each arm has as many in each slice"
    );
    let intervals = folder.intervals();
    assert!(intervals.iter().any(|row| row.arm == "newer"));
    assert_eq!(intervals.iter().map(|row| row.ended).sum::<u64>(), 400);
}

#[test]
fn a_slower_arm_fails_and_the_figure_is_named() {
    for design in ["duet", "slices"] {
        let compared = format!("compare: {{ design: {design}, primary: [p50(ttft)] }}");
        let fresh = || {
            arms(
                &targets(SAME, "constant: 60ms"),
                &format!(
                    "{LOAD}
{compared}"
                ),
            )
        };
        let Some((sandbox, found)) = of_a_valid_run(fresh) else {
            continue;
        };
        assert_eq!(
            found["verdict"], "fail",
            "{design}: {}",
            found["arms"][0]["metrics"][0]
        );
        let ttft = of(&found, "metrics", "ttft", Some("p50"));
        assert_eq!(
            (&ttft["verdict"], &ttft["primary"]),
            (&"fail".into(), &true.into())
        );
        let ratio = ttft["ratio"].as_f64().unwrap();
        assert!((1.3..1.7).contains(&ratio), "{ratio}");
        let told = sandbox.run(&format!("gate {}", only_run(&sandbox, "out")));
        assert!(told.stdout.contains("arms: fail"), "{}", told.stdout);
    }
}

#[test]
fn the_same_arm_twice_does_not_fail() {
    // One recipe always asks the same: without `vary` all its answers had one draw, another in each arm,
    // and two such labs do differ.
    let spread = targets("lognormal: { mean: 40ms, sd: 12ms }", SAME);
    let spread = spread.replace("script: {", "script: { repeats: vary,");
    let sandbox = arms(&spread, LOAD);
    let found = compare(&sandbox, "--aa");
    assert_ne!(found["verdict"], "fail", "{found}");
    let info = sandbox.folder().info();
    let names: Vec<&str> = info["arms"]
        .as_array()
        .unwrap()
        .iter()
        .map(|arm| arm["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["present", "present-again"]);
    assert_eq!(info["arms"][1]["target"]["name"], "present");
}

#[test]
fn an_arm_that_fails_fast_does_not_pass_for_fast() {
    let failing = "  newer: { lab: { script: { models: [ { ttft: { constant: 5ms }, pace: { constant: 1ms } } ], \
        faults: [ { when: { share: 60% }, do: { status: { code: 500 } } } ] } } }\n";
    let present = targets(SAME, SAME);
    let present = present.lines().take(2).collect::<Vec<_>>().join("\n");
    let sandbox = arms(&format!("{present}\n{failing}"), LOAD);
    let found = compare(&sandbox, "");
    assert_eq!(found["verdict"], "fail", "{found}");
    assert_eq!(of(&found, "figures", "error_rate", None)["verdict"], "fail");
    let p95 = of(&found, "metrics", "ttft", Some("p95"));
    assert_ne!(p95["verdict"], "pass", "{p95}");
}

#[test]
fn an_arm_that_buffers_does_not_pass_for_fast() {
    let lab = |ttft: u32, pace: u32| {
        format!(
            "{{ lab: {{ script: {{ models: [ {{ ttft: {{ constant: {ttft}ms }}, pace: {{ constant: {pace}ms }}, \
             output_tokens: {{ constant: 8 }} }} ] }} }} }}"
        )
    };
    // The same eight tokens at the same end: one by one, and all at once.
    let targets = format!(
        "targets:\n  present: {}\n  newer: {}\n",
        lab(40, 10),
        lab(110, 0)
    );
    let fresh = || arms(&targets, LOAD);
    let Some((_, found)) = of_a_valid_run(fresh) else {
        return;
    };
    assert_eq!(found["verdict"], "fail", "{found}");
    assert_eq!(
        of(&found, "metrics", "ttft", Some("p50"))["verdict"],
        "fail"
    );
    // What gives it away: its gaps are gone.
    let gap = of(&found, "metrics", "chunk_gap", Some("p50"));
    assert!(
        gap["arm_ms"].as_f64() < gap["baseline_ms"].as_f64(),
        "{gap}"
    );
}

#[test]
fn an_arm_that_never_answers_is_no_comparison() {
    let dead = "  newer: { lab: { script: { faults: [ { do: { status: { code: 503 } } } ] } } }\n";
    let present = targets(SAME, SAME);
    let present = present.lines().take(2).collect::<Vec<_>>().join("\n");
    let sandbox = arms(&format!("{present}\n{dead}"), LOAD);
    let ran = sandbox.run("compare scenario.yaml -o json --json").exits(4);
    let gate: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(gate["verdict"], "invalid");
    assert_eq!(gate["comparison"]["baseline"], "present");
    let ran = sandbox.run("compare scenario.yaml -o out").exits(4);
    assert!(
        ran.stdout.contains("`newer` answered nothing"),
        "{}",
        ran.stdout
    );
}

#[test]
fn a_clear_verdict_at_a_look_ends_the_run() {
    let compared = "compare: { primary: [p50(ttft)], looks: 4 }";
    let load = "load: [ { name: steady, constant: { rate: 100/s, requests: 1200 } } ]";
    let fresh = || {
        arms(
            &targets(SAME, "constant: 90ms"),
            &format!(
                "{load}
{compared}"
            ),
        )
    };
    let Some((sandbox, found)) = of_a_valid_run(fresh) else {
        return;
    };
    assert_eq!(found["verdict"], "fail");
    let info = sandbox.folder().info();
    let look = info["ended_at_look"].as_u64().unwrap();
    let goodput = of(&found, "figures", "goodput", None);
    let each = goodput["arm"].as_f64().unwrap();
    assert!((25.0..75.0).contains(&each), "half of 100/s: {goodput}");
    assert!((1..4).contains(&look), "{look}");
    assert_eq!(info["complete"], true);
    let requests = sandbox.folder().rows().len() as u64;
    assert!(requests >= 300 * look && requests < 1_200, "{requests}");
}

#[test]
fn two_stored_runs_are_compared_and_unlike_ones_are_refused() {
    let sandbox = Sandbox::with(&scenario(
        QUICK_LAB,
        "load: [ { name: steady, constant: { rate: 100/s, requests: 300 } } ]",
    ));
    let mut folders = Vec::new();
    for name in ["one", "two"] {
        sandbox
            .run(&format!("run scenario.yaml -o {name}"))
            .exits(0);
        folders.push(only_run(&sandbox, name));
    }
    let ran = sandbox.run(&format!("compare {} {} --json", folders[0], folders[1]));
    let found: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(found["design"], "historical");
    assert!(matches!(ran.code, Some(0 | 3 | 4)), "{}", ran.stdout);
    sandbox.run("run scenario.yaml -o three --seed 8").exits(0);
    let third = only_run(&sandbox, "three");
    let ran = sandbox
        .run(&format!("compare {} {third}", folders[0]))
        .exits(2);
    assert!(ran.stderr.contains("seed: `7` and `8`"), "{}", ran.stderr);
    let ran = sandbox.run(&format!("compare {} {third} --allow-unlike", folders[0]));
    assert!(ran.stdout.contains("unlike in  seed"), "{}", ran.stdout);
    // A log that was cut short is no data.
    let log = sandbox.path(&third).join("slices.hlog");
    let text = std::fs::read_to_string(&log).unwrap();
    std::fs::write(&log, &text[..text.len() - 40]).unwrap();
    let ran = sandbox
        .run(&format!("compare {} {third} --allow-unlike", folders[0]))
        .exits(2);
    assert!(
        ran.stderr.contains("slices.hlog is cut short"),
        "{}",
        ran.stderr
    );
    let ran = sandbox.run(&format!("compare {third}")).exits(2);
    assert!(ran.stderr.contains("name the second run"), "{}", ran.stderr);
}

#[test]
fn mistakes_in_arms_are_told_before_anything_is_sent() {
    let told = |arms: &str, rest: &str, wanted: &str| {
        let text = format!(
            "name: arms\n{}{arms}\n{MIX_OF_TWO}\n{rest}\n",
            targets(SAME, SAME)
        );
        let ran = Sandbox::with(&text).run("compare scenario.yaml").exits(2);
        assert!(ran.stderr.contains(wanted), "{wanted}: {}", ran.stderr);
        let message = ran.stderr.matches(wanted).count();
        assert_eq!(message, 1, "once: {}", ran.stderr);
    };
    let two = "arms: { a: { target: present }, b: { target: newer } }";
    told("", LOAD, "the scenario has no `arms`");
    told(
        "arms: { a: { target: present } }",
        LOAD,
        "fewer than two arms",
    );
    told(
        "arms: { a: { target: present }, b: { target: nowhere } }",
        LOAD,
        "there is no target `nowhere`",
    );
    told(
        "arms: { a: {}, b: { models: { short: x/y } } }",
        LOAD,
        "there is no recipe `short`",
    );
    told(
        "arms: { a: {}, 'b c': {} }",
        LOAD,
        "can't be the name of an arm",
    );
    told("arms: { a: {}, a: {} }", LOAD, "`a`");
    let compared = |section: &str| format!("{LOAD}\ncompare: {{ {section} }}");
    told(two, &compared("baseline: c"), "there is no arm `c`");
    told(two, &compared("slices: 5"), "5 is no number of slices");
    told(two, &compared("margin: 0%"), "0% can't be a margin");
    told(
        two,
        &compared("primary: [p42(ttft)]"),
        "is nothing that can be compared",
    );
    let timed = "load: [ { name: users, closed: { concurrency: 2, duration: 1s } } ]";
    told(
        two,
        &format!("{timed}\ncompare: {{ design: slices }}"),
        "can't be cut into slices beforehand",
    );
    told(
        two,
        &compared("looks: 4, slices: 20"),
        "too few for a verdict",
    );
    told(
        two,
        &format!("{timed}\ncompare: {{ looks: 3 }}"),
        "the looks have no places",
    );
    told(
        "arms: { a: {}, b: { routing: { fallback_models: [x/y] } } }",
        LOAD,
        "is for Respan's gateway",
    );
    let text = format!(
        "name: arms\n{}{MIX_OF_TWO}\n{LOAD}\ncompare: {{ margin: 5% }}\n",
        targets(SAME, SAME)
    );
    let ran = Sandbox::with(&text).run("validate scenario.yaml").exits(2);
    assert!(
        ran.stderr.contains("`compare` needs arms"),
        "{}",
        ran.stderr
    );
}
