//! What a probe of the lab keeps is a transcript like all others, and reads as it did then.

#![expect(clippy::unwrap_used, reason = "it is only called by tests")]

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tollgate::base::Seed;
use tollgate::lab::Lab;
use tollgate::wire::Outcome;

use crate::transcripts::Transcript;

const SCRIPT: &str = r#"{"models":[{"ttft":{"constant":"2ms"},"pace":{"constant":"2ms"},"output_tokens":{"constant":3}}]}"#;
const KEY: &str = "sk-lab";

fn only(folder: &Path) -> PathBuf {
    let mut entries = fs::read_dir(folder).unwrap();
    entries.next().unwrap().unwrap().path()
}

/// Probes a lab; what was printed, and the folder of transcripts below `into`.
fn probe(into: &Path) -> (String, PathBuf) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let script = serde_json::from_str(SCRIPT).unwrap();
    let lab = runtime
        .block_on(Lab::start(script, Seed(1), free, free))
        .unwrap();
    let ran = Command::new(env!("CARGO_BIN_EXE_tollgate"))
        .args([
            "probe",
            "--kind",
            "respan",
            "--yes",
            "--model",
            "openai/gpt-lab",
        ])
        .args(["--target", &lab.gateway_url, "-o"])
        .arg(into)
        .env("RESPAN_API_KEY", KEY)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(ran.stderr).unwrap();
    assert_eq!(ran.status.code(), Some(0), "{said}");
    let shown = String::from_utf8(ran.stdout).unwrap();
    (shown, only(&into.join("probe")))
}

#[test]
fn what_a_probe_keeps_replays_as_a_transcript() {
    let folder = tempfile::tempdir().unwrap();
    let (shown, transcripts) = probe(folder.path());
    let wanted = [
        ("whole", Outcome::Ok),
        ("stream", Outcome::Ok),
        ("breakdown-whole", Outcome::Ok),
        ("breakdown-stream", Outcome::Ok),
        ("bad-key", Outcome::Status(401)),
        ("unknown-model", Outcome::Status(404)),
    ];
    assert_eq!(fs::read_dir(&transcripts).unwrap().count(), wanted.len());
    for (name, outcome) in wanted {
        let bytes = fs::read(transcripts.join(format!("{name}.txt"))).unwrap();
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(!text.contains(KEY) && !text.contains("wrong-key"), "{text}");
        assert!(
            text.contains("x-probe-request: POST /api/chat/completions HTTP/1.1\n"),
            "{text}"
        );
        assert!(
            text.contains("x-probe-request-header: authorization: ***"),
            "{text}"
        );
        let transcript = Transcript::parse(name.to_owned(), &bytes);
        assert_pieces(&transcript);
        let read = transcript.read();
        assert_eq!(read.outcome, outcome, "{text}");
        if outcome == Outcome::Ok {
            assert_eq!(read.usage.unwrap().output_tokens, 3);
            let streamed = u32::from(name.ends_with("stream")) * 3;
            assert_eq!(read.token_chunks, streamed, "{text}");
        }
        assert!(
            shown.contains(&format!("\n{name}")) || shown.starts_with(name),
            "{shown}"
        );
    }
    assert!(shown.contains("breakdown  before [DONE]"), "{shown}");
    assert!(shown.contains("breakdown  in the answer's body"), "{shown}");
    assert!(shown.contains("usage          4\n"), "{shown}");
}

/// The pieces of which a transcript tells make up its body, and come one after the other.
fn assert_pieces(transcript: &Transcript) {
    let headers = &transcript.head.headers;
    let (_, pieces) = headers
        .iter()
        .find(|(name, _)| name == "x-probe-pieces")
        .unwrap();
    let pieces: Vec<(f64, usize)> = pieces
        .split(' ')
        .map(|piece| {
            let (at, length) = piece.split_once('+').unwrap();
            (at.parse().unwrap(), length.parse().unwrap())
        })
        .collect();
    let whole: usize = pieces.iter().map(|(_, length)| length).sum();
    assert_eq!(whole, transcript.body.len());
    assert!(
        pieces.is_sorted_by(|a, b| a.0 <= b.0) && pieces[0].0 > 0.0,
        "{pieces:?}"
    );
    if transcript.name.ends_with("stream") {
        assert!(pieces.len() >= 3, "{pieces:?}");
    }
}
