//! What requests say beyond model and prompt: tags, credentials, routing, further fields and headers,
//! merged and written down once for each recipe.

use std::ops::Range;

use serde::Serialize;
use serde_json::Value;

use super::arms::{self, ArmSection};
use super::check::Checker;
use super::document::{Spanned, is_secret_name};
use super::file::{self, File, Free, Kind, Ordered};
use super::headers::Header;
use super::template::{self, Piece, Template};
use super::tree::{self, Fields, Tree};
use super::{Choices, Problem, Via, routing};

/// What the requests of a recipe say beyond model and prompt.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Extra {
    /// Fields of the body, as JSON without the braces around them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Template>,
    /// Whether `stream_options` is one of these fields, or is to be left out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub own_stream_options: bool,
    /// Headers: names in lower case, and values that can stand in a header.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, Template)>,
}

impl Extra {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.body.is_none() && !self.own_stream_options && self.headers.is_empty()
    }
}

/// What the chosen target says for all recipes.
#[derive(Clone, Debug, Default)]
pub(super) struct Asking {
    pub(super) target: String,
    kind: Kind,
    /// Tags and credentials.
    fields: Fields,
    routing: Fields,
    body: Fields,
    headers: Vec<Header>,
}

/// What a target says, whatever is there.
struct Given<'f> {
    kind: Kind,
    credentials: &'f Option<Spanned<Ordered<Spanned<file::Sets>>>>,
    overrides: &'f Option<Spanned<Ordered<Spanned<file::CredentialOverride>>>>,
    routing: &'f Option<Spanned<file::Routing>>,
    breakdown: &'f Option<Spanned<bool>>,
    body: &'f Option<Spanned<Free>>,
    headers: &'f Option<Ordered<Spanned<String>>>,
}

impl<'f> Given<'f> {
    fn of(target: &'f file::Target) -> Self {
        macro_rules! given {
            ($target:expr) => {
                Self {
                    kind: $target.kind,
                    credentials: &$target.credentials,
                    overrides: &$target.credential_override,
                    routing: &$target.routing,
                    breakdown: &$target.breakdown,
                    body: &$target.body,
                    headers: &$target.headers,
                }
            };
        }
        match target {
            file::Target::Lab(lab) => given!(lab),
            file::Target::Gateway(gateway) => given!(gateway),
        }
    }
}

/// Fields that a recipe has keys of its own for.
const OWN_FIELDS: [&str; 4] = ["model", "messages", "stream", "max_tokens"];

const RESPAN_HELP: &str = "write `kind: respan` at the target, or leave it out";

impl Checker<'_> {
    /// What each target says for all recipes. The keys of those that nothing is sent to are not looked for.
    pub(super) fn askings(&mut self, file: &File) -> Vec<Asking> {
        let used = arms::used_targets(file);
        let mut found = Vec::new();
        for (name, target) in file.targets.iter().flat_map(|targets| &targets.value.0) {
            if let file::Target::Lab(lab) = &target.value
                && (lab.via, lab.kind) == (Via::Provider, Kind::Respan)
            {
                let message = "the lab's provider is no gateway of Respan's kind";
                let help = "leave out `via: provider` or `kind: respan`";
                self.problem(name.span.clone(), message, help);
            }
            let given = Given::of(&target.value);
            let is_used = used.contains(&name.value.as_str());
            let mut asking = self.said(&name.value, &given, file, is_used);
            if given.kind == Kind::Respan {
                let told = tags(given.breakdown.as_ref().is_none_or(|given| given.value));
                asking.fields.extend(told);
            }
            found.push(asking);
        }
        found
    }

    /// What an arm says for all recipes, on top of what its target does.
    pub(super) fn of_arm(
        &mut self,
        name: &str,
        arm: &ArmSection,
        target: &Asking,
        file: &File,
    ) -> Asking {
        let given = Given {
            kind: target.kind,
            credentials: &arm.credentials,
            overrides: &arm.credential_override,
            routing: &arm.routing,
            breakdown: &None,
            body: &arm.body,
            headers: &arm.headers,
        };
        let own = self.said(name, &given, file, true);
        let mut asking = target.clone();
        asking.fields.extend(own.fields);
        reroute(&mut asking.routing, own.routing);
        tree::merge(&mut asking.body, &own.body);
        replace_headers(&mut asking.headers, own.headers);
        asking
    }

    fn said(&mut self, name: &str, given: &Given<'_>, file: &File, used: bool) -> Asking {
        let mut asking = Asking {
            target: name.to_owned(),
            kind: given.kind,
            ..Asking::default()
        };
        if given.kind != Kind::Respan {
            let spans = [
                ("credentials", given.credentials.as_ref().map(|s| &s.span)),
                (
                    "credential_override",
                    given.overrides.as_ref().map(|s| &s.span),
                ),
                ("routing", given.routing.as_ref().map(|s| &s.span)),
                ("breakdown", given.breakdown.as_ref().map(|s| &s.span)),
            ];
            for (key, span) in spans {
                self.only_respan(key, span, name);
            }
        }
        if let Some(credentials) = given.credentials {
            let fields = self.credentials(credentials, used);
            let into = asking.fields.entry("customer_credentials".to_owned());
            into.or_insert(Tree::Map(fields));
        }
        if let Some(overrides) = given.overrides {
            let asked = asked(file, given.routing.as_ref());
            let fields = self.overrides(overrides, &asked, used);
            let into = asking.fields.entry("credential_override".to_owned());
            into.or_insert(Tree::Map(fields));
        }
        if let Some(routing) = given.routing {
            asking.routing = self.routing(routing, used);
        }
        if let Some(body) = given.body {
            asking.body = self.body(body, given.kind);
        }
        if let Some(headers) = given.headers {
            asking.headers = self.headers(headers, used);
        }
        asking
    }

    fn only_respan(&mut self, key: &str, span: Option<&Range<usize>>, target: &str) {
        if let Some(span) = span {
            let message = format!(
                "`{key}` is for Respan's gateway, and the target `{target}` is of another kind"
            );
            self.problem(span.clone(), message, RESPAN_HELP);
        }
    }

    /// What the requests of a recipe say, and which models may answer them.
    pub(super) fn extra(&mut self, recipe: &file::Recipe, asking: &Asking) -> (Extra, Choices) {
        let chat = &recipe.chat;
        let mut fields = asking.fields.clone();
        let mut routing = asking.routing.clone();
        if let Some(own) = &chat.routing {
            if asking.kind == Kind::Respan {
                reroute(&mut routing, self.routing(own, true));
            } else {
                self.only_respan("routing", Some(&own.span), &asking.target);
            }
        }
        fields.extend(routing);
        let own_body = match &chat.body {
            Some(body) => self.body(body, asking.kind),
            None => Fields::new(),
        };
        let bodies = [&asking.body, &own_body];
        let own_stream_options = bodies
            .iter()
            .any(|body| body.contains_key("stream_options"));
        if own_stream_options && chat.stream.unwrap_or(true) {
            let usage = ("include_usage".to_owned(), Tree::Plain(true.into()));
            fields.insert(
                "stream_options".to_owned(),
                Tree::Map(Fields::from([usage])),
            );
        }
        for body in bodies {
            tree::merge(&mut fields, body);
        }
        let mut headers = asking.headers.clone();
        if let Some(own) = &chat.headers {
            replace_headers(&mut headers, self.headers(own, true));
        }
        let body = (!fields.is_empty()).then(|| {
            let mut body = Template::default();
            let cells = &mut |field: &str, span: &Range<usize>| self.cells(recipe, field, span);
            tree::write_fields(&mut body, &fields, &recipe.name, cells);
            body
        });
        let names = headers.iter().map(|header| header.name.as_str());
        let choices = Choices::of(&chat.model, &fields, names);
        let headers = headers.iter().map(|header| self.header(header, recipe));
        let extra = Extra {
            body,
            own_stream_options,
            headers: headers.collect(),
        };
        (extra, choices)
    }

    /// Further fields of a body.
    fn body(&mut self, body: &Spanned<Free>, kind: Kind) -> Fields {
        let Free::Map(fields) = &body.value else {
            let message = "the further fields of a body are a mapping";
            self.problem(body.span.clone(), message, "write body: { temperature: 0 }");
            return Fields::new();
        };
        for (name, _) in &fields.0 {
            if OWN_FIELDS.contains(&name.value.as_str()) {
                let message = format!("`{}` is not set in `body`", name.value);
                let help = "it is a key of the recipe's `chat`";
                self.problem(name.span.clone(), message, help);
            }
            if kind == Kind::Respan && name.value == "custom_identifier" {
                let message = "`custom_identifier` is what joins a request with Respan's log of it";
                let help = "put what you want to tell into `metadata`";
                self.problem(name.span.clone(), message, help);
            }
        }
        self.fields(fields)
    }

    fn fields(&mut self, fields: &Ordered<Spanned<Free>>) -> Fields {
        let mut found = Fields::new();
        for (name, value) in &fields.0 {
            let tree = match &value.value {
                Free::Text(text) if is_secret_name(name) => {
                    let text = Spanned::new(text.clone(), value.span.clone());
                    self.secret(&text, name, false).map(Tree::Hidden)
                }
                _ => self.free(value),
            };
            found.extend(tree.map(|tree| (name.value.clone(), tree)));
        }
        found
    }

    fn free(&mut self, value: &Spanned<Free>) -> Option<Tree> {
        Some(match &value.value {
            Free::Plain(plain) => Tree::Plain(plain.clone()),
            Free::Text(text) => return self.text(text, &value.span),
            Free::List(items) => {
                Tree::List(items.iter().filter_map(|item| self.free(item)).collect())
            }
            Free::Map(fields) => Tree::Map(self.fields(fields)),
        })
    }

    /// A text that may hold placeholders.
    pub(super) fn text(&mut self, text: &str, span: &Range<usize>) -> Option<Tree> {
        match template::split(text) {
            Ok(pieces) => Some(Tree::Text(pieces, span.clone())),
            Err(troubles) => {
                for trouble in troubles {
                    // Quotes and escapes may have changed how it is written.
                    let within = self.source.text[span.clone()].find(&trouble.written);
                    let place = within.map_or(span.clone(), |at| {
                        let start = span.start + at;
                        start..start + trouble.written.len()
                    });
                    self.problem(place, trouble.message, template::HELP);
                }
                None
            }
        }
    }

    /// A field of each row of a recipe's prompt file.
    pub(super) fn cells(
        &mut self,
        recipe: &file::Recipe,
        field: &str,
        span: &Range<usize>,
    ) -> Option<Vec<Value>> {
        let file::Prompt::File(path) = &recipe.chat.prompt.value else {
            let message = format!(
                "`row.{field}`: the recipe `{}` has no prompt file",
                recipe.name.value
            );
            let problem = Problem::at(&self.source, span.clone(), message);
            let problem = problem.with_help("rows are the lines of `prompt: { file: ... }`");
            if !self.problems.contains(&problem) {
                self.problems.push(problem);
            }
            return None;
        };
        self.column(path, field)
    }
}

/// Puts one way over another: of two ways to balance, the upper one's counts.
fn reroute(routing: &mut Fields, over: Fields) {
    if over.contains_key("load_balance_models") {
        routing.remove("load_balance_group");
    } else if over.contains_key("load_balance_group") {
        routing.remove("load_balance_models");
    }
    routing.extend(over);
}

fn replace_headers(headers: &mut Vec<Header>, over: Vec<Header>) {
    for header in over {
        headers.retain(|other| other.name != header.name);
        headers.push(header);
    }
}

/// The tags by which Respan's log of a request is found again, and whether it is to tell its account.
fn tags(breakdown: bool) -> Fields {
    let id = vec![Piece::Run, Piece::Text("-".to_owned()), Piece::Arrival];
    let text = |piece| Tree::Text(vec![piece], 0..0);
    let metadata = [("run", Piece::Run), ("arrival", Piece::Arrival)];
    let metadata = metadata.map(|(name, piece)| (name.to_owned(), text(piece)));
    let mut fields = Fields::from([
        ("custom_identifier".to_owned(), Tree::Text(id, 0..0)),
        ("metadata".to_owned(), Tree::Map(metadata.into())),
    ]);
    if breakdown {
        fields.insert("request_breakdown".to_owned(), Tree::Plain(true.into()));
    }
    fields
}

/// All models that a run may ask.
fn asked<'f>(file: &'f File, of_target: Option<&'f Spanned<file::Routing>>) -> Vec<&'f str> {
    let recipes = || file.mix.iter().flat_map(|mix| &mix.value);
    let own = arms::asked_models(file).into_iter();
    let own = own.map(|(_, model)| model.value.as_str());
    let by_recipe = recipes().filter_map(|recipe| recipe.chat.routing.as_ref());
    let routed = by_recipe.chain(of_target);
    let mut asked: Vec<&str> = own
        .chain(routed.flat_map(|routing| routing::models(routing)))
        .collect();
    asked.sort_unstable();
    asked.dedup();
    asked
}
