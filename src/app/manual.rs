//! Manual pages and completions, made from the command line itself.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::cli::Cli;
use super::{Exit, examples, terminal};

#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL", value_parser = ["bash", "zsh", "fish"])]
    shell: String,
}

#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// The words of the command whose page is printed [default: the page of tollgate itself]
    #[arg(value_name = "COMMAND", conflicts_with = "output")]
    command: Vec<String>,
    /// Write the pages of all commands to this folder instead
    #[arg(short = 'o', long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// The command line as clap knows it, with its examples.
pub(super) fn command() -> Command {
    examples::shown(<Cli as clap::CommandFactory>::command())
}

pub(super) fn completions(args: &CompletionsArgs) -> anyhow::Result<Exit> {
    let shell: Shell = args.shell.parse().map_err(anyhow::Error::msg)?;
    let whole = command();
    // Completions would offer hidden commands, too.
    let shown = whole.get_subcommands().filter(|inner| !inner.is_hide_set());
    let mut shown = Command::new("tollgate")
        .version(env!("CARGO_PKG_VERSION"))
        .args(whole.get_arguments())
        .subcommands(shown.cloned());
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut shown, "tollgate", &mut script);
    terminal::data(&String::from_utf8(script)?);
    Ok(Exit::Fine)
}

pub(super) fn man(args: &ManArgs) -> anyhow::Result<Exit> {
    let mut whole = <Cli as clap::CommandFactory>::command().disable_help_subcommand(true);
    whole.build();
    if let Some(folder) = &args.output {
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        write_pages(&whole, &mut Vec::new(), folder)?;
        return Ok(Exit::Fine);
    }
    let (mut found, mut words) = (&whole, Vec::new());
    for word in &args.command {
        let Some(inner) = found.find_subcommand(word) else {
            terminal::error(&format!("there is no command `{}`", args.command.join(" ")));
            return Ok(Exit::Usage);
        };
        words.push(inner.get_name());
        found = inner;
    }
    terminal::data(&String::from_utf8(page(found, &words)?)?);
    Ok(Exit::Fine)
}

fn write_pages<'c>(
    command: &'c Command,
    words: &mut Vec<&'c str>,
    folder: &Path,
) -> anyhow::Result<()> {
    let path = folder.join(format!("{}.1", name(words)));
    std::fs::write(&path, page(command, words)?).with_context(|| path.display().to_string())?;
    for inner in command
        .get_subcommands()
        .filter(|inner| !inner.is_hide_set())
    {
        words.push(inner.get_name());
        write_pages(inner, words, folder)?;
        words.pop();
    }
    Ok(())
}

/// What the page of a command is called: `tollgate-baseline-save`.
fn name(words: &[&str]) -> String {
    [&["tollgate"], words].concat().join("-")
}

fn page(command: &Command, words: &[&str]) -> anyhow::Result<Vec<u8>> {
    let after = command.get_after_help().map(ToString::to_string);
    let command = command.clone().after_help("").display_name(name(words));
    let man = Man::new(command.clone());
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    if command.get_arguments().next().is_some() {
        man.render_options_section(&mut page)?;
    }
    commands_section(&command, words, &mut page)?;
    let after = after.unwrap_or_default();
    let (shown, codes) = after.split_once("Exit codes:\n").unwrap_or((&after, ""));
    let shown = shown.strip_prefix("Examples:\n").unwrap_or(shown);
    let examples = examples::of(words).unwrap_or(shown);
    as_it_stands("EXAMPLES", examples, &mut page)?;
    as_it_stands("EXIT STATUS", codes, &mut page)?;
    Ok(page)
}

/// The commands below this one, each with the page that it has.
fn commands_section(command: &Command, words: &[&str], page: &mut dyn Write) -> anyhow::Result<()> {
    let mut section = Roff::new();
    for inner in command
        .get_subcommands()
        .filter(|inner| !inner.is_hide_set())
    {
        let title = [words, &[inner.get_name()]].concat();
        let about = inner.get_about().map(ToString::to_string);
        section.control("TP", []);
        section.text([bold(name(&title)), roman("(1)")]);
        section.text([roman(about.unwrap_or_default())]);
    }
    if command.has_subcommands() {
        Roff::new().control("SH", ["COMMANDS"]).to_writer(page)?;
    }
    section.to_writer(page)?;
    Ok(())
}

/// A section whose lines are kept.
fn as_it_stands(title: &str, text: &str, page: &mut dyn Write) -> anyhow::Result<()> {
    if text.trim().is_empty() {
        return Ok(());
    }
    let mut section = Roff::new();
    section.control("SH", [title]).control("nf", []);
    for line in text.trim_end().lines() {
        section.text([roman(line)]);
    }
    section.control("fi", []);
    section.to_writer(page)?;
    Ok(())
}
