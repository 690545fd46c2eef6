//! The options of a k6 script, as `k6 inspect` prints them, and the thresholds of a summary's export.

use std::sync::Arc;

use super::draft::Draft;
use super::reading::{self, Node, Section};
use super::{Input, k6_thresholds, words};
use crate::scenario::file::Free;
use crate::scenario::{Problem, Source};

/// A draft of a file.
pub(super) fn draft(source: &Arc<Source>, input: &Input<'_>) -> Result<Draft, Vec<Problem>> {
    if looks_like_a_script(&source.text) {
        let problem = Problem::whole(source, "this is a script, and only its options can be read");
        let help = "print them with `k6 inspect script.js > options.json`, and import that";
        return Err(vec![problem.with_help(help)]);
    }
    let root = reading::read(source, input)?;
    let mut k6 = K6 {
        draft: Draft::default(),
        problems: Vec::new(),
        source,
    };
    if let Err(problem) = k6.root(&root, input) {
        k6.problems.push(problem);
    }
    if k6.problems.is_empty() {
        Ok(k6.draft)
    } else {
        Err(k6.problems)
    }
}

fn looks_like_a_script(text: &str) -> bool {
    let begins = |line: &str| {
        ["import ", "export ", "const ", "var ", "let "]
            .iter()
            .any(|word| line.starts_with(word))
    };
    !text.trim_start().starts_with('{') && text.lines().any(|line| begins(line.trim_start()))
}

struct K6<'a> {
    draft: Draft,
    problems: Vec<Problem>,
    source: &'a Arc<Source>,
}

/// A step of a staircase: where it goes, and for how long in seconds.
struct Stage {
    to: f64,
    seconds: f64,
}

impl K6<'_> {
    fn root(&mut self, root: &Node, input: &Input<'_>) -> Result<(), Problem> {
        let top = Section::of(self.source, root, "")?;
        if let Some(metrics) = top.section("metrics")? {
            self.summary(&top, &metrics, input)?;
            return Ok(());
        }
        let inner = top.section("options")?;
        let options = inner.as_ref().unwrap_or(&top);
        self.load(options)?;
        if let Some(thresholds) = options.section("thresholds")? {
            k6_thresholds::of_options(&thresholds, &mut self.draft);
        }
        if options.truth("noConnectionReuse")? == Some(true) {
            self.draft.gateway.push(("connections", "new".to_owned()));
        }
        if let Some(hosts) = options.get("tlsAuth") {
            let at = reading::place(self.source, hosts.span.start);
            self.draft.left(
                at,
                "tlsAuth holds certificates and keys: give them as `tls` of the target",
            );
        }
        options.rest(&mut self.draft, why_not);
        if inner.is_some() {
            top.rest(&mut self.draft, |_| None);
        }
        self.draft.left(
            input.name,
            "what the script asks is JavaScript and not in its options: give the recipe its model and prompt",
        );
        self.draft.left(
            input.name,
            "an iteration of k6 may send several requests, and a request here is one: check rates and counts",
        );
        Ok(())
    }

    /// The export of a summary, which tells thresholds and what came of them.
    fn summary(
        &mut self,
        top: &Section<'_>,
        metrics: &Section<'_>,
        input: &Input<'_>,
    ) -> Result<(), Problem> {
        for (name, node) in metrics.all() {
            let metric = Section::of(self.source, node, metrics.path_of(name))?;
            k6_thresholds::of_summary(name, &metric, &mut self.draft)?;
        }
        top.get("root_group");
        self.draft.left(
            input.name,
            "the figures and checks of a summary are what came of a run, and no load: only its thresholds are carried",
        );
        top.rest(&mut self.draft, |_| None);
        Ok(())
    }

    fn load(&mut self, options: &Section<'_>) -> Result<(), Problem> {
        if let Some(scenarios) = options.section("scenarios")? {
            let mut found = Vec::new();
            for (name, node) in scenarios.all() {
                let section = Section::of(self.source, node, scenarios.path_of(name))?;
                let start = section
                    .seconds("startTime", words::go_seconds)?
                    .unwrap_or(0.0);
                found.push((start, name, section));
            }
            found.sort_by(|a, b| a.0.total_cmp(&b.0));
            if found.len() > 1 {
                self.draft.left(
                    options.at("scenarios"),
                    "k6 runs its scenarios side by side, and phases run one after the other, in the order of startTime",
                );
            }
            for (_, name, section) in &found {
                self.scenario(name, section)?;
            }
            return Ok(());
        }
        let stages = self.stages(options)?;
        let vus = options.number("vus")?;
        let seconds = options.seconds("duration", words::go_seconds)?;
        let iterations = options.count("iterations")?;
        if !stages.is_empty() {
            let at = options.at("stages");
            self.ramping_vus("users", vus.unwrap_or(1.0), &stages, &at);
        } else if vus.is_some() || seconds.is_some() || iterations.is_some() {
            self.closed(
                "users",
                vus.map_or(1, |vus| vus.max(1.0) as u64),
                seconds,
                iterations,
            );
        }
        Ok(())
    }

    fn scenario(&mut self, name: &str, section: &Section<'_>) -> Result<(), Problem> {
        let executor = section.text("executor")?.unwrap_or_default();
        let vus = section.count("vus")?;
        let seconds = section.seconds("duration", words::go_seconds)?;
        match executor.as_str() {
            "constant-vus" => self.closed(name, vus.unwrap_or(1), seconds, None),
            "shared-iterations" | "per-vu-iterations" => {
                let users = vus.unwrap_or(1);
                let mut iterations = section.count("iterations")?.unwrap_or(1);
                if executor.starts_with("per") {
                    iterations = iterations.saturating_mul(users);
                    let what = "all users together make as many requests; that each makes its own share is not held";
                    self.draft.left(section.at("executor"), what);
                }
                let most = section.seconds("maxDuration", words::go_seconds)?;
                self.closed(name, users, Some(most.unwrap_or(600.0)), Some(iterations));
            }
            "ramping-vus" => {
                let from = section.number("startVUs")?.unwrap_or(1.0);
                let stages = self.stages(section)?;
                self.ramping_vus(name, from, &stages, &section.at("stages"));
            }
            "constant-arrival-rate" | "ramping-arrival-rate" => {
                self.arrivals(name, &executor, section)?;
            }
            _ => {
                let known = "known are constant-arrival-rate, ramping-arrival-rate, constant-vus, ramping-vus, shared-iterations and per-vu-iterations";
                self.draft.left(
                    section.at("executor"),
                    format!("no phase is made of this executor: {known}"),
                );
                return Ok(());
            }
        }
        section.get("startTime");
        section.rest(&mut self.draft, why_not);
        Ok(())
    }

    fn arrivals(
        &mut self,
        name: &str,
        executor: &str,
        section: &Section<'_>,
    ) -> Result<(), Problem> {
        let unit = section
            .seconds("timeUnit", words::go_seconds)?
            .filter(|unit| *unit > 0.0);
        let unit = unit.unwrap_or(1.0);
        let most = section.count("maxVUs")?;
        let most = section.count("preAllocatedVUs")?.max(most);
        let most = most.map_or_else(String::new, |most| {
            format!(", max_in_flight: {}", most.min(u32::MAX.into()))
        });
        if !most.is_empty() {
            let key = if section.get("maxVUs").is_some() {
                "maxVUs"
            } else {
                "preAllocatedVUs"
            };
            let what = "k6 drops what finds no user free; here it waits for a place in flight, and its wait counts";
            self.draft.left(section.at(key), what);
        }
        if executor.starts_with("constant") {
            let Some(rate) = section.number("rate")?.filter(|rate| *rate > 0.0) else {
                let what = "it has no rate, so no phase is made of it";
                self.draft.left(section.at("rate"), what);
                return Ok(());
            };
            let seconds = section.seconds("duration", words::go_seconds)?;
            let bound = bound(seconds, None);
            let rate = words::rate(rate / unit).unwrap_or_default();
            self.draft.phase(
                name,
                false,
                format!("constant: {{ rate: {rate}{bound}{most} }}"),
            );
            return Ok(());
        }
        let mut from = section.number("startRate")?.unwrap_or(0.0) / unit;
        for (n, stage) in self.stages(section)?.iter().enumerate() {
            let to = stage.to / unit;
            let (begin, end) = (std::mem::replace(&mut from, to), to);
            if stage.seconds <= 0.0 {
                continue;
            }
            let seconds = words::seconds(stage.seconds).unwrap_or_default();
            let rate = |rate: f64| words::rate(rate).unwrap_or_default();
            let shape = if begin.max(end) < 1e-6 {
                let what = format!(
                    "stage {}: a pause of {seconds} with no arrival is no phase",
                    n + 1
                );
                self.draft.left(section.at("stages"), what);
                continue;
            } else if (begin - end).abs() < 1e-9 {
                format!(
                    "constant: {{ rate: {}, duration: {seconds}{most} }}",
                    rate(end)
                )
            } else {
                format!(
                    "ramp: {{ from: {}, to: {}, duration: {seconds}{most} }}",
                    rate(begin),
                    rate(end)
                )
            };
            self.draft.phase(&format!("{name}-{}", n + 1), false, shape);
        }
        Ok(())
    }

    fn stages(&mut self, section: &Section<'_>) -> Result<Vec<Stage>, Problem> {
        let mut stages = Vec::new();
        for (n, node) in section.list("stages").into_iter().enumerate() {
            let path = format!("{}[{n}]", section.path_of("stages"));
            let stage = Section::of(self.source, node, path)?;
            let to = stage.number("target")?.unwrap_or(0.0);
            let seconds = stage.seconds("duration", words::go_seconds)?.unwrap_or(0.0);
            stage.rest(&mut self.draft, |_| None);
            stages.push(Stage { to, seconds });
        }
        Ok(stages)
    }

    fn closed(&mut self, name: &str, users: u64, seconds: Option<f64>, requests: Option<u64>) {
        // k6 makes one iteration where nothing says how many.
        let requests = requests.or(seconds.is_none().then_some(1));
        let users = users.min(u32::MAX.into());
        let bound = bound(seconds, requests);
        self.draft.phase(
            name,
            false,
            format!("closed: {{ concurrency: {users}{bound} }}"),
        );
    }

    /// A number of users that moves. A closed loop has one number, so each stage gets its mean.
    fn ramping_vus(&mut self, name: &str, mut from: f64, stages: &[Stage], at: &str) {
        let mut moves = false;
        for (n, stage) in stages.iter().enumerate() {
            let begin = std::mem::replace(&mut from, stage.to);
            if stage.seconds <= 0.0 {
                continue;
            }
            moves |= (begin - stage.to).abs() > 1e-9;
            let users = f64::midpoint(begin, stage.to)
                .round()
                .clamp(1.0, f64::from(u32::MAX));
            let bound = bound(Some(stage.seconds), None);
            let shape = format!("closed: {{ concurrency: {users}{bound} }}");
            self.draft.phase(&format!("{name}-{}", n + 1), false, shape);
        }
        if moves {
            let what = "users come and go in a straight line in k6; here each stage has as many as it has on the average";
            self.draft.left(at, what);
        }
    }
}

/// The end of a phase.
fn bound(seconds: Option<f64>, requests: Option<u64>) -> String {
    let seconds = seconds
        .filter(|seconds| *seconds > 0.0)
        .and_then(words::seconds);
    let mut out = requests.map_or_else(String::new, |n| format!(", requests: {n}"));
    if let Some(seconds) = seconds {
        out += &format!(", duration: {seconds}");
    } else if requests.is_none() {
        out += ", duration: 30s";
    }
    out
}

/// Why some keys have no counterpart.
fn why_not(key: &str) -> Option<&'static str> {
    Some(match key {
        "exec" => "all phases share one mix: which function a scenario calls is not in its options",
        "gracefulStop" | "gracefulRampDown" => {
            "answers may go on for `drain` after the last arrival, 30s where absent"
        }
        "rps" => "a cap on all requests: give the phases their rates instead",
        "insecureSkipTLSVerify" => "give the target `tls: { insecure: true }`, if it is meant",
        "tags" | "systemTags" => {
            "tags are of k6's own metrics; recipes and phases tell requests apart here"
        }
        "summaryTrendStats" | "summaryTimeUnit" => "the report has its own figures",
        "env" => "variables of the script, which may hold keys: a scenario has ${NAME}",
        "hosts" => "give the target `connect_to`",
        "ext" | "cloud" => "settings of another service",
        _ => return None,
    })
}

/// Whether JSON is of this kind.
pub(super) fn is_one(root: &Free) -> bool {
    let Free::Map(map) = root else { return false };
    let has = |keys: &[&str]| {
        map.0
            .iter()
            .any(|(name, _)| keys.contains(&name.value.as_str()))
    };
    let executes = [
        "scenarios",
        "stages",
        "vus",
        "thresholds",
        "iterations",
        "maxVUs",
    ];
    has(&executes) || (has(&["metrics"]) && has(&["root_group"])) || has(&["options"])
}
