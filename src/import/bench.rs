//! What a bench of `AIPerf` says, whichever way it is written, and the draft that it becomes.

use serde_json::{Map, Value};

use super::draft::{Draft, Model, Prompt, Recipe};
use super::{Input, chats, secrets, words};

/// What a bench says.
#[derive(Default)]
pub(super) struct Bench {
    pub(super) url: Option<String>,
    /// The path of the endpoint, where it is said.
    pub(super) path: Option<String>,
    /// Models and their weights.
    pub(super) models: Vec<(String, f64)>,
    pub(super) streaming: bool,
    pub(super) extra: Map<String, Value>,
    pub(super) system: Option<String>,
    /// Prompts that are written out.
    pub(super) rows: Vec<String>,
    /// Lengths of prompts and answers: input as YAML, output in tokens, and weight.
    pub(super) lengths: Vec<(String, Option<u32>, f64)>,
    pub(super) phases: Vec<Load>,
}

/// A phase.
#[derive(Default)]
pub(super) struct Load {
    pub(super) name: String,
    pub(super) warmup: bool,
    /// Its type, in the words of `AIPerf`.
    pub(super) shape: String,
    pub(super) concurrency: Option<u64>,
    pub(super) rate: Option<f64>,
    pub(super) requests: Option<u64>,
    pub(super) seconds: Option<f64>,
    /// How long the rate takes to grow.
    pub(super) ramp: Option<f64>,
}

impl Bench {
    /// Puts it into a draft.
    pub(super) fn into_draft(self, draft: &mut Draft, input: &Input<'_>) {
        if let Some(url) = &self.url {
            match base_url(url, self.path.as_deref()) {
                Some((base, whole)) => {
                    draft.url = Some(base);
                    if !whole {
                        draft.left(
                            input.name,
                            "the URL's user, query, or a path that is not one for chats",
                        );
                    }
                }
                None => draft.left(
                    input.name,
                    "the endpoint's URL is none: $BASE_URL stands in for it",
                ),
            }
        }
        let models: Vec<(Option<String>, f64)> = match self.models.as_slice() {
            [] => vec![(None, 1.0)],
            models => models
                .iter()
                .map(|(name, weight)| (Some(name.clone()), *weight))
                .collect(),
        };
        let mut prompts: Vec<(Prompt, Option<u32>, f64)> = Vec::new();
        if self.rows.is_empty() {
            let lengths = self.lengths.iter();
            prompts.extend(
                lengths.map(|(t, most, weight)| (Prompt::Synthetic(t.clone()), *most, *weight)),
            );
        }
        if prompts.is_empty() {
            let most = self.lengths.first().and_then(|(_, most, _)| *most);
            let prompt = if self.rows.is_empty() {
                Prompt::Synthetic("{ lognormal: { mean: 550, sd: 50 } }".to_owned())
            } else {
                Prompt::Rows(self.rows)
            };
            prompts.push((prompt, most, 1.0));
        }
        let mut taken = Vec::new();
        for (prompt, max_tokens, share) in &prompts {
            for (model, weight) in &models {
                let prompt = match prompt {
                    Prompt::Rows(rows) => Prompt::Rows(rows.clone()),
                    Prompt::Synthetic(tokens) => Prompt::Synthetic(tokens.clone()),
                };
                draft.recipes.push(Recipe {
                    name: words::unique(model.as_deref().unwrap_or("chat"), &mut taken),
                    weight: weight * share,
                    model: model.clone().map_or(Model::Open, Model::Named),
                    stream: self.streaming,
                    system: self.system.clone(),
                    prompt,
                    max_tokens: *max_tokens,
                    body: self.extra.clone(),
                    note: String::new(),
                });
            }
        }
        for load in &self.phases {
            load.add(draft, input);
        }
        let open = draft
            .phases
            .iter()
            .any(|phase| !phase.shape.starts_with("closed"));
        let per_user = |(_, value): &(&str, String)| value == "per_user";
        if open && draft.gateway.iter().any(per_user) {
            draft.gateway.retain(|key| !per_user(key));
            let what =
                "a connection for each user: an open loop has no users, so connections are a pool";
            draft.left(input.name, what);
        }
    }
}

impl Load {
    fn add(&self, draft: &mut Draft, input: &Input<'_>) {
        let mut seconds = self.seconds.filter(|seconds| *seconds > 0.0);
        let users = self.concurrency.unwrap_or(1).min(u32::MAX.into());
        let Some(rate) = self.rate.filter(|rate| *rate > 0.0) else {
            if self.shape != "concurrency" {
                let what = format!(
                    "the type `{}` without a rate is a closed loop here",
                    self.shape
                );
                draft.left(format!("{} phase {}", input.name, self.name), what);
            }
            let bound = end(seconds, self.requests.or(seconds.is_none().then_some(10)));
            let shape = format!("closed: {{ concurrency: {users}{bound} }}");
            draft.phase(&self.name, self.warmup, shape);
            return;
        };
        let most = self
            .concurrency
            .map_or_else(String::new, |_| format!(", max_in_flight: {users}"));
        let written = words::rate(rate).unwrap_or_default();
        if let Some(ramp) = self.ramp.filter(|ramp| *ramp > 0.0) {
            let over = seconds.map_or(ramp, |seconds| ramp.min(seconds));
            let over_text = words::seconds(over).unwrap_or_default();
            let shape =
                format!("ramp: {{ from: 0/s, to: {written}, duration: {over_text}{most} }}");
            draft.phase(&format!("{}-ramp", self.name), self.warmup, shape);
            seconds = seconds
                .map(|seconds| seconds - over)
                .filter(|rest| *rest > 0.0);
            if seconds.is_none() && self.requests.is_none() {
                return;
            }
        }
        let shape = match self.shape.as_str() {
            "constant" => "constant",
            "poisson" => "poisson",
            other => {
                let what = format!("arrivals of the type `{other}` are poisson here");
                draft.left(format!("{} phase {}", input.name, self.name), what);
                "poisson"
            }
        };
        let bound = end(seconds, self.requests.or(seconds.is_none().then_some(100)));
        draft.phase(
            &self.name,
            self.warmup,
            format!("{shape}: {{ rate: {written}{bound}{most} }}"),
        );
    }
}

fn end(seconds: Option<f64>, requests: Option<u64>) -> String {
    let mut out = requests.map_or_else(String::new, |n| format!(", requests: {n}"));
    if let Some(seconds) = seconds.and_then(words::seconds) {
        out += &format!(", duration: {seconds}");
    }
    out
}

/// A limit of a good answer, in milliseconds there.
pub(super) fn slo(draft: &mut Draft, name: &'static str, limit: Option<f64>) {
    let limit = limit.filter(|limit| *limit > 0.0);
    if let Some(limit) = limit.and_then(|limit| words::seconds(limit / 1e3)) {
        draft.slos.push((name, limit));
    }
}

/// How requests share connections.
pub(super) fn connections(draft: &mut Draft, strategy: Option<&str>) {
    let ours = match strategy {
        Some("never") => "new",
        Some("sticky-user-sessions") => "per_user",
        _ => return,
    };
    draft.gateway.push(("connections", ours.to_owned()));
}

/// A further field of each body.
pub(super) fn extra(
    draft: &mut Draft,
    fields: &mut Map<String, Value>,
    at: &str,
    name: &str,
    value: Value,
) {
    let written = value.as_str().is_some_and(secrets::looks_like_one);
    if secrets::guards(name) || written {
        draft.left(at, "it may hold a key");
    } else if [
        "model",
        "messages",
        "stream",
        "max_tokens",
        "stream_options",
    ]
    .contains(&name)
    {
        draft.left(at, "it is a key of the recipe's `chat`");
    } else {
        fields.insert(name.to_owned(), chats::hidden(value, at, draft));
    }
}

/// The base URL of an endpoint, and whether nothing of it was left out.
pub(super) fn base_url(url: &str, path: Option<&str>) -> Option<(String, bool)> {
    let full = if url.contains("://") {
        url.to_owned()
    } else {
        format!("http://{url}")
    };
    let (mut base, keyed) = secrets::bare_url(&full)?;
    while base.ends_with('/') {
        base.pop();
    }
    if let Some(path) = path {
        base = format!("{base}/{}", path.trim_start_matches('/'));
    }
    let parsed = url::Url::parse(&base).ok()?;
    if let Some(stripped) = base.strip_suffix("/chat/completions") {
        return Some((stripped.to_owned(), !keyed));
    }
    // AIPerf adds the whole path where it is not said.
    match parsed.path() {
        "" | "/" => Some((format!("{base}/v1"), !keyed)),
        "/v1" => Some((base, !keyed)),
        _ => Some((base, path.is_none() && !keyed)),
    }
}
