//! Logs both ways: where a run's requests are logged, and whose log it is held against.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Via;
use super::check::Checker;
use super::document::Spanned;
use super::file::{self, File, Kind};
use crate::base::{HumanDuration, Secret};

/// Whose log of its requests can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogKind {
    /// Respan's hosted gateway, and whatever keeps its contract.
    Respan,
    /// Respan's open-source gateway.
    RespanOss,
    /// The `LiteLLM` proxy.
    Litellm,
}

impl LogKind {
    /// All of them.
    const ALL: [Self; 3] = [Self::Respan, Self::RespanOss, Self::Litellm];

    /// The name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Respan => "respan",
            Self::RespanOss => "respan_oss",
            Self::Litellm => "litellm",
        }
    }

    /// The kind of this name; that of a gateway of the same name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The kind of log that a gateway has.
    pub const fn of(kind: Kind) -> Option<Self> {
        match kind {
            Kind::Respan => Some(Self::Respan),
            Kind::RespanOss => Some(Self::RespanOss),
            Kind::Litellm => Some(Self::Litellm),
            _ => None,
        }
    }

    /// The environment variable that holds the key of a log that is named on the command line.
    pub const fn key_variable(self) -> &'static str {
        match self {
            Self::Respan => Kind::Respan.key_variable(),
            Self::RespanOss => Kind::RespanOss.key_variable(),
            Self::Litellm => Kind::Litellm.key_variable(),
        }
    }
}

/// After the run its requests are held against the gateway's log of them.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReconcileSection {
    /// How long to wait for rows that are still to come. 60s where absent.
    pub wait: Option<HumanDuration>,
}

/// Whose log a run is held against, and for how long it is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reconcile {
    /// Whose log.
    pub kind: LogKind,
    /// How long to wait for rows that are still to come.
    pub wait: Duration,
}

/// How long to wait for rows where nobody says.
pub const LOG_WAIT: Duration = Duration::from_secs(60);

const HELP: &str =
    "write `kind: respan`, `respan_oss` or `litellm` at the target: their logs can be read";

/// Where finished requests are logged: exactly one of the kinds.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum LogToSection {
    /// Respan's log, or one that keeps its contract.
    Respan(RespanLog),
}

/// Respan's log.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RespanLog {
    /// The base URL: `https://api.respan.ai/api`. The gateway of the embedded lab where absent.
    pub url: Option<Spanned<String>>,
    /// The key: `${VARIABLE}`, or `file:` and a path from this file's folder; never the key itself.
    pub api_key: Option<Spanned<String>>,
    /// The most rows that may wait to be sent; what comes beyond is dropped and counted. 10000 where
    /// absent.
    pub queue: Option<Spanned<u32>>,
    /// How long the run's end may wait for rows that are still to be sent. 30s where absent.
    pub drain: Option<HumanDuration>,
}

/// Where finished requests are logged.
#[derive(Clone, Debug)]
pub struct LogTo {
    /// The base URL; `None`: the gateway of the embedded lab.
    pub url: Option<String>,
    /// The key.
    pub key: Option<Secret>,
    /// The most rows that may wait to be sent; at least 1.
    pub queue: usize,
    /// How long the run's end may wait for rows that are still to be sent.
    pub drain: Duration,
}

const QUEUE: u32 = 10_000;
const DRAIN: Duration = Duration::from_secs(30);
const URL_HELP: &str = "write it as an SDK takes it: https://api.respan.ai/api";

impl Checker<'_> {
    /// Where finished requests are logged.
    pub(super) fn log_to(&mut self, file: &File) -> Option<LogTo> {
        let section = file.log_to.as_ref()?;
        let LogToSection::Respan(log) = &section.value;
        let target = chosen(file);
        let url = log.url.as_ref().filter(|url| !url.is_empty());
        match (url, target) {
            (None, Some(file::Target::Gateway(_))) => {
                let message = "`log_to` does not say where";
                let help = "give the log's base URL: log_to: { respan: { url: https://api.respan.ai/api, api_key: \"${RESPAN_API_KEY}\" } }";
                self.problem(section.span.clone(), message, help);
            }
            (Some(url), _) => self.log_url(url),
            _ => {}
        }
        let same = |a: &str, b: &str| a.trim_end_matches('/') == b.trim_end_matches('/');
        let logs_itself = |target: &file::Target| match (target, url) {
            (file::Target::Lab(lab), None) => (lab.kind, lab.via) == (Kind::Respan, Via::Gateway),
            (file::Target::Gateway(gateway), Some(url)) => {
                gateway.kind == Kind::Respan && same(&gateway.url, url)
            }
            _ => false,
        };
        let targets = file.targets.iter().flat_map(|targets| &targets.value.0);
        let mut used: Vec<&file::Target> = target.into_iter().collect();
        if file.arms.is_some() {
            used = targets.map(|(_, target)| &target.value).collect();
        }
        if used.into_iter().any(logs_itself) {
            let message =
                "the target logs its requests itself: with `log_to` each would be there twice";
            let help = "leave `log_to` out; `reconcile` reads what the gateway logged";
            self.problem(section.span.clone(), message, help);
        }
        let queue = log.queue.as_ref().map_or(QUEUE, |queue| queue.value);
        if let Some(given) = log.queue.as_ref().filter(|_| queue == 0) {
            let help = "give at least 1, or leave it out";
            self.problem(given.span.clone(), "no row fits into a queue of 0", help);
        }
        Some(LogTo {
            url: url.map(|url| url.trim_end_matches('/').to_owned()),
            key: log
                .api_key
                .as_ref()
                .and_then(|key| self.secret(key, "api_key", false)),
            queue: queue.max(1) as usize,
            drain: log.drain.map_or(DRAIN, |drain| drain.0),
        })
    }

    fn log_url(&mut self, url: &Spanned<String>) {
        let parsed = url::Url::parse(url).ok();
        let fits = |url: &url::Url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.username().is_empty()
                && url.password().is_none()
                && url.query().is_none()
                && url.fragment().is_none()
        };
        if !parsed.as_ref().is_some_and(fits) {
            let message = format!("`{}` is no base URL", url.value);
            self.problem(url.span.clone(), message, URL_HELP);
        } else if url.contains("/request-logs") {
            let message = "`/request-logs` is added by itself";
            self.problem(url.span.clone(), message, URL_HELP);
        }
    }

    /// What a run's requests are held against.
    pub(super) fn reconcile(&mut self, file: &File) -> Option<Reconcile> {
        let section = file.reconcile.as_ref()?;
        let wait = section.value.wait.map_or(LOG_WAIT, |wait| wait.0);
        if file.log_to.is_some() {
            let kind = LogKind::Respan;
            return Some(Reconcile { kind, wait });
        }
        if let Some(arms) = &file.arms {
            let several = "`reconcile`: each arm may have a log of its own";
            let help = "leave it out, and read the log of one: tollgate reconcile RUN --arm NAME";
            self.problem(arms.span.clone(), several, help);
            return None;
        }
        let target = chosen(file)?;
        let (kind, via) = match target {
            file::Target::Lab(lab) => (lab.kind, Some(lab.via)),
            file::Target::Gateway(gateway) => (gateway.kind, None),
        };
        let kind = LogKind::of(kind).filter(|_| via != Some(Via::Provider));
        if kind.is_none() {
            let message = "`reconcile`: the target has no log that could be read";
            self.problem(section.span.clone(), message, HELP);
        }
        Some(Reconcile { kind: kind?, wait })
    }
}

/// The target that the run uses.
fn chosen(file: &File) -> Option<&file::Target> {
    let targets = &file.targets.as_ref()?.value.0;
    let wanted = file.target.as_ref().map(|name| name.value.as_str());
    let found = targets
        .iter()
        .find(|(name, _)| wanted.is_none_or(|wanted| wanted == name.value));
    found.map(|(_, target): &(Spanned<String>, Spanned<file::Target>)| &target.value)
}
