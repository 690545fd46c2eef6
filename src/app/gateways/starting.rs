//! From a preset to a gateway that is ready: a free port, its files, its process, and the first answer.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use http::{HeaderName, HeaderValue};

use super::error::GatewayError;
use super::job::{Ended, Job};
use super::preset::Preset;
use super::ready::Asked;
use super::supervised::{State, Supervised};
use super::template::{Routing, Text, Upstream, Values, words};
use super::{Gateway, find, version};
use crate::base::Secret;
use crate::shot::Headers;

/// Where everything that the gateway says is kept.
pub(super) const LOG: &str = "log.txt";
/// How often another port is tried, where somebody else took the one that was free.
const PORTS: usize = 3;
/// What the gateway has of tollgate's own environment.
const INHERITED: [&str; 3] = ["PATH", "HOME", "TMPDIR"];

/// What is to be started.
#[derive(Clone, Copy, Debug)]
pub(in crate::app) struct Start<'a> {
    pub(in crate::app) preset: &'a Preset,
    /// A command in the place of the preset's, with the same placeholders.
    pub(in crate::app) command: Option<&'a str>,
    /// The providers behind it; at least one.
    pub(in crate::app) upstreams: &'a [Upstream],
    pub(in crate::app) routing: Routing,
    /// The key that the providers take.
    pub(in crate::app) provider_key: &'a Secret,
    /// A folder of its own for its configuration and its log; made where it is not there.
    pub(in crate::app) dir: &'a Path,
}

impl Gateway {
    /// Starts it and waits until it is ready.
    pub(in crate::app) async fn start(start: &Start<'_>) -> Result<Self, GatewayError> {
        let preset = start.preset;
        can_route(start)?;
        let dir = make_folder(start.dir)?;
        let command = command(start)?;
        let mut values = values(start, &dir)?;
        let given = command[0].fill(&values);
        let Some(program) = find(&given) else {
            return Err(GatewayError::NotFound {
                program: given,
                install: preset.install.clone(),
            });
        };
        values.program = program.display().to_string();
        let version = ask_version(preset, &values);
        let mut tries = 1..PORTS;
        let (supervised, values) = loop {
            let attempt = attempt(start, &command, values.clone(), &dir).await;
            match attempt {
                Err(GatewayError::ExitedEarly { ended, .. })
                    if port_was_taken(&ended)
                        && preset.port.is_none()
                        && tries.next().is_some() => {}
                attempt => break attempt?,
            }
        };
        let pid = match supervised.state() {
            State::Running { pid } => pid,
            _ => 0,
        };
        Ok(Self {
            name: preset.name.clone(),
            base_url: base_url(preset, &values),
            key: Secret::new(preset.key.fill(&values)),
            model: preset.model.fill(&values),
            headers: headers(preset, &values)?,
            kind: preset.kind,
            readings: std::sync::Arc::clone(&preset.readings),
            version: version.await.ok().flatten(),
            pid,
            log: dir.join(LOG),
            supervised,
        })
    }
}

/// Asks for the version while the gateway comes up.
pub(super) fn ask_version(
    preset: &Preset,
    values: &Values,
) -> tokio::sync::oneshot::Receiver<Option<String>> {
    let words = preset.version.iter().flatten();
    let words = words.map(|word| word.fill(values)).collect();
    version::ask(words, environment(preset, values))
}

/// Whether the gateway can do what is asked with several providers.
fn can_route(start: &Start<'_>) -> Result<(), GatewayError> {
    let (preset, count) = (start.preset, start.upstreams.len());
    let cant = |what: String, help: &str| GatewayError::CantRoute {
        name: preset.name.clone(),
        what,
        help: help.to_owned(),
    };
    if count == 0 {
        return Err(cant(
            "be started without a provider".to_owned(),
            "give it one",
        ));
    }
    if count == 1 {
        return Ok(());
    }
    if !preset.routing.contains(&start.routing) {
        let (what, known) = match start.routing {
            Routing::Ranked => ("fall back from one provider to the next", "weighted"),
            Routing::Weighted => ("share requests out among providers by weight", "ranked"),
        };
        let help = if preset.routing.is_empty() {
            let can = |name: &&str| {
                let read = Preset::named_or_file(name, &|_| None);
                read.is_ok_and(|preset| preset.routing.contains(&start.routing))
            };
            let known: Vec<&str> = Preset::shipped().filter(can).collect();
            format!(
                "its preset has one provider: it has no `several`; these can: {}",
                known.join(", ")
            )
        } else {
            format!("its preset can do `{known}` alone")
        };
        return Err(cant(what.to_owned(), &help));
    }
    match preset.slots.as_ref().map(Vec::len) {
        Some(most) if count > most => {
            let what = format!("have {count} providers: its preset knows {most}");
            Err(cant(what, "give it fewer, or add to `slots` in the preset"))
        }
        _ => Ok(()),
    }
}

/// A folder that only its owner can look into.
fn make_folder(dir: &Path) -> Result<PathBuf, GatewayError> {
    let made = fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir);
    made.and_then(|()| fs::canonicalize(dir))
        .map_err(|error| GatewayError::file(dir, &error))
}

/// The words of the command: the user's, or else the preset's.
fn command(start: &Start<'_>) -> Result<Vec<Text>, GatewayError> {
    const HELP: &str =
        "write it as for a shell, such as --gateway-cmd \"my-gateway --port {port}\"";
    let Some(line) = start.command else {
        return Ok(start.preset.command.clone());
    };
    let unusable = |why: String| {
        let (why, help) = why.split_once('\n').unwrap_or((&why, HELP));
        GatewayError::Command {
            why: why.to_owned(),
            help: help.to_owned(),
        }
    };
    let words = words(line).map_err(unusable)?;
    if words.is_empty() {
        return Err(unusable("it is empty".to_owned()));
    }
    let texts = words.iter().map(|word| Text::parse(word));
    let texts: Result<Vec<Text>, Vec<String>> = texts.collect();
    let texts =
        texts.map_err(|problems| unusable(problems.into_iter().next().unwrap_or_default()))?;
    if texts.iter().any(|text| text.uses("config")) && start.preset.config().is_none() {
        let why =
            "`{config}` needs a preset with exactly one file\nwrite {dir}/NAME for one of several";
        return Err(unusable(why.to_owned()));
    }
    Ok(texts)
}

/// What is filled in, but for the port.
fn values(start: &Start<'_>, dir: &Path) -> Result<Values, GatewayError> {
    let tollgate = std::env::current_exe().map_err(|error| GatewayError::file(dir, &error))?;
    let preset = start.preset;
    let config = preset
        .config()
        .map(|name| dir.join(name).display().to_string());
    Ok(Values {
        port: 0,
        dir: dir.display().to_string(),
        config: config.unwrap_or_default(),
        provider_key: start.provider_key.expose().to_owned(),
        client_key: made_up_key(),
        tollgate: tollgate.display().to_string(),
        program: String::new(),
        upstreams: start.upstreams.to_vec(),
        routing: start.routing,
        slots: preset.slots.clone().unwrap_or_default(),
    })
}

/// A key that nobody can guess.
fn made_up_key() -> String {
    // The standard library's hashers are seeded by the operating system, with 128 bits.
    let draw = |_| RandomState::new().build_hasher().finish().to_le_bytes();
    let drawn: Vec<u8> = (0..4).flat_map(draw).collect();
    format!("sk-{}", &blake3::hash(&drawn).to_hex()[..40])
}

/// One attempt, on a port of its own.
async fn attempt(
    start: &Start<'_>,
    command: &[Text],
    mut values: Values,
    dir: &Path,
) -> Result<(Supervised, Values), GatewayError> {
    let preset = start.preset;
    values.port = port(preset)?;
    let configs = write_files(preset, &values, dir)?;
    let secrets = [start.provider_key.expose(), &values.client_key].map(str::to_owned);
    let of_preset = preset
        .secrets
        .iter()
        .map(|secret| secret.expose().to_owned());
    let log = dir.join(LOG);
    let job = Job {
        program: PathBuf::from(&values.program),
        arguments: command[1..].iter().map(|word| word.fill(&values)).collect(),
        env: environment(preset, &values),
        // Paths in a command of the user's are meant from where the user is.
        cwd: match start.command {
            Some(_) => std::env::current_dir().unwrap_or_else(|_| dir.to_owned()),
            None => dir.to_owned(),
        },
        log: log.clone(),
        secrets: secrets.into_iter().chain(of_preset).collect(),
        configs,
        end_within_ms: preset.end_within.as_millis() as u64,
    };
    let asked = asked(preset, &values)?;
    let within = preset.ready.within;
    let mut supervised =
        Supervised::start(&job).map_err(|error| GatewayError::file(&log, &error))?;
    let ready = tokio::select! {
        over = supervised.over() => Err(over),
        ready = asked.until_ready(within) => Ok(ready),
    };
    let name = preset.name.clone();
    match ready {
        Ok(Ok(())) => Ok((supervised, values)),
        Ok(Err(said)) => {
            let ended = Box::new(supervised.stop().await);
            Err(GatewayError::NeverReady {
                name,
                within,
                said,
                ended,
                log,
            })
        }
        Err(State::Ended(ended)) => Err(GatewayError::ExitedEarly {
            name,
            ended: Box::new(ended),
            log,
        }),
        Err(state) => Err(GatewayError::NotStarted {
            program: values.program,
            why: match state {
                State::NotStarted { why } => why,
                _ => "its supervisor is gone".to_owned(),
            },
        }),
    }
}

/// The port: the preset's own, where nobody has it, or one that is free.
fn port(preset: &Preset) -> Result<u16, GatewayError> {
    let wanted = preset.port.unwrap_or(0);
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, wanted)).and_then(|free| free.local_addr());
    free.map(|address| address.port())
        .map_err(|error| GatewayError::PortTaken {
            name: preset.name.clone(),
            port: wanted,
            why: error.to_string(),
        })
}

fn port_was_taken(ended: &Ended) -> bool {
    let taken = |line: &String| {
        let line = line.to_lowercase();
        line.contains("address already in use") || line.contains("eaddrinuse")
    };
    ended.last.iter().any(taken)
}

/// Writes the files of a preset, for their owner alone.
fn write_files(preset: &Preset, values: &Values, dir: &Path) -> Result<Vec<PathBuf>, GatewayError> {
    let write = |path: &Path, text: &str| -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(path)?;
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        file.write_all(text.as_bytes())
    };
    let files = preset.files.iter().map(|(name, text)| {
        let path = dir.join(name);
        match write(&path, &text.fill(values)) {
            Ok(()) => Ok(path),
            Err(error) => Err(GatewayError::file(&path, &error)),
        }
    });
    files.collect()
}

/// The whole environment: what is inherited, and what the preset says that is not empty.
fn environment(preset: &Preset, values: &Values) -> BTreeMap<String, String> {
    let inherited = INHERITED.iter().filter_map(|name| {
        let value = std::env::var(name).ok()?;
        Some(((*name).to_owned(), value))
    });
    let said = preset
        .env
        .iter()
        .map(|(name, text)| (name.clone(), text.fill(values)));
    inherited
        .chain(said.filter(|(_, value)| !value.is_empty()))
        .collect()
}

fn base_url(preset: &Preset, values: &Values) -> String {
    preset
        .base_url
        .fill(values)
        .trim_end_matches('/')
        .to_owned()
}

/// Where it is asked whether it is ready.
fn asked(preset: &Preset, values: &Values) -> Result<Asked, GatewayError> {
    let url = base_url(preset, values);
    let host = url::Url::parse(&url).ok();
    let host = host
        .as_ref()
        .filter(|url| url.scheme() == "http")
        .and_then(url::Url::host_str);
    let Some(host) = host else {
        return Err(GatewayError::Command {
            why: format!("`{url}` is no base URL of a gateway on this machine"),
            help: "write `base_url: http://127.0.0.1:{port}/v1` in its preset".to_owned(),
        });
    };
    let key = Some(preset.key.fill(values)).filter(|key| !key.is_empty());
    Ok(Asked {
        host: host.trim_matches(['[', ']']).to_owned(),
        port: values.port,
        path: preset.ready.get.as_ref().map(|path| path.fill(values)),
        status: preset.ready.status.clone(),
        key: key.map(Secret::new),
    })
}

/// The headers that each request must have; those that are empty are left out.
fn headers(preset: &Preset, values: &Values) -> Result<Headers, GatewayError> {
    let filled = preset
        .headers
        .iter()
        .map(|(name, text)| (name, text.fill(values)));
    let filled = filled.filter(|(_, value)| !value.is_empty());
    let headers = filled.map(|(name, value)| {
        let parsed = (
            HeaderName::try_from(name.as_str()),
            HeaderValue::try_from(value),
        );
        match parsed {
            (Ok(name), Ok(value)) => Ok((name, value)),
            _ => Err(GatewayError::Command {
                why: format!("the header `{name}` of its preset has a value that can't be sent"),
                help: "a header is one line of plain letters".to_owned(),
            }),
        }
    });
    headers.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_up_key_is_long_and_never_the_same() {
        let (one, other) = (made_up_key(), made_up_key());
        assert_eq!(one.len(), 43);
        assert_ne!(one, other);
    }

    fn filled(name: &str, upstreams: &[Upstream], routing: Routing) -> (Preset, Values) {
        let preset = Preset::named_or_file(name, &|_| None).unwrap();
        let start = Start {
            preset: &preset,
            command: None,
            upstreams,
            routing,
            provider_key: &Secret::new("sk-up"),
            dir: Path::new("d"),
        };
        let values = values(&start, Path::new("/d")).unwrap();
        (preset, values)
    }

    #[test]
    fn the_environment_of_a_gateway_has_no_more_than_its_preset_says() {
        let one = [Upstream {
            name: "lab".to_owned(),
            url: "http://h:1/v1".to_owned(),
            weight: 1,
        }];
        let (preset, values) = filled("ferrogw", &one, Routing::Ranked);
        let env = environment(&preset, &values);
        let names = env
            .keys()
            .filter(|name| !INHERITED.contains(&name.as_str()));
        let known = |name: &&String| preset.env.contains_key(*name);
        assert!(names.clone().all(|name| known(&name)), "{env:?}");
        assert!(
            !env.contains_key("GROQ_API_KEY"),
            "what is empty is left out"
        );
        assert_eq!(env["OPENAI_BASE_URL"], "http://h:1/v1");
    }

    #[test]
    fn headers_of_a_preset_are_json_where_they_are_to_be() {
        let one = |name: &str, weight| Upstream {
            name: name.to_owned(),
            url: format!("http://{name}/v1"),
            weight,
        };
        let two = [one("a", 3), one("b", 1)];
        let (preset, values) = filled("portkey", &two, Routing::Weighted);
        let headers = headers(&preset, &values).unwrap();
        let sent: Vec<_> = headers.iter().collect();
        assert_eq!(sent.len(), 1, "{sent:?}");
        let json: serde_json::Value = serde_json::from_slice(sent[0].1.as_bytes()).unwrap();
        assert_eq!(json["strategy"]["mode"], "loadbalance");
        assert_eq!(json["targets"][0]["weight"], 3);
        assert_eq!(json["targets"][1]["custom_host"], "http://b/v1");
    }
}
