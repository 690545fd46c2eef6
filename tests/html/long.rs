//! What the page of a long run takes: an hour, four arms, a million requests.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use tokio::time::Instant;

use tollgate::base::{Offset, Usage};
use tollgate::judge::{self, Health};
use tollgate::plan::{ArmId, ArrivalId, PhaseId, Plan, RecipeId};
use tollgate::record::{Interval, IntervalRow, Recorder, Slices, Summary};
use tollgate::results::{RunFolder, RunInfo};
use tollgate::sample::{Bill, Sample};
use tollgate::scenario::{self, Overrides};
use tollgate::wire::{Exchange, Marks, Outcome};

const SECONDS: u64 = 3_600;
const A_SECOND: u64 = 278;

const ARMS: [&str; 4] = ["alpha", "beta", "gamma", "delta"];

/// A scenario of four arms.
fn plan(folder: &Path) -> Plan {
    let path = folder.join("long.yaml");
    let arms = ARMS
        .map(|arm| format!("  {arm}: {{ target: lab }}\n"))
        .concat();
    let text = format!(
        "name: long\ntargets: {{ lab: {{ lab: {{}} }} }}\narms:\n{arms}\
         mix: [ {{ name: chat, chat: {{ model: m/m, prompt: {{ text: hi }} }} }} ]\n\
         load: [ {{ name: hour, constant: {{ rate: 278/s, duration: 1h }} }} ]\n"
    );
    fs::write(&path, text).unwrap();
    Plan::new(scenario::load(&path, &|_| None, &[], &Overrides::default()).unwrap())
}

/// A request that ended in `second`; times scatter over a decade, and drift.
fn sample(second: u64, number: u64) -> Sample {
    // Pseudo-random by a multiplication, the upper bits of which are well mixed.
    let dice = |salt: u64| {
        (((number * 8 + salt + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15)) >> 40) as f64
            / (1_u64 << 24) as f64
    };
    let arm = number % 4;
    let spread = (dice(0) + dice(1) + dice(2) - 1.5) * 1.6;
    let drift = 1.0 + 0.3 * (second as f64 / 500.0).sin();
    let ttft = Duration::from_secs_f64(0.2 * (1.0 + 0.1 * arm as f64) * spread.exp() * drift);
    let gaps: Vec<u32> = (0..24)
        .map(|at| (8_000.0 * (dice(at + 3) * 1.5).exp()) as u32)
        .collect();
    let body = Duration::from_micros(gaps.iter().map(|gap| u64::from(*gap)).sum());
    let end = Offset::ZERO + Duration::from_secs(second) + Duration::from_secs_f64(dice(7) * 0.999);
    let due = Offset::from_nanos(end.nanos().saturating_sub((ttft + body).as_nanos() as u64));
    let first = due + ttft;
    let failed = number.is_multiple_of(500);
    let marks = Marks {
        sent: Some(due),
        first_token: (!failed).then_some(first),
        first_output: (!failed).then_some(first),
        last_token: (!failed).then_some(end),
        end: Some(end),
        ..Marks::default()
    };
    let usage = Usage {
        input_tokens: 100,
        output_tokens: 25,
        ..Usage::default()
    };
    Sample {
        id: ArrivalId {
            phase: PhaseId(0),
            number,
        },
        arm: ArmId(arm as _),
        recipe: RecipeId(0),
        warmup: false,
        stream: true,
        due,
        queued: Duration::ZERO,
        exchange: Exchange {
            outcome: if failed {
                Outcome::Status(503)
            } else {
                Outcome::Ok
            },
            error: failed.then(|| "overloaded".to_owned()),
            marks,
            token_chunks: 25,
            gaps: if failed { Vec::new() } else { gaps }.into_iter().collect(),
            usage: (!failed).then_some(usage),
            ..Exchange::default()
        },
        cost: None,
        bill: Bill::default(),
        good: !failed,
    }
}

/// Writes the folder of the run with the crate's own writer.
fn write(root: &Path) -> PathBuf {
    let plan = plan(root);
    let mut info = RunInfo::new(&plan, &ARMS.map(|_| "http://127.0.0.1/".to_owned()));
    let mut folder = RunFolder::create(root, "long", 0.0, &info).unwrap();
    let mut all = Recorder::new(4, 1, info.phase_records());
    let mut number = 0;
    for second in 0..SECONDS {
        let mut record = Recorder::new(4, 1, info.phase_records());
        record.phase_started(PhaseId(0), Offset::ZERO);
        for _ in 0..A_SECOND {
            record.push(&sample(second, number));
            number += 1;
        }
        all.merge(&record);
        let rows = ARMS.iter().enumerate().map(|(at, arm)| {
            let tally = record.arm(at);
            IntervalRow {
                second,
                arm: (*arm).to_owned(),
                ended: tally.arrivals,
                ok: tally.ok,
                failed: tally.failed_count(),
                good: tally.good,
                in_flight: 100 + second % 17,
                ..IntervalRow::default()
            }
        });
        let start = Offset::ZERO + Duration::from_secs(second);
        folder
            .write_interval(&Interval {
                start,
                rows: rows.collect(),
                record: record.clone(),
            })
            .unwrap();
    }
    all.phase_ended(PhaseId(0), Offset::ZERO + Duration::from_secs(SECONDS));
    info.take_phases(all.phases());
    let summary = Summary::new(&all, &info.names());
    assert_eq!(summary.total().unwrap().count.requests, SECONDS * A_SECOND);
    info.complete = true;
    info.validity = Some(judge::validity(&summary, &Health::default()));
    info.summary = Some(summary);
    folder.finish(&info, &Slices::default()).unwrap()
}

/// `cargo test --release --test html -- --ignored --nocapture`: it writes the folder in half a minute.
#[test]
#[ignore = "a measurement, for the release build"]
fn the_page_of_an_hour_with_four_arms_is_small_and_made_at_once() {
    let keep = std::env::var_os("TOLLGATE_KEEP_LONG").map(PathBuf::from);
    let root = tempfile::tempdir().unwrap();
    let root = keep.as_deref().unwrap_or(root.path());
    fs::create_dir_all(root).unwrap();
    let run = write(root);
    let before = Instant::now();
    let made = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(["report", "--html", "--"])
        .arg(&run)
        .output()
        .unwrap();
    let took = before.elapsed();
    assert_eq!(
        made.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let memory = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap().max_rss() as f64 / 1024.0;
    let size = fs::metadata(run.join("report.html")).unwrap().len();
    let said = format!(
        "{:.2} s, {memory:.0} MB, a page of {:.0} KB",
        took.as_secs_f64(),
        size as f64 / 1e3
    );
    writeln!(std::io::stderr(), "{said}").unwrap();
    assert!(size < 2_000_000, "{size} bytes");
    assert!(cfg!(debug_assertions) || (took < Duration::from_secs(3) && memory < 200.0));
}
