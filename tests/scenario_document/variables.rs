//! Variables work wherever a user writes them, and only there.

use tollgate::scenario::document::Document;

use super::{Any, HEAD, Plan, document, places_of_any, told_after_head, value};

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
