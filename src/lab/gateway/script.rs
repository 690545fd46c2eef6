//! What the gateway does beside passing answers on, written down: its keys, limits, credit and delays.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::conduct::{Added, Conduct, none};
use crate::base::{Distribution, HumanDuration, Usd};
use crate::lab::check::{ScriptError, printable};

/// The key that opens a gateway whose script names none. It is no secret: it opens nothing but a
/// stand-in.
const KEY: &str = "sk-lab";
/// How many log rows are kept where the script does not say.
const ROWS: u32 = 100_000;

/// Everything about the gateway but its prices.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GatewayScript {
    /// The keys that open it; `sk-lab` where absent. Others get a 401.
    pub keys: Vec<ClientKey>,
    /// The provider of a model that is named without one. Where absent, such a model gets a 404.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_provider: Option<String>,
    /// What the gateway adds before it asks a provider, counted from the last byte of the call.
    pub delay: Distribution<HumanDuration>,
    /// How much later answers go on to the client.
    pub added: Added,
    /// What becomes of the chunks of a stream of chat completions.
    #[serde(skip_serializing_if = "Conduct::is_faithful")]
    pub stream: Conduct,
    /// Whether tollgate's marker is taken out of prompts before a provider is asked.
    pub drop_marker: bool,
    /// Whether every answer is cached, also where nobody asked for it, and given again to whoever asks
    /// the same but for tollgate's marker.
    pub eager_cache: bool,
    /// How long the first token of a stream, or the whole of another answer, may take before the next
    /// fallback is asked; for the last one, how long its head may take. No limit where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_token_timeout: Option<HumanDuration>,
    /// From the end of a call until its row can be read back.
    pub ingestion_delay: HumanDuration,
    /// How many log rows are kept: the last ones.
    pub keep_logs: u32,
    /// A `SQLite` file that gets every row, also those that memory no longer holds. It needs a build
    /// with the feature `sqlite`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_file: Option<PathBuf>,
    /// What may be spent through the gateway's own provider keys; then calls get a 402. No limit
    /// where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credit: Option<Usd>,
    /// How much is answered in a minute; the rest gets a 429.
    pub limits: Limits,
    /// Load balance groups that requests may name by `group_id`.
    pub groups: BTreeMap<String, Vec<Weighted>>,
}

/// A key of a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientKey {
    /// The bearer key itself.
    pub key: String,
    /// The models that it may ask, in which each `*` stands for any text; the others get a 403. All
    /// where empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<String>,
}

/// Requests that are answered in a minute, counted from the first one. No limit where absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Calls to models, of all clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls: Option<u32>,
    /// Calls of each customer whose request names no `rate_limit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<u32>,
    /// Requests to the other endpoints.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<u32>,
    /// Bulk uploads of logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bulk: Option<u32>,
}

/// A model of a group, and its share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Weighted {
    /// The model as `provider/model`.
    pub model: String,
    /// Its share is this of the sum of all weights.
    pub weight: f64,
}

impl Default for GatewayScript {
    /// One key, no delay, no limits.
    fn default() -> Self {
        Self {
            keys: vec![ClientKey {
                key: KEY.to_owned(),
                models: Vec::new(),
            }],
            default_provider: None,
            delay: none(),
            added: Added::default(),
            stream: Conduct::default(),
            drop_marker: false,
            eager_cache: false,
            first_token_timeout: None,
            ingestion_delay: HumanDuration(Duration::ZERO),
            keep_logs: ROWS,
            log_file: None,
            credit: None,
            limits: Limits::default(),
            groups: BTreeMap::new(),
        }
    }
}

impl GatewayScript {
    /// Whether the gateway can follow it; the first problem where it can't.
    pub fn check(&self) -> Result<(), ScriptError> {
        if self.keys.is_empty() {
            return Err(ScriptError::NoKeys);
        }
        if self.log_file.is_some() && !cfg!(feature = "sqlite") {
            return Err(ScriptError::NoSqlite);
        }
        let mut seen = BTreeSet::new();
        for key in &self.keys {
            printable("gateway.keys", Some(&key.key))?;
            if key.key.is_empty() || !seen.insert(&key.key) {
                return Err(ScriptError::Keys);
            }
        }
        self.delay.check().map_err(ScriptError::Delay)?;
        self.added.check()?;
        self.stream.check()?;
        for (group, models) in &self.groups {
            let fine = |entry: &Weighted| entry.weight.is_finite() && entry.weight > 0.0;
            if models.is_empty() || !models.iter().all(fine) {
                return Err(ScriptError::Group {
                    group: group.clone(),
                });
            }
        }
        Ok(())
    }
}
