//! No text is too long, too deep or too odd to be read to an end.

use std::fmt::Write;

use proptest::prelude::*;
use tollgate::scenario::document::{Document, Source, read, render};

use super::{Any, HEAD, Plan, document, env, places_of_any, value};

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
    let document: Document<Vec<u8>> = super::document(&text);
    assert_eq!(
        (document.problems.len(), document.value),
        (1000, Some(vec![1]))
    );
}

#[test]
fn a_billion_laughs_and_bottomless_nesting_are_problems() {
    let mut text = "a0: &a0 [lol]\n".to_owned();
    for level in 1..20 {
        let row = format!("*a{}, ", level - 1).repeat(10);
        writeln!(text, "a{level}: &a{level} [{row}]").unwrap();
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
        writeln!(chain, "a{level}: &a{level} [*a{}]", level - 1).unwrap();
    }
    assert_eq!(
        places_of_any(&chain)[0].2,
        "the aliases up to here repeat too much"
    );
}

#[test]
fn a_large_file_is_read_in_linear_time() {
    let yaml = |count: usize| {
        let row = "- constant: { rate: ${N:5}, duration: 30s } # 名前\n";
        format!("{HEAD}stages:\n{}", row.repeat(count))
    };
    let json = |count: usize| {
        let row = r#"{"constant":{"rate":5,"duration":"${N}0s"}},"#.repeat(count);
        format!(r#"{{"name":"x","target":{{"url":"u"}},"stages":[{row}]}}"#)
    };
    for text in [&yaml as &dyn Fn(usize) -> String, &json] {
        let (small, large) = (nanoseconds(&text(2_500)), nanoseconds(&text(25_000)));
        assert!(text(25_000).len() > 1_000_000);
        assert!(
            large < small * 40,
            "10 times the text took {large} ns after {small} ns"
        );
    }
}

/// The least of three, as others work on the machine, too.
fn nanoseconds(text: &str) -> u128 {
    let once = || {
        #[expect(
            clippy::disallowed_types,
            reason = "real time is what the test is about"
        )]
        let started = std::time::Instant::now();
        assert!(value::<Plan>(text).stages.len() > 1);
        started.elapsed().as_nanos()
    };
    (0..3).map(|_| once()).min().expect("three of them")
}

/// A document with a bit of everything.
const VALID: &str = "name: &n \"sm\\u00f6ke\" # ${C}\ntarget: { url: ${BASE:http://h:1/v1}, api_key: 'a''b' }\n\
     stages:\n  - pause\n  - constant: { rate: ${N}, duration: 30s }\n  - ramp:\n      from: 1\n      to: 2\n\
     headers:\n  x: |\n    名 ${KEY}\n    🦀\n  y: >-\n    a\n    b\n  z: *n\nseed: 5\nwindow: [1, 2]\n";

fn read_all(text: &str) {
    let source = Source::new("x", text);
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
    #![proptest_config(ProptestConfig::with_cases(500))]

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
