//! What is known of a gateway: how it is started, asked and recognised. One YAML file each.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::template::{Routing, Text};
use crate::base::{HumanDuration, Secret};
use crate::scenario::document::{self, Spanned};
use crate::scenario::{self, GatewayReadings, Kind, Problem, Readings, Source};

/// Those that come with tollgate, by name.
const SHIPPED: [(&str, &str); 5] = [
    (
        "ferrogw",
        include_str!("../../../deploy/gateways/ferrogw.yaml"),
    ),
    ("lab", include_str!("../../../deploy/gateways/lab.yaml")),
    (
        "litellm",
        include_str!("../../../deploy/gateways/litellm.yaml"),
    ),
    (
        "portkey",
        include_str!("../../../deploy/gateways/portkey.yaml"),
    ),
    (
        "respan-oss",
        include_str!("../../../deploy/gateways/respan-oss.yaml"),
    ),
];
/// How long a gateway may take to be ready, where its preset says nothing.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// How long it may take to end, where its preset says nothing.
const END_WITHIN: Duration = Duration::from_secs(5);

/// A preset file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    about: String,
    install: String,
    kind: Option<Kind>,
    readings: Option<GatewayReadings>,
    command: Spanned<Vec<Spanned<String>>>,
    version: Option<Spanned<Vec<Spanned<String>>>>,
    files: Option<BTreeMap<String, Spanned<String>>>,
    env: Option<BTreeMap<String, Spanned<String>>>,
    port: Option<u16>,
    ready: Option<ReadyIn>,
    end_within: Option<HumanDuration>,
    base_url: Spanned<String>,
    model: Spanned<String>,
    key: Option<Spanned<String>>,
    headers: Option<BTreeMap<String, Spanned<String>>>,
    several: Option<Several>,
}

/// How it is seen that the gateway is ready.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadyIn {
    get: Option<Spanned<String>>,
    status: Option<Vec<u16>>,
    within: Option<HumanDuration>,
}

/// What it can do with several providers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Several {
    routing: Vec<Routing>,
    slots: Option<Vec<String>>,
}

/// A preset without problems.
#[derive(Clone, Debug)]
pub(in crate::app) struct Preset {
    /// How it is called: the name of its file without `.yaml`.
    pub(in crate::app) name: String,
    /// What it is.
    pub(in crate::app) about: String,
    /// How to install it.
    pub(in crate::app) install: String,
    /// Whose contract it keeps.
    pub(in crate::app) kind: Kind,
    /// Where it tells what of a request.
    pub(in crate::app) readings: Arc<Readings>,
    pub(super) command: Vec<Text>,
    pub(super) version: Option<Vec<Text>>,
    pub(super) files: BTreeMap<String, Text>,
    pub(super) env: BTreeMap<String, Text>,
    pub(super) port: Option<u16>,
    pub(super) ready: Ready,
    pub(super) end_within: Duration,
    pub(super) base_url: Text,
    pub(super) model: Text,
    pub(super) key: Text,
    pub(super) headers: BTreeMap<String, Text>,
    /// How it can choose among several providers; empty: it has one.
    pub(super) routing: Vec<Routing>,
    /// Its own words for providers, where it knows only some; none: any.
    pub(super) slots: Option<Vec<String>>,
    /// What the file took from the environment.
    pub(super) secrets: Vec<Secret>,
}

/// How it is seen that the gateway is ready.
#[derive(Clone, Debug)]
pub(super) struct Ready {
    /// Asked for this path; else a connection is enough.
    pub(super) get: Option<Text>,
    /// The statuses that are taken for ready.
    pub(super) status: Vec<u16>,
    pub(super) within: Duration,
}

impl Preset {
    /// The names of those that come with tollgate.
    pub(in crate::app) fn shipped() -> impl Iterator<Item = &'static str> {
        SHIPPED.iter().map(|(name, _)| *name)
    }

    /// One that comes with tollgate, by its name, or one in a file, by its path.
    pub(in crate::app) fn named_or_file(
        given: &str,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, Vec<Problem>> {
        if let Some((name, text)) = SHIPPED.iter().find(|(name, _)| *name == given) {
            let source = Source::new(format!("{name}.yaml"), *text);
            return Self::read(name, &source, env);
        }
        let path = Path::new(given);
        let of_file = path
            .extension()
            .is_some_and(|end| end == "yaml" || end == "yml");
        let whole = |said: String| vec![Problem::whole(&Source::new(given, ""), said)];
        if !of_file && !path.exists() {
            let names: Vec<&str> = Self::shipped().collect();
            let near = document::nearest(given, &names);
            let near = near.map_or_else(String::new, |near| format!(", did you mean `{near}`?"));
            let help = format!(
                "known: {}; or give the path of a preset file",
                names.join(", ")
            );
            let said = format!("there is no gateway preset `{given}`{near}");
            return Err(vec![
                Problem::whole(&Source::new("--gateway", ""), said).with_help(help),
            ]);
        }
        let text = std::fs::read_to_string(path)
            .map_err(|error| whole(format!("the file can't be read: {error}")))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        Self::read(&name, &Source::new(given, text), env)
    }

    fn read(
        name: &str,
        source: &Arc<Source>,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, Vec<Problem>> {
        let document = document::read::<File>(source, env);
        let secrets = document.variables.iter().filter_map(|name| env(name));
        let secrets = secrets.map(Secret::new).collect();
        let mut check = Check {
            source: Arc::clone(source),
            problems: document.problems,
        };
        let preset = document.value.map(|file| check.preset(name, file, secrets));
        match preset {
            Some(preset) if check.problems.is_empty() => Ok(preset),
            _ => Err(check.problems),
        }
    }

    /// The name of the file that `{config}` stands for.
    pub(super) fn config(&self) -> Option<&str> {
        match self.files.len() {
            1 => self.files.keys().next().map(String::as_str),
            _ => None,
        }
    }
}

/// Collects the problems of one file.
struct Check {
    source: Arc<Source>,
    problems: Vec<Problem>,
}

impl Check {
    fn problem(&mut self, span: &Range<usize>, message: impl Into<String>, help: &str) {
        let problem = Problem::at(&self.source, span.clone(), message);
        self.problems.push(problem.with_help(help));
    }

    fn preset(&mut self, name: &str, file: File, secrets: Vec<Secret>) -> Preset {
        let kind = file.kind.unwrap_or_default();
        let (readings, problems) = scenario::readings(&self.source, kind, file.readings.as_ref());
        self.problems.extend(problems);
        if file.command.is_empty() {
            let help = "write [my-gateway, --config, \"{config}\"]";
            self.problem(&file.command.span, "the command is empty", help);
        }
        let key = file.key.unwrap_or_else(|| "{client_key}".to_owned().into());
        let several = file.several.unwrap_or_default();
        let preset = Preset {
            name: name.to_owned(),
            about: file.about,
            install: file.install,
            kind,
            readings: Arc::new(readings),
            command: self.texts(&file.command.value),
            version: file.version.map(|words| self.texts(&words.value)),
            files: self.map(file.files),
            env: self.map(file.env),
            port: file.port,
            ready: self.ready(file.ready.unwrap_or_default()),
            end_within: file.end_within.map_or(END_WITHIN, |within| within.0),
            base_url: self.text(&file.base_url),
            model: self.text(&file.model),
            key: self.text(&key),
            headers: self.map(file.headers),
            routing: several.routing,
            slots: several.slots,
            secrets,
        };
        self.names(&preset);
        self.uses(&preset, &file.command.span, &file.base_url.span);
        preset
    }

    /// Names of files, variables and headers can be used.
    fn names(&mut self, preset: &Preset) {
        let whole = |said: String, help: &str| Problem::whole(&self.source, said).with_help(help);
        let file =
            |name: &&String| name.is_empty() || name.contains(['/', '\\']) || *name == "log.txt";
        let variable = |name: &&String| name.is_empty() || name.contains(['=', '\0']);
        let header = |name: &&String| http::HeaderName::try_from(name.as_str()).is_err();
        let files = preset.files.keys().filter(file).map(|name| {
            let help = "files are written into one folder, beside log.txt";
            whole(
                format!("`{name}` can't be the name of a file in `files`"),
                help,
            )
        });
        let variables = preset.env.keys().filter(variable).map(|name| {
            whole(
                format!("`{name}` can't be the name of a variable in `env`"),
                "",
            )
        });
        let headers = preset.headers.keys().filter(header).map(|name| {
            whole(
                format!("`{name}` is no name of a header"),
                "such as x-portkey-provider",
            )
        });
        let all: Vec<Problem> = files.chain(variables).chain(headers).collect();
        self.problems.extend(all);
    }

    /// What is filled in is there to be filled in.
    fn uses(&mut self, preset: &Preset, command: &Range<usize>, base_url: &Range<usize>) {
        let mut texts = preset.command.iter().chain(preset.env.values());
        let config = texts.any(|text| text.uses("config"));
        if config && preset.config().is_none() {
            let help = "with several files, write {dir}/NAME";
            self.problem(
                command,
                "`{config}` needs exactly one file in `files`",
                help,
            );
        }
        let mut told = preset
            .command
            .iter()
            .chain(preset.env.values())
            .chain(preset.files.values());
        let is_told = told.any(|text| text.uses("port"));
        match preset.port {
            None if !is_told => {
                let said = "nothing tells the gateway its port";
                let help = "put {port} into `command`, `env` or a file, or say which it takes: `port: 4000`";
                self.problem(command, said, help);
            }
            _ if !preset.base_url.uses("port") => {
                let help = "write http://127.0.0.1:{port}/v1";
                self.problem(base_url, "the base URL has no {port}", help);
            }
            _ => {}
        }
    }

    fn ready(&mut self, ready: ReadyIn) -> Ready {
        Ready {
            get: ready.get.map(|path| {
                if !path.starts_with('/') {
                    self.problem(&path.span, "a path begins with a slash", "such as /health");
                }
                self.text(&path)
            }),
            status: ready.status.unwrap_or_else(|| vec![200]),
            within: ready.within.map_or(READY_WITHIN, |within| within.0),
        }
    }

    fn text(&mut self, text: &Spanned<String>) -> Text {
        Text::parse(&text.value).unwrap_or_else(|problems| {
            for problem in problems {
                let (message, help) = problem.split_once('\n').unwrap_or((&problem, ""));
                self.problem(&text.span, message, help);
            }
            Text::default()
        })
    }

    fn texts(&mut self, texts: &[Spanned<String>]) -> Vec<Text> {
        texts.iter().map(|text| self.text(text)).collect()
    }

    fn map(&mut self, texts: Option<BTreeMap<String, Spanned<String>>>) -> BTreeMap<String, Text> {
        let texts = texts.into_iter().flatten();
        texts.map(|(name, text)| (name, self.text(&text))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = "about: A gateway\ninstall: none\ncommand: [gw, \"{port}\"]\nbase_url: http://127.0.0.1:{port}/v1\nmodel: m\n";

    fn read(text: &str) -> Result<Preset, Vec<String>> {
        let source = Source::new("gw.yaml", text);
        let env = |name: &str| (name == "GW_KEY").then(|| "sk-of-the-user".to_owned());
        Preset::read("gw", &source, &env)
            .map_err(|problems| problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn every_shipped_preset_is_without_problems() {
        for name in Preset::shipped() {
            let preset = Preset::named_or_file(name, &|_| None);
            let preset = preset.unwrap_or_else(|problems| panic!("{problems:?}"));
            assert!(!preset.install.is_empty() && !preset.about.is_empty());
        }
    }

    #[test]
    fn the_shipped_presets_are_the_files_of_their_folder() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/gateways");
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| {
                entry
                    .unwrap()
                    .path()
                    .file_stem()
                    .unwrap()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        assert_eq!(names, Preset::shipped().collect::<Vec<_>>());
    }

    #[test]
    fn the_least_preset_needs_no_more_than_a_command_a_url_and_a_model() {
        let preset = read(LEAST).unwrap();
        assert_eq!((preset.name.as_str(), preset.kind), ("gw", Kind::Openai));
        assert_eq!(
            (preset.ready.within, preset.end_within),
            (READY_WITHIN, END_WITHIN)
        );
        assert!(preset.routing.is_empty() && preset.config().is_none());
    }

    #[test]
    fn every_problem_of_a_preset_is_told_at_its_place() {
        let text = "about: x\ninstall: y\ncommand: [gw, \"{prot}\", \"{config}\"]\nbase_url: http://h/v1\nmodel: m\n\
                    redy: { get: /x }\nfiles: { a/b: x, c: \"{#one}\" }\n";
        let told = read(text).unwrap_err().join("\n");
        for wanted in [
            "gw.yaml:6:1: unknown key `redy`, did you mean `ready`?",
            "gw.yaml:3:15: `{prot}` is no placeholder, did you mean `{port}`?",
            "`{config}` needs exactly one file",
            "nothing tells the gateway its port",
            "`a/b` can't be the name of a file",
            "`{#one}` is not closed",
        ] {
            assert!(told.contains(wanted), "{wanted}\nin\n{told}");
        }
    }

    #[test]
    fn a_gateway_that_takes_no_port_says_which_it_has() {
        let fixed = LEAST.replace(", \"{port}\"", "") + "port: 4000\n";
        assert_eq!(read(&fixed).unwrap().port, Some(4000));
        let elsewhere = fixed.replace(":{port}/v1", ":4000/v1");
        assert!(read(&elsewhere).unwrap_err()[0].contains("has no {port}"));
    }

    #[test]
    fn what_comes_from_the_environment_is_a_secret() {
        let preset = read(&(LEAST.to_owned() + "env: { KEY: \"${GW_KEY}\" }\n")).unwrap();
        let hidden = Secret::hide_all(&preset.secrets, "with sk-of-the-user");
        assert_eq!(hidden, "with ***");
    }

    #[test]
    fn a_name_that_is_no_preset_is_told_with_those_that_are() {
        let told = Preset::named_or_file("respan-os", &|_| None).unwrap_err();
        assert!(told[0].message().contains("did you mean `respan-oss`?"));
        assert!(told[0].help().unwrap().contains("ferrogw"));
        let missing = Preset::named_or_file("no/such.yaml", &|_| None).unwrap_err();
        assert!(
            missing[0]
                .to_string()
                .starts_with("no/such.yaml: the file can't be read")
        );
    }
}
