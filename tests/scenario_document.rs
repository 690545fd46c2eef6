//! The document reader, from outside: what a user's file says, and what is told of it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use proptest::prelude::*;
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use tollgate::scenario::document::{Document, read};
use tollgate::scenario::problem::{Problem, Source, render};
use tollgate::scenario::spanned::Spanned;

/// A duration such as `30s`, with an error in two parts.
#[derive(Debug, PartialEq)]
struct Seconds(u64);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let number = text
            .strip_suffix('s')
            .and_then(|digits| digits.parse().ok());
        number.map(Seconds).ok_or_else(|| {
            D::Error::custom(format!("`{text}` is no duration\nwrite it as in `30s`"))
        })
    }
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Plan {
    name: String,
    target: Target,
    #[serde(default)]
    stages: Vec<Stage>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    seed: Option<u64>,
    ratio: Option<f64>,
    verbose: Option<bool>,
    window: Option<(u8, u8)>,
    levels: Option<BTreeMap<u8, String>>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Target {
    url: Spanned<String>,
    api_key: Option<String>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Stage {
    Pause,
    Constant {
        rate: Spanned<u32>,
        duration: Seconds,
    },
    Ramp(Ramp),
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ramp {
    from: u32,
    to: u32,
}

fn env(name: &str) -> Option<String> {
    match name {
        "KEY" => Some("sk-secret".to_owned()),
        "N" => Some("4".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

fn document<T: serde::de::DeserializeOwned>(text: &str) -> Document<T> {
    read(&Source::new("load.yaml", text), &env)
}

fn value<T: serde::de::DeserializeOwned + fmt::Debug>(text: &str) -> T {
    let document: Document<T> = document(text);
    assert!(
        document.problems.is_empty(),
        "{}",
        render(&document.problems, false)
    );
    document.value.expect("a value, as there is no problem")
}

fn places(problems: &[Problem]) -> Vec<(usize, usize, &str)> {
    problems
        .iter()
        .map(|p| (p.line(), p.column(), p.message()))
        .collect()
}

/// Asserts the problems of a text, read as a plan.
#[track_caller]
fn told(text: &str, expected: &[(usize, usize, &str)]) -> Document<Plan> {
    let document: Document<Plan> = document(text);
    assert_eq!(places(&document.problems), expected);
    document
}

/// A valid start of a plan, three lines long.
const HEAD: &str = "name: smoke\ntarget:\n  url: http://localhost\n";

#[track_caller]
fn told_after_head(rest: &str, expected: &[(usize, usize, &str)]) -> Document<Plan> {
    told(&format!("{HEAD}{rest}"), expected)
}

fn help(document: &Document<Plan>) -> &str {
    document.problems[0].help().unwrap_or_default()
}

#[test]
fn a_whole_plan_is_read() {
    let plan: Plan = value(&format!(
        "{HEAD}  api_key: ${{KEY}}\n\
         stages:\n- pause\n- constant: {{ rate: ${{N:9}}, duration: 30s }}\n- ramp:\n    from: 0x10\n    to: 20\n\
         headers: {{ x-a: 1, x-b: true, x-c: '' }}\nseed: ~\nratio: 1e-2\nverbose: true\nwindow: [1, 2]\n\
         levels: {{ 1: low }}\n"
    ));
    assert_eq!(plan.target.api_key.as_deref(), Some("sk-secret"));
    assert_eq!(plan.stages[0], Stage::Pause);
    assert_eq!(
        plan.stages[1],
        Stage::Constant {
            rate: Spanned::from(4),
            duration: Seconds(30)
        }
    );
    assert_eq!(plan.stages[2], Stage::Ramp(Ramp { from: 16, to: 20 }));
    assert_eq!(plan.headers["x-a"], "1");
    assert_eq!(plan.headers["x-b"], "true");
    assert_eq!(plan.headers["x-c"], "");
    assert_eq!(
        (plan.seed, plan.ratio, plan.verbose),
        (None, Some(0.01), Some(true))
    );
    assert_eq!(plan.window, Some((1, 2)));
    assert_eq!(plan.levels.unwrap()[&1], "low");
}

#[test]
fn an_unknown_key_is_shown_at_its_place_with_the_nearest_known_one() {
    let document = told_after_head(
        "sede: 5\n",
        &[(4, 1, "unknown key `sede`, did you mean `seed`?")],
    );
    assert!(help(&document).contains("known here: `name`, `target`, `stages`"));
    assert!(document.value.is_some());
}

#[test]
fn a_mistyped_required_key_is_not_missing_as_well() {
    told(
        "nmae: x\ntarget: { url: u }\n",
        &[(1, 1, "unknown key `nmae`, did you mean `name`?")],
    );
}

#[test]
fn a_missing_key_is_shown_at_the_first_key_or_the_brace_of_its_mapping() {
    told(
        "name: x\ntarget:\n  api_key: k\n",
        &[(3, 3, "missing `url`")],
    );
    told(
        "name: x\ntarget: { api_key: k }\n",
        &[(2, 9, "missing `url`")],
    );
    told("name: x\ntarget: {}\n", &[(2, 9, "missing `url`")]);
}

#[test]
fn wrong_types_are_told_in_words() {
    told_after_head(
        "seed: abc\nratio: x\nverbose: yes\nheaders: [a]\nstages: 5\nwindow: [1, 2, 3]\nlevels: { a: b }\n",
        &[
            (4, 7, "expected a whole number, found `abc`"),
            (5, 8, "expected a number, found `x`"),
            (6, 10, "expected `true` or `false`, found `yes`"),
            (7, 10, "expected a mapping, found a list"),
            (8, 9, "expected a list, found `5`"),
            (9, 9, "expected a list of 2 elements, found 3"),
            (10, 11, "expected a whole number, found `a`"),
        ],
    );
    told(
        "name: [a]\ntarget:\n",
        &[
            (1, 7, "expected text, found a list"),
            (2, 7, "expected a mapping, found nothing"),
        ],
    );
}

#[test]
fn numbers_out_of_bounds_and_odd_numbers_get_their_own_words() {
    told_after_head(
        "seed: -1\n",
        &[(4, 7, "expected a whole number of at least 0, found `-1`")],
    );
    told_after_head(
        "seed: 1.0\n",
        &[(4, 7, "expected a whole number, found `1.0`")],
    );
    told_after_head(
        "window: [1, 300]",
        &[(4, 13, "expected a whole number of at most 255, found `300`")],
    );
    let document = told_after_head(
        "seed: 1_000\n",
        &[(4, 7, "expected a whole number, found `1_000`")],
    );
    assert_eq!(help(&document), "write `1000`");
    told_after_head("ratio: nan\n", &[(4, 8, "expected a number, found `nan`")]);
    told_after_head(
        "ratio: 1e999\n",
        &[(4, 8, "expected a number, found `1e999`")],
    );
    assert!(
        value::<Plan>(&format!("{HEAD}ratio: .inf\n"))
            .ratio
            .unwrap()
            .is_infinite()
    );
}

#[test]
fn a_quoted_scalar_is_never_a_number_or_a_truth_value() {
    let document = told_after_head(
        "seed: \"5\"\nverbose: 'true'\n",
        &[
            (4, 7, "expected a whole number, found the text `\"5\"`"),
            (
                5,
                10,
                "expected `true` or `false`, found the text `\"true\"`",
            ),
        ],
    );
    assert_eq!(help(&document), "remove the quotes: in quotes it is text");
    told_after_head(
        "seed: !!str 5\n",
        &[(4, 13, "expected a whole number, found the text `\"5\"`")],
    );
}

#[test]
fn an_error_of_a_field_type_is_shown_at_its_scalar_with_its_help() {
    let document = told_after_head(
        "stages:\n- constant: { rate: 5, duration: 5 minutes }\n- pause\n",
        &[(5, 34, "`5 minutes` is no duration")],
    );
    assert_eq!(help(&document), "write it as in `30s`");
    assert_eq!(document.value.unwrap().stages, [Stage::Pause]);
}

#[test]
fn a_choice_needs_exactly_one_known_key() {
    let document = told_after_head(
        "stages:\n- constant: { rate: 1, duration: 1s }\n  ramp: { from: 1, to: 2 }\n",
        &[(6, 3, "expected exactly one key, found `constant`, `ramp`")],
    );
    assert_eq!(
        help(&document),
        "exactly one of `pause`, `constant`, `ramp`"
    );
    told_after_head(
        "stages: [rmap]",
        &[(4, 10, "`rmap` is not known here, did you mean `ramp`?")],
    );
    told_after_head(
        "stages:\n- rmap: {from: 1, to: 2}\n- {}\n- [ramp]\n- ramp\n- pause: 5\n- pause:\n- ramp:\n",
        &[
            (5, 3, "`rmap` is not known here, did you mean `ramp`?"),
            (
                6,
                3,
                "expected one of `pause`, `constant`, `ramp`, found a mapping",
            ),
            (
                7,
                3,
                "expected one of `pause`, `constant`, `ramp`, found a list",
            ),
            (8, 3, "`ramp` needs a value"),
            (9, 10, "`pause` takes no value"),
            (11, 7, "expected a mapping, found nothing"),
        ],
    );
}

#[test]
fn all_problems_of_a_file_are_told_at_once_and_the_rest_is_read() {
    let document = told(
        "name: x\ntarget: { url: u, tiemout: 3 }\nstages:\n\
         - constant: { rate: fast, duration: ${NOPE} }\n- ramp: { from: 1 }\n- pause\n\
         seed: x\nname: y\nodd: 1\n",
        &[
            (2, 19, "unknown key `tiemout`"),
            (4, 21, "expected a whole number, found `fast`"),
            (4, 37, "the variable `NOPE` is not set"),
            (5, 9, "missing `to`"),
            (7, 7, "expected a whole number, found `x`"),
            (8, 1, "`name` is given twice"),
            (9, 1, "unknown key `odd`"),
        ],
    );
    let plan = document.value.unwrap();
    assert_eq!((plan.name.as_str(), plan.stages), ("x", vec![Stage::Pause]));
}

#[test]
fn what_only_follows_from_a_cut_is_not_told() {
    let document = told(
        "name: x\ntarget:\n  url: [1]\n",
        &[(3, 8, "expected text, found a list")],
    );
    assert!(
        document.value.is_none(),
        "the target is gone, and with it the root"
    );
    told_after_head(
        "window: [${NOPE}, 2]\n",
        &[(4, 10, "the variable `NOPE` is not set")],
    );
}

#[test]
fn more_problems_than_a_person_reads_end_the_reading() {
    let text = format!("[{}]", "x, ".repeat(1000));
    let document: Document<Vec<u8>> = document(&text);
    assert_eq!(document.problems.len(), 201);
    assert_eq!(
        document.problems[0].message(),
        "more than 200 problems, of which these are told"
    );
    let text = format!("[{}1]", "${NOPE}, ".repeat(1000));
    let document: Document<Vec<u8>> = self::document(&text);
    assert_eq!(
        (document.problems.len(), document.value),
        (1000, Some(vec![1]))
    );
}

#[test]
fn a_duplicate_key_names_the_line_of_the_first() {
    let document = told_after_head("seed: 1\nseed: 2\n", &[(5, 1, "`seed` is given twice")]);
    assert_eq!(
        help(&document),
        "the first one is on line 4: keep one of them"
    );
    assert_eq!(document.value.unwrap().seed, Some(1));
}

#[test]
fn variables_work_where_a_user_expects_them() {
    for (text, expected) in [
        ("{ api_key: ${KEY} }", "sk-secret"),
        ("{api_key: ${KEY}}", "sk-secret"),
        ("{ api_key: a${KEY}b, other: ${N} }", "ask-secretb"),
        ("api_key: ${KEY}", "sk-secret"),
        (
            "api_key: ${BASE:http://127.0.0.1:8080/v1}",
            "http://127.0.0.1:8080/v1",
        ),
        (
            "{ api_key: ${BASE:http://127.0.0.1:8080/v1} }",
            "http://127.0.0.1:8080/v1",
        ),
        ("{ api_key: ${BASE:a, b: {c} #d} }", "a, b: {c} #d"),
        ("api_key: ${BASE:a: b #c} # ${NOPE}", "a: b #c"),
        (
            "api_key: \"quoted ${KEY}\" # comment ${NOPE}",
            "quoted sk-secret",
        ),
        ("api_key: 'it''s ${KEY}'", "it's sk-secret"),
        ("api_key: \"${BASE:\\\"x\\\"}\"", "\"x\""),
        (
            "# comment ${NOPE} and ${\napi_key: |\n  a ${KEY}\n  {\"b\": \"${N}\"}\n",
            "a sk-secret\n{\"b\": \"4\"}\n",
        ),
        ("api_key: >-\n  a\n  ${KEY}\n", "a sk-secret"),
        ("api_key: a\n  ${KEY}\n", "a sk-secret"),
        ("{ api_key: $${KEY} }", "${KEY}"),
        ("api_key: 1$ $x $$ {", "1$ $x $$ {"),
        ("api_key: \"${EMPTY}\"", ""),
        ("api_key: \"${NOPE:}\"", ""),
        ("[{ api_key: ${KEY} }, ${N}]", "sk-secret"),
        ("{ \"api_key\": \"${KEY}\" }", "sk-secret"),
        ("${N}: 1\napi_key: ${KEY}", "sk-secret"),
        ("api_key: ${名:ä} ${KEY}", ""),
    ] {
        let problems = places_of_any(text);
        if expected.is_empty() && text.contains('名') {
            assert_eq!(problems.len(), 1, "{problems:?}");
            continue;
        }
        assert!(problems.is_empty(), "{text}: {problems:?}");
        let read: Document<Any> = document(text);
        assert_eq!(
            read.value.unwrap().find("api_key"),
            Some(expected),
            "{text}"
        );
    }
}

/// Any value, with mappings and lists flattened.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Any {
    Null(()),
    Bool(#[expect(dead_code, reason = "it only has to be read")] bool),
    Number(#[expect(dead_code, reason = "it only has to be read")] f64),
    Text(String),
    List(Vec<Any>),
    Mapping(BTreeMap<String, Any>),
}

impl Any {
    fn find(&self, key: &str) -> Option<&str> {
        match self {
            Any::Mapping(entries) => match entries.get(key) {
                Some(Any::Text(text)) => Some(text),
                _ => entries.values().find_map(|value| value.find(key)),
            },
            Any::List(items) => items.iter().find_map(|item| item.find(key)),
            _ => None,
        }
    }
}

fn places_of_any(text: &str) -> Vec<(usize, usize, String)> {
    let document: Document<Any> = document(text);
    document
        .problems
        .iter()
        .map(|p| (p.line(), p.column(), p.message().to_owned()))
        .collect()
}

#[test]
fn a_plain_scalar_stays_plain_and_a_quoted_one_quoted_when_variables_are_replaced() {
    let plan: Plan = value(&format!(
        "{HEAD}seed: ${{N}}\nratio: ${{R:0.5}}\nverbose: ${{EMPTY}}\n"
    ));
    assert_eq!(
        (plan.seed, plan.ratio, plan.verbose),
        (Some(4), Some(0.5), None)
    );
    told_after_head(
        "seed: \"${N}\"",
        &[(4, 7, "expected a whole number, found the value of `${N}`")],
    );
}

#[test]
fn the_value_of_a_variable_is_never_shown() {
    told_after_head(
        "seed: ${KEY}",
        &[(4, 7, "expected a whole number, found the value of `${KEY}`")],
    );
}

#[test]
fn a_variable_that_is_not_set_is_shown_at_its_place_in_the_scalar() {
    for (text, line, column, len) in [
        ("a: x ${NOPE} y", 1, 6, 7),
        ("a: 'it''s ${KEY} ${NOPE}'", 1, 18, 7),
        ("a: \"\\t🦀 ${NOPE}\"", 1, 9, 7),
        ("a: |\n  名 ${KEY}\n  ${NOPE}\n", 3, 3, 7),
        ("a: b\n  ${NOPE}\n", 2, 3, 7),
        ("{ 🦀: 名前, b: ${NOPE} }", 1, 13, 7),
        ("a: \"\\x24{N} ${NOPE}\"", 1, 4, 17),
    ] {
        let document: Document<Any> = document(text);
        let problem = &document.problems[0];
        assert_eq!(problem.message(), "the variable `NOPE` is not set");
        assert_eq!((problem.line(), problem.column()), (line, column), "{text}");
        assert_eq!(problem.span().unwrap().len(), len, "{text}");
        assert_eq!(
            problem.help(),
            Some("set it in the environment, with -e NOPE=..., or give a default: ${NOPE:default}")
        );
    }
}

#[test]
fn malformed_references_are_problems_at_their_place() {
    for (text, column, message) in [
        (
            "{ a: ${X, b: 1 }",
            6,
            "`${` is not followed by a name and a `}`",
        ),
        ("{ a: ${} }", 6, "`${` is not followed by a name"),
        ("a: ${", 4, "`${` is not followed by a name and a `}`"),
        (
            "a: x ${1X} y",
            6,
            "`1X` is no name for a variable: letters, digits and `_`, not first a digit",
        ),
        ("a: ${X:y", 4, "`${X:` is not closed by a `}`"),
    ] {
        assert_eq!(
            places_of_any(text),
            [(1, column, message.to_owned())],
            "{text}"
        );
    }
}

#[test]
fn the_variables_that_a_file_refers_to_are_known() {
    let document: Document<Any> =
        document("a: ${A:1} ${KEY}\nb: '${B}' # ${C}\nd: $${D}\n${E}: 1\n");
    assert_eq!(
        document.variables.into_iter().collect::<Vec<_>>(),
        ["A", "B", "KEY"]
    );
}

#[test]
fn a_syntax_error_is_one_problem_at_its_place() {
    for (text, line, column, message) in [
        ("名: 🦀\na: b: c\n", 2, 5, "a `:` can't be here"),
        ("a: [1, 2\nb: 3\n", 2, 2, "a `:` can't be here"),
        ("a: {b: 1\n", 2, 1, "expected a `,` or the closing `}`"),
        (
            "a: \"x\nb: 1\n",
            1,
            4,
            "this quote is not closed on its line",
        ),
        ("a:\n\t- b\n", 2, 1, "a tab can't be here"),
        ("a: @b\n", 1, 4, "a value can't begin with this character"),
        ("a: *nope\n", 1, 4, "no anchor of this name comes before"),
        ("a: 1\n  b: 2\n", 2, 4, "a `:` can't be here"),
        ("a: 1\nb\n", 3, 1, "expected a key with a `:` after it"),
        ("a: ]\n", 1, 4, "this bracket was never opened"),
        ("a: \"\\q\"\n", 1, 4, "no such escape in double quotes"),
        ("a: 'x' y\n", 1, 8, "nothing may follow the closing quote"),
        ("a: \0\n", 1, 4, "a character that can't be printed"),
    ] {
        assert_eq!(
            places_of_any(text),
            [(line, column, message.to_owned())],
            "{text}"
        );
    }
}

#[test]
fn what_yaml_knows_and_tollgate_does_not_is_a_problem() {
    for (text, line, column, message) in [
        ("a: !!int 5", 1, 4, "tags are not supported"),
        ("a: !thing {b: 1}", 1, 4, "tags are not supported"),
        ("a: !x\n  - 1\n", 1, 4, "tags are not supported"),
        (
            "x: &x {b: 1}\na:\n  <<: *x\n  c: 1\n",
            3,
            3,
            "merge keys (`<<`) are not supported",
        ),
        ("{a: 1}: 2", 1, 1, "a key must be text"),
        (": 2", 1, 1, "a key is missing here"),
        ("a: 1\n---\nb: 2\n", 2, 1, "a second document begins here"),
        (
            "a: &a [*a]",
            1,
            8,
            "this alias stands inside of what it repeats",
        ),
    ] {
        assert_eq!(
            places_of_any(text),
            [(line, column, message.to_owned())],
            "{text}"
        );
    }
}

#[test]
fn an_alias_repeats_a_value_and_its_problems_are_shown_at_the_alias() {
    let plan: Plan = value("name: &n smoke\ntarget: { url: *n, api_key: !!str 5 }\n");
    assert_eq!(plan.target.url.value, "smoke");
    assert_eq!(plan.target.api_key.as_deref(), Some("5"));
    told(
        "name: &n smoke\ntarget: { url: *n }\nseed: *n\n",
        &[(3, 7, "expected a whole number, found `smoke`")],
    );
}

#[test]
fn an_anchored_scalar_stands_where_its_text_stands() {
    told_after_head(
        "seed: &s x",
        &[(4, 10, "expected a whole number, found `x`")],
    );
    told_after_head(
        "seed: &s !!str 'x'",
        &[(4, 16, "expected a whole number, found the text `\"x\"`")],
    );
}

#[test]
fn a_billion_laughs_and_bottomless_nesting_are_problems() {
    let mut text = "a0: &a0 [lol]\n".to_owned();
    for level in 1..20 {
        let row = format!("*a{}, ", level - 1).repeat(10);
        text += &format!("a{level}: &a{level} [{row}]\n");
    }
    let problems = places_of_any(&text);
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].2, "the aliases up to here repeat too much");
    for deep in ["[".repeat(5000), "{a: ".repeat(5000), "- ".repeat(5000)] {
        let problems = places_of_any(&deep);
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].2, "nested too deep");
    }
    let mut chain = "a0: &a0 x\n".to_owned();
    for level in 1..200 {
        chain += &format!("a{level}: &a{level} [*a{}]\n", level - 1);
    }
    assert_eq!(
        places_of_any(&chain)[0].2,
        "the aliases up to here repeat too much"
    );
}

#[test]
fn an_empty_file_is_a_problem_of_the_whole() {
    for text in ["", "\n\n", "# only a comment\n", "\u{FEFF}"] {
        let document: Document<Plan> = document(text);
        assert_eq!(document.problems.len(), 1, "{text:?}");
        assert_eq!(
            document.problems[0].to_string(),
            "load.yaml: the file is empty"
        );
        assert!(document.value.is_none());
    }
    told("---\n", &[(2, 1, "expected a mapping, found nothing")]);
}

#[test]
fn json_is_read_by_the_same_reader() {
    let plan: Plan = value(
        "{\n\t\"name\":\"sm\\u00f6ke \\/ \\n\",\t\"target\": {\n\t\t\"url\":\"http://x\",\"api_key\":null},\r\n\
         \t\"stages\":[\"pause\",{\"ramp\":{\"from\":1,\"to\":2}}],\"seed\":1,\"ratio\":-1.5E+2\n}\n",
    );
    assert_eq!((plan.name.as_str(), plan.stages.len()), ("smöke / \n", 2));
    assert_eq!(plan.ratio, Some(-150.0));
    told(
        "{\n\t\"name\": 5,\n\t\"target\": {\"url\": \"x\", \"🦀\": 1}, \"seed\": \"5\"\n}",
        &[
            (3, 25, "unknown key `🦀`"),
            (3, 42, "expected a whole number, found the text `\"5\"`"),
        ],
    );
    told(
        "{\"name\": \"\\ud83e\\udd80\"}",
        &[(1, 10, "not the code of a character")],
    );
}

#[test]
fn spans_are_the_bytes_of_the_value_whatever_comes_before() {
    for text in [
        "名: 🦀\nurl: 'ü'\n",
        "url: 'ü'   # 名\n",
        "{ 🦀: [ä, ö], url:   'ü'  }",
        "🦀: |\n  名前\n\n  é\nurl: 'ü'\n",
        "\u{FEFF}🦀: \"名\\\n  前\"\r\n\r\nurl: 'ü'\r\n",
        "# 🦀 名\n🦀: é\n  é\nurl: 'ü'\n",
    ] {
        #[derive(Debug, Deserialize)]
        struct Url {
            url: Spanned<String>,
        }
        let source = Source::new("x", text);
        let read: Document<Url> = read(&source, &env);
        let url = read
            .value
            .unwrap_or_else(|| panic!("{text}: {:?}", read.problems))
            .url;
        assert_eq!(&text[url.span.clone()], "'ü'", "{text}");
        assert_eq!(*url, "ü");
    }
}

#[test]
fn a_spanned_collection_ends_where_it_ends() {
    #[derive(Debug, Deserialize)]
    struct Lists {
        a: Spanned<Vec<u8>>,
        b: Spanned<BTreeMap<String, Option<Spanned<u8>>>>,
    }
    let text = "a:\n  - 1\n  - 2\n\n# end\nb: { x: 1, y }   # c\n";
    let lists: Lists = value(text);
    assert_eq!(&text[lists.a.span.clone()], "- 1\n  - 2");
    assert_eq!(&text[lists.b.span.clone()], "{ x: 1, y }");
    assert!(lists.b["y"].is_none());
}

#[test]
fn any_follows_the_core_schema() {
    let value: serde_json_like::Value = value(
        "[~, null, '', true, 'true', 12, -3, 0x1F, 0o17, 1.5, 1e3, .5, '12', 1_000, yes, inf, 0b1]",
    );
    assert_eq!(
        value.0,
        "null null \"\" true \"true\" u12 i-3 u31 u15 f1.5 f1000 f0.5 \"12\" \"1_000\" \"yes\" \"inf\" \"0b1\""
    );
}

/// What `deserialize_any` gives, as one line.
mod serde_json_like {
    use std::fmt;

    use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

    #[derive(Debug)]
    pub(crate) struct Value(pub(crate) String);

    impl<'de> Deserialize<'de> for Value {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_any(Any).map(Value)
        }
    }

    struct Any;

    impl<'de> Visitor<'de> for Any {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("anything")
        }
        fn visit_unit<E: Error>(self) -> Result<String, E> {
            Ok("null".into())
        }
        fn visit_bool<E: Error>(self, value: bool) -> Result<String, E> {
            Ok(value.to_string())
        }
        fn visit_u64<E: Error>(self, value: u64) -> Result<String, E> {
            Ok(format!("u{value}"))
        }
        fn visit_i64<E: Error>(self, value: i64) -> Result<String, E> {
            Ok(format!("i{value}"))
        }
        fn visit_f64<E: Error>(self, value: f64) -> Result<String, E> {
            Ok(format!("f{value}"))
        }
        fn visit_str<E: Error>(self, value: &str) -> Result<String, E> {
            Ok(format!("{value:?}"))
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<String, A::Error> {
            let mut all = Vec::new();
            while let Some(Value(item)) = items.next_element()? {
                all.push(item);
            }
            Ok(all.join(" "))
        }
    }
}

#[test]
fn the_words_for_null_are_not_text() {
    let document = told(
        "name: null\ntarget: { url: }\n",
        &[
            (1, 7, "expected text, found `null`"),
            (2, 14, "expected text, found nothing"),
        ],
    );
    assert_eq!(help(&document), "quote it if the word is meant: \"null\"");
}

#[test]
fn a_large_file_is_read_in_linear_time() {
    let rows = |count: usize| {
        let row = "- constant: { rate: ${N:5}, duration: 30s } # 名前\n";
        format!("{HEAD}stages:\n{}", row.repeat(count))
    };
    let time = |count: usize| {
        let text = rows(count);
        let started = tokio_free_clock();
        let plan: Plan = value(&text);
        assert_eq!(plan.stages.len(), count);
        started()
    };
    let (small, large) = (time(2_500), time(25_000));
    assert!(rows(25_000).len() > 1_000_000);
    assert!(
        large < small * 40,
        "10 times the text took {large} ns after {small} ns"
    );
}

/// A stopwatch in nanoseconds of processor time, for a rough comparison only.
fn tokio_free_clock() -> impl FnOnce() -> u128 {
    #[expect(
        clippy::disallowed_types,
        reason = "real time is what the test is about"
    )]
    let started = std::time::Instant::now();
    move || started.elapsed().as_nanos()
}

#[test]
fn problems_are_drawn_with_their_lines() {
    let document = told_after_head(
        "seed: ${NOPE}\n",
        &[(4, 7, "the variable `NOPE` is not set")],
    );
    insta::assert_snapshot!(render(&document.problems, false), @r"
    error: the variable `NOPE` is not set
     --> load.yaml:4:7
      |
    4 | seed: ${NOPE}
      |       ^^^^^^^
      |
      = help: set it in the environment, with -e NOPE=..., or give a default: ${NOPE:default}
    ");
}

const VALID: &str = "name: &n \"sm\\u00f6ke\" # ${C}\ntarget: { url: ${BASE:http://h:1/v1}, api_key: 'a''b' }\n\
     stages:\n  - pause\n  - constant: { rate: ${N}, duration: 30s }\n  - ramp:\n      from: 1\n      to: 2\n\
     headers:\n  x: |\n    名 ${KEY}\n    🦀\n  y: >-\n    a\n    b\n  z: *n\nseed: 5\nwindow: [1, 2]\n";

fn read_all(text: &str) {
    let source: Arc<Source> = Source::new("x", text);
    let plan: Document<Plan> = read(&source, &env);
    let any: Document<Any> = read(&source, &env);
    for problems in [plan.problems, any.problems] {
        let _ = render(&problems, true);
        for problem in problems {
            let _ = (problem.to_string(), problem.line(), problem.column());
        }
    }
}

#[test]
fn the_document_that_the_mutations_start_from_is_valid() {
    let _: Plan = value(VALID);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300000))]

    #[test]
    fn no_text_panics(text in "[\\PC\\n\\t\\r\0]{0,80}") {
        read_all(&text);
    }

    #[test]
    fn no_text_of_yaml_characters_panics(text in "([-:?,&*#!|>'\"%@`\\[\\]{}$ a1~\\n\\t\\\\\u{FEFF}\u{1F980}]|\\$\\{|: |- |\n  |---|\\.\\.\\.|<<|!!str ){0,40}") {
        read_all(&text);
    }

    #[test]
    fn no_mutation_of_a_valid_document_panics(
        edits in prop::collection::vec((any::<prop::sample::Index>(), prop::option::of(any::<u8>())), 1..4),
    ) {
        let mut bytes = VALID.as_bytes().to_vec();
        for (index, inserted) in edits {
            let at = index.index(bytes.len());
            match inserted {
                Some(byte) => bytes.insert(at, b"\n\t :-{}[]$'\"#&*!|>%@a0\x00\xC3"[usize::from(byte) % 24]),
                None => drop(bytes.remove(at)),
            }
        }
        read_all(&String::from_utf8_lossy(&bytes));
    }
}
