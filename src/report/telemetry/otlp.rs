//! OTLP metrics as JSON: the stable encoding of `ExportMetricsServiceRequest`, whose 64-bit numbers are
//! strings and whose names are in camel case.
//!
//! Beside tollgate's own metrics stand those that OpenTelemetry's conventions for generative AI have a name
//! for; their histograms are the very same.

use serde_json::{Value as Json, json};

use super::buckets::{self, Buckets};
use super::{Family, Kind, Labels, Live, Point, Unit, Value};
use crate::results::RunInfo;
use crate::sample::Metric;

/// Cumulative from the start of the run on.
const CUMULATIVE: u8 = 2;

/// The conventions' name for a kind of time, and what it means there. They are named after who measures: what
/// a server's is called is measured at the client here, and so holds the network, too.
const GEN_AI: [(Metric, &str, &str); 4] = [
    (
        Metric::Service,
        "gen_ai.client.operation.duration",
        "GenAI operation duration, of whole answers",
    ),
    (
        Metric::ChunkGap,
        "gen_ai.client.operation.time_per_output_chunk",
        "Time between token chunks",
    ),
    (
        Metric::Ttft,
        "gen_ai.server.time_to_first_token",
        "Time to first token from when the request was due, seen by the client",
    ),
    (
        Metric::Tpot,
        "gen_ai.server.time_per_output_token",
        "Time per output token after the first, seen by the client",
    ),
];

/// Families as the body of a request.
pub fn otlp(families: &[Family], info: &RunInfo, live: &Live) -> Vec<u8> {
    let at = Window {
        from: nanos(live.started_unix_ms),
        to: nanos(live.unix_ms),
    };
    let own = families.iter().map(|family| at.metric(family));
    let gen_ai = GEN_AI.iter().filter_map(|(metric, name, description)| {
        let of = |family: &&Family| family.stem == metric.name() && family.kind == Kind::Histogram;
        let family = families.iter().find(of)?;
        let points = family.points.iter().filter_map(|point| match &point.value {
            Value::Times(times) => Some(at.times(&gen_ai_attributes(&point.labels, info), times)),
            Value::Number(_) => None,
        });
        Some(json!({
            "name": name,
            "description": description,
            "unit": "s",
            "histogram": {
                "aggregationTemporality": CUMULATIVE,
                "dataPoints": points.collect::<Vec<_>>(),
            },
        }))
    });
    let metrics: Vec<Json> = own.chain(gen_ai).collect();
    let resource = [
        ("service.name", "tollgate"),
        ("service.version", &info.tollgate),
        ("service.instance.id", &info.run_id),
    ];
    let body = json!({
        "resourceMetrics": [{
            "resource": { "attributes": attributes(resource) },
            "scopeMetrics": [{
                "scope": { "name": "tollgate", "version": info.tollgate },
                "metrics": metrics,
            }],
        }],
    });
    body.to_string().into_bytes()
}

/// From when to when the figures are.
struct Window {
    from: String,
    to: String,
}

impl Window {
    fn metric(&self, family: &Family) -> Json {
        let mut metric = json!({
            "name": name(family),
            "description": family.help,
            "unit": unit(family.unit),
        });
        let points: Vec<Json> = family
            .points
            .iter()
            .map(|point| self.point(point))
            .collect();
        let (kind, data) = match family.kind {
            Kind::Gauge => ("gauge", json!({ "dataPoints": points })),
            Kind::Counter => (
                "sum",
                json!({
                    "aggregationTemporality": CUMULATIVE,
                    "isMonotonic": true,
                    "dataPoints": points,
                }),
            ),
            Kind::Histogram => (
                "histogram",
                json!({ "aggregationTemporality": CUMULATIVE, "dataPoints": points }),
            ),
        };
        metric[kind] = data;
        metric
    }

    fn point(&self, point: &Point) -> Json {
        let labels = point
            .labels
            .iter()
            .map(|(name, value)| (*name, value.as_str()));
        let attributes = attributes(labels);
        match &point.value {
            Value::Number(value) => json!({
                "attributes": attributes,
                "startTimeUnixNano": self.from,
                "timeUnixNano": self.to,
                "asDouble": value,
            }),
            Value::Times(times) => self.times(&attributes, times),
        }
    }

    fn times(&self, attributes: &Json, times: &Buckets) -> Json {
        let bounds = times.bounds.iter().map(|bound| buckets::seconds(*bound));
        let counts = times.counts.iter().map(u64::to_string);
        json!({
            "attributes": attributes,
            "startTimeUnixNano": self.from,
            "timeUnixNano": self.to,
            "count": times.count().to_string(),
            "sum": times.sum_seconds,
            "bucketCounts": counts.collect::<Vec<_>>(),
            "explicitBounds": bounds.collect::<Vec<_>>(),
        })
    }
}

fn nanos(unix_ms: i64) -> String {
    (i128::from(unix_ms) * 1_000_000).to_string()
}

/// The name as OpenTelemetry has it: the unit stands beside it.
fn name(family: &Family) -> String {
    let usd = if family.unit == Unit::Usd { "_usd" } else { "" };
    format!("tollgate.{}{usd}", family.stem)
}

/// The unit by UCUM.
const fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::One => "",
        Unit::Seconds => "s",
        Unit::Ratio => "1",
        Unit::Usd => "{USD}",
        Unit::PerSecond => "{request}/s",
    }
}

fn attributes<'t>(all: impl IntoIterator<Item = (&'t str, &'t str)>) -> Json {
    all.into_iter()
        .map(|(key, value)| json!({ "key": key, "value": { "stringValue": value } }))
        .collect()
}

/// The attributes that the conventions ask for, beside the arm and the recipe.
fn gen_ai_attributes(labels: &Labels, info: &RunInfo) -> Json {
    let label = |name| labels.iter().find(|(label, _)| *label == name);
    let recipe = label("recipe").map_or("", |(_, recipe)| recipe);
    let model = info.recipes.iter().find(|known| known.name == recipe);
    let own = labels.iter().map(|(name, value)| (*name, value.as_str()));
    let more = [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "openai"),
        (
            "gen_ai.request.model",
            model.map_or("", |recipe| &recipe.model),
        ),
    ];
    attributes(own.chain(more))
}
