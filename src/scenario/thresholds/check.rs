//! The thresholds of a file, held against what else the file says.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use super::{Fault, Figure, GRACE, Key, Part, Test, Threshold, ThresholdRule};
use crate::scenario::check::Checker;
use crate::scenario::document::{Spanned, nearest};
use crate::scenario::{Phase, Plain, Recipe};

/// A threshold: its text, or a mapping that says more of it.
#[derive(Clone, Debug)]
pub enum ThresholdEntry {
    /// Its text.
    Text(String),
    /// A mapping.
    Rule(Box<ThresholdRule>),
}

impl<'de> Deserialize<'de> for ThresholdEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = ThresholdEntry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a threshold such as p95(ttft) < 800ms, or a mapping with `check`")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(ThresholdEntry::Text(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let rule = ThresholdRule::deserialize(MapAccessDeserializer::new(map))?;
        Ok(ThresholdEntry::Rule(Box::new(rule)))
    }
}

impl JsonSchema for ThresholdEntry {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Threshold".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let rule = generator.subschema_for::<ThresholdRule>();
        json_schema!({ "anyOf": [{ "type": "string", "examples": ["p95(ttft) < 800ms", "error_rate < 1%"] }, rule] })
    }
}

/// What thresholds can name.
pub(in crate::scenario) struct Named<'a> {
    pub(in crate::scenario) recipes: &'a [Recipe],
    pub(in crate::scenario) phases: &'a [Phase],
    pub(in crate::scenario) arms: &'a [String],
}

impl Checker<'_> {
    /// All thresholds of the file that can be understood.
    pub(in crate::scenario) fn thresholds(
        &mut self,
        entries: &[Spanned<ThresholdEntry>],
        named: &Named<'_>,
    ) -> Vec<Threshold> {
        let mut found: Vec<Threshold> = Vec::new();
        for entry in entries {
            let threshold = match &entry.value {
                ThresholdEntry::Text(text) => self.threshold(text, &entry.span, named),
                ThresholdEntry::Rule(rule) => self.rule(rule, named),
            };
            let Some(threshold) = threshold else { continue };
            if found.iter().any(|other| other.test == threshold.test) {
                let message = format!("`{}` is there twice", threshold.written);
                self.problem(entry.span.clone(), message, "keep one of them");
            }
            found.push(threshold);
        }
        found
    }

    fn rule(&mut self, rule: &ThresholdRule, named: &Named<'_>) -> Option<Threshold> {
        let threshold = self.threshold(&rule.check, &rule.check.span, named)?;
        let grace = rule.grace.as_ref();
        if let Some(grace) = grace.filter(|_| !rule.abort.value) {
            let message = "`grace` without `abort` has no effect";
            self.problem(
                grace.span.clone(),
                message,
                "add abort: true, or leave it out",
            );
        }
        if rule.abort.value && rule.advisory {
            let message = "an advisory threshold decides nothing, and ends no run";
            self.problem(rule.abort.span.clone(), message, "leave out one of the two");
        }
        if rule.abort.value && (threshold.test.needs_baseline() || is_told_late(&threshold.test)) {
            let message = "this can't be told while the run goes on";
            let help = "abort: true is for figures of all requests, an arm or a recipe, held against a value of their own";
            self.problem(rule.abort.span.clone(), message, help);
        }
        if rule.confident.value && !threshold.test.figure.has_interval() {
            let message = format!("`{}` has no interval", threshold.test.figure.name());
            let help = "confident: true is for quantiles, means and shares";
            self.problem(rule.confident.span.clone(), message, help);
        }
        Some(Threshold {
            abort: rule.abort.value,
            grace: grace.map_or(GRACE, |grace| grace.value.0),
            advisory: rule.advisory,
            confident: rule.confident.value,
            ..threshold
        })
    }

    fn threshold(
        &mut self,
        text: &str,
        span: &Range<usize>,
        named: &Named<'_>,
    ) -> Option<Threshold> {
        let read: Result<Test, Fault> = text.parse();
        let asked = match read {
            Ok(asked) => asked,
            Err(fault) => {
                self.tell(text, span, fault);
                return None;
            }
        };
        for part in &asked.scope {
            if let Some((message, help)) = misnamed(part, named) {
                let at = text.find(&part.value).unwrap_or(0);
                let at = at..at + part.value.len();
                self.tell(text, span, Fault { at, message, help });
            }
        }
        if let Some((key, message, help)) = untold(&asked, named) {
            let at = text.find(key).unwrap_or(0);
            let at = at..at + key.len();
            self.tell(
                text,
                span,
                Fault {
                    at,
                    message,
                    help: help.to_owned(),
                },
            );
        }
        let (line, _) = self.source.position(span.start);
        Some(Threshold {
            written: text.trim().to_owned(),
            line: u32::try_from(line).unwrap_or(u32::MAX),
            test: asked,
            abort: false,
            grace: GRACE,
            advisory: false,
            confident: false,
        })
    }

    /// Tells what is wrong at its own characters, where the file has the text as it is.
    fn tell(&mut self, text: &str, span: &Range<usize>, fault: Fault) {
        let inside = self.source.text.get(span.clone());
        let start = inside.and_then(|inside| inside.find(text));
        let at = match start.map(|start| span.start + start) {
            // A place behind the last character is shown at the last one.
            Some(start) if fault.at.is_empty() && fault.at.start >= text.len() => {
                (start + text.len()).saturating_sub(1)..start + text.len()
            }
            Some(start) if fault.at.is_empty() => {
                start + fault.at.start..start + fault.at.start + 1
            }
            Some(start) => start + fault.at.start..start + fault.at.end,
            None => span.clone(),
        };
        self.problem(at, fault.message, &fault.help);
    }
}

/// Whether only the rows tell it, which are read when the run is over.
fn is_told_late(test: &Test) -> bool {
    let kept = |part: &Part| matches!(part.key, Key::Recipe | Key::Arm);
    let late = matches!(
        test.figure,
        Figure::Shares | Figure::Stream | Figure::Added(..)
    );
    late || !test.scope.iter().all(kept)
}

/// What is wrong with the value of a scope: nothing has this name.
fn misnamed(part: &Part, named: &Named<'_>) -> Option<(String, String)> {
    let known: Vec<&str> = match part.key {
        Key::Recipe => named.recipes.iter().map(|r| r.name.as_str()).collect(),
        Key::Arm => named.arms.iter().map(String::as_str).collect(),
        Key::Phase => named.phases.iter().map(|p| p.name.as_str()).collect(),
        Key::Model | Key::Provider | Key::Stream | Key::Cold | Key::Reused => return None,
    };
    if let Some(phase) = named.phases.iter().find(|p| p.name == part.value)
        && part.key == Key::Phase
        && phase.warmup
    {
        let message = format!("`{}` only warms up: it has no figures", part.value);
        return Some((message, "name a phase that is measured".to_owned()));
    }
    if known.contains(&part.value.as_str()) {
        return None;
    }
    let near = nearest(&part.value, &known);
    let near = near.map_or_else(String::new, |near| format!(", did you mean `{near}`?"));
    let message = format!("there is no {} `{}`{near}", part.key.name(), part.value);
    let known = known.iter().map(|name| format!("`{name}`"));
    let help = format!("known: {}", known.collect::<Vec<_>>().join(", "));
    Some((message, help))
}

/// What no file of a run tells: the word that asks for it, a message, and help.
fn untold(test: &Test, named: &Named<'_>) -> Option<(&'static str, String, &'static str)> {
    let beyond = test.scope.iter().find(|part| part.key != Key::Recipe);
    let by_log = matches!(
        test.figure,
        Figure::Plain(Plain::CostDrift | Plain::MissingLogs)
    );
    if let (true, Some(part)) = (by_log, test.scope.first()) {
        let message = "a run is held against its log as a whole".to_owned();
        return Some((part.key.name(), message, "leave the scope out"));
    }
    match (&test.figure, beyond) {
        (Figure::Stream | Figure::Added(..), _) => {
            let part = test.scope.iter().find(|part| part.key != Key::Phase)?;
            let message = format!(
                "what a gateway does is told by phase, and not by {}",
                part.key.name()
            );
            let help = "leave it out for the worst of all phases, or scope by `phase`";
            Some((part.key.name(), message, help))
        }
        (Figure::Time(_, "chunk_gap"), Some(_)) => {
            let kept = |key: Key| key == Key::Recipe || (key == Key::Arm && named.arms.len() > 1);
            let part = test.scope.iter().find(|part| !kept(part.key))?;
            let message = format!(
                "chunk gaps are kept by recipe and arm, and not by {}",
                part.key.name()
            );
            let help = "leave it out, or scope by `recipe`";
            Some((part.key.name(), message, help))
        }
        (Figure::Shares, Some(part)) => {
            let message = format!(
                "shares are expected of a recipe, and not of a {}",
                part.key.name()
            );
            Some((
                part.key.name(),
                message,
                "leave it out, or scope by `recipe`",
            ))
        }
        (Figure::Shares, None) => {
            let meant = |recipe: &&Recipe| {
                let mut parts = test.scope.iter();
                parts.all(|part| part.value == recipe.name)
            };
            let mut recipes = named.recipes.iter().filter(meant);
            let expected = recipes.any(|recipe| recipe.expect_shares.is_some());
            let message = "no recipe says which shares are expected".to_owned();
            let help = "give it expect_shares: { weights: { gpt-a: 3, gpt-b: 1 } }";
            (!expected).then_some(("shares", message, help))
        }
        _ => None,
    }
}
