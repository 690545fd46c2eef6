//! Bodies of Prometheus remote write, version 1: a protocol buffer, packed with snappy.
//!
//! Of `prometheus.WriteRequest` four fields are needed, so they are written here by hand: the list of
//! series (1), in each its labels (1: name 1, value 2) and its samples (2: value 1, milliseconds 2).

use super::{Family, Series};

/// The most series of one request; more go into further ones.
const MOST: usize = 2_000;
/// The value that ends a series: a NaN of these very bits.
const STALE: u64 = 0x7ff0_0000_0000_0002;
/// What the samples are of, where no scrape says so.
const JOB: (&str, &str) = ("job", "tollgate");

/// Wire types of the encoding.
const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const BYTES: u8 = 2;

/// The figures of an instant, in as few requests as may be.
pub fn remote_write(families: &[Family], unix_ms: i64) -> Vec<Vec<u8>> {
    requests(families, unix_ms, |series| series.value.to_bits())
}

/// The end of all series at an instant.
pub fn stale(families: &[Family], unix_ms: i64) -> Vec<Vec<u8>> {
    requests(families, unix_ms, |_| STALE)
}

fn requests(families: &[Family], unix_ms: i64, bits: impl Fn(&Series) -> u64) -> Vec<Vec<u8>> {
    let (mut packed, mut request, mut held) = (Vec::new(), Vec::new(), 0);
    let mut pack = |request: &mut Vec<u8>| {
        let whole = snap::raw::Encoder::new().compress_vec(request);
        packed.push(whole.expect("a request is far below the 4 GiB that snappy takes"));
        request.clear();
    };
    for family in families {
        let name = family.name();
        for series in family.each_series() {
            field(
                &mut request,
                1,
                &time_series(&name, &series, bits(&series), unix_ms),
            );
            held += 1;
            if held % MOST == 0 {
                pack(&mut request);
            }
        }
    }
    if !request.is_empty() {
        pack(&mut request);
    }
    packed
}

fn time_series(name: &str, series: &Series, bits: u64, unix_ms: i64) -> Vec<u8> {
    let name = format!("{name}{}", series.ending);
    let own = series
        .labels
        .iter()
        .map(|(name, value)| (*name, value.as_str()));
    let le = series.le.as_deref().map(|le| ("le", le));
    let mut labels: Vec<(&str, &str)> = own.chain(le).chain([JOB, ("__name__", &name)]).collect();
    // Receivers refuse labels that are not in order.
    labels.sort_unstable();
    let mut out = Vec::with_capacity(256);
    for (name, value) in labels {
        let mut label = Vec::with_capacity(64);
        field(&mut label, 1, name.as_bytes());
        field(&mut label, 2, value.as_bytes());
        field(&mut out, 1, &label);
    }
    let mut sample = vec![1 << 3 | FIXED64];
    sample.extend(bits.to_le_bytes());
    sample.push(2 << 3 | VARINT);
    varint(&mut sample, unix_ms.cast_unsigned());
    field(&mut out, 2, &sample);
    out
}

/// A field of bytes.
fn field(out: &mut Vec<u8>, number: u8, bytes: &[u8]) {
    out.push(number << 3 | BYTES);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
