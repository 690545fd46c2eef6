//! OTLP: what is sent is what OpenTelemetry's own definitions read, and says what the run's files say.

use serde_json::Value;

use crate::installed::{self, skipped};
use crate::log_server::{Answer, Server};
use crate::support::{QUICK_LAB, Sandbox, scenario};

const LOAD: &str = "load: [ { name: p, constant: { rate: 50/s, duration: 2s } } ]";
/// It reads strictly: a field that the definitions do not know is an error.
const READER: &str = "\
import sys
from google.protobuf import json_format
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
read = json_format.Parse(open(sys.argv[1]).read(), ExportMetricsServiceRequest())
metrics = [m for r in read.resource_metrics for s in r.scope_metrics for m in s.metrics]
assert len(metrics) > 20, len(metrics)
for metric in metrics:
    for point in metric.histogram.data_points:
        assert sum(point.bucket_counts) == point.count, metric.name
        assert len(point.bucket_counts) == len(point.explicit_bounds) + 1, metric.name
        assert 0 < point.start_time_unix_nano <= point.time_unix_nano
";

#[test]
fn otlp_metrics_are_read_by_the_official_definitions_and_have_the_runs_figures() {
    if skipped() {
        return;
    }
    let server = Server::start(|_, _| Answer(200, "", "{}".to_owned()));
    let sandbox = Sandbox::with(&scenario(QUICK_LAB, LOAD));
    let args = format!(
        "run scenario.yaml -o out --no-html --run-id r1 --otlp {}",
        server.url()
    );
    let headers = (
        "OTEL_EXPORTER_OTLP_HEADERS",
        "x-scope=planted-scope, x-two=2",
    );
    let ran = sandbox.run_with(&[headers], &args).exits(0);
    assert!(!ran.stderr.contains("planted"), "{}", ran.stderr);
    let folder = sandbox.folder();
    let told = folder.info()["telemetry"]["otlp"].clone();
    assert_eq!(told["last_delivered"], true, "{told}");
    let asked = server.asked();
    let last = asked.last().unwrap();
    assert_eq!(last.path, "/api/v1/metrics");
    for header in [
        "content-type: application/json\r",
        "x-scope: planted-scope\r",
        "x-two: 2\r",
    ] {
        assert!(last.head.contains(header), "{}", last.head);
    }
    let body: Value = serde_json::from_slice(&last.body).unwrap();
    let metrics = body["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].clone();
    let metric = |name: &str| {
        let mut all = metrics.as_array().unwrap().iter();
        all.find(|metric| metric["name"] == name)
            .unwrap_or_else(|| panic!("no {name}"))
            .clone()
    };
    let points = metric("tollgate.requests")["sum"]["dataPoints"].clone();
    let counts = points.as_array().unwrap().iter();
    assert_eq!(
        counts
            .map(|point| point["asDouble"].as_f64().unwrap())
            .sum::<f64>(),
        100.0
    );
    let total = folder.total();
    let n = |name: &str| {
        let mut all = total["metrics"].as_array().unwrap().iter();
        all.find(|found| found["metric"] == name).unwrap()["n"]
            .as_u64()
            .unwrap()
    };
    for (name, of) in [
        ("tollgate.e2e", "e2e"),
        ("gen_ai.client.operation.duration", "service"),
        ("gen_ai.client.operation.time_per_output_chunk", "chunk_gap"),
        ("gen_ai.server.time_to_first_token", "ttft"),
        ("gen_ai.server.time_per_output_token", "tpot"),
    ] {
        let points = metric(name)["histogram"]["dataPoints"].clone();
        let counts = points.as_array().unwrap().iter();
        let count: u64 = counts
            .map(|point| point["count"].as_str().unwrap().parse::<u64>().unwrap())
            .sum();
        assert_eq!(count, n(of), "{name}");
    }
    let packages = ["opentelemetry-proto==1.45.2"];
    let imports = "import opentelemetry.proto.collector.metrics.v1.metrics_service_pb2";
    let python = installed::venv("otlp-venv", &packages, imports).unwrap();
    sandbox.write("read.py", READER);
    sandbox.write("body.json", &last.body);
    let paths =
        ["read.py", "body.json"].map(|name| sandbox.path(name).to_string_lossy().into_owned());
    let read = installed::run(&python, &[&paths[0], &paths[1]]);
    assert!(read.is_ok(), "{}", read.unwrap_err());
}
