//! Frames of states that are made up, on a terminal in memory.

use std::sync::Arc;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::app::live::state::{Figures, Load, Mode, Phase, Second, Spent, Target};
use crate::base::{Money, Offset};
use crate::judge::{Check, Level, Validity};
use crate::plan::{ArmId, ArrivalId, RecipeId};
use crate::record::{ErrorCount, ScopeSummary, Tally};
use crate::sample::{Bill, Sample};
use crate::wire::{Exchange, Marks, Outcome};

/// So many answers, each a little slower than the one before.
fn summary(requests: u32, first: Duration) -> ScopeSummary {
    let mut tally = Tally::default();
    for number in 0..requests {
        let at = |time| Some(Offset::ZERO + time);
        let token = first + Duration::from_micros(100) * number;
        let marks = Marks {
            sent: at(Duration::from_micros(200)),
            first_token: at(token),
            end: at(token + Duration::from_millis(900)),
            ..Marks::default()
        };
        let sample = Sample {
            id: ArrivalId::default(),
            arm: ArmId(0),
            recipe: RecipeId(0),
            warmup: false,
            stream: true,
            due: Offset::ZERO,
            queued: Duration::ZERO,
            exchange: Exchange {
                outcome: Outcome::Ok,
                marks,
                ..Exchange::default()
            },
            cost: None,
            bill: Bill::default(),
            good: true,
        };
        tally.push(&sample, true);
    }
    ScopeSummary::new("total".to_owned(), &tally, 10.0)
}

fn scope(name: &str, recent: u32, whole: u32) -> Scope {
    let first = Duration::from_millis(50 + name.len() as u64);
    let second = |k: u64| Second {
        ended: 40 + k % 9,
        failed: u64::from(k % 7 == 3),
        ttft_p50_ms: Some(50.0 + k as f64),
        ttft_p95_ms: (!k.is_multiple_of(5)).then_some(80.0 + k as f64),
    };
    Scope {
        name: name.to_owned(),
        recent: summary(recent, first),
        recent_s: 10,
        whole: summary(whole, first),
        errors: vec![ErrorCount {
            outcome: "status_429".to_owned(),
            count: 3,
            last_message: Some("slow\ndown, and come back in a minute or two".to_owned()),
        }],
        counts: (whole.into(), 3),
        cost: Some(Money::from_nanos(12_345_678)),
        seconds: (0..40).map(second).collect(),
    }
}

fn check(name: &str, level: Level, value: &str) -> Check {
    let [name, value, limit] = [name, value, "p99 within 1.05 ms"].map(str::to_owned);
    let remedy = String::new();
    Check {
        name,
        level,
        value,
        limit,
        remedy,
    }
}

/// A run half way through, with these arms.
fn state(arms: &[&str]) -> State {
    let all = [scope("total", 40, 400)].into_iter();
    let each = arms.iter().map(|name| scope(name, 20, 200));
    State {
        title: "smoke against lab (embedded)".to_owned(),
        mode: Mode::Running,
        phase: Some(Phase {
            name: "steady".to_owned(),
            place: (2, 3),
            warmup: false,
            shape: "poisson 50/s for 30s".to_owned(),
            elapsed: Duration::from_millis(12_400),
            planned: Some(Duration::from_secs(30)),
            share: Some(0.41),
            left: Some(Duration::from_millis(77_600)),
        }),
        load: Load {
            target: Target::Rate(50.0),
            achieved: Some(49.4),
            in_flight: 12,
            ok: 1_234,
            failed: 3,
            held: None,
        },
        money: Spent {
            known: Some(Money::from_nanos(12_345_678)),
            budget: Some((Money::from_nanos(15_000_000), Money::from_nanos(50_000_000))),
        },
        figures: Arc::new(Figures {
            scopes: all.chain(each).collect(),
            validity: Some(Validity {
                verdict: Level::Warn,
                checks: vec![
                    check("dispatch lag", Level::Valid, "p99 0.416 ms"),
                    check("in-flight cap", Level::Warn, "7 of 1237 waited"),
                    check("worker CPU", Level::Valid, "21 % of a core"),
                ],
            }),
        }),
        messages: vec!["first message".to_owned(), "last message".to_owned()],
    }
}

/// The frame as text, one line for each row.
fn drawn(width: u16, height: u16, state: &State, view: View) -> Vec<String> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal
        .draw(|frame| super::frame(frame, state, view, Colours::new(true)))
        .unwrap();
    let buffer = terminal.backend().buffer();
    let row = |y| {
        let cells = (0..width).map(|x| buffer[(x, y)].symbol());
        cells.collect::<String>().trim_end().to_owned()
    };
    (0..height).map(row).collect()
}

/// The first line that has a text.
fn with<'t>(lines: &'t [String], text: &str) -> &'t str {
    let found = lines.iter().find(|line| line.contains(text));
    found.unwrap_or_else(|| panic!("no `{text}` in\n{}", lines.join("\n")))
}

const SIZES: [(u16, u16); 2] = [(80, 24), (200, 50)];

#[test]
fn a_frame_says_how_far_how_fast_how_dear_and_how_sure_at_either_size() {
    for (width, height) in SIZES {
        let lines = drawn(width, height, &state(&[]), View::default());
        assert!(lines[0].starts_with(" smoke against lab (embedded)"));
        assert!(lines[0].contains("▲ valid so far, with care   RUNNING"));
        assert!(lines[1].starts_with(" steady 2/3"), "{}", lines[1]);
        assert!(
            lines[1].ends_with("0:12 of 0:30, 1:18 left"),
            "{}",
            lines[1]
        );
        for said in [
            "target     50.0/s",
            "achieved   49.4/s  98.8 %",
            "in flight  12",
            "ok         1234",
            "failed     3  0.24 %",
            "cost       $0.0123 of $0.05",
            "budget     ━━━─────── 30 %",
            "● dispatch lag   p99 0.416 ms",
            "▲ in-flight cap  7 of 1237 waited",
            "     3  status_429     slow down, and",
            "last message",
            "q drain and stop    p hold arrivals    ? help",
        ] {
            with(&lines, said);
        }
    }
}

#[test]
fn a_quantile_that_the_sample_cannot_carry_is_not_given() {
    for (width, height) in SIZES {
        let lines = drawn(width, height, &state(&[]), View::default());
        let numbers = |line: &str, after: &str| -> Vec<String> {
            let (_, rest) = line.split_once(after).unwrap();
            rest.split_whitespace().take(5).map(str::to_owned).collect()
        };
        // 40 requests carry a p90 and no p95; 400 carry a p99.
        let recent = numbers(with(&lines, "TTFT last 10 s"), "last 10 s");
        assert_eq!(recent[0], "40");
        assert_eq!(recent[3..], ["n/a", "n/a"], "{recent:?}");
        assert_ne!(recent[2], "n/a");
        let overall = numbers(with(&lines, "overall"), "overall");
        assert!(!overall.contains(&"n/a".to_owned()), "{overall:?}");
    }
}

#[test]
fn the_times_are_those_of_the_summary() {
    let state = state(&[]);
    let whole = &state.figures.scopes[0].whole;
    let metric = whole.metric(crate::sample::Metric::E2e).unwrap();
    let lines = drawn(80, 24, &state, View::default());
    let at = lines.iter().position(|line| line.contains("e2e")).unwrap();
    for quantile in metric.quantiles.iter().filter(|q| q.stat != "p99.9") {
        let shown = format!("{:.1}", quantile.value_ms.unwrap());
        assert!(lines[at + 1].contains(&shown), "{shown}: {}", lines[at + 1]);
    }
}

#[test]
fn tab_shows_the_figures_of_one_arm_and_marks_it() {
    for (width, height) in SIZES {
        let state = state(&["direct", "gateway"]);
        let all = drawn(width, height, &state, View::default());
        with(&all, "all arms");
        assert!(!all.join("\n").contains('▸'));
        let view = View {
            selected: 2,
            ..View::default()
        };
        let one = drawn(width, height, &state, view);
        assert!(with(&one, "▸").contains("▸ gateway"), "{}", one.join("\n"));
        assert!(with(&one, "times in ms").contains("gateway"));
        assert!(with(&one, "TTFT last 10 s").contains(" 20 "));
        assert!(with(&all, "TTFT last 10 s").contains(" 40 "));
    }
}

#[test]
fn more_arms_than_rows_scroll_with_the_one_that_is_looked_at() {
    let names: Vec<String> = (0..20).map(|k| format!("arm-{k:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let state = state(&names);
    for selected in 1..=20 {
        let view = View {
            selected,
            ..View::default()
        };
        let lines = drawn(80, 24, &state, view);
        with(&lines, &format!("▸ arm-{:02}", selected - 1));
        with(&lines, "─ errors ─");
    }
}

#[test]
fn a_held_run_says_so_at_both_ends_of_the_frame() {
    let mut held = state(&[]);
    held.mode = Mode::Held;
    held.load.held = Some("once, 1.2 s".to_owned());
    for (width, height) in SIZES {
        let lines = drawn(width, height, &held, View::default());
        assert!(lines[0].ends_with(" HELD"), "{}", lines[0]);
        let keys = lines.last().unwrap();
        assert!(keys.contains("p go on") && keys.ends_with("held once, 1.2 s"));
    }
}

#[test]
fn the_keys_say_what_they_do_now() {
    for (mode, said) in [
        (Mode::Running, "q drain and stop    p hold arrivals"),
        (Mode::Draining, "q stop    ? help"),
        (Mode::Stopping, "q cut what is in flight    ? help"),
        (Mode::Cutting, "q exit at once    ? help"),
    ] {
        let mut state = state(&[]);
        state.mode = mode;
        with(&drawn(80, 24, &state, View::default()), said);
    }
}

#[test]
fn help_lies_over_the_frame_and_leaves_the_ends_of_it() {
    for (width, height) in SIZES {
        let view = View {
            help: true,
            ..View::default()
        };
        let lines = drawn(width, height, &state(&[]), view);
        with(
            &lines,
            "drain and stop; again: cut what is in flight; again: exit",
        );
        with(
            &lines,
            "stalls and the number of arrivals are judged at the end",
        );
        assert!(lines[0].contains("smoke against lab"));
        assert!(lines.last().unwrap().contains("? help"));
    }
}

#[test]
fn every_size_can_be_drawn_and_one_that_is_too_small_says_so() {
    let states = [State::default(), state(&[]), state(&["direct", "gateway"])];
    for width in (1..=220).step_by(13).chain([80, 139, 140]) {
        for height in (1..=60).step_by(7).chain([20, 24]) {
            for state in &states {
                let help = View {
                    help: true,
                    selected: 1,
                };
                let lines = drawn(width, height, state, help);
                let small = width < LEAST.0 || height < LEAST.1;
                let says = lines[0].starts_with(&"needs 80x20, has"[..usize::from(width.min(16))]);
                assert_eq!(says, small, "{width}x{height}: {}", lines[0]);
            }
        }
    }
}

#[test]
fn without_colours_nothing_but_weight_is_left() {
    let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
    let state = state(&["direct", "gateway"]);
    for on in [false, true] {
        let colours = Colours::new(on);
        terminal
            .draw(|frame| super::frame(frame, &state, View::default(), colours))
            .unwrap();
        let plain = ratatui::style::Color::Reset;
        let cells = terminal.backend().buffer().content.iter();
        let coloured = cells.filter(|cell| cell.fg != plain || cell.bg != plain);
        assert_eq!(coloured.count() > 0, on);
    }
}

#[test]
fn a_second_that_cannot_carry_a_p95_is_left_blank_and_one_without_errors_is_not() {
    let lines = drawn(80, 24, &state(&[]), View::default());
    let chart = |name: &str| {
        let line = with(&lines, name).split_once(name).unwrap().1;
        line.split_once("now").unwrap().0.trim_end().to_owned()
    };
    let gaps = chart("TTFT p95").trim_start().matches(' ').count();
    assert_eq!(gaps, 7, "every fifth second, but for the first: {lines:?}");
    assert_eq!(chart("errors/s").trim_start().matches('▁').count(), 34);
    assert!(with(&lines, "TTFT p95").contains("now 119.0  max 119.0 ms"));
}
