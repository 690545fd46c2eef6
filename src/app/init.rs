//! `tollgate init`: a template with all that it needs, written where nothing is.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;

use super::templates::{self, Template};
use super::{Exit, terminal};
use crate::scenario;

/// What an editor completes keys by.
const SCHEMA: &str = "scenario.schema.json";

#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// The template; without one they are listed
    #[arg(value_name = "TEMPLATE")]
    template: Option<String>,
    /// The folder to write to, or the scenario's own file: `load.yaml`
    #[arg(
        short = 'o',
        long,
        value_name = "DIR|FILE",
        default_value = "scenarios"
    )]
    output: PathBuf,
}

pub(super) fn init(args: &InitArgs) -> anyhow::Result<Exit> {
    let Some(name) = &args.template else {
        terminal::data(&listed());
        return Ok(Exit::Fine);
    };
    let Some(template) = Template::of_name(name) else {
        let known: Vec<&str> = templates::ALL.iter().map(|known| known.name).collect();
        terminal::error(&format!(
            "there is no template `{name}`\nhelp: there are {}",
            known.join(", ")
        ));
        return Ok(Exit::Usage);
    };
    let files = placed(template, &args.output);
    let taken: Vec<&Placed> = files.iter().filter(|file| file.is_taken()).collect();
    if !taken.is_empty() {
        for file in taken {
            let path = file.path.display();
            let other = if file.holds_the_same() {
                ""
            } else {
                ", with something else in it"
            };
            terminal::error(&format!("{path} is there already{other}"));
        }
        terminal::message("help: nothing was written; name another place with -o");
        return Ok(Exit::Usage);
    }
    let mut said = String::new();
    for file in &files {
        said += &file.write()?;
    }
    if let Some(needs) = template.needs {
        said += &format!("needs {needs}\n");
    }
    let scenario = files[0].path.display();
    said += &format!("next: tollgate {} {scenario}\n", template.command);
    terminal::data(&said);
    Ok(Exit::Fine)
}

fn listed() -> String {
    let names = templates::ALL.iter().map(|template| template.name.len());
    let width = names.max().unwrap_or(0);
    let mut out = String::new();
    for template in templates::ALL {
        out += &format!("{:width$}  {}\n", template.name, template.answers());
    }
    out + "\nnext: tollgate init TEMPLATE\n"
}

/// A file of a template, and where it goes.
struct Placed {
    path: PathBuf,
    text: String,
    /// Another template may have brought it, or an earlier version of tollgate.
    shared: Shared,
}

/// What a file that is there already means.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shared {
    /// It is the user's.
    No,
    /// The same one may stay.
    Same,
    /// Any may stay.
    Any,
}

/// The files of a template where they go: all in a folder, the scenario under a name of its own if one is
/// given.
fn placed(template: &Template, output: &Path) -> Vec<Placed> {
    let named = |path: &Path| {
        let ending = path.extension().and_then(|ending| ending.to_str());
        matches!(ending, Some("yaml" | "yml")) && !path.is_dir()
    };
    let (folder, scenario) = if named(output) {
        (
            output.parent().unwrap_or(Path::new("")),
            output.to_path_buf(),
        )
    } else {
        (output, output.join(template.files[0].path))
    };
    let text = template.files[0].text;
    let mut placed = vec![Placed {
        path: scenario,
        // The schema is in the folder itself.
        text: if named(output) {
            text.replace("$schema=../", "$schema=./")
        } else {
            text.to_owned()
        },
        shared: Shared::No,
    }];
    placed.extend(template.files[1..].iter().map(|file| Placed {
        path: folder.join(file.path),
        text: file.text.to_owned(),
        shared: Shared::Same,
    }));
    let schema = serde_json::to_string_pretty(&scenario::schema()).expect("a schema is JSON");
    placed.push(Placed {
        path: folder.join(SCHEMA),
        text: schema + "\n",
        shared: Shared::Any,
    });
    placed
}

impl Placed {
    /// Whether something else is there.
    fn is_taken(&self) -> bool {
        match self.shared {
            Shared::No => self.is_there(),
            Shared::Same => self.is_there() && !self.holds_the_same(),
            Shared::Any => false,
        }
    }

    /// Whether something is there, if only a link that leads nowhere.
    fn is_there(&self) -> bool {
        self.path.symlink_metadata().is_ok()
    }

    fn holds_the_same(&self) -> bool {
        fs::read(&self.path).is_ok_and(|bytes| bytes == self.text.as_bytes())
    }

    /// Writes it, unless it is there, and says what it did.
    fn write(&self) -> anyhow::Result<String> {
        let shown = self.path.display();
        if let Some(folder) = self.path.parent() {
            fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        let opened = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&self.path);
        match opened {
            Ok(mut file) => {
                let written = file.write_all(self.text.as_bytes());
                written.with_context(|| shown.to_string())?;
                Ok(format!("wrote {shown}\n"))
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists && self.shared != Shared::No => {
                Ok(format!("kept  {shown}\n"))
            }
            Err(error) => Err(error).with_context(|| shown.to_string()),
        }
    }
}
