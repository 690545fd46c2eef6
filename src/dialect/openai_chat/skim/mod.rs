//! Answers in the shape that nearly all of them have, read in one pass.
//!
//! A whole answer is mostly text that is only to be known to be there. This reader goes over its bytes
//! once, and knows nothing of odd shapes: whatever it does not expect (another type, a name that
//! comes twice, an error, an accounting chunk, JSON that is none) it leaves to the full parse. What it does
//! read is what the full parse reads; tests hold the two against each other.

mod reader;

use super::read::{accounts, set_apart};
use crate::base::Usage;
use crate::dialect::Delta;
use reader::{Items, Reader};

/// The answer, where it has the shape that is expected.
pub(super) fn skim(text: &str) -> Option<Delta<'_>> {
    let mut reader = Reader::new(text);
    let mut delta = Delta::default();
    let (mut told, mut seen) = (None, 0);
    let mut fields = reader.object()?;
    while reader.more(&mut fields, b'}')? {
        let name = reader.name()?;
        let known = match name {
            "id" => 1,
            "object" => 2,
            "model" => 4,
            "choices" => 8,
            "usage" => 16,
            "error" => 32,
            "request_breakdown" => 64,
            _ => 0,
        };
        once(&mut seen, known)?;
        match name {
            "id" => delta.id = set_apart(reader.text_or_null()?),
            "model" => delta.model = set_apart(reader.text_or_null()?),
            "object" => _ = Some(reader.text_or_null()?).filter(|object| object != "error")?,
            "choices" => reader.choices(&mut delta)?,
            "usage" => told = Some(reader.raw()?),
            "error" | "request_breakdown" => reader.null()?,
            _ => reader.value(0)?,
        }
    }
    reader.end()?;
    let is_odd = delta.id.as_deref() == Some("request_breakdown")
        || delta.finish.as_deref() == Some("error");
    if is_odd {
        return None;
    }
    if let Some(text) = told {
        if let Some(usage) = usage(text) {
            delta.usage = usage;
        } else {
            (delta.usage, delta.cost_reported) = accounts(told);
        }
    }
    Some(delta)
}

/// Notes a name by its bit; a name that comes twice is not expected.
fn once(seen: &mut u32, bit: u32) -> Option<()> {
    let twice = *seen & bit != 0;
    *seen |= bit;
    (!twice).then_some(())
}

/// What is told of a usage that holds whole numbers and their details, and no cost.
#[expect(clippy::option_option, reason = "not expected, not there, or there")]
fn usage(text: &str) -> Option<Option<Usage>> {
    let mut reader = Reader::new(text);
    let mut told = [None; 5];
    let mut seen = 0;
    let mut fields = reader.object()?;
    while reader.more(&mut fields, b'}')? {
        match reader.name()? {
            "prompt_tokens" => told[0] = reader.count(&mut seen, 1)?,
            "completion_tokens" => told[1] = reader.count(&mut seen, 2)?,
            "num_pages" => told[2] = reader.count(&mut seen, 4)?,
            "prompt_tokens_details" => {
                once(&mut seen, 8)?;
                told[3] = reader.detail("cached_tokens")?;
            }
            "completion_tokens_details" => {
                once(&mut seen, 16)?;
                told[4] = reader.detail("reasoning_tokens")?;
            }
            "cost" => reader.null()?,
            _ => reader.value(0)?,
        }
    }
    reader.end()?;
    let [input, output, pages, cached, reasoning] = told;
    let counted = input.is_some() || output.is_some() || pages.is_some();
    Some(counted.then(|| Usage {
        input_tokens: input.unwrap_or(0),
        cached_input_tokens: cached.unwrap_or(0),
        output_tokens: output.unwrap_or(0),
        reasoning_tokens: reasoning.unwrap_or(0),
        pages,
    }))
}

impl<'a> Reader<'a> {
    /// A whole number, or nothing where null stands in its place.
    #[expect(clippy::option_option, reason = "not expected, not there, or there")]
    fn count(&mut self, seen: &mut u32, bit: u32) -> Option<Option<u64>> {
        once(seen, bit)?;
        if self.peek()? == b'n' {
            return self.null().map(|()| None);
        }
        let digits = self.raw()?;
        // More digits than a float can tell apart are the full parse's business.
        let plain = digits.len() <= 15 && digits.bytes().all(|byte| byte.is_ascii_digit());
        Some(Some(digits.parse().ok().filter(|_| plain)?))
    }

    /// A whole number of an object, where either is there.
    #[expect(clippy::option_option, reason = "not expected, not there, or there")]
    fn detail(&mut self, wanted: &str) -> Option<Option<u64>> {
        if self.peek()? == b'n' {
            return self.null().map(|()| None);
        }
        let (mut found, mut seen) = (None, 0);
        let mut fields = self.object()?;
        while self.more(&mut fields, b'}')? {
            let name = self.name()?;
            match name {
                // Both are known to the full parse, wherever they stand.
                "cached_tokens" | "reasoning_tokens" => {
                    let bit = if name == wanted { 1 } else { 2 };
                    let count = self.count(&mut seen, bit)?;
                    found = if name == wanted { count } else { found };
                }
                _ => self.value(0)?,
            }
        }
        Some(found)
    }

    fn choices(&mut self, delta: &mut Delta<'a>) -> Option<()> {
        self.eat(b'[')?;
        let mut items = Items { first: true };
        while self.more(&mut items, b']')? {
            self.choice(delta)?;
        }
        Some(())
    }

    fn choice(&mut self, delta: &mut Delta<'a>) -> Option<()> {
        let mut fields = self.object()?;
        let mut seen = 0;
        while self.more(&mut fields, b'}')? {
            let name = self.name()?;
            match name {
                // Of both, one would have to be chosen.
                "delta" | "message" => {
                    once(&mut seen, 1)?;
                    self.turn(delta)?;
                }
                "finish_reason" => {
                    once(&mut seen, 2)?;
                    let finish = set_apart(self.text_or_null()?);
                    delta.finish = delta.finish.take().or(finish);
                }
                "request_breakdown" => return None,
                _ => self.value(0)?,
            }
        }
        Some(())
    }

    fn turn(&mut self, delta: &mut Delta<'a>) -> Option<()> {
        let mut fields = self.object()?;
        let mut seen = 0;
        while self.more(&mut fields, b'}')? {
            let name = self.name()?;
            let (bit, into) = match name {
                "content" => (1, &mut delta.content),
                // Of two names for the same, the first that says something counts.
                "reasoning_content" | "reasoning" => (2, &mut delta.reasoning),
                "refusal" => (4, &mut delta.refusal),
                "reasoning_details" | "tool_calls" | "function_call" => {
                    self.null()?;
                    continue;
                }
                _ => {
                    self.value(0)?;
                    continue;
                }
            };
            once(&mut seen, bit)?;
            let text = self.text_or_null()?;
            if !text.is_empty() {
                // Several choices are put together, which is the full parse's business.
                into.is_empty().then_some(())?;
                *into = text;
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests;
