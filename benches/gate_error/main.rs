//! How often a comparison errs: simulated runs of two arms whose true difference is known.
//!
//! `cargo bench --bench gate_error`, with `-- --sims N --seed S`. The same seed gives the same figures.

mod jackknife;
mod noise;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use noise::{Course, Layout, Noise, run};
use tollgate::base::Seed;
use tollgate::judge::{Design, Judged, Settings, Stat, Verdict, compare_arms, look};
use tollgate::record::Tally;
use tollgate::sample::Metric;

/// The changes that are tried: none, the margin, and far beyond it.
const CHANGES: [(&str, f64); 3] = [("none", 1.0), ("margin", 1.1), ("+30 %", 1.3)];

/// One way of comparing under one noise.
struct Case {
    name: &'static str,
    noise: Noise,
    course: Course,
    layout: Layout,
    looks: u32,
}

/// What came out of one simulated run: pass and fail of the whole, of p50, p95 and p99 each by itself, and of
/// the jackknife of each.
#[derive(Clone, Copy, Default)]
struct Found {
    counts: [[u32; 2]; 7],
    slices: u32,
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |flag: &str, usual: u64| {
        let at = arguments.iter().position(|argument| argument == flag);
        let given = at.and_then(|at| arguments.get(at + 1));
        given.map_or(usual, |given| {
            given.parse().expect("a number follows a flag")
        })
    };
    let (sims, seed) = (number("--sims", 1_000) as usize, number("--seed", 1));
    let out = table(sims, seed);
    show(&out);
}

#[expect(clippy::print_stdout, reason = "a bench shows its figures")]
fn show(text: &str) {
    println!("{text}");
}

fn cases() -> Vec<Case> {
    let usual = |name, layout| Case {
        name,
        noise: Noise::USUAL,
        course: Course::USUAL,
        layout,
        looks: 1,
    };
    vec![
        usual("duet", Layout::Duet),
        usual("slices", Layout::Turns),
        Case {
            course: Course {
                slices: 40,
                ..Course::USUAL
            },
            looks: 4,
            ..usual("sequential, 4 looks", Layout::Duet)
        },
        Case {
            course: Course {
                slices: 10,
                per_arm: 600,
                ..Course::USUAL
            },
            ..usual("duet, 10 slices of 60", Layout::Duet)
        },
        Case {
            noise: Noise {
                body_sd: 0.1,
                ..Noise::USUAL
            },
            ..usual("duet, a body of 10 %", Layout::Duet)
        },
        Case {
            noise: Noise {
                drift_apart: true,
                ..Noise::USUAL
            },
            ..usual("duet, a drift for each arm", Layout::Duet)
        },
    ]
}

fn table(sims: usize, seed: u64) -> String {
    let mut out = format!(
        "share of {sims} runs, in percent; seed {seed}; pass/fail at a margin of 10 %, alpha 5 %\n\n"
    );
    out += "| design | true change | verdict | p50 | p95 | p99 | jackknife p50 | p95 | p99 | slices used |\n";
    out += "|---|---|---|---|---|---|---|---|---|---|\n";
    for (at, case) in cases().iter().enumerate() {
        for (name, change) in CHANGES {
            let found = cell(case, change, sims, seed + 1_000_003 * at as u64);
            let share = |n: u32| f64::from(n) * 100.0 / sims as f64;
            let cells: Vec<String> = found
                .counts
                .iter()
                .map(|[pass, fail]| format!("{:.1} / {:.1}", share(*pass), share(*fail)))
                .collect();
            let used = f64::from(found.slices) * 100.0 / (sims * case.course.slices) as f64;
            out += &format!(
                "| {} | {name} | {} | {used:.0} % |\n",
                case.name,
                cells.join(" | ")
            );
        }
    }
    out
}

/// All runs of one cell, on all cores. What a run is depends on its number alone.
fn cell(case: &Case, change: f64, sims: usize, seed: u64) -> Found {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut sum = Found::default();
        loop {
            let sim = next.fetch_add(1, Ordering::Relaxed);
            if sim >= sims {
                return sum;
            }
            let one = simulate(case, change, seed.wrapping_mul(1 << 32) + sim as u64);
            sum.slices += one.slices;
            for (sum, one) in sum.counts.iter_mut().zip(one.counts) {
                *sum = [sum[0] + one[0], sum[1] + one[1]];
            }
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut all = Found::default();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            let sum = worker.join().expect("a worker does not panic");
            all.slices += sum.slices;
            for (all, sum) in all.counts.iter_mut().zip(sum.counts) {
                *all = [all[0] + sum[0], all[1] + sum[1]];
            }
        }
    });
    all
}

fn simulate(case: &Case, change: f64, seed: u64) -> Found {
    let slices = run(&case.noise, case.layout, &case.course, change, seed);
    let settings = Settings {
        design: match case.layout {
            Layout::Duet => Design::Duet,
            Layout::Turns => Design::Slices,
        },
        primary: vec![
            Judged::Time(Metric::E2e, Stat::P50),
            Judged::Time(Metric::E2e, Stat::P95),
        ],
        seed: Seed(seed),
        looks: case.looks,
        ..Settings::new(vec!["a".to_owned(), "b".to_owned()])
    };
    let (verdict, slices) = judged(&slices, &settings);
    let mut found = Found {
        slices: slices.len() as u32,
        ..Found::default()
    };
    let comparison = compare_arms(slices, &settings);
    found.counts[0] = count(verdict == Verdict::Pass, verdict == Verdict::Fail);
    for (at, stat) in Stat::ALL.into_iter().enumerate() {
        let mut rows = comparison.arms[0].metrics.iter();
        let row = rows.find(|row| row.metric == Metric::E2e && row.stat == stat.name());
        let evidence = row.expect("each quantile is compared").evidence;
        let small = |p: Option<f64>| p.is_some_and(|p| p <= comparison.level);
        found.counts[1 + at] = count(small(evidence.p_pass), small(evidence.p_fail));
        let [pass, fail] = jackknife::verdict(slices, stat.q(), settings.margin, comparison.level);
        found.counts[4 + at] = count(pass, fail);
    }
    found
}

/// The verdict, and the slices that it took.
fn judged<'s>(slices: &'s [Vec<Tally>], settings: &Settings) -> (Verdict, &'s [Vec<Tally>]) {
    for number in 1..=settings.looks {
        let so_far = &slices[..slices.len() * number as usize / settings.looks as usize];
        if let Some(verdict) = look(so_far, number, settings) {
            return (verdict, so_far);
        }
    }
    (Verdict::Invalid, slices)
}

fn count(pass: bool, fail: bool) -> [u32; 2] {
    [u32::from(pass), u32::from(fail)]
}
