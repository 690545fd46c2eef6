//! Keys: where they come from, and which of them the gateway is to use.

use std::ops::Range;

use super::Problem;
use super::check::Checker;
use super::document::{self, Spanned};
use super::file::{self, CredentialSet, Sets};
use super::template::escaped;
use super::tree::{Fields, Tree};
use crate::base::Secret;

/// What a provider is given beside its key, and may be seen.
const PUBLIC: [&str; 3] = ["api_base", "api_version", "region"];

const KEY_HELP: &str = "take it from the environment, \"${NAME}\", or from a file, \"file:path\"";

impl Checker<'_> {
    /// A secret, from the environment or a file. `None` where it is empty; where it is `demanded`, that
    /// is a problem.
    pub(super) fn secret(
        &mut self,
        given: &Spanned<String>,
        name: &str,
        demanded: bool,
    ) -> Option<Secret> {
        let value = if let Some(path) = given.strip_prefix("file:") {
            self.secret_file(path, &given.span)?
        } else {
            self.warn_of_literal(&given.span, name);
            given.value.clone()
        };
        if value.is_empty() {
            if demanded {
                let message = format!("`{name}` is empty");
                self.problem(given.span.clone(), message, KEY_HELP);
            }
            return None;
        }
        Some(self.keep_secret(value))
    }

    /// Has a value hidden in all that is told.
    pub(super) fn keep_secret(&mut self, value: String) -> Secret {
        // Whoever repeats a body may repeat it as it stood there; who repeats a header, a word of it.
        let words = value.split_whitespace().map(str::to_owned);
        let forms = words.chain([value.clone(), escaped(&value)]);
        for form in forms.filter(|form| form.len() >= Secret::SHORTEST) {
            if !self.secrets.iter().any(|known| known.expose() == form) {
                self.secrets.push(Secret::new(form));
            }
        }
        Secret::new(value)
    }

    fn secret_file(&mut self, path: &str, span: &Range<usize>) -> Option<String> {
        let full = self.folder.join(path);
        match std::fs::read_to_string(&full) {
            Ok(text) => Some(text.trim_end_matches(['\n', '\r']).to_owned()),
            Err(error) => {
                let message = format!("`{}` can't be read: {error}", full.display());
                self.problem(span.clone(), message, "paths start at this file's folder");
                None
            }
        }
    }

    /// What stands in the file for a value, where that is no secret: a variable, without its default, or a file.
    pub(super) fn written(&self, span: &Range<usize>) -> Option<String> {
        let text = &self.source.text[span.clone()];
        if text.is_empty() || document::is_written_out(text) {
            return None;
        }
        let text = text.trim_matches(['"', '\'']);
        let variable = text
            .strip_prefix("${")
            .and_then(|rest| rest.split([':', '}']).next());
        Some(variable.map_or_else(|| text.to_owned(), |name| format!("${{{name}}}")))
    }

    fn warn_of_literal(&mut self, span: &Range<usize>, name: &str) {
        if span.is_empty() || !document::is_written_out(&self.source.text[span.clone()]) {
            return;
        }
        let message = format!("`{name}` is written out: whoever reads the file can use it");
        let problem = Problem::at(&self.source, span.clone(), message).with_help(KEY_HELP);
        self.problems.push(problem.as_warning());
    }

    /// The credentials of a target as fields of a body. Where they are `demanded`, none may be empty.
    pub(super) fn credentials(
        &mut self,
        by_provider: &file::Ordered<Spanned<Sets>>,
        demanded: bool,
    ) -> Fields {
        let mut fields = Fields::new();
        for (provider, sets) in &by_provider.0 {
            let tree = match &sets.value {
                Sets::One(set) => self.set(set, &sets.span, demanded),
                Sets::Several(several) if several.is_empty() => {
                    let message = format!("`{}` has no credentials", provider.value);
                    self.problem(sets.span.clone(), message, SETS_HELP);
                    continue;
                }
                Sets::Several(several) => {
                    let mut list = Vec::new();
                    for weighted in several {
                        self.weight(&weighted.weight);
                        list.push(Tree::Map(Fields::from([
                            (
                                "credentials".to_owned(),
                                self.set(&weighted.credentials, &weighted.span, demanded),
                            ),
                            ("weight".to_owned(), Tree::number(weighted.weight.value)),
                        ])));
                    }
                    Tree::List(list)
                }
            };
            fields.insert(provider.value.clone(), tree);
        }
        fields
    }

    /// What one provider is given.
    pub(super) fn set(&mut self, set: &CredentialSet, span: &Range<usize>, demanded: bool) -> Tree {
        if set.0.is_empty() {
            self.problem(span.clone(), "there is nothing in this set", SETS_HELP);
        }
        let mut fields = Fields::new();
        for (name, value) in &set.0 {
            let tree = if PUBLIC.contains(&name.value.as_str()) {
                Some(Tree::text(value))
            } else {
                self.secret(value, &name.value, demanded).map(Tree::Hidden)
            };
            fields.extend(tree.map(|tree| (name.value.clone(), tree)));
        }
        Tree::Map(fields)
    }

    /// The credentials of single models as fields of a body.
    pub(super) fn overrides(
        &mut self,
        by_model: &file::Ordered<Spanned<file::CredentialOverride>>,
        asked: &[&str],
        demanded: bool,
    ) -> Fields {
        let mut fields = Fields::new();
        for (model, given) in &by_model.0 {
            if !asked.contains(&model.value.as_str()) {
                let message = format!("no recipe asks the model `{}`", model.value);
                let help = format!("asked are: {}", asked.join(", "));
                self.problem(model.span.clone(), message, &help);
            }
            let key = self.secret(&given.api_key, "api_key", demanded);
            let mut set = Fields::new();
            set.extend(key.map(|key| ("api_key".to_owned(), Tree::Hidden(key))));
            for (name, value) in [
                ("api_base", &given.api_base),
                ("api_version", &given.api_version),
            ] {
                let tree = value.as_ref().map(|value| Tree::text(value));
                set.extend(tree.map(|tree| (name.to_owned(), tree)));
            }
            fields.insert(model.value.clone(), Tree::Map(set));
        }
        fields
    }

    /// A share of the requests.
    pub(super) fn weight(&mut self, weight: &Spanned<f64>) {
        if !(weight.value.is_finite() && weight.value > 0.0) {
            let message = format!("the weight {} would never be drawn", weight.value);
            self.problem(weight.span.clone(), message, "give a weight above zero");
        }
    }
}

const SETS_HELP: &str = "write { api_key: \"${NAME}\" }, or a list of { weight: 1, credentials: { api_key: \"${NAME}\" } }";
