//! The families: which figures are told, and from where in the record each comes.

use super::{Buckets, Family, Kind, Labels, Live, Point, Unit, Value};
use crate::judge::{Level, Validity};
use crate::record::{Recorder, Tally};
use crate::results::RunInfo;
use crate::sample::Metric;
use crate::wire::Outcome;

/// The times that are told, and what they are.
const TIMES: [(Metric, &str); 6] = [
    (
        Metric::Ttft,
        "Time to first token from when the request was due, of whole answers",
    ),
    (
        Metric::E2e,
        "Response time from when the request was due, of whole answers",
    ),
    (
        Metric::Service,
        "Service time from when the request was sent, of whole answers",
    ),
    (
        Metric::Tpot,
        "Time per output token after the first, of whole answers",
    ),
    (
        Metric::ChunkGap,
        "Gap between consecutive token chunks, of whole answers",
    ),
    (
        Metric::Lag,
        "How late the client was: sent less due, the wait for a place in flight included",
    ),
];

/// All figures of a run so far. Warm-up is in none of them, but where the name says so.
pub fn families(
    info: &RunInfo,
    recorder: &Recorder,
    validity: &Validity,
    live: &Live,
) -> Vec<Family> {
    let run = Run { info };
    let mut families = run.itself(live);
    families.extend(run.of_now(live));
    families.extend(run.of_phases(recorder, live));
    families.extend(run.of_validity(validity));
    families.extend(run.of_requests(recorder));
    families.extend(run.of_times(recorder));
    families.retain(|family| !family.points.is_empty());
    families
}

struct Run<'a> {
    info: &'a RunInfo,
}

impl Run<'_> {
    /// The labels of a figure; the run's id is on all of them, so that two runs never mix.
    fn labels<const N: usize>(&self, labels: [(&'static str, &str); N]) -> Labels {
        let run = ("run_id", self.info.run_id.as_str());
        let all = [run].into_iter().chain(labels);
        all.map(|(name, value)| (name, value.to_owned())).collect()
    }

    fn point<const N: usize>(&self, labels: [(&'static str, &str); N], value: f64) -> Point {
        Point {
            labels: self.labels(labels),
            value: Value::Number(value),
        }
    }

    fn one(
        &self,
        (stem, unit, kind): (&'static str, Unit, Kind),
        help: &'static str,
        value: impl Into<Option<f64>>,
    ) -> Family {
        let point = value.into().map(|value| self.point([], value));
        Family {
            stem,
            unit,
            kind,
            help,
            points: point.into_iter().collect(),
        }
    }

    /// What the run is.
    fn itself(&self, live: &Live) -> Vec<Family> {
        let info = self.info;
        let seed = info.seed.0.to_string();
        let labels = [
            ("scenario", info.scenario.as_str()),
            ("target", &info.target.name),
            ("digest", &info.digest),
            ("seed", &seed),
            ("started", &info.started_utc),
        ];
        let family = |stem, help, point| Family {
            stem,
            unit: Unit::One,
            kind: Kind::Gauge,
            help,
            points: vec![point],
        };
        let build = self.point([("version", info.tollgate.as_str())], 1.0);
        let started = live.started_unix_ms as f64 / 1e3;
        let over = f64::from(u8::from(live.over));
        let gauge = |stem, unit| (stem, unit, Kind::Gauge);
        vec![
            family("build_info", "The version of tollgate; always 1", build),
            family(
                "run_info",
                "What the run is; always 1",
                self.point(labels, 1.0),
            ),
            self.one(
                gauge("run_start_timestamp", Unit::Seconds),
                "When the run began, in seconds since 1970",
                started,
            ),
            self.one(
                gauge("run_elapsed", Unit::Seconds),
                "How long the run goes on",
                live.run_seconds,
            ),
            self.one(
                gauge("run_over", Unit::One),
                "1 once the run is over and these are its last figures",
                over,
            ),
        ]
    }

    /// What goes on right now, warm-up included.
    fn of_now(&self, live: &Live) -> Vec<Family> {
        let gauge =
            |stem, unit, help, value: Option<f64>| self.one((stem, unit, Kind::Gauge), help, value);
        let budget = self.info.budget.as_ref();
        vec![
            self.one(
                ("arrivals", Unit::One, Kind::Counter),
                "Requests that were due so far, warm-up included",
                live.arrivals as f64,
            ),
            gauge(
                "in_flight",
                Unit::One,
                "Requests in flight, warm-up included",
                Some(live.in_flight as f64),
            ),
            gauge(
                "target_rate",
                Unit::PerSecond,
                "Arrivals per second that the plan calls for; absent in a closed loop",
                live.target_rate,
            ),
            gauge(
                "target_users",
                Unit::One,
                "Users of the closed loop; absent in an open one",
                live.target_users.map(f64::from),
            ),
            gauge(
                "achieved_rate",
                Unit::PerSecond,
                "Arrivals per second over the last second or so",
                Some(live.achieved_rate),
            ),
            gauge(
                "rows_waiting",
                Unit::One,
                "Finished requests that wait for samples.csv",
                Some(live.rows_waiting as f64),
            ),
            gauge(
                "worker_cpu",
                Unit::Ratio,
                "Share of a core that the busiest worker used over the last second or so",
                live.worker_cpu,
            ),
            gauge(
                "process_cpu",
                Unit::Ratio,
                "Share of all cores that the process used since the start, an embedded lab included",
                live.process_cpu,
            ),
            gauge(
                "budget",
                Unit::Usd,
                "The cap on what the run may cost; absent without one",
                budget.map(|budget| budget.usd.dollars()),
            ),
            gauge(
                "budget_spent",
                Unit::Usd,
                "What is spent or held of the budget",
                live.spent_usd,
            ),
        ]
    }

    fn of_phases(&self, recorder: &Recorder, live: &Live) -> Vec<Family> {
        let phases = || recorder.phases().iter().enumerate();
        let labels = |warmup: bool| if warmup { "true" } else { "false" };
        let point = |name: &str, warmup, value| {
            self.point([("phase", name), ("warmup", labels(warmup))], value)
        };
        let is_on = |place| f64::from(u8::from(place == live.phase && !live.over));
        vec![
            Family {
                stem: "phase",
                unit: Unit::One,
                kind: Kind::Gauge,
                help: "1 for the phase that goes on",
                points: phases()
                    .map(|(place, phase)| point(&phase.name, phase.warmup, is_on(place)))
                    .collect(),
            },
            Family {
                stem: "phase_requests",
                unit: Unit::One,
                kind: Kind::Counter,
                help: "Requests of a phase that are over",
                points: phases()
                    .map(|(_, phase)| point(&phase.name, phase.warmup, phase.arrivals as f64))
                    .collect(),
            },
            Family {
                stem: "warmup_requests",
                unit: Unit::One,
                kind: Kind::Counter,
                help: "Requests of warm-up phases that are over, by outcome",
                points: outcomes(&recorder.warmup())
                    .map(|(outcome, count)| self.point([("outcome", &outcome)], count))
                    .collect(),
            },
        ]
    }

    fn of_validity(&self, validity: &Validity) -> Vec<Family> {
        let value = |level| match level {
            Level::Valid => 0.0,
            Level::Warn => 1.0,
            Level::Invalid => 2.0,
        };
        let checks = validity.checks.iter();
        vec![Family {
            stem: "validity",
            unit: Unit::One,
            kind: Kind::Gauge,
            help: "How a check of the client came out so far: 0 valid, 1 a warning, 2 invalid",
            points: checks
                .map(|check| self.point([("check", check.name.as_str())], value(check.level)))
                .collect(),
        }]
    }

    /// A family with a point for each recipe of each arm, by what is `found` in its rows.
    fn each_group<const N: usize>(
        &self,
        recorder: &Recorder,
        (stem, unit, help): (&'static str, Unit, &'static str),
        found: impl Fn(&Tally) -> Vec<([(&'static str, String); N], f64)>,
    ) -> Family {
        let names = self.info.names();
        let pairs = names
            .arms
            .iter()
            .flat_map(|arm| names.recipes.iter().map(move |r| (arm, r)));
        let mut points = Vec::new();
        for ((arm, recipe), tally) in pairs.zip(recorder.groups()) {
            for (more, value) in found(tally) {
                let mut labels = self.labels([("arm", arm), ("recipe", recipe)]);
                labels.extend(more);
                points.push(Point {
                    labels,
                    value: Value::Number(value),
                });
            }
        }
        Family {
            stem,
            unit,
            kind: Kind::Counter,
            help,
            points,
        }
    }

    /// Counts, tokens and money of the measured requests.
    fn of_requests(&self, recorder: &Recorder) -> Vec<Family> {
        let one = |value: f64| vec![([], value)];
        let by_outcome = |tally: &Tally| {
            let counts = outcomes(tally);
            counts
                .map(|(outcome, count)| ([("outcome", outcome)], count))
                .collect()
        };
        let tokens = |tally: &Tally| {
            let kinds = [
                ("input", tally.input_tokens),
                ("cached_input", tally.cached_input_tokens),
                ("output", tally.output_tokens),
            ];
            let kinds = kinds.map(|(kind, n)| ([("type", kind.to_owned())], n as f64));
            kinds.to_vec()
        };
        let each = |stem, unit, help, found: &dyn Fn(&Tally) -> f64| {
            self.each_group(recorder, (stem, unit, help), |tally| one(found(tally)))
        };
        vec![
            self.each_group(
                recorder,
                ("requests", Unit::One, "Requests that are over, by outcome"),
                by_outcome,
            ),
            each(
                "good_requests",
                Unit::One,
                "Whole answers within every SLO",
                &|tally| tally.good as f64,
            ),
            each(
                "queued_requests",
                Unit::One,
                "Requests that waited for a place in flight",
                &|tally| tally.queued as f64,
            ),
            self.each_group(
                recorder,
                ("tokens", Unit::One, "Tokens; cached input is part of input"),
                tokens,
            ),
            each("cost", Unit::Usd, "The known cost", &|tally| {
                tally.models.total().cost.dollars()
            }),
            each(
                "cost_unknown_requests",
                Unit::One,
                "Requests whose cost is unknown",
                &|tally| tally.models.total().unknown as f64,
            ),
        ]
    }

    /// Times of the measured requests. A recipe that is not streamed has no times of a stream.
    fn of_times(&self, recorder: &Recorder) -> Vec<Family> {
        let names = self.info.names();
        let recipes = names.recipes.len().max(1);
        let family = |(metric, help): (Metric, &'static str)| {
            let groups = recorder.groups().iter().enumerate();
            let streams = |recipe: usize| self.info.recipes[recipe].stream;
            let of_streams = matches!(metric, Metric::Ttft | Metric::Tpot | Metric::ChunkGap);
            let point = |(place, tally): (usize, &Tally)| {
                let (arm, recipe) = (place / recipes, place % recipes);
                let times = tally.times(metric);
                let labels = [
                    ("arm", &*names.arms[arm]),
                    ("recipe", &*names.recipes[recipe]),
                ];
                (times.is_some() || !of_streams || streams(recipe)).then(|| Point {
                    labels: self.labels(labels),
                    value: Value::Times(Buckets::new(metric, times)),
                })
            };
            Family {
                stem: metric.name(),
                unit: Unit::Seconds,
                kind: Kind::Histogram,
                help,
                points: groups.filter_map(point).collect(),
            }
        };
        TIMES.into_iter().map(family).collect()
    }
}

/// The rows of each outcome. Whole answers are told while there is none, too, so that a rate has a
/// beginning.
fn outcomes(tally: &Tally) -> impl Iterator<Item = (String, f64)> {
    let failed = tally.errors.iter();
    let failed = failed.map(|(outcome, (count, _))| (outcome.to_string(), *count as f64));
    [(Outcome::Ok.to_string(), tally.ok as f64)]
        .into_iter()
        .chain(failed)
}
