//! What a refusal means and what to do next: at the preflight, and where a run got nothing but refusals.

use std::collections::BTreeSet;

use super::sides::Side;
use super::terminal;
use crate::dialect::error_message;
use crate::plan::Plan;
use crate::record::{ScopeSummary, Summary};
use crate::scenario::{Kind, nearest};

/// Shows a note that changes nothing of the run.
pub(super) fn note(text: &str) {
    terminal::message(&format!("note: {text}"));
}

/// What a base URL looks like.
pub(super) fn base_url_form(kind: Kind) -> &'static str {
    if kind == Kind::Respan {
        "the base URL of Respan's gateway ends with /api: https://api.respan.ai/api"
    } else {
        "a base URL is what an OpenAI SDK is given and mostly ends with /v1: https://gateway.example/v1"
    }
}

/// What may be left off the end of a base URL by mistake.
pub(super) const fn forgotten(kind: Kind) -> &'static str {
    if matches!(kind, Kind::Respan) {
        "/api"
    } else {
        "/v1"
    }
}

/// What an answer to the question for models says of the target, where it is no list.
pub(super) fn of_status(asked: &str, status: u16, body: &[u8]) -> Option<String> {
    let said = || error_message(body).map_or_else(String::new, |said| format!(": {said}"));
    let is_page = body.trim_ascii_start().starts_with(b"<");
    let what = match status {
        407 => "a proxy asks for a login: requests would not come to the target".to_owned(),
        300..=399 => "a redirect, which requests don't follow: give the URL that it leads to".to_owned(),
        429 => format!(
            "too many requests, before the load has begun{}. The limit counts the calls of others, too: wait, take \
             a key with a higher limit, or lower the rate",
            said()
        ),
        500..=599 if !is_page => format!("the target itself is in trouble{}", said()),
        404 | 405 => return None,
        _ if is_page => "a page for people and no JSON: a login, a proxy or a firewall may stand before the target"
            .to_owned(),
        _ => return None,
    };
    Some(format!("{asked} answered with status {status}: {what}"))
}

/// The models that a list does not have, of those that are asked. A list that is not read, or that names none
/// by itself, says nothing.
pub(super) fn unknown_models(url: &str, list: &[u8], asked: &BTreeSet<&str>) -> Vec<String> {
    let json: serde_json::Value = serde_json::from_slice(list).unwrap_or_default();
    let rows = json["data"]
        .as_array()
        .or_else(|| json["models"].as_array());
    let names = rows.into_iter().flatten().filter_map(|row| {
        let name = ["id", "model_name", "name"]
            .iter()
            .find_map(|key| row[key].as_str());
        name.or_else(|| row.as_str())
    });
    let names: Vec<&str> = names.collect();
    if names.is_empty() || names.iter().any(|name| name.contains('*')) {
        return Vec::new();
    }
    let bare = |name: &'_ str| name.rsplit('/').next().unwrap_or_default().to_owned();
    let missing = asked.iter().filter(|asked| {
        let same = |name: &&str| name == *asked || bare(name) == bare(asked);
        !names.iter().any(same)
    });
    missing
        .map(|asked| {
            let near = nearest(asked, &names);
            let near = near.map_or_else(
                || format!("it lists {}", some_of(&names)),
                |near| format!("did you mean `{near}`?"),
            );
            format!("{url} does not list the model `{asked}`; {near}")
        })
        .collect()
}

fn some_of(names: &[&str]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<String> = names
        .iter()
        .take(SHOWN)
        .map(|name| format!("`{name}`"))
        .collect();
    let more = names.len().saturating_sub(SHOWN);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!("{}{more}", shown.join(", "))
}

/// Says what to do where a side got no answer at all, and most of its requests failed for one reason.
pub(super) fn after(plan: &Plan, summary: &Summary, sides: &[Side]) {
    for ((_, arm), side) in plan.arms().zip(sides) {
        let scope = if sides.len() == 1 {
            "total".to_owned()
        } else {
            format!("arm:{}", arm.name)
        };
        let found = summary.scopes.iter().find(|found| found.scope == scope);
        if let Some(help) = found.and_then(|found| of_refusals(found, side)) {
            let of = if sides.len() == 1 {
                String::new()
            } else {
                format!("`{}`: ", arm.name)
            };
            terminal::message(&format!("help: {of}{help}"));
        }
    }
}

fn of_refusals(scope: &ScopeSummary, side: &Side) -> Option<String> {
    let worst = scope.errors.first().filter(|_| scope.count.ok == 0)?;
    let message = worst.last_message.as_deref().unwrap_or_default();
    let url = side.url();
    let step = match worst.outcome.as_str() {
        "status_401" | "status_403" => format!("check the key in {}", side.key_from),
        "status_404" | "status_400" if message.contains("model") => {
            "the target does not know the model: check `model` in the scenario, or the variable that it is"
                .to_owned()
        }
        "status_404" | "status_405" => format!(
            "requests went to {url}/chat/completions; {}",
            base_url_form(side.kind)
        ),
        "status_402" => "the account has no credit left".to_owned(),
        "status_429" => {
            "the limit of the key or the account is below this load: lower the rate or the concurrency".to_owned()
        }
        _ => return None,
    };
    Some(format!(
        "no request was answered, and most failed as {}: {step}",
        worst.outcome
    ))
}
