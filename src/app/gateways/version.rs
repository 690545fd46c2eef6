//! The version of a gateway, as its own command tells it.

use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::{find, processes};

/// How long it may take to be told: a large Python program takes seconds to come up.
const WITHIN: Duration = Duration::from_secs(20);
const NAP: Duration = Duration::from_millis(10);

/// Asks on a thread of its own; what comes is the version, or `None` where it can't be told.
pub(super) fn ask(
    words: Vec<String>,
    env: BTreeMap<String, String>,
) -> oneshot::Receiver<Option<String>> {
    let (tell, told) = oneshot::channel();
    thread::spawn(move || drop(tell.send(run(&words, env))));
    told
}

/// Runs the command to its end.
fn run(words: &[String], env: BTreeMap<String, String>) -> Option<String> {
    let (program, arguments) = words.split_first()?;
    let program: PathBuf = find(program)?;
    let (mut reader, writer) = std::io::pipe().ok()?;
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(env)
        .stdin(Stdio::null())
        .stdout(writer.try_clone().ok()?)
        .stderr(writer)
        .process_group(0)
        .spawn()
        .ok()?;
    let group = child.id();
    let reading = thread::spawn(move || {
        let mut said = Vec::new();
        let _ = reader.by_ref().take(64 << 10).read_to_end(&mut said);
        said
    });
    let patience = Instant::now() + WITHIN;
    let ended = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status.success(),
            Ok(None) if Instant::now() < patience => thread::sleep(NAP),
            _ => break false,
        }
    };
    processes::kill_group(group);
    let _ = child.wait();
    let said = reading.join().ok().filter(|_| ended)?;
    number(&String::from_utf8_lossy(&said))
}

/// The first word of a text that is a version: 1.2 or 0.3.0rc1.
fn number(text: &str) -> Option<String> {
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, ',' | '(' | ')' | '"'));
    let is_version = |word: &&str| {
        let mut parts = word.split('.');
        let mut numeric = || parts.next().is_some_and(|part| part.parse::<u32>().is_ok());
        numeric()
            && parts
                .next()
                .is_some_and(|part| part.starts_with(|c: char| c.is_ascii_digit()))
    };
    let mut words = words.map(|word| word.trim_start_matches('v'));
    words.find(is_version).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_among_other_words() {
        let found = |text| number(text);
        assert_eq!(found("respan-gateway 0.3.0\n").as_deref(), Some("0.3.0"));
        assert_eq!(
            found("  Version      1.5.10\n  Go  go1.26.9").as_deref(),
            Some("1.5.10")
        );
        assert_eq!(
            found("\nLiteLLM: Current Version = 1.108.7\n").as_deref(),
            Some("1.108.7")
        );
        assert_eq!(found("gw (v2.0rc1)").as_deref(), Some("2.0rc1"));
        assert_eq!(found("12:30:01 no version"), None);
    }
}
