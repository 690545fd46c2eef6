//! YAML and JSON are read to the byte, and what is no YAML is explained.

use std::collections::BTreeMap;

use serde::Deserialize;
use tollgate::scenario::document::{Document, Source, Spanned, read};

use super::{Plan, document, env, places_of_any, told, told_after_head, value};

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
