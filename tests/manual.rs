//! What the command says of itself: examples in every help, completions that a shell takes, and manual pages
//! that groff sets without a warning.

#![expect(clippy::unwrap_used, reason = "a test may fail by it")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

const TOLLGATE: &str = env!("CARGO_BIN_EXE_tollgate");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn tollgate(args: &[&str]) -> Output {
    let mut command = Command::new(TOLLGATE);
    command.args(args).current_dir(root()).output().unwrap()
}

fn stdout(args: &[&str]) -> String {
    let ran = tollgate(args);
    let said = String::from_utf8(ran.stderr).unwrap();
    assert!(ran.status.success(), "{args:?}: {said}");
    String::from_utf8(ran.stdout).unwrap()
}

/// The words of all commands that a help shows, the command line itself first.
fn commands() -> Vec<Vec<String>> {
    let mut found = vec![Vec::new()];
    let mut at = 0;
    while at < found.len() {
        let words: Vec<String> = found[at].clone();
        at += 1;
        let mut args: Vec<&str> = words.iter().map(String::as_str).collect();
        args.push("--help");
        let help = stdout(&args);
        let Some((_, listed)) = help.split_once("\nCommands:\n") else {
            continue;
        };
        for line in listed.lines().take_while(|line| !line.is_empty()) {
            // Further lines of a description stand further in.
            if let Some(name) = line
                .strip_prefix("  ")
                .filter(|line| !line.starts_with(' '))
            {
                let name = name.split(' ').next().unwrap();
                if name != "help" {
                    found.push([&words[..], &[name.to_owned()]].concat());
                }
            }
        }
    }
    assert!(found.len() > 15, "{found:?}");
    found
}

/// Whether a tool is there.
fn has(tool: &str) -> bool {
    let mut shell = Command::new("sh");
    let found = shell
        .args(["-c", &format!("command -v {tool}")])
        .stdout(Stdio::null());
    found.status().unwrap().success()
}

/// A new command needs lines in src/app/examples.rs.
#[test]
fn every_help_has_examples_that_the_command_line_takes() {
    for words in commands() {
        let mut args: Vec<&str> = words.iter().map(String::as_str).collect();
        args.push("--help");
        let help = stdout(&args);
        let examples = help.split_once("\nExamples:\n");
        let (_, examples) = examples.unwrap_or_else(|| panic!("{words:?} has no examples"));
        let examples = examples.split("\n\nExit codes:").next().unwrap();
        let mut seen = 0;
        for line in examples.replace("\\\n", " ").lines() {
            let line = line.split(['|', '>']).next().unwrap();
            let mut parts = line
                .split_whitespace()
                .skip_while(|part| part.contains('='));
            if parts.next() != Some("tollgate") {
                continue;
            }
            let parts: Vec<&str> = parts.collect();
            for part in parts.iter().filter(|part| part.starts_with("scenarios/")) {
                let written = parts
                    .windows(2)
                    .any(|pair| pair[0] == "-o" && pair[1] == *part);
                let there = part.contains('*') || root().join(part).exists();
                assert!(written || there, "{line}: no {part}");
            }
            // With --help behind it, clap reads all of a line and does nothing.
            stdout(&[&parts[..], &["--help"]].concat());
            seen += usize::from(parts.starts_with(&args[..args.len() - 1]));
        }
        assert!(seen > 0, "no example of {words:?} itself");
    }
}

/// Sourced by a bash, the completion offers what the command line takes.
#[test]
fn bash_completes_commands_flags_and_their_values() {
    let script = stdout(&["completions", "bash"]);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("tollgate.bash"), script).unwrap();
    let complete = |words: &str| -> Vec<String> {
        let script = format!(
            ". ./tollgate.bash; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             _tollgate tollgate \"${{COMP_WORDS[COMP_CWORD]}}\" \"${{COMP_WORDS[COMP_CWORD-1]}}\"; \
             printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        let mut bash = Command::new("bash");
        let ran = bash
            .args(["--norc", "-uc", &script])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&ran.stderr), "", "{words}");
        let offered = String::from_utf8(ran.stdout).unwrap();
        offered.lines().map(str::to_owned).collect()
    };
    assert_eq!(complete("tollgate rec"), ["reconcile"]);
    assert_eq!(complete("tollgate baseline s"), ["save", "show"]);
    assert_eq!(complete("tollgate run --no-h"), ["--no-html"]);
    assert_eq!(
        complete("tollgate run --on-inconclusive ''"),
        ["pass", "fail"]
    );
    assert!(!complete("tollgate ''").contains(&"selftest-provider".to_owned()));
}

#[test]
fn zsh_and_fish_get_scripts_of_their_own_and_others_are_refused() {
    assert!(stdout(&["completions", "zsh"]).starts_with("#compdef tollgate"));
    assert!(stdout(&["completions", "fish"]).contains("complete -c tollgate"));
    for (shell, check) in [("zsh", "zsh -n"), ("fish", "fish --no-execute")] {
        if has(shell) {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("script");
            fs::write(&file, stdout(&["completions", shell])).unwrap();
            let checked = Command::new("sh")
                .args(["-c", &format!("{check} {}", file.display())])
                .output()
                .unwrap();
            assert!(
                checked.status.success() && checked.stderr.is_empty(),
                "{checked:?}"
            );
        }
    }
    assert_eq!(tollgate(&["completions", "tcsh"]).status.code(), Some(2));
}

#[test]
fn each_command_has_a_manual_page_that_groff_sets_without_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    stdout(&["man", "-o", folder.to_str().unwrap()]);
    let mut pages: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|page| page.unwrap().file_name().into_string().unwrap())
        .collect();
    let mut wanted: Vec<String> = commands()
        .iter()
        .map(|words| [&["tollgate".to_owned()][..], words].concat().join("-") + ".1")
        .collect();
    pages.sort();
    wanted.sort();
    assert_eq!(pages, wanted);
    for page in &pages {
        let text = fs::read_to_string(folder.join(page)).unwrap();
        for section in [
            ".SH NAME",
            ".SH SYNOPSIS",
            ".SH DESCRIPTION",
            ".SH EXAMPLES",
        ] {
            assert_eq!(text.matches(section).count(), 1, "{page}: {section}");
        }
        if has("groff") {
            let mut groff = Command::new("groff");
            groff
                .args(["-man", "-Tutf8", "-wall", page])
                .current_dir(folder);
            let set = groff.output().unwrap();
            assert_eq!(String::from_utf8_lossy(&set.stderr), "", "{page}");
            assert!(set.status.success() && set.stdout.len() > 500, "{page}");
        }
    }
    let run = stdout(&["man", "run"]);
    assert_eq!(
        run,
        fs::read_to_string(folder.join("tollgate-run.1")).unwrap()
    );
    assert!(run.contains("\\-\\-concurrency"), "{run}");
    let whole = stdout(&["man"]);
    assert!(
        whole.contains(".SH \"EXIT STATUS\"") && whole.contains("tollgate\\-run"),
        "{whole}"
    );
    assert_eq!(tollgate(&["man", "rum"]).status.code(), Some(2));
}
