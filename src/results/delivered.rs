//! What became of the figures that a run told while it went on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The telemetry of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TelemetryInfo {
    /// The endpoint for a Prometheus, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prometheus: Option<ScrapedInfo>,
    /// What was sent by remote write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_write: Option<DeliveredInfo>,
    /// What was sent by OTLP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otlp: Option<DeliveredInfo>,
}

/// An endpoint that was there to be scraped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScrapedInfo {
    /// Where it was.
    pub address: String,
    /// How often it was asked until the run was over.
    pub scrapes: u64,
}

/// Looks at the run that were to be sent: each is delivered, given up or dropped. A look has the sums since
/// the start, so that the last one alone has all counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveredInfo {
    /// Where to, without the query.
    pub url: String,
    /// Looks that were taken for it.
    pub looks: u64,
    /// Looks that were accepted.
    pub delivered: u64,
    /// Looks that were not, or not in time.
    pub given_up: u64,
    /// These, by what was in their way: `status_400`, `connect`, `timeout`, `no_time`.
    pub given_up_by: BTreeMap<String, u64>,
    /// Looks for which the queue had no room any more: the oldest go first.
    pub dropped: u64,
    /// Whether the last look was accepted, which has the final figures.
    pub last_delivered: bool,
    /// What was said when sending failed last.
    pub last_error: Option<String>,
}

impl TelemetryInfo {
    /// What is not whole, a line for each.
    pub fn shortfalls(&self) -> Vec<String> {
        let sent = [
            ("remote write", self.remote_write.as_ref()),
            ("otlp", self.otlp.as_ref()),
        ];
        let short = sent
            .into_iter()
            .filter_map(|(name, sent)| Some((name, sent?)));
        let short = short.filter(|(_, sent)| !sent.is_whole());
        short
            .map(|(name, sent)| format!("{name}: {}", sent.in_words()))
            .collect()
    }
}

impl DeliveredInfo {
    /// Whether all looks were accepted.
    pub const fn is_whole(&self) -> bool {
        self.delivered == self.looks
    }

    /// In a line.
    pub fn in_words(&self) -> String {
        let Self {
            looks,
            delivered,
            url,
            ..
        } = self;
        let mut said = format!("{delivered} of {looks} looks accepted by {url}");
        if self.given_up > 0 {
            let by = self.given_up_by.iter();
            let by: Vec<String> = by.map(|(why, looks)| format!("{why} {looks}")).collect();
            said += &format!("; {} given up ({})", self.given_up, by.join(", "));
        }
        if self.dropped > 0 {
            said += &format!("; {} dropped: the queue was full", self.dropped);
        }
        if !self.last_delivered {
            said += "; the final figures are not there";
        }
        if let Some(error) = &self.last_error {
            said += &format!("; last error: {error}");
        }
        said
    }
}
