//! The strings of a chunk whose value says nothing that a reading keeps.
//!
//! Each is found under the names by which `read.rs` looks for it, and by the same parser, so that both
//! mean the same string.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::dialect::scan::Gap;

#[derive(Deserialize)]
struct ChunkIn<'a> {
    #[serde(borrow)]
    choices: Vec<&'a RawValue>,
    /// What `OpenAI` pads its chunks with, so that their lengths give nothing away. `read.rs` does not
    /// know it, so it may be any string.
    #[serde(borrow, default)]
    obfuscation: Option<&'a RawValue>,
    /// The same of Cloudflare's.
    #[serde(borrow, default)]
    p: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct ChoiceIn<'a> {
    #[serde(borrow, default)]
    delta: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct TurnIn<'a> {
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    reasoning_content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    reasoning: Option<&'a RawValue>,
    #[serde(borrow, default)]
    reasoning_details: Option<&'a RawValue>,
    #[serde(borrow, default)]
    refusal: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct DetailIn<'a> {
    #[serde(borrow, default)]
    text: Option<&'a RawValue>,
    #[serde(borrow, default)]
    summary: Option<&'a RawValue>,
}

/// The words and the padding of a chunk that `decode` has read. Of words it tells apart only whether
/// there are any: so an empty string is no gap, and none may stand in one.
pub(in crate::dialect) fn gaps(data: &[u8]) -> Option<Vec<Gap>> {
    let chunk: ChunkIn<'_> = object(data)?;
    let mut texts = Vec::new();
    for choice in chunk.choices {
        let choice: ChoiceIn<'_> = object(choice.get().as_bytes())?;
        let turn: TurnIn<'_> = object(choice.delta?.get().as_bytes())?;
        let hidden = [turn.reasoning_content, turn.reasoning, turn.refusal];
        texts.extend(hidden.into_iter().flatten().map(|text| (text, false)));
        texts.extend(turn.content.map(|text| (text, true)));
        let details = turn.reasoning_details.map(RawValue::get);
        let details = details.and_then(|list| serde_json::from_str::<Vec<&RawValue>>(list).ok());
        for detail in details.into_iter().flatten() {
            let detail: DetailIn<'_> = object(detail.get().as_bytes())?;
            let hidden = [detail.text, detail.summary].into_iter().flatten();
            texts.extend(hidden.map(|text| (text, false)));
        }
    }
    let words = texts.into_iter().filter_map(|(text, is_content)| {
        let gap = gap(data, text, false)?;
        Some(Gap { is_content, ..gap })
    });
    let padding = [chunk.obfuscation, chunk.p].into_iter().flatten();
    let padding = padding.filter_map(|text| gap(data, text, true));
    let mut gaps: Vec<Gap> = words.chain(padding).collect();
    gaps.sort_unstable_by_key(|gap| gap.at.start);
    Some(gaps)
}

/// What an object holds. An array is none, though serde would take it for the fields in their order.
fn object<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Option<T> {
    let object = json.starts_with(b"{");
    object.then(|| serde_json::from_slice(json).ok()).flatten()
}

/// The place of a value, where it is a string.
fn gap(data: &[u8], value: &RawValue, may_be_empty: bool) -> Option<Gap> {
    let text = value.get().strip_prefix('"')?.strip_suffix('"')?;
    // A raw value is a part of the data that it was read from.
    let start = text.as_ptr().addr() - data.as_ptr().addr();
    let gap = Gap {
        at: start..start + text.len(),
        may_be_empty,
        is_content: false,
    };
    (may_be_empty || !text.is_empty()).then_some(gap)
}
