//! Stand-ins in a process of their own: this binary once more, under a hidden command.
//!
//! Parent and child speak over the child's stdin and stdout, in lines. The first line to the child is its
//! [`Cast`], in JSON; its first one back says where each stand-in listens. After that it answers orders:
//! `truth` with what all stand-ins truly did with the requests that are over and with how the
//! providers stand, and `begin` lets the windows of their faults count from now. It ends with its stdin,
//! so it can't outlive the parent, however that ends.

mod child;
mod serve;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::lab::{Counts, GatewayScript, Passed, Script, Truth};

pub(super) use child::Child;
pub(super) use serve::serve;

/// The hidden command.
const COMMAND: &str = "stand-in";

/// Which stand-ins there are, and what they do.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Cast {
    /// The seed of all that they draw.
    pub(super) seed: u64,
    /// Providers by name.
    pub(super) providers: Vec<(String, Script)>,
    /// Where the first provider listens; on a free port where absent.
    pub(super) first_at: Option<std::net::SocketAddr>,
    /// Gateways by name.
    pub(super) gateways: Vec<(String, Front)>,
}

/// A gateway, and who is behind it: providers of the same cast by their names, or others by their base
/// URLs, which end before `/chat/completions`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Front {
    /// What it does.
    pub(super) script: GatewayScript,
    /// Who is behind all models whose prefix is not below.
    pub(super) upstream: String,
    /// Who is behind the models with a prefix.
    pub(super) upstreams: BTreeMap<String, String>,
    /// What the providers demand; the first key of the gateway's own where absent.
    pub(super) key: Option<String>,
}

/// What the child says first.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Hello {
    /// The base URL of each stand-in, by its name.
    urls: BTreeMap<String, String>,
    /// How far its instants may be off the shared clock.
    mapping_error_ns: u64,
    /// As many files as it may have.
    files: u64,
}

/// What the child is told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Order {
    Truth,
    Begin,
}

/// A line of an answer; the last one is `over`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    /// What this provider did with one request.
    Truth(String, Truth),
    /// What this gateway did with one call.
    Passed(String, Passed),
    /// How this provider stands.
    Counts(String, Counts),
    /// Calls of all gateways whose truth was to be kept, and for which there was no room.
    PassedDropped(u64),
    Over,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cast_and_what_is_said_of_it_are_the_same_after_their_travel() {
        let cast = Cast {
            seed: 7,
            providers: vec![("main".into(), Script::default())],
            gateways: vec![("front".into(), Front::default())],
            ..Cast::default()
        };
        let line = serde_json::to_string(&cast).unwrap();
        assert!(!line.contains('\n'));
        let again: Cast = serde_json::from_str(&line).unwrap();
        assert_eq!((again.seed, &again.providers), (7, &cast.providers));
        assert_eq!(again.gateways, cast.gateways);
        let line = serde_json::to_string(&Line::Truth("a".into(), Truth::default())).unwrap();
        assert!(line.starts_with(r#"{"truth":["a",{"key":0"#), "{line}");
    }
}
