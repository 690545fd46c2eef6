//! Where requests go: the targets of a file, and the lab's script.

use std::path::Path;
use std::sync::Arc;

use super::check::{Checker, TARGETS_HELP};
use super::connections::Around;
use super::document::{self, Spanned};
use super::file::{self, Ordered};
use super::{Env, Place, Problem, Source, Target};
use crate::lab::Script;

impl Checker<'_> {
    /// What is at each target, by name; `None` where that has problems.
    pub(super) fn targets(
        &mut self,
        targets: &Spanned<Ordered<Spanned<file::Target>>>,
        around: &Around,
    ) -> Vec<(String, Option<Place>)> {
        let mut checked = Vec::new();
        for (name, target) in &targets.value.0 {
            let place = match &target.value {
                file::Target::Lab(lab) => self.lab(lab),
                file::Target::Gateway(gateway) => self.gateway(gateway, around),
            };
            checked.push((name.value.clone(), place));
        }
        if checked.is_empty() {
            self.problem(targets.span.clone(), "there are no targets", TARGETS_HELP);
        }
        checked
    }

    /// The target of a name that stands at `named`, or nowhere in the file.
    pub(super) fn placed(
        &mut self,
        wanted: &str,
        named: Option<&Spanned<String>>,
        places: &[(String, Option<Place>)],
    ) -> Option<Target> {
        let Some((name, place)) = places.iter().find(|(name, _)| name == wanted) else {
            let known: Vec<&str> = places.iter().map(|(name, _)| name.as_str()).collect();
            let message = format!("there is no target `{wanted}`");
            let help = format!("give a URL, or one of: {}", known.join(", "));
            let span = named.map_or(0..0, |named| named.span.clone());
            self.problem(span, message, &help);
            return None;
        };
        Some(Target {
            name: name.clone(),
            place: place.clone()?,
        })
    }

    fn lab(&mut self, lab: &file::LabTarget) -> Option<Place> {
        let script = self.script(lab.script.as_ref(), lab.file.as_ref(), "the lab");
        Some(Place::Lab {
            via: lab.via,
            script: script?,
        })
    }

    /// The script of a stand-in, from the file or one of its own.
    pub(super) fn script(
        &mut self,
        script: Option<&Spanned<Script>>,
        path: Option<&Spanned<String>>,
        whose: &str,
    ) -> Option<Script> {
        match (script, path) {
            (Some(script), Some(_)) => {
                let message = format!("{whose} has both `script` and `file`");
                self.problem(script.span.clone(), message, "keep one of them");
                None
            }
            (Some(script), None) => {
                if let Err(error) = script.value.check() {
                    self.say(&script.span, &error.to_string());
                }
                Some(script.value.clone())
            }
            (None, Some(path)) => {
                let source = self.open(path)?;
                match script_source(&source, self.env) {
                    Ok(script) => Some(script),
                    Err(problems) => {
                        self.problems.extend(problems);
                        None
                    }
                }
            }
            (None, None) => Some(Script::default()),
        }
    }

    fn gateway(&mut self, gateway: &file::GatewayTarget, around: &Around) -> Option<Place> {
        let (text, span) = (gateway.url.trim_end_matches('/'), gateway.url.span.clone());
        let parsed = url::Url::parse(text);
        let http = |url: &url::Url| matches!(url.scheme(), "http" | "https") && url.has_host();
        let Some(parsed) = parsed.ok().filter(http) else {
            let message = format!("`{text}` is no base URL");
            self.problem(
                span,
                message,
                "write it as an SDK takes it: https://api.respan.ai/api",
            );
            return None;
        };
        let bare = |url: &url::Url| {
            url.username().is_empty()
                && url.password().is_none()
                && url.query().is_none()
                && url.fragment().is_none()
        };
        if !bare(&parsed) {
            let message = "a base URL is a scheme, a host and a path, and no more";
            let help = "give a key as `api_key`: the URL is written to the results";
            self.problem(span, message, help);
            return None;
        }
        if let Some(base) = text.strip_suffix(gateway.dialect.path()) {
            let help = format!("write {base}");
            self.problem(
                span,
                format!("`{}` is added by itself", gateway.dialect.path()),
                &help,
            );
            return None;
        }
        let key = gateway.api_key.as_ref();
        let readings = self.readings(gateway.kind, gateway.readings.as_deref());
        Some(Place::Gateway {
            url: text.to_owned(),
            kind: gateway.kind,
            api_key: key.and_then(|key| self.secret(key, "api_key", false)),
            key_written: key.and_then(|key| self.written(&key.span)),
            dialect: gateway.dialect,
            readings: Arc::new(readings),
            policy: self.policy(gateway, &parsed, around),
        })
    }
}

/// Reads a lab script from a file of its own.
pub(super) fn script_file(path: &Path, env: Env<'_>) -> Result<Script, Vec<Problem>> {
    let name = path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => script_source(&Source::new(name, text), env),
        Err(error) => {
            let source = Source::new(name, "");
            Err(vec![Problem::whole(
                &source,
                format!("the file can't be read: {error}"),
            )])
        }
    }
}

fn script_source(source: &Arc<Source>, env: Env<'_>) -> Result<Script, Vec<Problem>> {
    let document = document::read::<Script>(source, env);
    let mut problems = document.problems;
    let script = document.value.unwrap_or_default();
    if let (true, Err(error)) = (problems.is_empty(), script.check()) {
        problems.push(Problem::whole(source, error.to_string()));
    }
    if problems.is_empty() {
        Ok(script)
    } else {
        Err(problems)
    }
}
