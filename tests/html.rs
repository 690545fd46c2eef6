//! `report.html` in a real browser: it draws without an error, asks nobody for anything, says what
//! `summary.csv` says, and can be used with the keyboard and on paper.
//!
//! Chromium is all that is needed. Where it can't be had, `TOLLGATE_SKIP_REAL=1` leaves these tests out.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may fail by it")]

#[path = "html/arms.rs"]
mod arms;
#[path = "html/browser.rs"]
mod browser;
#[path = "html/long.rs"]
mod long;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use browser::Browser;
use serde_json::{Value, json};
use tempfile::TempDir;
use tollgate::results::{SummaryRow, write_comparison, write_gate};

/// Streamed and whole answers, failures, a warm-up and prices.
const SCENARIO: &str = r#"
name: paged
seed: 7
targets: { lab: { lab: { script: { repeats: vary, models: [ { model: "*", ttft: { uniform: { min: 5ms, max: 30ms } },
  pace: { constant: 2ms }, output_tokens: { uniform: { min: 2, max: 12 } } } ],
  faults: [ { when: { share: 10% }, do: { status: { code: 503, message: busy } } } ] } } } }
mix:
  - { name: streamed, weight: 3, chat: { model: openai/gpt-lab, prompt: { text: hello } } }
  - { name: plain, chat: { model: openai/gpt-lab, stream: false, prompt: { text: hello } } }
load:
  - { name: warm-up, warmup: true, closed: { concurrency: 2, requests: 15 } }
  - { name: steady, poisson: { rate: 150/s, duration: 4s } }
slos: { ttft: 200ms }
prices: prices.yaml
"#;
const PRICES: &str =
    "as_of: 2026-11-24\nmodels: { openai/gpt-lab: { per_million: { input: 1, output: 5 } } }\n";

fn tollgate(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tollgate"));
    let output = command.args(args).current_dir(folder).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !said.contains("panicked") && !said.contains("no report.html"),
        "{said}"
    );
    output
}

/// A run, once for all tests.
static RUN: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("scenario.yaml"), SCENARIO).unwrap();
    fs::write(folder.path().join("prices.yaml"), PRICES).unwrap();
    let ran = tollgate(folder.path(), &["run", "scenario.yaml", "-o", "out"]);
    assert_eq!(
        ran.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    let runs = fs::read_dir(folder.path().join("out/paged")).unwrap();
    let run = runs.map(|run| run.unwrap().path()).next().unwrap();
    (folder, run)
});

fn page() -> PathBuf {
    RUN.1.join("report.html")
}

/// A copy of the run whose `run.json` was changed, and its page.
fn changed(change: impl FnOnce(&mut Value, &Path)) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    for file in fs::read_dir(&RUN.1).unwrap() {
        let from = file.unwrap().path();
        if !from.ends_with("report.html") {
            fs::copy(&from, folder.path().join(from.file_name().unwrap())).unwrap();
        }
    }
    let path = folder.path().join("run.json");
    let mut info: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    change(&mut info, folder.path());
    fs::write(&path, info.to_string()).unwrap();
    let made = tollgate(folder.path(), &["report", ".", "--html"]);
    assert_eq!(
        String::from_utf8_lossy(&made.stdout),
        "./report.html\n",
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let page = folder.path().join("report.html");
    (folder, page)
}

#[test]
fn a_run_leaves_a_page_that_draws_without_an_error_and_asks_nobody_for_anything() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    for (width, theme) in [
        (1280, "light"),
        (1280, "dark"),
        (400, "light"),
        (400, "dark"),
    ] {
        browser.open(&page(), width, theme);
        assert_eq!(browser.complaints(), [""; 0], "{width} {theme}");
        assert_eq!(
            browser.eval("document.documentElement.dataset.theme"),
            theme
        );
        let beyond = browser.eval("document.documentElement.scrollWidth - innerWidth");
        assert!(
            beyond.as_i64().unwrap() <= 0,
            "{width}: {beyond} pixels too wide"
        );
        let empty = "[...document.querySelectorAll('.plot')].filter((plot) => !plot.querySelector('svg path')).length";
        assert_eq!(browser.eval(empty), 0);
        assert_eq!(browser.eval("document.querySelectorAll('.plot').length"), 4);
        let broken = "document.querySelectorAll('#page').item(0).outerHTML.match(/NaN|undefined|Infinity|\\[object/)";
        assert_eq!(browser.eval(broken), Value::Null);
    }
}

#[test]
fn every_figure_on_the_page_is_that_of_summary_csv() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    browser.open(&page(), 1280, "light");
    let shown = browser.eval(
        "[...document.querySelectorAll('#summary-csv tbody tr')].map((row) => [...row.cells].map((cell) => cell.textContent))",
    );
    let shown: Vec<Vec<String>> = serde_json::from_value(shown).unwrap();
    let mut file = csv::Reader::from_path(RUN.1.join("summary.csv")).unwrap();
    let rows: Vec<SummaryRow> = file.deserialize().map(Result::unwrap).collect();
    assert!(rows.len() > 100, "{}", rows.len());
    assert_eq!(shown.len(), rows.len());
    for (cells, row) in shown.iter().zip(&rows) {
        let number = |at: usize| match cells[at].as_str() {
            "" => None,
            text => Some(text.parse::<f64>().unwrap()),
        };
        let texts = [&row.scope, &row.metric, &row.stat, &row.unit];
        assert_eq!([0, 1, 2, 4].map(|at| &cells[at]), texts);
        let numbers = [row.value, row.ci_low, row.ci_high, Some(row.n as f64)];
        assert_eq!([3, 5, 6, 7].map(number), numbers, "{row:?}");
    }
    // The large ones are the same, rounded.
    let tiles = rows
        .iter()
        .filter(|row| row.scope == "total" && row.unit == "ms");
    let mut compared = 0;
    for row in tiles {
        let tile = format!(
            "[data-metric='{}'][data-stat='{}'] .value",
            row.metric, row.stat
        );
        if browser.eval(&format!("document.querySelector({tile:?}) === null")) == true {
            continue;
        }
        let (text, value) = (browser.text(&tile), row.value.unwrap());
        let places = [(1000.0, 0), (10.0, 1), (0.0, 2)];
        let (_, places): (f64, usize) = *places.iter().find(|(from, _)| value >= *from).unwrap();
        let text = text.replace('\u{2009}', "");
        assert_eq!(text, format!("{value:.places$} ms"), "{row:?}");
        compared += 1;
    }
    assert!(compared >= 7, "{compared}");
}

#[test]
fn what_others_say_is_text_and_never_markup() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let planted = "</script ></script><img src=x onerror=\"document.title='owned'\"><!-- <script> {{DATA}} &amp;";
    let (_folder, page) = changed(|info, _| {
        let summary = &mut info["summary"];
        summary["models"][0]["model"] = json!(planted);
        summary["scopes"][0]["errors"][0]["last_message"] = json!(planted);
        summary["scopes"][0]["errors"][0]["outcome"] = json!(planted);
        summary["scopes"][1]["scope"] = json!(format!("recipe:{planted}"));
        info["recipes"][0]["model"] = json!(planted);
        info["phases"][0]["name"] = json!(planted);
        info["scenario"] = json!(planted);
        info["target"]["name"] = json!(planted);
        info["target"]["url"] = json!(format!("javascript:{planted}"));
        info["target"]["kind"] = json!("openai");
        info["validity"]["checks"][0]["value"] = json!(planted);
    });
    browser.open(&page, 1280, "light");
    assert_eq!(browser.complaints(), [""; 0]);
    assert_eq!(browser.eval("document.querySelectorAll('img').length"), 0);
    assert_eq!(browser.eval("document.scripts.length"), 2);
    let title = browser.eval("document.title");
    assert!(
        title
            .as_str()
            .unwrap()
            .starts_with(&format!("{planted} against {planted}: ")),
        "{title}"
    );
    assert!(browser.text("#errors").contains(planted));
    assert!(browser.text("#cost").contains(planted));
    assert!(browser.text("h1").contains(planted));
    assert!(browser.text("#verdict").contains(planted));
}

#[test]
fn an_inline_script_that_the_page_does_not_know_is_refused() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(page()).unwrap();
    let text = text.replace(
        "<div id=\"page\">",
        "<img src=x onerror=\"window.owned=1\"><script>window.owned=2</script><div id=\"page\">",
    );
    let path = folder.path().join("page.html");
    fs::write(&path, text).unwrap();
    browser.open(&path, 1280, "light");
    assert!(browser.complaints().len() >= 3, "image, handler and script");
    assert_eq!(browser.eval("typeof window.owned"), "undefined");
}

#[test]
fn plots_and_choices_can_be_used_with_the_keyboard() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    browser.open(&page(), 1280, "light");
    // By the tabulator, one comes to everything that can be used.
    browser.eval("document.body.focus()");
    let mut met = Vec::new();
    loop {
        browser.press("Tab");
        if browser.eval("document.activeElement === document.body") == true {
            break;
        }
        let here = "document.activeElement.id || document.activeElement.dataset.value || document.activeElement.className";
        met.push(browser.eval(here).as_str().unwrap().to_owned());
        let outline = browser.eval("getComputedStyle(document.activeElement).outlineStyle");
        assert_ne!(outline, "none", "{met:?}");
    }
    for wanted in [
        "plot-quantiles",
        "plot-course",
        "plot-heat",
        "plot-gaps",
        "ttft",
        "pick theme",
        "pick series",
        "term",
    ] {
        assert!(met.iter().any(|id| id == wanted), "{wanted}: {met:?}");
    }
    // The cursor of a plot.
    browser.eval("document.getElementById('plot-quantiles').focus()");
    browser.press("End");
    let last = browser.text("#plot-quantiles + .readout");
    browser.press("ArrowLeft");
    let before = browser.text("#plot-quantiles + .readout");
    assert!(
        last.contains(" ms") && before.contains("take at most"),
        "{last} {before}"
    );
    assert_ne!(last, before);
    // Another time, another curve, in each plot that shows times.
    let path = "document.querySelector('#plot-quantiles path').getAttribute('d')";
    let ttft = browser.eval(path);
    browser.eval("document.querySelector('[data-value=ttft]').focus()");
    browser.press("ArrowRight");
    assert_eq!(browser.eval("document.activeElement.dataset.value"), "e2e");
    assert_eq!(
        browser.eval("document.activeElement.getAttribute('aria-checked')"),
        "true"
    );
    assert_ne!(browser.eval(path), ttft);
    // A series less.
    let lines = "document.querySelectorAll('#plot-quantiles path').length";
    let all = browser.eval(lines).as_u64().unwrap();
    browser.eval("document.querySelector('.series').focus()");
    browser.press("Enter");
    assert!(browser.eval(lines).as_u64().unwrap() < all);
    // A term tells its formula where it has the focus.
    let tip = "getComputedStyle(document.querySelector('.term .tip')).display";
    assert_eq!(browser.eval(tip), "none");
    browser.eval("document.querySelector('.term').focus()");
    assert_eq!(browser.eval(tip), "block");
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn the_data_behind_a_plot_is_a_table_with_the_figures_that_it_draws() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    browser.open(&page(), 1280, "light");
    browser.eval("document.querySelectorAll('details.behind').forEach((one) => (one.open = true))");
    let rows = "new Promise((done) => setTimeout(() => done([...document.querySelectorAll('#course .behind tbody tr')].map((row) => [...row.cells].map((cell) => cell.textContent.replace(/\\u2009/g, '')))), 50))";
    let rows: Vec<Vec<String>> = serde_json::from_value(browser.eval(rows)).unwrap();
    let mut file = csv::Reader::from_path(RUN.1.join("intervals.csv")).unwrap();
    let ended: u64 = file
        .deserialize::<tollgate::record::IntervalRow>()
        .map(|row| row.unwrap().ended)
        .sum();
    let shown: u64 = rows
        .iter()
        .map(|row| row[row.len() - 3].parse::<u64>().unwrap())
        .sum();
    assert_eq!(shown, ended);
    assert!(
        browser
            .eval("document.querySelectorAll('#quantiles .behind tbody tr').length")
            .as_u64()
            > Some(20)
    );
    assert!(
        browser
            .eval("document.querySelectorAll('#heat .behind tbody tr').length")
            .as_u64()
            > Some(5)
    );
}

#[test]
fn on_paper_it_is_light_and_every_section_is_open() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    browser.open(&page(), 1280, "dark");
    browser.eval("addEventListener('beforeprint', () => (window.printed = document.querySelector('details.more').open))");
    let pdf = browser.call(
        "Page.printToPDF",
        &json!({ "paperWidth": 8.27, "paperHeight": 11.69, "printBackground": true }),
    );
    // `JVBERi` is `%PDF-` in base64.
    assert!(pdf["data"].as_str().unwrap().starts_with("JVBERi"));
    assert_eq!(browser.eval("window.printed"), true);
    browser.call("Emulation.setEmulatedMedia", &json!({ "media": "print" }));
    assert_eq!(
        browser.eval("getComputedStyle(document.body).backgroundColor"),
        "rgb(255, 255, 255)"
    );
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn a_run_that_was_killed_has_a_page_that_says_so() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let (_folder, page) = changed(|info, folder| {
        info["complete"] = json!(false);
        for key in ["summary", "validity", "process_cpu"] {
            info[key] = Value::Null;
        }
        for file in ["samples.csv", "latency.hlog", "intervals.csv"] {
            let text = fs::read(folder.join(file)).unwrap();
            // Within a line, not far from its start.
            let newline = text
                .iter()
                .skip(text.len() * 2 / 3)
                .position(|byte| *byte == b'\n');
            let cut = text.len() * 2 / 3 + newline.unwrap() + 10;
            fs::write(folder.join(file), &text[..cut]).unwrap();
        }
        fs::remove_file(folder.join("summary.csv")).unwrap();
    });
    browser.open(&page, 1280, "light");
    assert_eq!(browser.complaints(), [""; 0]);
    let head = browser.text("header");
    assert!(
        head.contains("This run is not whole") && head.contains("cut short or broken"),
        "{head}"
    );
    assert_eq!(
        browser.eval("document.querySelectorAll('.plot svg').length"),
        4
    );
}

#[test]
fn a_page_without_streams_answers_or_files_still_says_what_there_is() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let run = |browser: &mut Browser, scenario: &str, code: i32| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("s.yaml"), scenario).unwrap();
        let ran = tollgate(folder.path(), &["run", "s.yaml", "-o", "out"]);
        assert_eq!(
            ran.status.code(),
            Some(code),
            "{}",
            String::from_utf8_lossy(&ran.stderr)
        );
        let run = fs::read_dir(folder.path().join("out/bare"))
            .unwrap()
            .next()
            .unwrap();
        browser.open(&run.unwrap().path().join("report.html"), 1280, "light");
        assert_eq!(browser.complaints(), [""; 0], "{scenario}");
        browser.text("#page")
    };
    let scenario = |stream: bool, status: &str| {
        format!(
            "name: bare\ntargets: {{ lab: {{ lab: {{ script: {{ models: [ {{ ttft: {{ constant: 5ms }}, pace: {{ constant: 1ms }} }} ]{status} }} }} }} }}\n\
             mix: [ {{ name: one, chat: {{ model: openai/m, stream: {stream}, max_tokens: 4, prompt: {{ text: hi }} }} }} ]\n\
             load: [ {{ name: p, closed: {{ concurrency: 1, requests: 3 }} }} ]\n"
        )
    };
    let whole = run(&mut browser, &scenario(false, ""), 0);
    assert!(whole.contains("No answer was streamed"), "{whole}");
    assert!(
        whole.contains("needs 5, has 3") && whole.contains("the scenario names no price table")
    );
    let failing =
        ", faults: [ { when: { share: 100% }, do: { status: { code: 500, message: no } } } ]";
    let failed = run(&mut browser, &scenario(true, failing), 4);
    assert!(
        failed.contains("No request was answered") && failed.contains("100.00 %"),
        "{failed}"
    );
    assert!(failed.contains("Nothing to draw"));
    let (_folder, page) = changed(|_, folder| {
        fs::remove_file(folder.join("latency.hlog")).unwrap();
        fs::remove_file(folder.join("intervals.csv")).unwrap();
    });
    browser.open(&page, 1280, "light");
    assert_eq!(browser.complaints(), [""; 0]);
    assert!(browser.text("#course").contains("Nothing to draw"));
}

#[test]
fn a_page_made_anew_tells_what_the_gate_and_the_comparison_found() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let (_folder, page) = changed(|_, folder| {
        write_gate(folder, &arms::gate()).unwrap();
        write_comparison(folder, &arms::comparison()).unwrap();
    });
    browser.open(&page, 1280, "dark");
    assert_eq!(browser.complaints(), [""; 0]);
    assert!(browser.text("#gate").contains("p95(ttft) < 300ms"));
    assert!(
        browser
            .text("#comparison")
            .contains("gateway against direct")
    );
    let title = browser.eval("document.title");
    assert!(title.as_str().unwrap().contains(": FAIL, "), "{title}");
}
