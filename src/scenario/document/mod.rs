//! A document is read to its end: every problem of it is told, not only the first.
//!
//! Serde stops at the first error. So the branch that has it is cut from the tree and the rest is
//! read again, until nothing is wrong with it; an error that only follows from a cut is not told.

mod keys;
mod problem;
mod variables;
mod place;
mod syntax;
mod node;
mod tree;
mod fault;
mod spanned;
mod de;

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use node::Node;

pub(super) use fault::list as names_in_words;
pub use fault::nearest;
pub(crate) use keys::guards as is_secret_name;
pub(super) use keys::is_written_out;
pub use problem::{Problem, Source, render};
pub use spanned::Spanned;

/// Who has more problems than this mends some of them first.
const MAX_PASSES: usize = 200;

/// What a text says, and all that is wrong with it.
#[derive(Debug)]
pub struct Document<T> {
    /// The value of what could be read: with any problem it is partial, as lists lack the elements
    /// and mappings the entries that are at fault. It serves to look for further problems, and
    /// must not be run. `None` if nothing is left of it.
    pub value: Option<T>,
    /// The problems, in the order of the text.
    pub problems: Vec<Problem>,
    /// The names of the variables that the text refers to: all of them, unless its syntax is wrong.
    pub variables: BTreeSet<String>,
}

/// Reads YAML or JSON. A `${NAME}` in a value stands for what `env` says of it.
pub fn read<T: DeserializeOwned>(
    source: &Arc<Source>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Document<T> {
    let tree::Tree {
        root,
        mut problems,
        variables,
    } = tree::parse(source, env);
    let value = root.and_then(|root| deserialize(root, source, &mut problems));
    problems.sort();
    // An alias repeats the problems of what it repeats.
    problems.dedup();
    Document {
        value,
        problems,
        variables,
    }
}

fn deserialize<T: DeserializeOwned>(
    mut root: Node,
    source: &Arc<Source>,
    problems: &mut Vec<Problem>,
) -> Option<T> {
    root.prune();
    for _ in 0..MAX_PASSES {
        let fault = match T::deserialize(&root) {
            Ok(value) => return Some(value),
            Err(fault) => fault.settle(&root),
        };
        problems.extend(fault.problem(source));
        if !fault.cut_from(&mut root) {
            return None;
        }
    }
    let message = format!(
        "more than {} problems, of which these are told",
        problems.len()
    );
    problems.push(Problem::whole(source, message));
    None
}
