//! What the client's own work costs: per event, per token, per arrival, per row. `cargo bench`.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tollgate::base::Offset;
use tollgate::dialect::{Dialect, Piece, Say};
use tollgate::plan::{PhaseId, Plan};
use tollgate::record::Seconds;
use tollgate::results::{RunFolder, RunInfo};
use tollgate::sample::Sample;
use tollgate::scenario::{Overrides, load};
use tollgate::schedule::phase_arrivals;
use tollgate::shot::Shots;
use tollgate::sse::{Decoder, Newline, encode_event};
use tollgate::wire::{Exchange, Reading};

const DIALECT: Dialect = Dialect::OpenaiChat;
const TOKENS: usize = 256;
/// The size of an event as `OpenAI` sends it, which its padding keeps equal.
const EVENT: usize = 336;
const READ: usize = 16 << 10;
/// Words as they stand in JSON.
const WORDS: [&str; 8] = [
    " the",
    " quick",
    "\\n\\n",
    " brown",
    " caf\u{e9}",
    ".",
    " \\\"jumps\\\"",
    " over",
];

/// Chunks as `OpenAI` sends them, all padded to one size.
fn padded() -> Vec<String> {
    let chunk = |word: &str, padding: &str| {
        format!(
            r#"{{"id":"chatcmpl-CJ2mNKYJ4hPzLq5bRr0iVdXn7TzQ1","object":"chat.completion.chunk","created":1758800000,"model":"gpt-4o-mini-2024-07-18","service_tier":"default","system_fingerprint":"fp_560af6e559","choices":[{{"index":0,"delta":{{"content":"{word}"}},"logprobs":null,"finish_reason":null}}],"usage":null,"obfuscation":"{padding}"}}"#
        )
    };
    let chunks = (0..TOKENS).map(|k| {
        let word = WORDS[k % WORDS.len()];
        let room = EVENT - "data: \n\n".len() - chunk(word, "").len();
        chunk(word, &"x".repeat(room))
    });
    chunks.collect()
}

/// Chunks as the lab sends them.
fn plain() -> Vec<String> {
    let chunk = |k: usize| {
        DIALECT.encode_chunk(&Say {
            id: "chatcmpl-lab-000042",
            model: "gpt-lab",
            created: 1_758_800_000,
            content: ["a", " word", " or", " two"][k % 4],
            ..Say::default()
        })
    };
    (0..TOKENS).map(chunk).collect()
}

/// The events of chunks, with the end of a stream.
fn events(chunks: &[String]) -> Vec<Vec<u8>> {
    let end = [
        r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#,
        "[DONE]",
    ];
    let all = chunks.iter().map(String::as_str).chain(end);
    all.map(|data| {
        let mut event = Vec::new();
        encode_event(&mut event, None, data, Newline::Lf);
        event
    })
    .collect()
}

/// Reads a stream whose every read is one item of `reads`, a millisecond apart.
fn read<R: AsRef<[u8]>>(reads: &[R]) -> Exchange {
    let mut reading = Reading::new(DIALECT, true);
    let header = |name: &str| (name == "content-type").then_some("text/event-stream");
    reading.sent(Offset::ZERO);
    reading.head(200, header, Offset::ZERO);
    let mut at = Offset::ZERO;
    let mut result = Ok(());
    for bytes in reads {
        at = at + Duration::from_millis(1);
        result = result.and_then(|()| reading.bytes(bytes.as_ref(), at));
    }
    reading.finish(result, at)
}

/// Reads an answer in one piece.
fn whole() -> Exchange {
    let body = br#"{"id":"chatcmpl-1","model":"gpt-lab","choices":[{"message":{"content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":11,"completion_tokens":7}}"#;
    let mut reading = Reading::new(DIALECT, false);
    let at = |micros| Offset::ZERO + Duration::from_micros(micros);
    reading.sent(at(123));
    reading.head(200, |_| None, at(45_678));
    let result = reading.bytes(body, at(45_999));
    reading.finish(result, at(46_012))
}

/// The smoke scenario, which has every kind of recipe.
fn plan() -> Plan {
    shipped("scenarios/smoke.yaml")
}

fn shipped(path: &str) -> Plan {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let scenario = load(&path, &|_| None, &[], &Overrides::default());
    Plan::new(scenario.expect("a shipped scenario has no problems"))
}

fn splitting(c: &mut Criterion) {
    let stream = events(&padded()).concat();
    let mut group = c.benchmark_group("per event");
    group.throughput(Throughput::Elements(TOKENS as u64 + 2));
    group.bench_function("sse, 336 bytes in reads of 16 KiB", |b| {
        b.iter(|| {
            let (mut decoder, mut items) = (Decoder::new(), 0);
            for bytes in black_box(&stream).chunks(READ) {
                let result = decoder.feed(bytes, |item| {
                    black_box(item);
                    items += 1;
                });
                assert_eq!(result, Ok(()));
            }
            items
        });
    });
    group.finish();
}

fn decoding(c: &mut Criterion) {
    let mut group = c.benchmark_group("per chunk");
    group.throughput(Throughput::Elements(TOKENS as u64));
    for (name, chunks) in [("padded", padded()), ("plain", plain())] {
        group.bench_function(format!("{name}, parsed"), |b| {
            b.iter(|| {
                for chunk in black_box(&chunks) {
                    black_box(DIALECT.decode(chunk.as_bytes()).is_ok());
                }
            });
        });
        group.bench_function(format!("{name}, known by its bytes"), |b| {
            let mut scanner = DIALECT.scanner();
            let first = scanner.read(chunks[0].as_bytes());
            assert!(matches!(first, Ok(Piece::New(_))));
            b.iter(|| {
                for chunk in black_box(&chunks) {
                    let piece = scanner.read(chunk.as_bytes());
                    assert!(matches!(piece, Ok(Piece::Again)));
                }
            });
        });
    }
    // The scanner's worst case: no chunk is like the one before.
    let chunks: Vec<String> = (0..)
        .zip(plain())
        .map(|(k, chunk)| chunk.replace("000042", &format!("{k:06}")))
        .collect();
    group.bench_function("ever different, parsed", |b| {
        b.iter(|| {
            for chunk in black_box(&chunks) {
                black_box(DIALECT.decode(chunk.as_bytes()).is_ok());
            }
        });
    });
    group.bench_function("ever different, scanned and then parsed", |b| {
        b.iter(|| {
            let mut scanner = DIALECT.scanner();
            for chunk in black_box(&chunks) {
                black_box(scanner.read(chunk.as_bytes()).is_ok());
            }
        });
    });
    group.finish();
}

fn reading(c: &mut Criterion) {
    let mut group = c.benchmark_group("per token");
    group.throughput(Throughput::Elements(TOKENS as u64));
    for (name, chunks) in [("padded", padded()), ("plain", plain())] {
        let events = events(&chunks);
        assert_eq!(read(&events).token_chunks as usize, TOKENS);
        group.bench_function(format!("{name}, read event by event"), |b| {
            b.iter(|| read(black_box(&events)));
        });
        let stream = events.concat();
        let reads: Vec<&[u8]> = stream.chunks(READ).collect();
        group.bench_function(format!("{name}, in reads of 16 KiB"), |b| {
            b.iter(|| read(black_box(&reads)));
        });
    }
    group.finish();
}

fn planning(c: &mut Criterion) {
    let plan = plan();
    let poisson = PhaseId(1);
    let arrivals: Vec<_> = phase_arrivals(&plan, poisson).take(1_000).collect();
    let mut group = c.benchmark_group("per arrival");
    group.throughput(Throughput::Elements(arrivals.len() as u64));
    group.bench_function("schedule, Poisson", |b| {
        b.iter(|| {
            for arrival in phase_arrivals(black_box(&plan), poisson).take(1_000) {
                black_box(arrival);
            }
        });
    });
    group.bench_function("shot", |b| {
        b.iter(|| {
            for arrival in &arrivals {
                black_box(tollgate::shot::build(black_box(&plan), arrival));
            }
        });
    });
    for (name, path) in [
        ("shot of a row, plain", "scenarios/closed-loop.yaml"),
        ("shot of a row, tagged", "scenarios/respan-quick-start.yaml"),
        (
            "shot of a row, tagged, with keys",
            "scenarios/respan-own-keys.yaml",
        ),
    ] {
        let plan = Arc::new(shipped(path));
        let users: Vec<_> = phase_arrivals(&plan, PhaseId(1)).take(1_000).collect();
        let shots = Shots::new(&plan);
        group.bench_function(name, |b| {
            b.iter(|| {
                for arrival in &users {
                    black_box(shots.of(black_box(arrival)));
                }
            });
        });
    }
    group.finish();
}

fn recording(c: &mut Criterion) {
    let plan = std::sync::Arc::new(plan());
    let mut group = c.benchmark_group("per row");
    let streams = [8, 64, TOKENS].map(|tokens| {
        let exchange = read(&events(&plain()[..tokens]));
        (format!("{tokens} token chunks"), exchange)
    });
    for (name, exchange) in [("no stream".to_owned(), whole())]
        .into_iter()
        .chain(streams)
    {
        let row = |arrival| {
            let exchange = exchange.clone();
            Sample::new(&plan, &arrival, Offset::ZERO, Duration::ZERO, exchange)
        };
        let rows: Vec<Sample> = phase_arrivals(&plan, PhaseId(1))
            .take(100)
            .map(row)
            .collect();
        group.throughput(Throughput::Elements(rows.len() as u64));
        group.bench_function(format!("recorded, {name}"), |b| {
            let mut seconds = Seconds::new(&plan);
            b.iter(|| {
                for row in black_box(&rows) {
                    seconds.push(row);
                }
            });
        });
        group.bench_function(format!("written, {name}"), |b| {
            let info = RunInfo::new(&plan, &["http://lab".to_owned()]);
            let root = tempfile::tempdir().expect("there is a place for files");
            let folder = RunFolder::create(root.path(), "bench", 0.0, &info);
            let mut folder = folder.expect("an empty place takes a folder");
            b.iter(|| assert!(folder.write_rows(black_box(&rows), &info).is_ok()));
        });
    }
    group.finish();
}

criterion_group!(benches, splitting, decoding, reading, planning, recording);
criterion_main!(benches);
