//! One row of the log: what is known of a call, in the gateway's own words.

use serde::Serialize;
use serde_json::{Map, Value};

/// Declares the row, so that its fields can also be found by name.
macro_rules! row {
    ($($(#[$doc:meta])* $field:ident: $type:ty,)*) => {
        /// A row of the log. Times are seconds, money is US dollars.
        #[derive(Clone, Debug, Default, Serialize)]
        pub(in crate::lab::gateway) struct Row {
            $($(#[$doc])* pub(in crate::lab::gateway) $field: $type,)*
        }

        impl Row {
            /// A field by its name.
            fn own_field(&self, name: &str) -> Option<Value> {
                match name {
                    $(stringify!($field) => serde_json::to_value(&self.$field).ok(),)*
                    _ => None,
                }
            }
        }
    };
}

row! {
    unique_id: String,
    custom_identifier: Option<String>,
    customer_identifier: Option<String>,
    thread_identifier: Option<String>,
    group_identifier: Option<String>,
    trace_unique_id: Option<String>,
    model: String,
    provider_id: Option<String>,
    log_type: String,
    stream: bool,
    status: String,
    status_code: u16,
    error_message: Option<String>,
    failed: bool,
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    prompt_cache_hit_tokens: Option<u64>,
    cost: Option<f64>,
    latency: Option<f64>,
    time_to_first_token: Option<f64>,
    routing_time: Option<f64>,
    tokens_per_second: Option<f64>,
    /// 1 for an answer from the cache.
    cache_bit: u8,
    timestamp: String,
    start_time: String,
    used_custom_credential: bool,
    /// The first twelve hexadecimal digits of the BLAKE3 digest of the provider's key.
    credential_fingerprint: Option<String>,
    /// How many models were asked.
    attempts: u32,
    metadata: Map<String, Value>,
    prompt_messages: Option<Value>,
    completion_message: Option<Value>,
}

impl Row {
    /// A field by its name, `metadata__KEY` included; null where there is none.
    pub(super) fn field(&self, name: &str) -> Value {
        if let Some(key) = name.strip_prefix("metadata__") {
            return self.metadata.get(key).cloned().unwrap_or_default();
        }
        let name = match name {
            "id" => "unique_id",
            "ttft" => "time_to_first_token",
            "generation_time" => "latency",
            name => name,
        };
        self.own_field(name).unwrap_or_default()
    }

    /// A field that is often asked for, without a copy of it. `None` where it is not there; `Err` where
    /// the field is none of these.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>, ()> {
        Ok(match name {
            "custom_identifier" => self.custom_identifier.as_deref(),
            "customer_identifier" => self.customer_identifier.as_deref(),
            "model" => Some(&self.model),
            "timestamp" => Some(&self.timestamp),
            "unique_id" | "id" => Some(&self.unique_id),
            _ => return Err(()),
        })
    }

    /// Its size in memory, roughly.
    pub(super) fn size(&self) -> usize {
        let texts = [
            Some(&self.unique_id),
            self.custom_identifier.as_ref(),
            self.customer_identifier.as_ref(),
            self.thread_identifier.as_ref(),
            self.group_identifier.as_ref(),
            self.trace_unique_id.as_ref(),
            self.error_message.as_ref(),
        ];
        let texts: usize = texts.into_iter().flatten().map(String::len).sum();
        let metadata = self.metadata.iter();
        let metadata = metadata.map(|(key, value)| key.len() + size(value) + 64);
        let messages = [&self.prompt_messages, &self.completion_message];
        let messages = messages.into_iter().flatten().map(size);
        size_of::<Self>() + 128 + texts + metadata.sum::<usize>() + messages.sum::<usize>()
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len() + 32,
        Value::Array(items) => items.iter().map(size).sum::<usize>() + 32,
        Value::Object(fields) => {
            let fields = fields
                .iter()
                .map(|(key, value)| key.len() + size(value) + 64);
            fields.sum::<usize>() + 32
        }
        _ => 32,
    }
}
