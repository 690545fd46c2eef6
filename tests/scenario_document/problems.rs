//! Every mistake is told, once, at its place and in words.

use tollgate::scenario::document::{Spanned, render};

use super::{HEAD, Plan, Ramp, Seconds, Stage, help, told, told_after_head, value};

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
fn an_unknown_choice_that_came_from_a_variable_does_not_show_its_value() {
    told_after_head(
        "stages: [\"${KEY}\"]\n",
        &[(4, 10, "the value of `${KEY}` is not known here")],
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
fn a_duplicate_key_names_the_line_of_the_first() {
    let document = told_after_head("seed: 1\nseed: 2\n", &[(5, 1, "`seed` is given twice")]);
    assert_eq!(
        help(&document),
        "the first one is on line 4: keep one of them"
    );
    assert_eq!(document.value.unwrap().seed, Some(1));
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
