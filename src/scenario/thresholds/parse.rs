//! Text to a threshold. What is wrong is told at its very characters.

use std::ops::Range;
use std::str::FromStr;

use super::figure::{Figure, Plain, TIMES, Unit};
use super::words::{Fault, Parsed, did_you_mean, fault, measure, plain, stat, time};
use super::{ADDED, Key, Limit, Margin, Part, Relation, Test, sandwich};
use crate::scenario::By;
use crate::scenario::document::names_in_words;

const EXAMPLES: &str =
    "write a figure, a sign and a limit: p95(ttft) < 800ms, error_rate < 1%, goodput > 20/s";

impl FromStr for Test {
    type Err = Fault;

    fn from_str(text: &str) -> Parsed<Self> {
        let mut reader = Reader { text, at: 0 };
        let figure = reader.figure()?;
        let scope = reader.scope()?;
        let relation = reader.relation(&figure)?;
        let limit = reader.limit(&figure, relation)?;
        reader.end()?;
        Ok(Self {
            figure,
            scope,
            relation,
            limit,
        })
    }
}

/// What is left to read of a text.
struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    /// Takes these characters, if they come next.
    fn takes(&mut self, wanted: &str) -> bool {
        self.skip_blanks();
        let found = self.rest().starts_with(wanted);
        self.at += if found { wanted.len() } else { 0 };
        found
    }

    /// Takes all characters that fit, after blanks; and where they stand.
    fn while_(&mut self, fits: impl Fn(char) -> bool) -> (&'t str, Range<usize>) {
        self.skip_blanks();
        let rest = self.rest();
        let end = rest.find(|c| !fits(c)).unwrap_or(rest.len());
        let at = self.at..self.at + end;
        self.at = at.end;
        (&rest[..end], at)
    }

    fn word(&mut self) -> (&'t str, Range<usize>) {
        self.while_(|c| c.is_alphanumeric() || c == '_' || c == '.')
    }

    /// Where the next characters up to a blank stand: what is wrong where nothing fits.
    fn here(&mut self) -> Range<usize> {
        self.skip_blanks();
        let rest = self.rest();
        let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
        self.at..self.at + end
    }

    fn demand(&mut self, wanted: &str, why: &str) -> Parsed<()> {
        if self.takes(wanted) {
            return Ok(());
        }
        let at = self.here();
        fault(at, format!("expected `{wanted}` here"), why)
    }

    fn end(&mut self) -> Parsed<()> {
        let at = self.here();
        if at.is_empty() {
            return Ok(());
        }
        let said = &self.text[at.clone()];
        let help = "a threshold ends with its limit; give each one an entry of its own";
        fault(at, format!("`{said}` follows the limit"), help)
    }

    fn figure(&mut self) -> Parsed<Figure> {
        let (name, at) = self.word();
        if name.is_empty() {
            let here = self.here();
            return fault(here, "a figure is missing here", EXAMPLES);
        }
        if self.takes("(") {
            let figure = self.of_stat(name, &at)?;
            self.demand(")", "close what the statistic is of: p95(ttft)")?;
            return Ok(figure);
        }
        if name == "shares" {
            return Ok(Figure::Shares);
        }
        if name == "stream" {
            return Ok(Figure::Stream);
        }
        if let Some(plain) = plain(name) {
            return Ok(Figure::Plain(plain));
        }
        if time(name).is_some() || ADDED.contains(&name) {
            let message = format!("`{name}` needs a statistic");
            return fault(
                at,
                message,
                format!("write p95({name}), mean({name}) or max({name})"),
            );
        }
        let near = did_you_mean(
            name,
            &[Plain::NAMES, &TIMES, &ADDED, &["shares", "stream"]].concat(),
        );
        let message = format!("there is no figure `{name}`{near}");
        let times = [&TIMES[..], &ADDED].concat();
        let (numbers, times) = (names_in_words(Plain::NAMES), names_in_words(&times));
        let help = format!(
            "known: {numbers}, `shares`, `stream`, `share(...)`; and p95(...), mean(...) and max(...) of {times}"
        );
        fault(at, message, help)
    }

    /// The figure of `name(`, up to the closing bracket.
    fn of_stat(&mut self, name: &str, at: &Range<usize>) -> Parsed<Figure> {
        if name == "share" {
            let (by, value) = self.share()?;
            return Ok(Figure::Share(by, value));
        }
        let stat = stat(name, at)?;
        let (of, place) = self.word();
        if let Some(time) = time(of) {
            return Ok(Figure::Time(stat, time));
        }
        if let Some(added) = ADDED.into_iter().find(|added| *added == of) {
            return sandwich::quantile(stat, name, at).map(|q| Figure::Added(q, added));
        }
        if plain(of).is_some() {
            let message = format!("`{of}` is one number, and has no `{name}`");
            return fault(place, message, format!("write {of} without `{name}(...)`"));
        }
        let message = match of {
            "" => "a time is missing here".to_owned(),
            _ => format!("there is no time `{of}`{}", did_you_mean(of, &TIMES)),
        };
        fault(place, message, format!("known: {}", names_in_words(&TIMES)))
    }

    /// `model=NAME` or `provider=NAME`.
    fn share(&mut self) -> Parsed<(By, String)> {
        let help = "write share(model=NAME) or share(provider=NAME)";
        let (by, at) = self.word();
        let by = match by {
            "model" => By::Model,
            "provider" => By::Provider,
            _ => return fault(at, format!("`{by}` shares out no answers"), help),
        };
        self.demand("=", help)?;
        Ok((by, self.value(')', help)?))
    }

    fn scope(&mut self) -> Parsed<Vec<Part>> {
        let mut parts: Vec<Part> = Vec::new();
        if !self.takes("{") {
            return Ok(parts);
        }
        let help = "a scope is {recipe=chat,stream=true}";
        loop {
            let (name, at) = self.word();
            let Some(key) = Key::ALL.into_iter().find(|key| key.name() == name) else {
                let known = Key::ALL.map(Key::name);
                let message = match name {
                    "" => "a key is missing here".to_owned(),
                    _ => format!(
                        "requests have no `{name}` to tell them apart{}",
                        did_you_mean(name, &known)
                    ),
                };
                return fault(at, message, format!("known: {}", names_in_words(&known)));
            };
            if parts.iter().any(|part| part.key == key) {
                let message = format!("`{name}` is given twice");
                return fault(at, message, "give each key once");
            }
            self.demand("=", help)?;
            self.skip_blanks();
            let from = self.at;
            let value = self.value('}', help)?;
            if matches!(key, Key::Stream | Key::Cold | Key::Reused)
                && !["true", "false"].contains(&value.as_str())
            {
                let message = format!("`{name}` is true or false, and not `{value}`");
                return fault(from..self.at, message, format!("write {name}=true"));
            }
            parts.push(Part { key, value });
            if self.takes("}") {
                return Ok(parts);
            }
            self.demand(",", help)?;
        }
    }

    /// A name in quotes, or up to a comma or the closing bracket.
    fn value(&mut self, close: char, help: &str) -> Parsed<String> {
        self.skip_blanks();
        let from = self.at;
        if self.takes("\"") {
            return self.quoted(from);
        }
        let (value, at) = self.while_(|c| c != close && c != ',');
        let value = value.trim_end();
        if value.is_empty() {
            return fault(at, "a value is missing here", help);
        }
        Ok(value.to_owned())
    }

    fn quoted(&mut self, from: usize) -> Parsed<String> {
        let mut value = String::new();
        let mut chars = self.rest().char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.at += at + 1;
                    return Ok(value);
                }
                '\\' => value.extend(chars.next().map(|(_, c)| c)),
                c => value.push(c),
            }
        }
        fault(
            from..self.text.len(),
            "the quote is not closed",
            "end the name with `\"`",
        )
    }

    fn relation(&mut self, figure: &Figure) -> Parsed<Relation> {
        self.skip_blanks();
        let from = self.at;
        let Some(relation) = Relation::ALL.into_iter().find(|r| self.takes(r.sign())) else {
            let at = self.here();
            return fault(
                at,
                "a sign is missing here",
                "write <, <=, > or >= and a limit",
            );
        };
        let exact = matches!(figure, Figure::Shares) || figure.unit() == Unit::Count;
        if matches!(figure, Figure::Stream) {
            return match relation {
                Relation::Equal | Relation::AtMost => Ok(relation),
                _ => {
                    let message = "what becomes of streams is one of four, from best to worst";
                    let help =
                        "write stream == faithful, or stream <= coalesced for no worse than that";
                    fault(from..self.at, message, help)
                }
            };
        }
        if relation == Relation::Equal && !exact {
            let message = format!("`{}` is measured, and equals nothing", figure.name());
            return fault(from..self.at, message, "write <= or >=");
        }
        if matches!(figure, Figure::Shares) && relation != Relation::Equal {
            let message = "`shares` are as expected, or they are not";
            return fault(from..self.at, message, "write shares == expected");
        }
        Ok(relation)
    }

    fn limit(&mut self, figure: &Figure, relation: Relation) -> Parsed<Limit> {
        if matches!(figure, Figure::Shares) {
            self.demand("expected", "write shares == expected")?;
            return Ok(Limit::Expected);
        }
        if matches!(figure, Figure::Stream) {
            return self.verdict();
        }
        let unit = figure.unit();
        let from = self.here();
        let mut margins = Vec::new();
        let mut alone = false;
        while self.takes("baseline") {
            let margin = self.margin(figure)?;
            alone |= margin.is_none();
            margins.extend(margin);
            if !self.takes("or") {
                let at = from.start..self.at;
                if alone && !margins.is_empty() {
                    let message = "`baseline` alone is no margin beside another";
                    return fault(at, message, "leave it out: the widest margin counts");
                }
                if relation == Relation::Equal {
                    return fault(at, "a baseline is never met exactly", "write <= or >=");
                }
                return Ok(Limit::Baseline(margins));
            }
        }
        if !margins.is_empty() || alone {
            let at = self.here();
            let help = "write baseline * 1.10 or baseline + 20ms";
            return fault(at, "expected `baseline` after `or`", help);
        }
        if "*+".contains(self.rest().chars().next().unwrap_or(' ')) {
            let help = "a margin stands on the baseline: baseline * 1.10, baseline + 20ms";
            return fault(self.here(), "a margin without `baseline`", help);
        }
        let limit = self.quantity(figure)?;
        let share_beyond = unit == Unit::Share && limit > 1.0;
        if share_beyond {
            return fault(
                from,
                "no share is larger than 100%",
                "give a limit from 0% to 100%",
            );
        }
        Ok(Limit::Value(limit))
    }

    /// What becomes of streams, by its name.
    fn verdict(&mut self) -> Parsed<Limit> {
        let (said, at) = self.word();
        sandwich::verdict(said, at).map(Limit::Stream)
    }

    /// What follows `baseline`; `None`: nothing.
    fn margin(&mut self, figure: &Figure) -> Parsed<Option<Margin>> {
        if self.takes("*") {
            let (number, at) = self.while_(|c| c.is_ascii_digit() || c == '.');
            return match number.parse::<f64>() {
                Ok(factor) if factor > 0.0 && factor.is_finite() => Ok(Some(Margin::Times(factor))),
                _ => {
                    let at = if at.is_empty() { self.here() } else { at };
                    let message = "a factor above zero is missing here";
                    fault(at, message, "write baseline * 1.10")
                }
            };
        }
        if self.takes("+") {
            return self.quantity(figure).map(|more| Some(Margin::Plus(more)));
        }
        if self.takes("-") {
            return self.quantity(figure).map(|less| Some(Margin::Plus(-less)));
        }
        Ok(None)
    }

    /// A number with its unit, which must be that of the figure; in the figure's unit.
    fn quantity(&mut self, figure: &Figure) -> Parsed<f64> {
        let unit = figure.unit();
        let (said, at) = self.while_(|c| !c.is_whitespace());
        let example = format!("write {}", unit.example());
        let Some((value, found)) = measure(said) else {
            let message = match said {
                "" => "a limit is missing here".to_owned(),
                _ => format!("`{said}` is no limit"),
            };
            return fault(at, message, example);
        };
        let name = figure.name();
        match found {
            Some(found) if found == unit => Ok(value),
            Some(found) => {
                let message = format!(
                    "`{said}` is {}, and `{name}` is {}",
                    found.noun(),
                    unit.noun()
                );
                fault(at, message, example)
            }
            None if unit == Unit::Count && value.fract() == 0.0 => Ok(value),
            None if unit == Unit::Count => fault(at, format!("`{said}` is no count"), example),
            None => fault(at, format!("the limit `{said}` has no unit"), example),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::figure::Stat;
    use super::*;

    fn parsed(text: &str) -> Test {
        text.parse()
            .unwrap_or_else(|fault: Fault| panic!("{text}: {fault:?}"))
    }

    /// What is wrong, as the characters that it points at, the message and the help.
    fn wrong(text: &str) -> (&str, String, String) {
        let fault = text.parse::<Test>().unwrap_err();
        (&text[fault.at.clone()], fault.message, fault.help)
    }

    #[test]
    fn thresholds_are_read_in_each_of_their_forms() {
        let test = parsed("p95( ttft ) { recipe = chat , stream=true } < 0.8s");
        assert_eq!(test.figure, Figure::Time(Stat::Quantile(0.95), "ttft"));
        assert_eq!(test.limit, Limit::Value(800.0));
        assert_eq!(test.scope_name(), "recipe=chat,stream=true");
        for text in [
            "error_rate < 1%",
            "goodput > 20/s",
            "cost_per_request < $0.002",
            "p99.9(chunk_gap){recipe=\"a, b\"} <= 200ms",
            "max(e2e) < 30000ms",
            "failed == 0",
            "p95(ttft) <= baseline * 1.1 or baseline + 20ms",
            "error_rate <= baseline + 0.5%",
            "goodput >= baseline - 2/s",
            "shares{recipe=chat} == expected",
            "share(model=openai/gpt-lab) >= 60%",
        ] {
            assert_eq!(parsed(text).to_string(), text);
        }
        let claimed = parsed("p99(routing_time) < 150ms");
        assert_eq!(
            claimed.figure,
            Figure::Time(Stat::Quantile(0.99), "overhead_claimed")
        );
        assert_eq!(claimed.scope_name(), "total");
        assert_eq!(parsed("ok{recipe=chat} > 5").scope_name(), "recipe:chat");
        assert_eq!(parsed("goodput > 60/m").limit, Limit::Value(1.0));
    }

    #[test]
    fn a_mistake_is_told_at_its_characters_with_what_would_be_right() {
        let cases = [
            ("p95(tftt) < 1s", "tftt", "did you mean `ttft`?"),
            ("p95(error_rate) < 1%", "error_rate", "is one number"),
            ("p100(ttft) < 1s", "p100", "out of range"),
            ("p0(ttft) < 1s", "p0", "out of range"),
            ("p95x(ttft) < 1s", "p95x", "did you mean `p95`?"),
            ("avg(ttft) < 1s", "avg", "did you mean `mean`?"),
            ("ttft < 1s", "ttft", "needs a statistic"),
            ("eror_rate < 1%", "eror_rate", "did you mean `error_rate`?"),
            ("p95(ttft){rcipe=a} < 1s", "rcipe", "did you mean `recipe`?"),
            ("p95(ttft){stream=yes} < 1s", "yes", "true or false"),
            ("ok{recipe=a,recipe=b} > 1", "recipe", "given twice"),
            ("p95(ttft) < 800", "800", "has no unit"),
            ("p95(ttft) < 3%", "3%", "is a share, and `ttft` is a time"),
            ("error_rate < 120%", "120%", "larger than 100%"),
            ("failed == 0.5", "0.5", "is no count"),
            ("p95(ttft) == 5ms", "==", "equals nothing"),
            ("p95(ttft) <= * 1.10", "*", "a margin without `baseline`"),
            ("p95(ttft) <= baseline * x", "x", "a factor above zero"),
            (
                "p95(ttft) <= baseline + 5%",
                "5%",
                "is a share, and `ttft` is a time",
            ),
            ("p95(ttft) < 1s and more", "and", "follows the limit"),
            ("p95(ttft)", "", "a sign is missing"),
            ("p95(ttft) <", "", "a limit is missing"),
            ("", "", "a figure is missing"),
            ("shares > 3%", ">", "as expected, or they are not"),
            ("p95(ttft) ~ 3ms", "~", "a sign is missing"),
        ];
        for (text, at, said) in cases {
            let (place, message, help) = wrong(text);
            assert_eq!(place, at, "{text}: {message}");
            assert!(message.contains(said), "{text}: {message}");
            assert!(!help.is_empty(), "{text}");
        }
    }
}
