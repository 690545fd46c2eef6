//! The text that a Prometheus scrapes: its exposition format 0.0.4, which every version of it reads.

use std::fmt::Write;

use super::{Family, Kind, Series};

/// What the text is.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Families as text.
pub fn text(families: &[Family]) -> String {
    let mut out = String::new();
    for family in families {
        let name = family.name();
        let kind = match family.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        out += &format!("# HELP {name} {}.\n# TYPE {name} {kind}\n", family.help);
        for series in family.each_series() {
            line(&mut out, &name, &series);
        }
    }
    out
}

fn line(out: &mut String, name: &str, series: &Series) {
    out.push_str(name);
    out.push_str(series.ending);
    let le = series.le.iter().map(|le| ("le", le));
    let labels = series.labels.iter().map(|(name, value)| (*name, value));
    let mut open = '{';
    for (name, value) in labels.chain(le) {
        let _ = write!(out, "{open}{name}=\"");
        escape(out, value);
        out.push('"');
        open = ',';
    }
    let _ = writeln!(out, "}} {}", series.value);
}

/// A label's value, which may say anything.
fn escape(out: &mut String, value: &str) {
    for c in value.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c => out.push(c),
        }
    }
}
