//! `tollgate gateways`: the gateways that tollgate knows how to start, and whether they are there.

use std::fmt::Write;

use super::preset::Preset;
use super::template::Values;
use super::{find, starting};
use crate::app::cli::GatewaysArgs;
use crate::app::{Exit, commands, terminal};

pub(in crate::app) fn list(args: &GatewaysArgs) -> anyhow::Result<Exit> {
    let names: Vec<&str> = if args.presets.is_empty() {
        Preset::shipped().collect()
    } else {
        args.presets.iter().map(String::as_str).collect()
    };
    let (mut presets, mut problems) = (Vec::new(), Vec::new());
    for name in names {
        match Preset::named_or_file(name, &|name| std::env::var(name).ok()) {
            Ok(preset) => presets.push(preset),
            Err(wrong) => problems.extend(wrong),
        }
    }
    commands::show(&problems);
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut out = String::new();
    // All are asked for their versions at once: some take seconds to tell.
    let asked: Vec<_> = presets.iter().map(ask).collect();
    for (preset, (program, version)) in presets.iter().zip(asked) {
        let _ = writeln!(out, "{:<12} {}", preset.name, preset.about);
        let there = match (program, version) {
            (Ok(path), Some(version)) => {
                let version = runtime.block_on(version).ok().flatten();
                let version = version.unwrap_or_else(|| "of an unknown version".to_owned());
                format!("{version}, {path}")
            }
            (Ok(path), None) => path,
            (Err(program), _) => {
                format!("`{program}` is not found; install it: {}", preset.install)
            }
        };
        let _ = writeln!(out, "{:<12} {there}", "");
    }
    terminal::data(&out);
    Ok(if problems.is_empty() {
        Exit::Fine
    } else {
        Exit::Usage
    })
}

type Asked = tokio::sync::oneshot::Receiver<Option<String>>;

/// The path of a gateway's command, or its name where it is not found; and its version, as it comes.
fn ask(preset: &Preset) -> (Result<String, String>, Option<Asked>) {
    let mut values = Values::default();
    if let Ok(tollgate) = std::env::current_exe() {
        values.tollgate = tollgate.display().to_string();
    }
    let program = preset.command.first().map(|word| word.fill(&values));
    let program = program.unwrap_or_default();
    let Some(path) = find(&program) else {
        return (Err(program), None);
    };
    values.program = path.display().to_string();
    let asked = preset
        .version
        .is_some()
        .then(|| starting::ask_version(preset, &values));
    (Ok(values.program), asked)
}
