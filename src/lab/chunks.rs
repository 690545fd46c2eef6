//! The events of a streamed answer, in their order, each with the time at which it is due.
//!
//! A chunk is encoded once per stream and then only its words change: the bytes around them are
//! cut from what the dialect itself encodes.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;

use super::answer::Plan;
use super::shape::{RoleChunk, Shape};
use crate::dialect::{Dialect, Say};
use crate::sse;

const DIALECT: Dialect = Dialect::OpenaiChat;
/// Data that is not JSON: a chunk that broke off.
pub(super) const GARBAGE: &str = r#"{"id":"chatcmpl-lab","choices":[{"delta":{"content":"#;
/// What an error in place of the rest of an answer says.
pub(super) const ERROR: &str = "The server had an error while it made this answer";
pub(super) const ERROR_KIND: &str = "server_error";

/// What goes wrong within an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Nothing.
    None,
    /// The connection is closed after so many tokens.
    Cut(u32),
    /// The body ends after so many tokens.
    End(u32),
    /// An error comes after so many tokens.
    Error(u32),
    /// Something that is not JSON comes after the first token.
    Garbage,
}

impl Trouble {
    /// Whether the answer does not come to its end.
    pub(super) const fn breaks_off(self) -> bool {
        !matches!(self, Self::None | Self::Garbage)
    }

    /// After how many of `tokens` the answer stops.
    pub(super) fn after(self, tokens: u32) -> Option<u32> {
        match self {
            Self::Cut(after) | Self::End(after) | Self::Error(after) => Some(after.min(tokens)),
            Self::None | Self::Garbage => None,
        }
    }
}

/// What was appended, and when it is due after the start of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// An event.
    Event {
        /// When it is due.
        due: Duration,
        /// How many tokens are in it.
        tokens: u32,
    },
    /// Something that is due as service starts and waits for nothing else.
    Alone,
    /// Nothing: the answer is over.
    End {
        /// Whether it breaks off.
        broken: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Comment,
    Opening,
    Tokens,
    Garbage,
    Error,
    Finish,
    Usage,
    Done,
    Over,
}

/// The events of one answer.
#[derive(Debug)]
pub(super) struct Chunks {
    plan: Plan,
    shape: Arc<Shape>,
    trouble: Trouble,
    content: Template,
    reasoning: Option<Template>,
    scratch: Vec<u8>,
    stage: Stage,
    /// Events so far.
    events: u32,
    /// Tokens so far.
    sent: u32,
    /// When the last of them was due.
    due: Duration,
}

/// An event with a gap for its words.
#[derive(Debug)]
struct Template {
    event: Vec<u8>,
    /// Where the gap is.
    gap: usize,
}

impl Template {
    /// The event of a chunk in which `mark` stands for the words; nothing after it may hold it.
    fn new(chunk: &str, mark: u8, shape: &Shape) -> Self {
        let mut event = Vec::new();
        sse::encode_event(
            &mut event,
            shape.event_name.as_deref(),
            chunk,
            shape.newline.into(),
        );
        let gap = memchr::memrchr(mark, &event).expect("the mark was in the chunk's words");
        event.remove(gap);
        Self { event, gap }
    }
}

impl Chunks {
    pub(super) fn new(plan: Plan, shape: Arc<Shape>, trouble: Trouble) -> Self {
        // Of all that follows the words in a chunk, nothing has this letter: a test says so.
        let say = plan.say();
        let content = DIALECT.encode_chunk(&Say {
            content: "@",
            ..say.clone()
        });
        let content = Template::new(&content, b'@', &shape);
        let reasoning = (plan.reasoning > 0).then(|| {
            let chunk = DIALECT.encode_chunk(&Say {
                reasoning: "@",
                ..say
            });
            Template::new(&chunk, b'@', &shape)
        });
        Self {
            due: plan.ttft,
            plan,
            shape,
            trouble,
            content,
            reasoning,
            scratch: Vec::new(),
            stage: Stage::Comment,
            events: 0,
            sent: 0,
        }
    }

    /// Whether it does not come to its end.
    pub(super) const fn breaks_off(&self) -> bool {
        self.trouble.breaks_off()
    }

    /// How many events go out in one write.
    pub(super) fn coalesce(&self) -> u32 {
        self.shape.coalesce.max(1)
    }

    /// After how many bytes a write is cut.
    pub(super) fn split(&self) -> Option<usize> {
        self.shape.split.map(|size| size.max(1) as usize)
    }

    /// Appends the next event to `out`.
    pub(super) fn next(&mut self, out: &mut BytesMut) -> Next {
        loop {
            match self.stage {
                Stage::Comment => {
                    self.stage = Stage::Opening;
                    if self.shape.comments.before_first {
                        self.comment(out);
                        return Next::Alone;
                    }
                }
                Stage::Opening => {
                    self.stage = Stage::Tokens;
                    let opening = DIALECT.encode_opening(&self.plan.say());
                    let event = self.event(&opening, out);
                    let early = self.shape.role_chunk == RoleChunk::Early;
                    return if early { Next::Alone } else { event };
                }
                Stage::Tokens => {
                    let most = self
                        .trouble
                        .after(self.plan.tokens)
                        .unwrap_or(self.plan.tokens);
                    if self.sent < most {
                        return self.tokens(most, out);
                    }
                    self.stage = match self.trouble {
                        Trouble::Cut(_) | Trouble::End(_) => Stage::Over,
                        Trouble::Error(_) => Stage::Error,
                        Trouble::None | Trouble::Garbage => Stage::Finish,
                    };
                }
                Stage::Over => {
                    return Next::End {
                        broken: matches!(self.trouble, Trouble::Cut(_)),
                    };
                }
                Stage::Garbage => {
                    self.stage = Stage::Tokens;
                    return self.event(GARBAGE, out);
                }
                Stage::Error => {
                    self.stage = Stage::Over;
                    return self.event(&DIALECT.encode_error(ERROR, ERROR_KIND), out);
                }
                Stage::Finish | Stage::Usage | Stage::Done => {
                    if let Some(data) = self.closing() {
                        return self.event(&data, out);
                    }
                }
            }
        }
    }

    /// The data of one of the events after the last token, where it is to be sent.
    fn closing(&mut self) -> Option<String> {
        match self.stage {
            Stage::Finish => {
                self.stage = Stage::Usage;
                let finish = Some(self.plan.finish);
                Some(DIALECT.encode_chunk(&Say {
                    finish,
                    ..self.plan.say()
                }))
            }
            Stage::Usage => {
                self.stage = Stage::Done;
                let usage = Some(self.plan.usage);
                let wanted = self.plan.include_usage;
                wanted.then(|| {
                    DIALECT.encode_chunk(&Say {
                        usage,
                        ..self.plan.say()
                    })
                })
            }
            _ => {
                self.stage = Stage::Over;
                self.shape.done.then(|| "[DONE]".to_owned())
            }
        }
    }

    /// Appends a chunk of words, of which the answer has `most`.
    fn tokens(&mut self, most: u32, out: &mut BytesMut) -> Next {
        let first = self.sent;
        // Reasoning and words for the user never share a chunk.
        let border = if first < self.plan.reasoning {
            self.plan.reasoning
        } else {
            most
        };
        let last = first
            .saturating_add(self.shape.tokens_per_chunk.max(1))
            .min(border)
            .min(most);
        if first > 0 {
            self.due = self.due.saturating_add(self.plan.gap());
        }
        let due = self.due;
        let reasoning = self
            .reasoning
            .as_ref()
            .filter(|_| first < self.plan.reasoning);
        let template = reasoning.unwrap_or(&self.content);
        let (head, tail) = template.event.split_at(template.gap);
        out.extend_from_slice(head);
        for index in first..last {
            if index > first {
                self.due = self.due.saturating_add(self.plan.gap());
            }
            self.plan.say_token(index, out);
        }
        out.extend_from_slice(tail);
        self.sent = last;
        if first == 0 && self.trouble == Trouble::Garbage {
            self.stage = Stage::Garbage;
        }
        self.count(out);
        Next::Event {
            due,
            tokens: last - first,
        }
    }

    /// Appends an event that is due with the last token, or with the first if there was none.
    fn event(&mut self, data: &str, out: &mut BytesMut) -> Next {
        let (name, newline) = (self.shape.event_name.as_deref(), self.shape.newline.into());
        self.scratch.clear();
        sse::encode_event(&mut self.scratch, name, data, newline);
        out.extend_from_slice(&self.scratch);
        self.count(out);
        Next::Event {
            due: self.due,
            tokens: 0,
        }
    }

    /// Counts an event, and appends the comment that may follow it.
    fn count(&mut self, out: &mut BytesMut) {
        self.events = self.events.wrapping_add(1);
        let every = self.shape.comments.every;
        if every.is_some_and(|every| self.events.is_multiple_of(every.max(1))) {
            self.comment(out);
        }
    }

    fn comment(&mut self, out: &mut BytesMut) {
        self.scratch.clear();
        sse::encode_comment(&mut self.scratch, "keepalive", self.shape.newline.into());
        out.extend_from_slice(&self.scratch);
    }
}
