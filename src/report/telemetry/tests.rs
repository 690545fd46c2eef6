//! The formats, read back. That a real Prometheus reads them is tested in `tests/telemetry.rs`.

use std::time::Duration;

use proptest::prelude::*;

use super::buckets::{Buckets, bounds};
use super::*;
use crate::record::Histogram;
use crate::sample::Metric;

fn counter(stem: &'static str, points: Vec<Point>) -> Family {
    Family {
        stem,
        unit: Unit::One,
        kind: Kind::Counter,
        help: "What it is",
        points,
    }
}

fn point(labels: &[(&'static str, &str)], value: f64) -> Point {
    Point {
        labels: labels
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect(),
        value: Value::Number(value),
    }
}

proptest! {
    #[test]
    fn no_time_is_on_the_wrong_side_of_a_bound(
        nanos in proptest::collection::vec(prop_oneof![
            0_u64..20_000, 0_u64..5_000_000, 0_u64..2_000_000_000, 0_u64..400_000_000_000,
            // Right at a bound.
            (13_u32..38, 4_u64..8, 0_u64..3).prop_map(|(k, quarter, off)| ((quarter << k) >> 2) + off - 2),
        ], 0..200),
    ) {
        for metric in [Metric::Ttft, Metric::ChunkGap, Metric::Lag] {
            let mut times = Histogram::default();
            for nanos in &nanos {
                times.record(Duration::from_nanos(*nanos));
            }
            let buckets = Buckets::new(metric, Some(&times));
            let within: Vec<u64> = buckets.cumulative().map(|(_, count)| count).collect();
            let true_within = |bound: &u64| nanos.iter().filter(|time| *time <= bound).count() as u64;
            let all = nanos.len() as u64;
            let wanted = bounds(metric).iter().map(true_within).chain([all]).collect::<Vec<_>>();
            prop_assert_eq!(within, wanted);
            prop_assert_eq!(buckets.count(), all);
        }
    }
}

#[test]
fn a_bucket_is_at_most_a_quarter_wide() {
    for metric in Metric::ALL {
        let bounds = bounds(metric);
        let widest = bounds
            .windows(2)
            .map(|pair| pair[1] as f64 / pair[0] as f64);
        assert!(widest.fold(0.0, f64::max) < 1.2502, "{metric:?}");
    }
}

#[test]
fn a_label_may_say_anything() {
    let points = vec![point(&[("arm", "a\"b\\c\nd"), ("recipe", "é")], 3.0)];
    let told = text(&[counter("requests", points)]);
    let wanted = "# HELP tollgate_requests_total What it is.\n\
         # TYPE tollgate_requests_total counter\n\
         tollgate_requests_total{arm=\"a\\\"b\\\\c\\nd\",recipe=\"é\"} 3\n";
    assert_eq!(told, wanted);
}

#[test]
fn a_histogram_is_told_with_its_sum_and_its_count() {
    let mut times = Histogram::default();
    times.record_n(Duration::from_millis(2), 3);
    let family = Family {
        stem: "lag",
        unit: Unit::Seconds,
        kind: Kind::Histogram,
        help: "What it is",
        points: vec![Point {
            labels: vec![("run_id", "r".to_owned())],
            value: Value::Times(Buckets::new(Metric::Lag, Some(&times))),
        }],
    };
    let told = text(std::slice::from_ref(&family));
    for line in [
        "tollgate_lag_seconds_bucket{run_id=\"r\",le=\"0.001835007\"} 0\n",
        "tollgate_lag_seconds_bucket{run_id=\"r\",le=\"0.002097151\"} 3\n",
        "tollgate_lag_seconds_bucket{run_id=\"r\",le=\"+Inf\"} 3\n",
        "tollgate_lag_seconds_count{run_id=\"r\"} 3\n",
    ] {
        assert!(told.contains(line), "{line}{told}");
    }
    let sum = told
        .lines()
        .find_map(|l| l.strip_prefix("tollgate_lag_seconds_sum{run_id=\"r\"} "));
    let sum: f64 = sum.unwrap().parse().unwrap();
    assert!((sum - 0.006).abs() < 6e-6, "{sum}");
    assert_eq!(
        told.lines().filter(|line| !line.starts_with('#')).count(),
        family.series()
    );
}

/// The fields of a protocol buffer: the number, and the bytes or the number's bits.
fn fields(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>, u64)> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let (mut value, mut shift) = (0, 0);
        loop {
            let byte = bytes[0];
            *bytes = &bytes[1..];
            value |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return value;
            }
        }
    }
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        let (content, number) = match tag & 7 {
            0 => (Vec::new(), varint(&mut bytes)),
            1 => {
                let (bits, rest) = bytes.split_at(8);
                bytes = rest;
                (Vec::new(), u64::from_le_bytes(bits.try_into().unwrap()))
            }
            2 => {
                let length = varint(&mut bytes) as usize;
                let (content, rest) = bytes.split_at(length);
                bytes = rest;
                (content.to_vec(), 0)
            }
            other => panic!("wire type {other}"),
        };
        found.push(((tag >> 3) as u8, content, number));
    }
    found
}

/// Labels of a series, and the bits of its one value and the instant.
type Sent = (Vec<(String, String)>, u64, u64);

/// The series of requests: labels, and the value's bits and the instant of the one sample.
fn series(requests: &[Vec<u8>]) -> Vec<Sent> {
    let unpacked = requests
        .iter()
        .map(|r| snap::raw::Decoder::new().decompress_vec(r).unwrap());
    let all = unpacked.flat_map(|request| fields(&request));
    all.map(|(number, series, _)| {
        assert_eq!(number, 1);
        let (mut labels, mut sample) = (Vec::new(), Vec::new());
        for (number, content, _) in fields(&series) {
            let inner = fields(&content);
            if number == 1 {
                let text = |place: usize| String::from_utf8(inner[place].1.clone()).unwrap();
                labels.push((text(0), text(1)));
            } else {
                sample = inner;
            }
        }
        (labels, sample[0].2, sample[1].2)
    })
    .collect()
}

#[test]
fn a_write_has_each_series_once_with_its_labels_in_order() {
    let many = 4_321;
    let points =
        (0..many).map(|n| point(&[("run_id", "r"), ("arm", &n.to_string())], f64::from(n)));
    let families = [counter("requests", points.collect())];
    let requests = remote_write(&families, 1_795_540_241_683);
    assert_eq!(requests.len(), 3, "2000 series at most in each");
    let found = series(&requests);
    assert_eq!(found.len(), many as usize);
    for (n, (labels, bits, at)) in (0_u32..).zip(&found) {
        let names: Vec<&str> = labels.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["__name__", "arm", "job", "run_id"]);
        assert_eq!(labels[1].1, n.to_string());
        assert_eq!(
            (f64::from_bits(*bits), *at),
            (f64::from(n), 1_795_540_241_683)
        );
    }
    let ended = series(&stale(&families, 7));
    assert!(
        ended
            .iter()
            .all(|(_, bits, at)| (*bits, *at) == (0x7ff0_0000_0000_0002, 7))
    );
    let same = ended
        .iter()
        .zip(&found)
        .all(|(ended, found)| ended.0 == found.0);
    assert!(same, "other series ended than were written");
}
