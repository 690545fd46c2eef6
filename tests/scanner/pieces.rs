//! Streams of every kind of chunk, with strings, mistakes and cuts of every kind in them.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// Stands for a string's contents, which differ from chunk to chunk.
const GAP: &str = "@@";

/// The contents of strings, as they stand in JSON; some end their string, or spoil it.
const WORDS: [&[u8]; 30] = [
    b"",
    b"a",
    b" b",
    b"\\n",
    b"\\\"",
    b"\\\\",
    b"\\\\\\\"",
    b"\\",
    b"\"",
    b"\\u00e9",
    b"\\u00E",
    b"\\ud83d\\ude00",
    b"\\ud83d",
    b"\\ude00\\ud83d",
    b"\\x",
    b"\x01",
    b"\x7f",
    "é 😀".as_bytes(),
    b"\xC3",
    b"\xA9",
    b"\xED\xA0\x80",
    b"}]}",
    b"{\\\"finish_reason\\\":\\\"stop\\\"}",
    b"\",\"finish_reason\":\"stop",
    b"\"},\"finish_reason\":\"stop\",\"x\":{\"y\":\"",
    b"\",\"refusal\":\"no",
    b"request_breakdown",
    b"error",
    b"null",
    b"a text that is longer than a vector register, so that it is looked at in several steps, and then some",
];

fn one_of(values: &'static [&'static str]) -> BoxedStrategy<String> {
    select(values).prop_map(str::to_owned).boxed()
}

/// A string with a gap, and now and then something else.
fn text() -> BoxedStrategy<String> {
    let others = one_of(&["null", "\"\"", "\"fixed\"", "5", "[]", "{\"text\":\"@@\"}"]);
    prop_oneof![9 => Just(format!("\"{GAP}\"")), 2 => others].boxed()
}

type Field = (&'static str, BoxedStrategy<String>);

/// An object with some of the fields, in any order, and seldom one of them twice.
fn object(usual: Vec<Field>, rare: Vec<Field>) -> BoxedStrategy<String> {
    let (most, rest) = (usual.len(), rare.len());
    let rare = prop_oneof![2 => Just(Vec::new()), 1 => subsequence(rare, 0..=rest.min(2))];
    let usual = prop_oneof![9 => Just(usual.clone()), 1 => subsequence(usual, 0..=most)];
    let spaces = select(&[("", ":", ","), ("", ": ", ", "), ("\t", " :\n", " ,")][..]);
    let fields = (usual, rare, proptest::bool::weighted(0.03));
    let fields = fields.prop_map(|(mut usual, rare, twice)| {
        let again = usual.first().filter(|_| twice).cloned();
        usual.extend(rare.into_iter().chain(again));
        usual
    });
    let written = fields.prop_shuffle().prop_flat_map(|fields| {
        let field = |(key, value): Field| value.prop_map(move |value| (key, value));
        fields.into_iter().map(field).collect::<Vec<_>>()
    });
    let write = |(fields, (edge, colon, comma)): (Vec<(&str, String)>, _)| {
        let field = |(key, value)| format!("\"{key}\"{colon}{value}");
        let fields: Vec<String> = fields.into_iter().map(field).collect();
        format!("{{{edge}{}{edge}}}", fields.join(comma))
    };
    (written, spaces).prop_map(write).boxed()
}

fn turn() -> BoxedStrategy<String> {
    let details = one_of(&[
        r#"[{"type":"reasoning.text","text":"@@","index":0}]"#,
        r#"[{"summary":"@@","data":"x"},{"text":"@@"}]"#,
        r#"{"text":"@@"}"#,
        r#""@@""#,
        r#"[["@@"],"@@",null]"#,
        "[]",
    ]);
    let calls = one_of(&[
        r#"[{"index":0,"function":{"arguments":"@@"}}]"#,
        "[]",
        r#"" @@""#,
        "null",
    ]);
    let parts = one_of(&[r#"[{"type":"text","text":"@@"}]"#, r#"["@@","@@"]"#]);
    object(
        vec![("content", text())],
        vec![
            ("role", one_of(&["\"assistant\"", "\"@@\"", "null"])),
            ("reasoning_content", text()),
            ("reasoning", text()),
            ("reasoning_details", details),
            ("refusal", text()),
            ("tool_calls", calls.clone()),
            ("function_call", calls),
            ("c\\u006fntent", text()),
            ("content", parts),
            ("text", text()),
        ],
    )
}

fn choice() -> BoxedStrategy<String> {
    let finish = one_of(&["null", "\"\"", "\"stop\"", "\"error\"", "\"@@\"", "7"]);
    let logprobs = one_of(&[
        "null",
        r#"{"content":[{"token":"@@","logprob":-0.25e-3,"bytes":[32,97]}]}"#,
    ]);
    let delta = prop_oneof![8 => turn(), 1 => one_of(&["null", "[\"@@\"]", "{}"])].boxed();
    let written = object(
        vec![("index", one_of(&["0", "1"])), ("delta", delta)],
        vec![
            ("message", turn()),
            ("finish_reason", finish),
            ("finish_reason", one_of(&["null"])),
            ("logprobs", logprobs),
            ("request_breakdown", one_of(&["{\"cost\":0.5}", "null"])),
        ],
    );
    let listed = turn().prop_map(|turn| format!("[{turn},null,null,null]"));
    prop_oneof![20 => written, 1 => listed].boxed()
}

/// A chunk with gaps for its strings.
fn form() -> BoxedStrategy<String> {
    let list = |choices: Vec<String>| format!("[{}]", choices.join(","));
    let choices = prop_oneof![
        9 => choice().prop_map(move |choice| list(vec![choice])),
        2 => proptest::collection::vec(choice(), 0..3).prop_map(list),
        1 => one_of(&["null", "[null]"]),
    ];
    let usage = one_of(&[
        "null",
        "{}",
        r#"{"prompt_tokens":3,"completion_tokens":1e0,"cost":0.25}"#,
        r#"{"prompt_tokens":"@@"}"#,
    ]);
    let error = one_of(&["null", "false", "\"@@\"", "{\"message\":\"@@\"}"]);
    let number = one_of(&["1764000000", "-0", "1.5", "1E+2", "0.0e-1", "01", "1."]);
    let id = one_of(&[
        "\"a\"",
        "\"b\"",
        "\"\"",
        "null",
        "7",
        "\"@@\"",
        "\"request_breakdown\"",
    ]);
    let chunk = object(
        vec![
            (
                "id",
                prop_oneof![5 => Just("\"a\"".to_owned()), 1 => id].boxed(),
            ),
            (
                "model",
                prop_oneof![5 => Just("\"m\"".to_owned()), 1 => text()].boxed(),
            ),
            ("choices", choices.boxed()),
        ],
        vec![
            (
                "object",
                one_of(&["\"chat.completion.chunk\"", "\"error\"", "null"]),
            ),
            ("created", number),
            ("usage", usage),
            ("error", error),
            ("obfuscation", text()),
            ("p", text()),
            ("system_fingerprint", text()),
            ("request_breakdown", one_of(&["{\"cost\":\"@@\"}", "null"])),
            ("choic\\u0065s", one_of(&["[]"])),
        ],
    );
    let listed =
        choice().prop_map(|choice| format!(r#"[[{choice}],"o","m",[{choice}],null,null,null]"#));
    prop_oneof![30 => chunk, 1 => listed].boxed()
}

/// What is done to a chunk's bytes, at a place in them.
#[derive(Clone, Copy, Debug)]
enum Mistake {
    Cut,
    Flip(u8),
    Insert(u8),
    Append(u8),
    Remove,
}

fn mistake() -> impl Strategy<Value = Option<(Mistake, prop::sample::Index)>> {
    let kinds = prop_oneof![
        Just(Mistake::Cut),
        (0..8_u8).prop_map(|bit| Mistake::Flip(1 << bit)),
        select(&b" \"\\{}[],:0n"[..]).prop_map(Mistake::Insert),
        select(&b" }x"[..]).prop_map(Mistake::Append),
        Just(Mistake::Remove),
    ];
    proptest::option::weighted(0.1, (kinds, any::<prop::sample::Index>()))
}

fn filled(form: &str, words: &[&[u8]], mistake: Option<(Mistake, prop::sample::Index)>) -> Vec<u8> {
    let mut words = words.iter().cycle();
    let mut parts = form.split(GAP);
    let mut chunk = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        chunk.extend_from_slice(words.next().unwrap());
        chunk.extend_from_slice(part.as_bytes());
    }
    if let Some((mistake, place)) = mistake {
        let at = place.index(chunk.len());
        match mistake {
            Mistake::Cut => chunk.truncate(at),
            Mistake::Flip(bit) => chunk[at] ^= bit,
            Mistake::Insert(byte) => chunk.insert(at, byte),
            Mistake::Append(byte) => chunk.push(byte),
            Mistake::Remove => drop(chunk.remove(at)),
        }
    }
    chunk
}

/// The chunks of a stream: of one form or two, so that many are like the one before.
pub(crate) fn stream() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let word = prop_oneof![4 => select(&WORDS[1..3]), 1 => select(&WORDS[..])];
    let words = proptest::collection::vec(word, 1..4);
    let chunk = (proptest::bool::weighted(0.1), words, mistake());
    let chunks = proptest::collection::vec(chunk, 2..12);
    (form(), form(), chunks).prop_map(|(form, other, chunks)| {
        let fill = |(is_other, words, mistake): (bool, Vec<&[u8]>, _)| {
            filled(if is_other { &other } else { &form }, &words, mistake)
        };
        chunks.into_iter().map(fill).collect()
    })
}
