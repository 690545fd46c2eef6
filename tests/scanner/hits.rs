//! How many of a stream's token chunks need no parser, as the implementations of the format send them.

use tollgate::dialect::{Dialect, Piece, Say};

const DIALECT: Dialect = Dialect::OpenaiChat;
const TOKENS: usize = 200;
const WORDS: [&str; 9] = [
    "The",
    " sky",
    ",",
    "\\n\\n",
    " caf\u{e9}",
    " \\\"is\\\"",
    " \\ud83d\\ude00",
    "{",
    " blue",
];

/// How many of a stream's chunks with a token were known by their bytes.
fn known(chunk: impl Fn(usize, &str) -> String) -> usize {
    let mut scanner = DIALECT.scanner();
    let chunks = (0..TOKENS).map(|k| chunk(k, WORDS[k % WORDS.len()]));
    chunks
        .filter(|chunk| matches!(scanner.read(chunk.as_bytes()).unwrap(), Piece::Again))
        .count()
}

#[test]
fn in_the_usual_streams_only_the_first_token_is_parsed() {
    let lab = known(|_, word| {
        DIALECT.encode_chunk(&Say {
            id: "chatcmpl-lab-1",
            model: "gpt-lab",
            created: 1,
            content: word,
            ..Say::default()
        })
    });
    let openai = known(|k, word| {
        let padding = "x".repeat(k % 12);
        format!(
            r#"{{"id":"chatcmpl-B","object":"chat.completion.chunk","created":1764000000,"model":"gpt-5-mini-2025-08-07","service_tier":"default","system_fingerprint":null,"choices":[{{"index":0,"delta":{{"content":"{word}"}},"logprobs":null,"finish_reason":null}}],"usage":null,"obfuscation":"{padding}"}}"#
        )
    });
    let vllm = known(|_, word| {
        format!(
            r#"{{"id":"chatcmpl-7e","object":"chat.completion.chunk","created":1764000000,"model":"meta-llama/Llama-3.1-8B-Instruct","choices":[{{"index":0,"delta":{{"content":"{word}"}},"logprobs":null,"finish_reason":null,"token_ids":null}}]}}"#
        )
    });
    let deepseek = known(|_, word| {
        format!(
            r#"{{"id":"1","object":"chat.completion.chunk","created":1764000000,"model":"deepseek-reasoner","system_fingerprint":"fp","choices":[{{"index":0,"delta":{{"content":null,"reasoning_content":"{word}"}},"logprobs":null,"finish_reason":null}}]}}"#
        )
    });
    let openrouter = known(|_, word| {
        format!(
            r#"{{"id":"gen-1764-aB3","provider":"Anthropic","model":"anthropic/claude-sonnet-4.5","object":"chat.completion.chunk","created":1764000000,"choices":[{{"index":0,"delta":{{"role":"assistant","content":"{word}"}},"finish_reason":null,"native_finish_reason":null,"logprobs":null}}]}}"#
        )
    });
    let openrouter_reasoning = known(|_, word| {
        format!(
            r#"{{"id":"gen-1764-aB3","provider":"Anthropic","model":"anthropic/claude-sonnet-4.5","object":"chat.completion.chunk","created":1764000000,"choices":[{{"index":0,"delta":{{"role":"assistant","content":"","reasoning":"{word}","reasoning_details":[{{"type":"reasoning.text","text":"{word}","format":"anthropic-claude-v1","index":0}}]}},"finish_reason":null,"native_finish_reason":null,"logprobs":null}}]}}"#
        )
    });
    let all = [
        lab,
        openai,
        vllm,
        deepseek,
        openrouter,
        openrouter_reasoning,
    ];
    assert_eq!(all, [TOKENS - 1; 6]);
}

#[test]
fn where_something_else_changes_the_chunk_is_parsed() {
    // The time of the server, which changes every so often.
    let dated = known(|k, word| {
        format!(
            r#"{{"id":"1","created":{},"model":"m","choices":[{{"index":0,"delta":{{"role":"assistant","content":"{word}"}},"finish_reason":null}}]}}"#,
            1_764_000_000 + k / 50
        )
    });
    assert_eq!(dated, TOKENS - 4);
    // Usage that is reported as it grows must be read.
    let counted = known(|k, word| {
        format!(
            r#"{{"id":"1","model":"m","choices":[{{"delta":{{"content":"{word}"}}}}],"usage":{{"prompt_tokens":9,"completion_tokens":{k}}}}}"#
        )
    });
    assert_eq!(counted, 0);
    // An id of its own for every chunk.
    let named = known(|k, word| {
        format!(r#"{{"id":"{k}","choices":[{{"delta":{{"content":"{word}"}}}}]}}"#)
    });
    assert_eq!(named, 0);
}
