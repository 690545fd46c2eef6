//! The text of a preset with places to fill in: `{port}`, and parts that are repeated for each provider or
//! stand only where there are several.
//!
//! Only `{word}` is a place. Any other brace stands for itself, so that TOML, JSON and YAML are written as
//! they are.

use std::borrow::Cow;

use crate::scenario::document::nearest;

/// What can be filled in anywhere.
const VALUES: [&str; 9] = [
    "port",
    "dir",
    "config",
    "provider_url",
    "provider_key",
    "client_key",
    "tollgate",
    "program",
    "open",
];
/// What can be filled in for one provider.
const OF_PROVIDER: [&str; 5] = ["name", "url", "weight", "rank", "slot"];
/// Parts of the text that stand under a condition, or once for each provider.
const SECTIONS: [&str; 6] = [
    "one",
    "several",
    "ranked",
    "weighted",
    "providers",
    "others",
];

/// How a gateway chooses among several providers.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    serde::Serialize,
    serde::Deserialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "snake_case")]
pub(in crate::app) enum Routing {
    /// The first one, and the next where it fails
    #[default]
    Ranked,
    /// Each with its share of the requests
    Weighted,
}

/// A provider behind the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::app) struct Upstream {
    /// Its name: lower-case letters, digits and dashes.
    pub(in crate::app) name: String,
    /// The base URL of its API.
    pub(in crate::app) url: String,
    /// Its share of the requests, relative to the others'.
    pub(in crate::app) weight: u32,
}

/// What is filled in.
#[derive(Clone, Debug, Default)]
pub(super) struct Values {
    pub(super) port: u16,
    pub(super) dir: String,
    pub(super) config: String,
    pub(super) provider_key: String,
    pub(super) client_key: String,
    pub(super) tollgate: String,
    pub(super) program: String,
    pub(super) upstreams: Vec<Upstream>,
    pub(super) routing: Routing,
    /// The gateway's own words for a provider, where it knows only some: by rank.
    pub(super) slots: Vec<String>,
}

/// A text that was understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Text(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Plain(String),
    Place(String),
    /// A comma, but after the last provider.
    Comma,
    Section(&'static str, Vec<Piece>),
}

/// What a tag says, without its braces.
enum Tag<'t> {
    Open(&'t str),
    Close(&'t str),
    Comma,
    Place(&'t str),
}

/// The first tag of a text: where it begins and ends, and what it says.
fn next_tag(text: &str) -> Option<(usize, usize, Tag<'_>)> {
    let mut from = 0;
    while let Some(at) = text[from..].find('{') {
        let (begin, inner) = (from + at, from + at + 1);
        if let Some(length) = text[inner..].find(['}', '{', '\n'])
            && text[inner + length..].starts_with('}')
            && let Some(tag) = tag(&text[inner..inner + length])
        {
            return Some((begin, inner + length + 1, tag));
        }
        from = inner;
    }
    None
}

fn tag<'t>(inner: &'t str) -> Option<Tag<'t>> {
    if inner == "," {
        return Some(Tag::Comma);
    }
    let (word, make): (&str, fn(&'t str) -> Tag<'t>) = match inner.as_bytes().first()? {
        b'#' => (&inner[1..], Tag::Open),
        b'/' => (&inner[1..], Tag::Close),
        _ => (inner, Tag::Place),
    };
    let of_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.');
    let begins = word.starts_with(|c: char| c.is_ascii_lowercase());
    (begins && word.chars().all(of_word)).then(|| make(word))
}

impl Text {
    /// Understands a text; all that is wrong with it, each with a way out after a line break.
    pub(super) fn parse(text: &str) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        // What is open, outermost first; the pieces of the innermost are being collected.
        let mut open: Vec<(&'static str, Vec<Piece>)> = Vec::new();
        let (mut pieces, mut rest) = (Vec::new(), text);
        while let Some((begin, end, tag)) = next_tag(rest) {
            let (mut plain, after) = (&rest[..begin], &rest[end..]);
            let is_section = matches!(tag, Tag::Open(_) | Tag::Close(_));
            let before = &text[..text.len() - rest.len() + begin];
            let line = before.rfind('\n').map_or(before, |at| &before[at + 1..]);
            // A section's tag that has a line to itself takes the line with it.
            let alone = is_section && line.trim().is_empty() && after.starts_with('\n');
            if alone {
                plain = plain.trim_end_matches([' ', '\t']);
            }
            if !plain.is_empty() {
                pieces.push(Piece::Plain(plain.to_owned()));
            }
            rest = if alone { &after[1..] } else { after };
            match tag {
                Tag::Comma if in_loop(&open) => pieces.push(Piece::Comma),
                Tag::Comma => problems.push(outside(",")),
                Tag::Place(name) => match place(name, in_loop(&open)) {
                    Ok(piece) => pieces.push(piece),
                    Err(problem) => problems.push(problem),
                },
                Tag::Open(name) => match SECTIONS.iter().find(|known| **known == name) {
                    Some(known) => open.push((known, std::mem::take(&mut pieces))),
                    None => problems.push(unknown("#", name, &SECTIONS)),
                },
                Tag::Close(name) => match open.pop() {
                    Some((known, before)) if known == name => {
                        let body = std::mem::replace(&mut pieces, before);
                        pieces.push(Piece::Section(known, body));
                    }
                    other => {
                        problems.push(format!(
                            "`{{/{name}}}` closes nothing\nsections are closed in the reverse order of their opening"
                        ));
                        open.extend(other);
                    }
                },
            }
        }
        if let Some((name, _)) = open.first() {
            problems.push(format!(
                "`{{#{name}}}` is not closed\nwrite {{/{name}}} after it"
            ));
        }
        if !rest.is_empty() {
            pieces.push(Piece::Plain(rest.to_owned()));
        }
        if problems.is_empty() {
            Ok(Self(pieces))
        } else {
            Err(problems)
        }
    }

    /// Whether `{name}` stands anywhere in it.
    pub(super) fn uses(&self, name: &str) -> bool {
        fn within(pieces: &[Piece], name: &str) -> bool {
            pieces.iter().any(|piece| match piece {
                Piece::Place(place) => place == name,
                Piece::Section(_, body) => within(body, name),
                Piece::Plain(_) | Piece::Comma => false,
            })
        }
        within(&self.0, name)
    }

    /// The text with its places filled in.
    pub(super) fn fill(&self, values: &Values) -> String {
        let mut out = String::new();
        values.fill(&self.0, None, &mut out);
        out
    }
}

fn in_loop(open: &[(&'static str, Vec<Piece>)]) -> bool {
    open.iter()
        .any(|(name, _)| matches!(*name, "providers" | "others"))
}

fn outside(name: &str) -> String {
    format!("`{{{name}}}` is of one provider\nwrite it between {{#providers}} and {{/providers}}")
}

fn place(name: &str, in_loop: bool) -> Result<Piece, String> {
    if OF_PROVIDER.contains(&name) && !in_loop {
        return Err(outside(name));
    }
    let numbered = name
        .strip_prefix("provider_url.")
        .is_some_and(|number| number.parse::<usize>().is_ok_and(|rank| rank > 0));
    let known = VALUES.contains(&name) || OF_PROVIDER.contains(&name) || numbered;
    if known {
        return Ok(Piece::Place(name.to_owned()));
    }
    let all = [&VALUES[..], &OF_PROVIDER].concat();
    Err(unknown("", name, &all))
}

fn unknown(sign: &str, name: &str, known: &[&str]) -> String {
    let near = nearest(name, known).map_or_else(String::new, |near| {
        format!(", did you mean `{{{sign}{near}}}`?")
    });
    let known: Vec<String> = known
        .iter()
        .map(|name| format!("{{{sign}{name}}}"))
        .collect();
    format!(
        "`{{{sign}{name}}}` is no placeholder{near}\nknown: {}; for the words themselves write {{open}}{name}}}",
        known.join(", ")
    )
}

impl Values {
    fn holds(&self, section: &str) -> bool {
        let several = self.upstreams.len() > 1;
        match section {
            "one" => !several,
            "several" => several,
            "ranked" => several && self.routing == Routing::Ranked,
            "weighted" => several && self.routing == Routing::Weighted,
            _ => unreachable!("sections are checked as they are read"),
        }
    }

    fn fill(&self, pieces: &[Piece], of: Option<usize>, out: &mut String) {
        for piece in pieces {
            match piece {
                Piece::Plain(text) => out.push_str(text),
                Piece::Place(name) => out.push_str(&self.value(name, of)),
                Piece::Comma if of.is_some_and(|at| at + 1 < self.upstreams.len()) => out.push(','),
                Piece::Section("providers", body) => self.repeat(0, body, out),
                Piece::Section("others", body) => self.repeat(1, body, out),
                Piece::Section(name, body) if self.holds(name) => self.fill(body, of, out),
                Piece::Comma | Piece::Section(..) => {}
            }
        }
    }

    fn repeat(&self, from: usize, body: &[Piece], out: &mut String) {
        for at in from..self.upstreams.len() {
            self.fill(body, Some(at), out);
        }
    }

    fn value(&self, name: &str, of: Option<usize>) -> Cow<'_, str> {
        let url = |at: usize| self.upstreams.get(at).map_or("", |one| one.url.as_str());
        let at = of.unwrap_or_default();
        match name {
            "port" => self.port.to_string().into(),
            "dir" => self.dir.as_str().into(),
            "config" => self.config.as_str().into(),
            "provider_key" => self.provider_key.as_str().into(),
            "client_key" => self.client_key.as_str().into(),
            "tollgate" => self.tollgate.as_str().into(),
            "program" => self.program.as_str().into(),
            "provider_url" => url(0).into(),
            "open" => "{".into(),
            "name" => self.upstreams[at].name.as_str().into(),
            "url" => url(at).into(),
            "weight" => self.upstreams[at].weight.to_string().into(),
            "rank" => (at + 1).to_string().into(),
            "slot" => self.slots.get(at).map_or("", String::as_str).into(),
            _ => {
                let rank = name
                    .strip_prefix("provider_url.")
                    .and_then(|n| n.parse().ok());
                url(rank.unwrap_or(1_usize) - 1).into()
            }
        }
    }
}

/// The words of a command line as a shell takes them: quotes hold blanks together, and a backslash takes
/// the next character as it is.
pub(super) fn words(line: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None::<char>);
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        match (letter, quote) {
            ('\\', None | Some('"')) => match letters.next() {
                Some(next) => word.get_or_insert_default().push(next),
                None => return Err("it ends with a backslash".to_owned()),
            },
            (letter, Some(open)) if letter == open => quote = None,
            ('"' | '\'', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (letter, None) if letter.is_whitespace() => words.extend(word.take()),
            (letter, _) => word.get_or_insert_default().push(letter),
        }
    }
    if let Some(open) = quote {
        return Err(format!("a quote ({open}) is not closed"));
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(count: usize, routing: Routing) -> Values {
        let upstream = |at: usize| Upstream {
            name: format!("p{at}"),
            url: format!("http://h:{at}/v1"),
            weight: at as u32 * 3,
        };
        Values {
            port: 80,
            upstreams: (1..=count).map(upstream).collect(),
            routing,
            slots: ["groq", "together"].map(str::to_owned).into(),
            ..Values::default()
        }
    }

    fn filled(text: &str, count: usize, routing: Routing) -> String {
        Text::parse(text).unwrap().fill(&values(count, routing))
    }

    #[test]
    fn places_are_filled_in_and_other_braces_stand_as_they_are() {
        let text = "a = { b = \"{port}\", c = {} } {\"d\": {open}port}}";
        let expected = "a = { b = \"80\", c = {} } {\"d\": {port}}";
        assert_eq!(filled(text, 1, Routing::Ranked), expected);
        assert_eq!(
            filled("{provider_url.2}|{provider_url}", 1, Routing::Ranked),
            "|http://h:1/v1"
        );
    }

    #[test]
    fn a_part_is_repeated_for_each_provider_and_commas_stand_between() {
        let text = "[{#providers}\"{slot}={weight}\"{,}{/providers}] {#others}{rank}{/others}";
        assert_eq!(
            filled(text, 2, Routing::Ranked),
            "[\"groq=3\",\"together=6\"] 2"
        );
        assert_eq!(filled(text, 1, Routing::Ranked), "[\"groq=3\"] ");
    }

    #[test]
    fn parts_stand_where_their_condition_holds_and_take_their_lines_with_them() {
        let text = "a\n  {#one}\n  1\n  {/one}\n{#several}\nn\n{#ranked}\nr\n{/ranked}\n{#weighted}\nw\n{/weighted}\n{/several}\nb";
        assert_eq!(filled(text, 1, Routing::Ranked), "a\n  1\nb");
        assert_eq!(filled(text, 2, Routing::Ranked), "a\nn\nr\nb");
        assert_eq!(filled(text, 2, Routing::Weighted), "a\nn\nw\nb");
        let inline = "{#several}{#ranked}r{/ranked}{/several}\n{#one}1{/one}\nb";
        assert_eq!(filled(inline, 2, Routing::Ranked), "r\n\nb");
    }

    #[test]
    fn all_that_is_wrong_with_a_text_is_told() {
        let problems = |text: &str| Text::parse(text).unwrap_err();
        let told = problems("{prot} {url} {#provider}{/providers} {,}");
        assert_eq!(told.len(), 5, "{told:?}");
        assert!(told[0].contains("did you mean `{port}`?"), "{told:?}");
        assert!(told[1].contains("between {#providers}"), "{told:?}");
        assert!(told[2].contains("did you mean `{#providers}`?"), "{told:?}");
        assert!(problems("{#one}x")[0].contains("not closed"));
        assert!(problems("{#one}{#several}{/one}{/several}").len() > 1);
        assert!(problems("{provider_url.0}")[0].contains("no placeholder"));
    }

    #[test]
    fn a_command_line_is_cut_into_words_as_a_shell_does() {
        let cut = |line| words(line).unwrap();
        assert_eq!(
            cut(" a  -c \"b c\" '{port}' d\\ e ''"),
            ["a", "-c", "b c", "{port}", "d e", ""]
        );
        assert_eq!(cut("--x=\"a b\"c"), ["--x=a bc"]);
        assert!(words("a 'b").unwrap_err().contains("not closed"));
        assert!(words("a\\").is_err());
        assert!(cut("  ").is_empty());
    }
}
