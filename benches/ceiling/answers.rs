//! What the server answers, rendered once: it then costs less than any client that reads it.

/// The size of a streamed event, which its padding keeps equal, as `OpenAI` does.
const EVENT: usize = 336;
/// The size of an answer that comes whole.
const WHOLE: usize = 1024;
/// Versions of each answer. They differ in their ids and words.
const VERSIONS: usize = 16;
/// Words as they stand in JSON.
const WORDS: [&str; 8] = [
    " the",
    " quick",
    "\\n\\n",
    " brown",
    " caf\u{e9}",
    ".",
    " \\\"jumps\\\"",
    " over",
];

/// One answer as its bytes: a head, then parts. Paced, each part is a write of its own.
pub(super) struct Answer {
    pub(super) bytes: Vec<u8>,
    /// Where each part ends. The first one is the head.
    pub(super) ends: Vec<usize>,
    /// Chunks with a token.
    pub(super) tokens: u64,
}

impl Answer {
    fn new(head: &str) -> Self {
        let bytes = head.as_bytes().to_vec();
        Self {
            ends: vec![bytes.len()],
            bytes,
            tokens: 0,
        }
    }

    fn part(&mut self, part: &str) {
        self.bytes.extend_from_slice(part.as_bytes());
        self.ends.push(self.bytes.len());
    }
}

/// All versions of one kind of answer.
pub(super) fn versions(make: impl Fn(usize) -> Answer) -> Vec<Answer> {
    (0..VERSIONS).map(make).collect()
}

/// A whole chat completion of 1 KB.
pub(super) fn whole(version: usize) -> Answer {
    let json = |content: &str| {
        format!(
            r#"{{"id":"chatcmpl-CJ2mNKYJ4hPzLq5bRr0iVdXn7Tz{version:02}","object":"chat.completion","created":1758800000,"model":"gpt-4o-mini-2024-07-18","choices":[{{"index":0,"message":{{"role":"assistant","content":"{content}","refusal":null,"annotations":[]}},"logprobs":null,"finish_reason":"stop"}}],"usage":{{"prompt_tokens":19,"completion_tokens":96,"total_tokens":115,"prompt_tokens_details":{{"cached_tokens":0,"audio_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}},"service_tier":"default","system_fingerprint":"fp_560af6e559"}}"#
        )
    };
    let mut content = String::new();
    let room = WHOLE - json("").len();
    for k in version.. {
        let word = WORDS[k % WORDS.len()];
        if content.len() + word.len() > room {
            break;
        }
        content.push_str(word);
    }
    content.push_str(&"x".repeat(room - content.len()));
    let body = json(&content);
    let mut answer = Answer::new(&format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    ));
    answer.part(&body);
    answer
}

/// A streamed one of `tokens` chunks, with the usage and the end that an `OpenAI` stream has.
pub(super) fn streamed(tokens: usize, version: usize) -> Answer {
    let mut answer = Answer::new(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
    );
    let choice = |delta: &str, finish: &str| {
        format!(r#"[{{"index":0,"delta":{{{delta}}},"logprobs":null,"finish_reason":{finish}}}]"#)
    };
    let usage = format!(
        r#"{{"prompt_tokens":19,"completion_tokens":{tokens},"total_tokens":{}}}"#,
        19 + tokens
    );
    let event = |choices: &str, usage: &str| {
        let json = |padding: &str| {
            format!(
                r#"data: {{"id":"chatcmpl-CJ2mNKYJ4hPzLq5bRr0iVdXn7Tz{version:02}","object":"chat.completion.chunk","created":1758800000,"model":"gpt-4o-mini-2024-07-18","service_tier":"default","system_fingerprint":"fp_560af6e559","choices":{choices},"usage":{usage},"obfuscation":"{padding}"}}"#
            ) + "\n\n"
        };
        let room = EVENT.saturating_sub(json("").len());
        in_a_chunk(&json(&"x".repeat(room)))
    };
    answer.part(&event(
        &choice(r#""role":"assistant","content":"","refusal":null"#, "null"),
        "null",
    ));
    for k in 0..tokens {
        let word = WORDS[(k + version) % WORDS.len()];
        let delta = format!(r#""content":"{word}""#);
        answer.part(&event(&choice(&delta, "null"), "null"));
    }
    let end = event(&choice("", "\"stop\""), "null") + &event("[]", &usage);
    answer.part(&(end + &in_a_chunk("data: [DONE]\n\n") + "0\r\n\r\n"));
    answer.tokens = tokens as u64;
    answer
}

/// The framing of HTTP/1.1.
fn in_a_chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}
