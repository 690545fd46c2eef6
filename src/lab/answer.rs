//! What one request gets, decided before its first byte goes out: how many tokens, which words, when.
//!
//! All of it is a function of the seed and the bytes of the request. Words, delays and lengths are
//! drawn from lanes of their own, so that a script with another pace still says the same words.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use rand::Rng;
use rand_pcg::Pcg64;

use super::script::Model;
use super::shape::{Content, Shape};
use crate::base::{Distribution, HumanDuration, Lane, Marker, Seed, Usage, tokens};
use crate::dialect::{Ask, Say};

/// A longer answer would only fill memory.
const MOST_TOKENS: u32 = 1_000_000;

/// The instant of every answer, 2026-01-01: a stand-in that told the time would not repeat itself.
pub(super) const CREATED: u64 = 1_767_225_600;

/// Words of one token by the estimate, each with characters of two to four bytes.
const UNICODE: [&str; 8] = [
    "café", "naïve", "Zürich", "señor", "Ωmega", "東", "🦀", "Łódź",
];

/// The random numbers of one request, from its bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draws {
    seed: Seed,
    lanes: [u64; 4],
    marker: Option<Marker>,
}

impl Draws {
    /// The draws for the `repeat`-th request, from 0, whose bytes have this digest.
    pub(super) fn new(seed: Seed, digest: &blake3::Hash, repeat: u32) -> Self {
        let mut lanes = [0; 4];
        for (lane, bytes) in lanes.iter_mut().zip(digest.as_bytes().as_chunks::<8>().0) {
            // An odd factor keeps repeats apart in every lane.
            let apart = u64::from(repeat).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            *lane = u64::from_le_bytes(*bytes) ^ apart;
        }
        Self {
            seed,
            lanes,
            marker: None,
        }
    }

    /// The same for a request that has this marker.
    pub(super) const fn marked(mut self, marker: Option<Marker>) -> Self {
        self.marker = marker;
        self
    }

    pub(super) fn fault(&self) -> Pcg64 {
        self.seed.rng(Lane::Fault, self.lanes[3])
    }

    fn lane(&self, lane: usize) -> Pcg64 {
        self.seed.rng(Lane::Lab, self.lanes[lane])
    }
}

/// An answer that is decided, but not written.
#[derive(Debug)]
pub(super) struct Plan {
    /// What the answer is called.
    pub(super) id: String,
    name: String,
    model: Arc<Model>,
    unicode: bool,
    content: Content,
    marker: Option<Marker>,
    /// Whether it is to come in pieces.
    pub(super) stream: bool,
    /// Whether the pieces end with the usage.
    pub(super) include_usage: bool,
    /// How many tokens it has, reasoning included.
    pub(super) tokens: u32,
    /// How many of its first tokens are reasoning.
    pub(super) reasoning: u32,
    /// Why it ends.
    pub(super) finish: &'static str,
    /// What it uses.
    pub(super) usage: Usage,
    /// From the start of service to the first token.
    pub(super) ttft: Duration,
    paces: Pcg64,
    words: Pcg64,
}

impl Plan {
    /// Decides the answer of `model` to `ask`.
    pub(super) fn new(model: Arc<Model>, shape: &Shape, ask: Ask, draws: &Draws) -> Self {
        let mut rng = draws.lane(0);
        let ttft = model.ttft.draw(&mut rng).0;
        let wanted = model.output_tokens.draw(&mut rng).min(MOST_TOKENS);
        let most = ask.max_tokens.unwrap_or(u32::MAX);
        let tokens = wanted.min(most);
        let pages = model
            .pages
            .as_ref()
            .map(|pages| u64::from(pages.draw(&mut rng)));
        let reasoning = model.reasoning_tokens.min(tokens);
        let input: u64 = ask
            .messages
            .iter()
            .map(|turn| tokens::estimate(&turn.content))
            .sum();
        Self {
            id: format!("chatcmpl-lab-{:016x}", draws.lanes[0]),
            name: ask.model,
            unicode: shape.unicode,
            content: shape.content,
            marker: draws.marker,
            stream: ask.stream,
            include_usage: ask.include_usage,
            tokens,
            reasoning,
            finish: if wanted > most { "length" } else { "stop" },
            usage: Usage {
                input_tokens: input,
                cached_input_tokens: (input as f64 * model.cached.fraction()) as u64,
                output_tokens: u64::from(tokens),
                reasoning_tokens: u64::from(reasoning),
                pages,
            },
            ttft,
            model,
            words: draws.lane(1),
            paces: draws.lane(2),
        }
    }

    /// The time from one token to the next.
    pub(super) fn gap(&mut self) -> Duration {
        match &self.model.pace {
            Distribution::Constant(HumanDuration(gap)) => *gap,
            pace => pace.draw(&mut self.paces).0,
        }
    }

    /// From the start of service until the first `count` tokens are made. Takes their gaps.
    pub(super) fn time_of(&mut self, count: u32) -> Duration {
        (1..count).fold(self.ttft, |time, _| time.saturating_add(self.gap()))
    }

    /// Appends token `index`. To be called once for each, in their order.
    pub(super) fn say_token(&mut self, index: u32, out: &mut BytesMut) {
        let starts = index == 0 || index == self.reasoning;
        if self.content == Content::Numbered {
            let marker = self.marker.filter(|_| index == self.reasoning);
            let written = match marker {
                Some(marker) => write!(out, "{marker} {index} "),
                None => write!(out, "{index} "),
            };
            return written.expect("a buffer takes what there is memory for");
        }
        let draw = self.words.next_u64();
        let word = if self.unicode && draw.is_multiple_of(3) {
            UNICODE[(draw >> 32) as usize % UNICODE.len()]
        } else {
            tokens::word(draw >> 32)
        };
        if !starts {
            out.extend_from_slice(b" ");
        }
        out.extend_from_slice(word.as_bytes());
    }

    /// The words of tokens `from` to `to`. To be called in their order.
    pub(super) fn text(&mut self, from: u32, to: u32) -> String {
        let mut text = BytesMut::new();
        for index in from..to {
            self.say_token(index, &mut text);
        }
        String::from_utf8_lossy(&text).into_owned()
    }

    /// A piece of the answer that says nothing yet.
    pub(super) fn say(&self) -> Say<'_> {
        Say {
            id: &self.id,
            model: &self.name,
            created: CREATED,
            ..Say::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Percent;
    use crate::dialect::{Message, Role};

    fn plan(body: &[u8], max_tokens: Option<u32>, model: Model) -> Plan {
        let content = "two words".to_owned();
        let ask = Ask {
            model: "gpt-lab".into(),
            messages: vec![Message {
                role: Role::User,
                content,
            }],
            max_tokens,
            ..Ask::default()
        };
        let draws = Draws::new(Seed(1), &blake3::hash(body), 0);
        Plan::new(
            Arc::new(model),
            &Shape {
                unicode: true,
                ..Shape::default()
            },
            ask,
            &draws,
        )
    }

    #[test]
    fn the_same_bytes_get_the_same_answer_and_others_another() {
        let all = |body| {
            let mut plan = plan(body, None, Model::default());
            (plan.ttft, plan.tokens, plan.text(0, 50))
        };
        assert_eq!(all(b"a"), all(b"a"));
        let (a, b) = (all(b"a"), all(b"b"));
        assert!(a.0 != b.0 && a.2 != b.2);
    }

    #[test]
    fn an_answer_that_is_cut_short_says_so() {
        let ten = || Model {
            output_tokens: Distribution::Constant(10),
            ..Model::default()
        };
        let cut = plan(b"a", Some(9), ten());
        assert_eq!((cut.tokens, cut.finish), (9, "length"));
        let fits = plan(b"a", Some(10), ten());
        assert_eq!((fits.tokens, fits.finish), (10, "stop"));
    }

    #[test]
    fn another_pace_does_not_change_the_words() {
        let slow = Model {
            pace: Distribution::Uniform {
                min: HumanDuration(Duration::ZERO),
                max: HumanDuration(Duration::from_secs(1)),
            },
            ..Model::default()
        };
        let (mut one, mut other) = (plan(b"a", None, Model::default()), plan(b"a", None, slow));
        assert!(other.time_of(5) != one.time_of(5));
        assert_eq!(one.text(0, 40), other.text(0, 40));
    }

    #[test]
    fn numbered_tokens_follow_the_marker_of_the_request() {
        let model = Model {
            reasoning_tokens: 2,
            ..Model::default()
        };
        let mut plan = plan(b"a", None, model);
        plan.content = Content::Numbered;
        assert_eq!(plan.text(0, 5), "0 1 2 3 4 ", "it has no marker");
        plan.marker = Some(Marker(0xabc));
        assert_eq!(plan.text(0, 2), "0 1 ", "reasoning has none");
        assert_eq!(plan.text(2, 5), "[[tg-0000000000000abc]] 2 3 4 ");
    }

    #[test]
    fn usage_counts_the_prompt_the_cache_the_answer_and_the_reasoning() {
        let model = Model {
            output_tokens: Distribution::Constant(10),
            reasoning_tokens: 4,
            cached: "50%".parse::<Percent>().unwrap(),
            pages: Some(Distribution::Constant(3)),
            ..Model::default()
        };
        let usage = Usage {
            input_tokens: 2,
            cached_input_tokens: 1,
            output_tokens: 10,
            reasoning_tokens: 4,
            pages: Some(3),
        };
        assert_eq!(plan(b"a", None, model).usage, usage);
    }

    #[test]
    fn each_word_beyond_ascii_is_one_token_and_needs_no_escape() {
        for word in UNICODE {
            assert_eq!(tokens::estimate(word), 1, "{word}");
            assert!(word.len() > word.chars().count());
            assert_eq!(serde_json::to_string(word).unwrap(), format!("\"{word}\""));
        }
    }
}
