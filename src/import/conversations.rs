//! Conversations as `ShareGPT` has them: what was asked first in each is a prompt.

use serde::Deserialize;

use super::draft::{Draft, Prompt, Recipe};
use super::{Input, chats, words};
use crate::base::tokens;
use crate::dialect::Role;
use crate::scenario::Problem;

#[derive(Deserialize)]
struct Conversation {
    #[serde(default)]
    conversations: Option<Vec<Turn>>,
}

#[derive(Deserialize)]
struct Turn {
    #[serde(default)]
    from: String,
    #[serde(default)]
    value: Option<String>,
}

/// A draft of a file.
pub(super) fn draft(text: &str, input: &Input<'_>) -> Result<Draft, Vec<Problem>> {
    let conversations = read(text, input)?;
    let mut draft = Draft::default();
    let (mut rows, mut replies) = (Vec::new(), Vec::new());
    let (mut unusable, mut later) = (Vec::new(), 0);
    for (n, conversation) in conversations.iter().enumerate() {
        let turns = conversation.conversations.as_deref().unwrap_or_default();
        match first(turns) {
            Some((asked, reply, rest)) => {
                rows.push(chats::row(&asked));
                replies.extend(reply.map(tokens::estimate));
                later += rest;
            }
            None => unusable.push(format!("row {}", n + 1)),
        }
    }
    chats::some(&rows, input)?;
    draft.left_many(&unusable, "nobody asks anything in it");
    if later > 0 {
        let what = format!(
            "{} after the first answers: a prompt is what was asked first",
            words::count(later, "turn")
        );
        draft.left(input.name, what);
    }
    draft.left(
        input.name,
        "the file says neither model nor load: $MODEL and 10/s for 30s stand in for them",
    );
    draft.phase(
        "steady",
        false,
        "poisson: { rate: 10/s, duration: 30s }".to_owned(),
    );
    replies.sort_unstable();
    let most = replies
        .get(replies.len() * 95 / 100)
        .map(|most| (*most).clamp(1, 1 << 20) as u32);
    let note = match most {
        Some(most) => format!(
            "{}; 95 % of the first answers have up to about {most} tokens",
            words::count(rows.len(), "prompt")
        ),
        None => words::count(rows.len(), "prompt"),
    };
    draft.recipes.push(Recipe {
        prompt: Prompt::Rows(rows),
        max_tokens: most,
        note,
        ..Recipe::default()
    });
    Ok(draft)
}

fn read(text: &str, input: &Input<'_>) -> Result<Vec<Conversation>, Vec<Problem>> {
    if text.trim_start().starts_with('[') {
        return chats::whole(text, input);
    }
    let mut found = Vec::new();
    for (_, value) in chats::lines(text, input)? {
        found.extend(serde_json::from_value(value).or_else(|_| {
            let unread = Conversation {
                conversations: None,
            };
            Ok::<_, serde_json::Error>(unread)
        }));
    }
    Ok(found)
}

/// The turns up to what is asked first, the answer to it, and how many turns follow.
type First<'t> = (Vec<(Role, String)>, Option<&'t str>, usize);

/// What is asked first, if anything is.
fn first(turns: &[Turn]) -> Option<First<'_>> {
    let mut asked = Vec::new();
    for (n, turn) in turns.iter().enumerate() {
        let value = turn.value.as_deref().unwrap_or_default();
        match turn.from.as_str() {
            "system" => asked.push((Role::System, value.to_owned())),
            "human" | "user" if !value.trim().is_empty() => {
                asked.push((Role::User, value.to_owned()));
                let reply = turns.get(n + 1).and_then(|turn| turn.value.as_deref());
                return Some((asked, reply, turns.len().saturating_sub(n + 2)));
            }
            _ => {}
        }
    }
    None
}
