//! The table of a self-test.

use super::table::Table;
use crate::judge::{Certificate, Errors, Measured};

const HEAD: [&str; 18] = [
    "round",
    "n",
    "first p50",
    "p99",
    "max",
    "gap p50",
    "p99",
    "max",
    "end p50",
    "p99",
    "max",
    "lag p50",
    "p99",
    "max",
    "CPU/req",
    "peak MiB",
    "early",
    "failed",
];

const FOOT: &str = "
Times in microseconds. first, end: our mark less the provider's true instant, which is read just before
its bytes go to the socket: the provider's write, the kernel, the loopback and our wake-up are in it.
gap: how far a gap between chunks is from the true one. lag: how much later than planned a request was
sent. CPU/req: the client's process alone, user and system. early: marks before the truth; any is a
failure. A quantile that the sample can't carry is a dash.
";

/// The report of a self-test.
pub fn selftest(certificate: &Certificate) -> String {
    let mut out = format!(
        "self-test of tollgate {}{} on {} · {} · {} worker{} · {}\nclocks: {}, apart by at most {:.3} us\n\n",
        certificate.tollgate,
        if certificate.debug_build {
            " (debug build)"
        } else {
            ""
        },
        certificate.host,
        certificate.client,
        certificate.workers,
        if certificate.workers == 1 { "" } else { "s" },
        certificate.started_utc,
        certificate.timestamps,
        certificate.mapping_error_us,
    );
    let mut table = Table::new(1, &HEAD);
    let mut notes = String::new();
    for round in &certificate.rounds {
        match (&round.measured, &round.skipped) {
            (Some(measured), _) => {
                table.row(cells(&round.name, measured));
                notes += &note(&round.name, measured);
            }
            (None, skipped) => {
                let why = skipped.as_deref().unwrap_or("not run");
                notes += &format!("  {}: skipped: {why}\n", round.name);
            }
        }
    }
    out += &table.render(2);
    out += &notes;
    out += FOOT;
    out += if certificate.passed {
        "\nPASSED\n"
    } else {
        "\nFAILED: a mark is early, or too few answers of a round could be compared; no figure of this client is to be trusted here\n"
    };
    out
}

fn cells(name: &str, measured: &Measured) -> Vec<String> {
    let mut cells = vec![name.to_owned(), measured.compared.to_string()];
    for errors in [
        &measured.first_token,
        &measured.chunk_gap,
        &measured.end,
        &measured.lag,
    ] {
        cells.extend(figures(errors.as_ref()));
    }
    let mebibytes = |bytes: u64| format!("{:.0}", bytes as f64 / f64::from(1 << 20));
    cells.push(us(measured.cpu_per_request_us));
    cells.push(measured.peak_memory_bytes.map_or("-".to_owned(), mebibytes));
    cells.push(measured.early().to_string());
    cells.push(measured.failed.to_string());
    cells
}

fn figures(errors: Option<&Errors>) -> [String; 3] {
    let Some(errors) = errors else {
        return ["-", "-", "-"].map(str::to_owned);
    };
    [errors.p50_us, errors.p99_us, Some(errors.max_us)].map(us)
}

fn us(value: Option<f64>) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.0}"))
}

/// What a round could not compare, and what it clamped.
fn note(name: &str, measured: &Measured) -> String {
    let all = [
        &measured.first_token,
        &measured.chunk_gap,
        &measured.end,
        &measured.lag,
    ];
    let clamped: u64 = all.into_iter().flatten().map(|errors| errors.clamped).sum();
    let (unmatched, ambiguous) = (measured.unmatched, measured.ambiguous);
    let earliest = [&measured.first_token, &measured.end]
        .into_iter()
        .flatten()
        .map(|errors| errors.earliest_us)
        .fold(0.0, f64::max);
    let mut out = String::new();
    if unmatched + ambiguous > 0 {
        out += &format!(
            "  {name}: left out: {unmatched} answers that the provider kept no truth of, {ambiguous} whose bytes another request had too\n"
        );
    }
    if clamped > 0 {
        out += &format!("  {name}: {clamped} errors beyond an hour count as an hour\n");
    }
    if measured.early() > 0 {
        out += &format!("  {name}: the earliest mark is {earliest:.0} us before the truth\n");
    }
    out
}
