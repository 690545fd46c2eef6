//! One model under two names: `openai/gpt-lab` where it is asked, `gpt-lab` where it answers.

use super::{Price, PriceTable};

/// The provider of a model's name, which is written `provider/model`.
pub fn provider(name: &str) -> Option<&str> {
    let (provider, model) = name.split_once('/')?;
    (!provider.is_empty() && !model.is_empty()).then_some(provider)
}

/// Whether two names are of one model: the same, or the same but for a provider that only one of them has.
pub fn same_model(one: &str, other: &str) -> bool {
    let without = |name: &str, bare: &str| {
        provider(name).is_some_and(|provider| &name[provider.len() + 1..] == bare)
    };
    one == other || without(one, other) || without(other, one)
}

/// The one of `names` that is meant by `told`, and by the provider that was told with it: the very name,
/// or else the only one of the same model. `None` where none is, or several could be.
pub fn meant<'n>(
    names: &(impl Iterator<Item = &'n str> + Clone),
    told: &str,
    by: Option<&str>,
) -> Option<&'n str> {
    let mut same = names.clone().filter(|name| *name == told);
    if let Some(name) = same.next() {
        return Some(name);
    }
    let only = |by: Option<&str>| {
        let of = |name: &&str| {
            let of = provider(name);
            by.is_none_or(|by| of.is_some_and(|of| of.eq_ignore_ascii_case(by)))
        };
        let mut found = names.clone().filter(|name| same_model(name, told));
        let first = found.by_ref().find(of)?;
        let alone = found.filter(of).all(|name| name == first);
        alone.then_some(first)
    };
    // A provider may be told in other words than those of the names.
    by.and_then(|by| only(Some(by))).or_else(|| only(None))
}

impl PriceTable {
    /// The price of a model by the name that an answer or a request gives it, and its name here; see
    /// [`meant`].
    pub fn find(&self, model: &str, by: Option<&str>) -> Option<(&str, &Price)> {
        let entry = self.models.get_key_value(model).or_else(|| {
            let names = self.models.keys().map(String::as_str);
            self.models.get_key_value(meant(&names, model, by)?)
        });
        entry.map(|(name, price)| (name.as_str(), price))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_a_provider_is_the_same_model_as_the_one_without() {
        assert!(same_model("openai/gpt-lab", "gpt-lab"));
        assert!(same_model("llama", "meta/llama"));
        assert!(same_model("router/meta/llama", "meta/llama"));
        for (one, other) in [
            ("openai/gpt", "azure/gpt"),
            ("gpt", "gpt-4"),
            ("/gpt", "gpt"),
            ("openai/", ""),
        ] {
            assert!(!same_model(one, other), "{one} {other}");
        }
    }

    #[test]
    fn of_several_names_none_is_meant_unless_the_provider_tells() {
        let meant = |names: &[&'static str], told, by| meant(&names.iter().copied(), told, by);
        let two = ["openai/gpt", "azure/gpt", "anthropic/claude"];
        assert_eq!(meant(&two, "claude", None), Some("anthropic/claude"));
        assert_eq!(meant(&two, "gpt", None), None);
        assert_eq!(meant(&two, "gpt", Some("Azure")), Some("azure/gpt"));
        assert_eq!(meant(&two, "azure/gpt", None), Some("azure/gpt"));
        assert_eq!(meant(&two, "claude", Some("Claude Inc.")), Some(two[2]));
        assert_eq!(meant(&["gpt", "azure/gpt"], "gpt", None), Some("gpt"));
        assert_eq!(meant(&["a/gpt", "a/gpt"], "gpt", None), Some("a/gpt"));
        assert_eq!(meant(&two, "gpt-5", Some("openai")), None);
    }
}
