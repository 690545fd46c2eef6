//! Who is asked, and in which order: the provider by the model's prefix, the share of a load balance
//! group by weight, and the fallbacks by rank.

use std::collections::BTreeMap;

use rand::RngExt;
use rand_pcg::Pcg64;

use super::credentials::Credential;
use super::errors::Refusal;
use super::params::Params;
use super::script::Weighted;

/// One model that may answer a call.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    /// The model as the client names it.
    pub(super) name: String,
    pub(super) provider: String,
    /// The provider's own name of the model.
    pub(super) model: String,
    /// The key to ask with, if it is not the gateway's own.
    pub(super) credential: Option<Credential>,
}

/// What routes depend on beside the request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules<'a> {
    pub(super) groups: &'a BTreeMap<String, Vec<Weighted>>,
    /// The provider of models without a prefix.
    pub(super) default_provider: Option<&'a str>,
    /// The only provider, where the path or a header names it.
    pub(super) only: Option<&'a str>,
}

/// The models to ask, the first one first.
pub(super) fn candidates(
    params: &Params,
    model: Option<String>,
    rules: Rules<'_>,
    rng: &mut Pcg64,
) -> Result<Vec<Candidate>, Refusal> {
    let first = balanced(params, rules, rng)?
        .or_else(|| model.map(|model| (model, None)))
        .or_else(|| params.models.first().map(|model| (model.clone(), None)));
    let Some(first) = first else {
        let problem = "field required".to_owned();
        return Err(Refusal::of_fields(vec![("model".into(), problem)]));
    };
    let others = params.models.iter().chain(&params.fallbacks);
    let others = others.map(|model| (model.clone(), None));
    let mut found: Vec<Candidate> = Vec::new();
    for (name, entry) in std::iter::once(first).chain(others) {
        let (provider, model) = route(&name, rules)?;
        let excluded = params.exclude_providers.contains(&provider)
            || params.exclude_models.contains(&name)
            || found.iter().any(|candidate| candidate.name == name);
        if excluded {
            continue;
        }
        let credentials = &params.credentials;
        let credential = credentials.choose(&name, &provider, entry.as_ref(), rng);
        found.push(Candidate {
            name,
            provider,
            model,
            credential,
        });
    }
    if found.is_empty() {
        return Err(Refusal::bad_request("all models are excluded"));
    }
    Ok(found)
}

/// The model of a load balance group whose turn it is.
fn balanced(
    params: &Params,
    rules: Rules<'_>,
    rng: &mut Pcg64,
) -> Result<Option<(String, Option<Credential>)>, Refusal> {
    if !params.balanced.is_empty() {
        let weights = params.balanced.iter().map(|entry| entry.weight);
        let entry = draw(weights, rng).and_then(|at| params.balanced.get(at));
        return Ok(entry.map(|entry| (entry.model.clone(), entry.credential.clone())));
    }
    let Some(id) = &params.group_id else {
        return Ok(None);
    };
    let Some(group) = rules.groups.get(id) else {
        let detail = format!("no load balance group `{id}`");
        return Err(Refusal::not_found(detail));
    };
    let weights = group.iter().map(|entry| entry.weight);
    let entry = draw(weights, rng).and_then(|at| group.get(at));
    Ok(entry.map(|entry| (entry.model.clone(), None)))
}

/// The place of one of the weights, each as likely as its share of their sum.
pub(super) fn draw(weights: impl Iterator<Item = f64> + Clone, rng: &mut Pcg64) -> Option<usize> {
    let sum: f64 = weights.clone().sum();
    let mut left = rng.random::<f64>() * sum;
    let mut last = None;
    for (at, weight) in weights.enumerate() {
        last = Some(at);
        left -= weight;
        if left < 0.0 {
            break;
        }
    }
    last
}

/// The provider of a model, and its own name there. A name is `provider/model`.
fn route(name: &str, rules: Rules<'_>) -> Result<(String, String), Refusal> {
    if let Some(only) = rules.only {
        let own = name
            .strip_prefix(only)
            .and_then(|rest| rest.strip_prefix('/'));
        return Ok((only.to_owned(), own.unwrap_or(name).to_owned()));
    }
    match (name.split_once('/'), rules.default_provider) {
        (Some((provider, model)), _) if !provider.is_empty() && !model.is_empty() => {
            Ok((provider.to_owned(), model.to_owned()))
        }
        (None, Some(provider)) if !name.is_empty() => Ok((provider.to_owned(), name.to_owned())),
        _ => Err(Refusal::not_found(format!(
            "no provider for the model `{name}`: write it as provider/model, like openai/{name}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Lane, Seed};

    const RULES: Rules<'static> = Rules {
        groups: &BTreeMap::new(),
        default_provider: None,
        only: None,
    };

    fn names(params: &Params, model: &str) -> Vec<String> {
        let mut rng = Seed(1).rng(Lane::Route, 0);
        let found = candidates(params, Some(model.to_owned()), RULES, &mut rng).unwrap();
        found.into_iter().map(|candidate| candidate.name).collect()
    }

    #[test]
    fn a_model_is_routed_by_what_stands_before_its_first_slash() {
        let to = |name| route(name, RULES).map(|(provider, model)| format!("{provider} {model}"));
        assert_eq!(to("openai/gpt-lab").unwrap(), "openai gpt-lab");
        assert_eq!(to("router/meta/llama").unwrap(), "router meta/llama");
        for unknown in ["gpt-lab", "/gpt-lab", "openai/", ""] {
            assert_eq!(to(unknown).unwrap_err().status, 404);
        }
        let default = Rules {
            default_provider: Some("openai"),
            ..RULES
        };
        assert_eq!(route("gpt-lab", default).unwrap().0, "openai");
        let only = Rules {
            only: Some("openai"),
            ..RULES
        };
        assert_eq!(route("openai/gpt-lab", only).unwrap().1, "gpt-lab");
        assert_eq!(route("meta/llama", only).unwrap().1, "meta/llama");
    }

    #[test]
    fn fallbacks_follow_by_rank_without_those_that_are_excluded() {
        let params = Params {
            fallbacks: ["b/1", "c/1", "b/2", "a/1", "d/1"]
                .map(str::to_owned)
                .into(),
            exclude_providers: vec!["c".to_owned()],
            exclude_models: vec!["b/2".to_owned()],
            ..Params::default()
        };
        assert_eq!(names(&params, "a/1"), ["a/1", "b/1", "d/1"]);
    }

    #[test]
    fn weights_are_shares() {
        let mut rng = Seed(1).rng(Lane::Route, 0);
        let mut counts = [0; 3];
        for _ in 0..8_000 {
            counts[draw([1.0, 2.0, 5.0].into_iter(), &mut rng).unwrap()] += 1;
        }
        for (count, share) in counts.into_iter().zip([1_000, 2_000, 5_000]) {
            // Four standard deviations of the widest share.
            assert!((share - 180..share + 180).contains(&count), "{counts:?}");
        }
        assert_eq!(draw(std::iter::empty(), &mut rng), None);
    }
}
