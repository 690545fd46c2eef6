//! `tollgate import`: a file of another tool, or a gateway's log, as a scenario with its prompt files.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use super::{Exit, commands, terminal};
use crate::import::{self, Imported, Input, Kind, PromptFile};
use crate::scenario::{Overrides, Problem, Source};

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// The file, and before it its kind where the file doesn't tell: k6, vegeta, aiperf, sharegpt, openai,
    /// respan, litellm or `respan_oss`
    #[arg(value_names = ["KIND", "FILE"], num_args = 1..=2, required = true)]
    what: Vec<PathBuf>,
    /// The scenario to write, or a prompt file alone: `prompts.jsonl` [default: a scenario in
    /// scenarios/]
    #[arg(short = 'o', long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Set a variable of the file
    #[arg(short = 'e', value_name = "KEY=VALUE", value_parser = super::cli::key_value)]
    env: Vec<(String, String)>,
}

pub(super) fn import(args: &ImportArgs) -> anyhow::Result<Exit> {
    let (kind, path) = match args.what.as_slice() {
        [kind, path] => (Some(kind), path),
        [path] => (None, path),
        _ => unreachable!("clap takes one or two"),
    };
    let named = kind.map(|kind| kind.to_str().and_then(Kind::of_name).ok_or(kind));
    let kind = match named.transpose() {
        Ok(kind) => kind,
        Err(unknown) => {
            let known = Kind::ALL.map(Kind::name).join(", ");
            terminal::error(&format!(
                "`{}` is no kind of file\nhelp: there are {known}",
                unknown.display()
            ));
            return Ok(Exit::Usage);
        }
    };
    let output = args.output.clone().unwrap_or_else(|| {
        let name = PathBuf::from(path.file_stem().unwrap_or_default());
        Path::new("scenarios").join(name.with_extension("yaml"))
    });
    let made = match read(path).and_then(|bytes| made(kind, path, &bytes, &output, args)) {
        Ok(made) => made,
        Err(problems) => {
            commands::show(&problems);
            return Ok(Exit::Usage);
        }
    };
    written(&made, &output)
}

/// The bytes of a file that is not too large.
fn read(path: &Path) -> Result<Vec<u8>, Vec<Problem>> {
    let wrong = |message: String| {
        let source = Source::new(path.display().to_string(), "");
        vec![Problem::whole(&source, message)]
    };
    let unread = |error: std::io::Error| wrong(format!("the file can't be read: {error}"));
    let file = fs::File::open(path).map_err(unread)?;
    let mut bytes = Vec::new();
    let most = import::MOST;
    file.take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(unread)?;
    if bytes.len() as u64 > most {
        return Err(wrong(
            "the file is larger than 2 GiB: import a part of it".to_owned(),
        ));
    }
    Ok(bytes)
}

fn made(
    kind: Option<Kind>,
    path: &Path,
    bytes: &[u8],
    output: &Path,
    args: &ImportArgs,
) -> Result<Imported, Vec<Problem>> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let open = |name: &str| {
        // Where the file stands, or else where its tool would have been started.
        let near = folder.join(name);
        let path = if near.exists() {
            near
        } else {
            PathBuf::from(name)
        };
        fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))
    };
    let env = |name: &str| {
        let given = args.env.iter().rev().find(|(key, _)| key == name);
        given.map(|(_, value)| value.clone())
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = output.file_stem().unwrap_or_default().to_string_lossy();
    import::import(
        kind,
        &Input {
            name: &name,
            bytes,
            stem: &stem,
            open: &open,
            env: &env,
        },
    )
}

/// Writes what was made where nothing is, and says it.
fn written(made: &Imported, output: &Path) -> anyhow::Result<Exit> {
    let folder = output.parent().unwrap_or(Path::new(""));
    let prompts_alone = output.extension().is_some_and(|ending| ending == "jsonl");
    let mut files: Vec<(PathBuf, String, bool)> = Vec::new();
    if prompts_alone {
        if made.prompts.is_empty() {
            terminal::error("the file holds no prompts\nhelp: name a scenario with -o load.yaml");
            return Ok(Exit::Usage);
        }
        let texts = made
            .prompts
            .iter()
            .map(|file: &PromptFile| file.text.as_str());
        files.push((output.to_path_buf(), texts.collect(), true));
    } else {
        files.push((output.to_path_buf(), made.scenario.clone(), false));
        let prompts = made.prompts.iter();
        files.extend(prompts.map(|file| (folder.join(&file.name), file.text.clone(), true)));
    }
    let taken: Vec<&PathBuf> = files
        .iter()
        .map(|(path, ..)| path)
        .filter(|path| path.symlink_metadata().is_ok())
        .collect();
    if !taken.is_empty() {
        for path in taken {
            terminal::error(&format!("{} is there already", path.display()));
        }
        terminal::message("help: nothing was written; name another file with -o");
        return Ok(Exit::Usage);
    }
    for left in &made.left {
        let line = format!("{}: {}", left.at, left.what);
        terminal::message(&format!(
            "not carried: {}",
            line.replace(char::is_control, " ")
        ));
    }
    let mut said = String::new();
    for (path, text, private) in &files {
        write(path, text, *private)?;
        said += &format!("wrote {}\n", path.display());
    }
    let shown = output.display();
    if prompts_alone {
        said += &format!("next: name it in a recipe: prompt: {{ file: {shown} }}\n");
    } else {
        said += &format!("next: tollgate run {shown} --target lab\n");
        let checked = commands::load_file(output, &[], &Overrides::default());
        if let Err(problems) = checked {
            commands::show(&problems);
            terminal::error("the scenario needs a hand before it can run");
            terminal::data(&said);
            return Ok(Exit::Usage);
        }
    }
    terminal::data(&said);
    Ok(Exit::Fine)
}

/// Writes a new file; one with prompts is for its owner's eyes alone.
fn write(path: &Path, text: &str, private: bool) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if private {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    #[cfg(not(unix))]
    let _ = private;
    let mut file = options
        .open(path)
        .with_context(|| path.display().to_string())?;
    file.write_all(text.as_bytes())
        .with_context(|| path.display().to_string())
}
