//! What the README and the pages in docs/ say is so: their commands run, their output is what the command
//! prints, their scenarios are valid, and their flags, columns and links exist.
//!
//! `TRYCMD=overwrite cargo test --test readme` writes the snapshots anew after a change of the output.

#![expect(clippy::unwrap_used, reason = "a test may fail by it")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use tempfile::TempDir;

/// What the quick start promises a fresh machine.
const PROMISED: [&str; 2] = [
    "cargo run --release -- run scenarios/smoke.yaml",
    "cargo test",
];
/// Flags in the pages that are those of cargo, of a container engine or of Prometheus.
const FLAGS_OF_OTHERS: [&str; 15] = [
    "--profile",
    "--bench",
    "--dry-run",
    "--features",
    "--ignored",
    "--network",
    "--no-build",
    "--no-default-features",
    "--path",
    "--release",
    "--rm",
    "--test",
    "--user",
    "--userns",
    "--web",
];

/// A page by its path from the root, and its text.
type Page = (String, String);

/// The README first, then all of docs/.
static PAGES: LazyLock<Vec<Page>> = LazyLock::new(|| {
    let mut pages = vec!["README.md".to_owned()];
    let mut folders = vec!["docs".to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = format!("{folder}/{}", entry.file_name().to_str().unwrap());
            if entry.path().is_dir() {
                folders.push(path);
            } else if entry.path().extension().is_some_and(|end| end == "md") {
                pages.push(path);
            }
        }
    }
    pages.sort();
    let read = |path: String| (read(&path), path);
    pages
        .into_iter()
        .map(read)
        .map(|(text, path)| (path, text))
        .collect()
});

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

fn tollgate(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args(args)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

struct Block<'p> {
    language: &'p str,
    below: &'p str,
    text: String,
}

/// The fenced blocks of all pages, each with the heading that it stands below.
fn all_blocks() -> Vec<Block<'static>> {
    let mut found = Vec::new();
    for (path, page) in PAGES.iter() {
        let (mut open, mut below) = (None, "");
        for line in page.lines() {
            match (&mut open, line.strip_prefix("```")) {
                (None, Some(language)) => {
                    open = Some(Block {
                        language,
                        below,
                        text: String::new(),
                    });
                }
                (None, None) if line.starts_with('#') => {
                    below = line.trim_start_matches(['#', ' ']);
                }
                (Some(_), Some(_)) => found.extend(open.take()),
                (Some(block), None) => block.text += &format!("{line}\n"),
                (None, None) => {}
            }
        }
        assert!(open.is_none(), "{path}: a fenced block is not closed");
    }
    found
}

/// The fenced blocks of a language, below a heading if one is given.
fn blocks(language: &str, below: Option<&str>) -> Vec<String> {
    let wanted = |block: &Block| {
        block.language == language && below.is_none_or(|below| below == block.below)
    };
    let found = all_blocks().into_iter().filter(wanted);
    found.map(|block| block.text).collect()
}

/// What stands outside of fenced blocks.
fn prose(page: &str) -> String {
    let parts = page.split("\n```").step_by(2);
    parts.collect::<Vec<_>>().join("\n")
}

/// What stands between two marks, each time.
fn between<'t>(text: &'t str, open: &'t str, close: char) -> impl Iterator<Item = &'t str> {
    text.split(open)
        .skip(1)
        .filter_map(move |rest| rest.split_once(close))
        .map(|(inner, _)| inner)
}

fn quick_start() -> Vec<String> {
    let block = blocks("sh", Some("Quick start"));
    assert_eq!(block.len(), 1, "the quick start is one block");
    block[0].lines().map(str::to_owned).collect()
}

/// The run of the quick start, made short, and its folder.
static RUN: LazyLock<(TempDir, PathBuf, Output)> = LazyLock::new(|| {
    let commands = quick_start();
    let (_, args) = commands[0].split_once(" -- ").unwrap();
    let output = tempfile::tempdir().unwrap();
    let mut args: Vec<&str> = args.split(' ').collect();
    args.extend(["-d", "2s", "-o", output.path().to_str().unwrap()]);
    let ran = tollgate(root(), &args);
    let runs = fs::read_dir(output.path().join("smoke"))
        .map(|runs| runs.map(|run| run.unwrap().path()).collect::<Vec<_>>())
        .unwrap_or_default();
    assert_eq!(runs.len(), 1, "{}", text(&ran.stderr));
    (output, runs[0].clone(), ran)
});

#[test]
fn the_commands_print_what_the_snapshots_say() {
    trycmd::TestCases::new()
        .env("NO_COLOR", "1")
        .case("tests/cmd/*.trycmd");
}

#[test]
fn the_pages_show_what_their_commands_print() {
    trycmd::TestCases::new()
        .env("NO_COLOR", "1")
        .case("README.md")
        .case("docs/**/*.md");
}

#[test]
fn the_readme_commands_run() {
    assert_eq!(quick_start(), PROMISED);
    let (_, folder, ran) = &*RUN;
    assert_eq!(ran.status.code(), Some(0), "{}", text(&ran.stderr));
    assert!(text(&ran.stdout).starts_with("smoke against lab"));
    let run: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(folder.join("run.json")).unwrap()).unwrap();
    assert_eq!(run["complete"], true);
}

#[test]
fn ci_runs_the_commands_of_the_quick_start() {
    let ci = read(".ci/run");
    let steps: Vec<&str> = ci.lines().map(str::trim).collect();
    for command in quick_start() {
        let runs = |step: &&str| **step == command || step.starts_with(&format!("{command} "));
        assert!(steps.iter().any(runs), ".ci/run has no `{command}`");
    }
}

#[test]
fn the_example_scenarios_are_valid_with_the_prices_and_the_script_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    copy(&root().join("scenarios"), &folder.path().join("scenarios"));
    let mut written = BTreeSet::new();
    for block in blocks("yaml", None) {
        let name = block
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("# "));
        if let Some(name) = name.filter(|name| name.starts_with("scenarios/")) {
            let path = folder.path().join(name);
            assert!(!path.exists(), "{name} would hide a shipped file");
            fs::write(path, &block).unwrap();
            written.insert(name.to_owned());
        }
    }
    assert_eq!(written.len(), 5, "{written:?}");
    let plans = |args: &[&str]| {
        let planned = tollgate(folder.path(), args);
        let said = text(&planned.stderr);
        assert_eq!(planned.status.code(), Some(0), "{args:?}: {said}");
    };
    for target in ["lab", "bare", "live"] {
        plans(&["plan", "scenarios/example.yaml", "--target", target]);
    }
    plans(&["plan", "scenarios/two-gateways.yaml"]);
    plans(&["plan", "scenarios/held-rate.yaml"]);
}

/// The parts of scenarios that the pages show, each with the rest that a whole one needs.
#[test]
fn the_parts_of_scenarios_are_valid_too() {
    let folder = tempfile::tempdir().unwrap();
    let targets = "targets: { lab: { lab: {} } }\n";
    let mix = "mix: [ { name: chat, chat: { model: m, prompt: { text: hi } } } ]\n";
    for (heading, rest) in [
        ("What a gateway tells", mix),
        ("Checks of answers", targets),
        ("Shares", targets),
        ("Logs and the bill: `log_to` and `reconcile`", mix),
    ] {
        let parts = blocks("yaml", Some(heading));
        assert_eq!(parts.len(), 1, "{heading}");
        let load = "name: part\nload: [ { name: p, closed: { concurrency: 1, requests: 1 } } ]\n";
        let path = folder.path().join("part.yaml");
        fs::write(&path, format!("{load}{rest}{}", parts[0])).unwrap();
        let checked = tollgate(folder.path(), &["validate", "part.yaml"]);
        assert_eq!(
            checked.status.code(),
            Some(0),
            "{heading}: {}",
            text(&checked.stderr)
        );
    }
}

#[test]
fn what_the_pages_say_of_requests_and_keys_is_valid() {
    let folder = tempfile::tempdir().unwrap();
    copy(&root().join("scenarios"), &folder.path().join("s"));
    fs::create_dir(folder.path().join("s/secrets")).unwrap();
    fs::write(folder.path().join("s/secrets/openai-2.txt"), "k\n").unwrap();
    for heading in ["What a request says", "Respan's gateway"] {
        let shown = blocks("yaml", Some(heading));
        assert_eq!(shown.len(), 1, "{heading}");
        let variables = between(&shown[0], "${", '}').map(|name| format!("-e{name}=k"));
        let rest = "load: [ { name: p, closed: { concurrency: 1, requests: 1 } } ]";
        let text = format!("name: shown\n{rest}\n{}", shown[0]);
        fs::write(folder.path().join("s/shown.yaml"), text).unwrap();
        let mut args = vec!["validate".to_owned(), "s/shown.yaml".to_owned()];
        args.extend(variables);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let valid = tollgate(folder.path(), &args);
        let said = text_of(&valid);
        assert_eq!(said, "s/shown.yaml: ok\n", "{heading}");
    }
}

fn text_of(output: &Output) -> String {
    text(&output.stderr) + &text(&output.stdout)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, to) = (
            entry.as_ref().unwrap().path(),
            to.join(entry.unwrap().file_name()),
        );
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}

/// The help of a command and of all below it.
fn helps(words: &[&str]) -> Vec<String> {
    let help = text(&tollgate(root(), &[words, &["--help"]].concat()).stdout);
    let (_, listed) = help.split_once("\nCommands:\n").unwrap_or_default();
    let listed = listed.lines().take_while(|line| !line.is_empty());
    // Further lines of a description stand further in.
    let names = listed.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let names = names.filter(|name| !["", "help"].contains(name));
    let below: Vec<String> = names
        .flat_map(|name| helps(&[words, &[name]].concat()))
        .collect();
    [vec![help], below].concat()
}

#[test]
fn every_flag_that_a_page_names_exists() {
    let helps = helps(&[]);
    let ends = |c: char| !(c.is_ascii_alphanumeric() || c == '-');
    let known: BTreeSet<&str> = helps.iter().flat_map(|help| help.split(ends)).collect();
    let is_flag = |word: &&str| {
        word.strip_prefix("--")
            .is_some_and(|name| name.starts_with(|c: char| c.is_ascii_alphabetic()))
    };
    let pages = PAGES.iter().flat_map(|(_, page)| page.split(ends));
    let unknown: BTreeSet<&str> = pages
        .filter(is_flag)
        .filter(|flag| !known.contains(flag) && !FLAGS_OF_OTHERS.contains(flag))
        .collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn every_column_and_key_of_the_result_files_stands_in_a_page() {
    let (_, folder, _) = &*RUN;
    let pages = PAGES.iter().map(|(_, page)| prose(page));
    let prose = pages.collect::<Vec<_>>().join("\n");
    let named: BTreeSet<&str> = prose.split('`').collect();
    for file in ["samples.csv", "intervals.csv", "summary.csv"] {
        let rows = fs::read_to_string(folder.join(file)).unwrap();
        for column in rows.lines().next().unwrap().split(',') {
            assert!(named.contains(column), "{file}: {column}");
        }
    }
    let run = fs::read_to_string(folder.join("run.json")).unwrap();
    let run: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&run).unwrap();
    for key in run.keys() {
        assert!(named.contains(key.as_str()), "run.json: {key}");
    }
}

#[test]
fn every_exit_code_of_the_help_stands_in_a_page() {
    let help = text(&tollgate(root(), &["--help"]).stdout);
    let (_, codes) = help.split_once("Exit codes:").unwrap();
    let numbers = |text: &str| -> BTreeSet<u32> {
        let words = text.split(|c: char| !c.is_ascii_digit());
        words.filter_map(|word| word.parse().ok()).collect()
    };
    let table = |(_, page): &'static Page| page.split_once("| exit code |");
    let (_, table) = PAGES.iter().find_map(table).unwrap();
    let rows = table.split("\n\n").next().unwrap().lines();
    let first_cells: String = rows
        .filter_map(|row| row.split('|').nth(1))
        .collect::<Vec<_>>()
        .join(" ");
    assert_eq!(numbers(codes), numbers(&first_cells));
}

/// `--help` behind a command line makes clap read all that stands before it, and do nothing.
#[test]
fn every_command_line_that_a_page_shows_is_understood() {
    let shown = all_blocks()
        .into_iter()
        .filter(|block| ["sh", "text"].contains(&block.language));
    let shown = shown.map(|block| block.text.replace("\\\n", " "));
    let lines = shown.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>());
    let said = PAGES.iter().flat_map(|(_, page)| {
        let prose = prose(page);
        prose
            .split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect::<Vec<_>>()
    });
    let mut seen = 0;
    for line in lines.chain(said) {
        let line = line.split(['|', '>', '&', '#']).next().unwrap();
        let is_setting = |word: &&str| *word == "$" || word.contains('=');
        let mut words = line.split_whitespace().skip_while(is_setting);
        if !words
            .next()
            .is_some_and(|first| ["tollgate", "target/release/tollgate"].contains(&first))
        {
            continue;
        }
        let words = words.map(|word| word.trim_matches(['"', '\'']));
        let args: Vec<&str> = words.chain(["--help"]).collect();
        let understood = tollgate(root(), &args);
        let said = text(&understood.stderr);
        // What needs a feature says so, and NAME or URL stands for a value.
        let is_left_out = said.contains("build tollgate with --features");
        let value = said
            .split('\'')
            .nth(1)
            .filter(|_| said.contains("invalid value"));
        let is_placeholder = value.is_some_and(|value| {
            let letters = || value.chars().filter(|c| c.is_alphabetic());
            letters().count() > 1 && letters().all(char::is_uppercase)
        });
        let is_fine = understood.status.success() || is_left_out || is_placeholder;
        assert!(is_fine, "{line}: {said}");
        seen += 1;
    }
    assert!(seen > 30, "{seen}");
}

#[test]
fn every_page_stands_in_the_table_of_contents() {
    let contents = read("docs/SUMMARY.md");
    for (path, _) in PAGES.iter() {
        let page = path.strip_prefix("docs/").unwrap_or("../README.md");
        let is_there = page == "SUMMARY.md" || contents.contains(&format!("]({page})"));
        assert!(is_there, "docs/SUMMARY.md lacks {page}");
    }
}

/// The headings of a page, as a link names them.
fn anchors(page: &str) -> BTreeSet<String> {
    let anchor = |line: &str| -> String {
        let title = line.trim_start_matches(['#', ' ']).to_lowercase();
        let kept = title
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    let prose = prose(page);
    prose
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(anchor)
        .collect()
}

#[test]
fn every_link_to_a_file_or_a_heading_leads_somewhere() {
    let mut files = 0;
    for (path, page) in PAGES.iter() {
        let prose = prose(page);
        let folder = root().join(path).parent().unwrap().to_owned();
        for link in between(&prose, "](", ')').filter(|link| !link.contains("://")) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() {
                root().join(path)
            } else {
                folder.join(file)
            };
            assert!(target.exists(), "{path}: no file for {link}");
            if !heading.is_empty() {
                let there = anchors(&fs::read_to_string(target).unwrap());
                assert!(there.contains(heading), "{path}: no heading for {link}");
            }
            files += 1;
        }
    }
    assert!(files > 50, "{files}");
}
