//! A gateway's own list of prices, good and bad, to a table that a scenario can use.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::thread;

use tollgate::pricing::PriceTable;
use tollgate::scenario::document::{self, Source};

use crate::support::{QUICK_LAB, Sandbox};

/// A server that answers each path below `/api` with a status and a body, in which `HERE` stands for its
/// own address; it lives as long as the test.
fn server(answers: Vec<(&'static str, u16, String)>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let (mut head, mut byte) = (Vec::new(), [0]);
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) > 0 {
                head.push(byte[0]);
            }
            let head = String::from_utf8(head).unwrap();
            assert!(!head.to_lowercase().contains("authorization"), "{head}");
            let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
            let found = answers
                .iter()
                .find(|(known, ..)| format!("/api{known}") == path);
            let (status, body) =
                found.map_or((404, "{}"), |(_, status, body)| (*status, body.as_str()));
            let body = body.replace("HERE", &address.to_string());
            let head = format!(
                "HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
        }
    });
    address
}

const LIST: &str = "/models/public/";
const ROWS: &str = r#"{"models":[
  {"model_name":"gpt-lab","max_context_window":4096,"input_cost":2.0,"output_cost":8,"rate_limit":30000,
   "provider":{"provider_name":"OpenAI","provider_id":"openai","moderation":"Filtered"}},
  {"model_name":"anthropic/claude-lab","input_cost":"3.00","output_cost":15.0,"cache_hit_input_cost":0.3},
  {"model_name":"free-lab","input_cost":0,"output_cost":0},
  {"model_name":"odd-lab","input_cost":"a lot","output_cost":1},
  {"input_cost":1,"output_cost":1}
]}"#;

#[test]
fn a_list_of_prices_becomes_a_dated_table_that_a_scenario_takes() {
    let at = server(vec![(LIST, 200, ROWS.to_owned())]);
    let sandbox = Sandbox::with(&format!(
        "name: small\ntargets: {{ lab: {QUICK_LAB} }}\nprices: p.yaml\nbudget: {{ usd: 1 }}\n\
         mix: [ {{ name: a, chat: {{ model: openai/gpt-lab, max_tokens: 2, prompt: {{ text: hi }} }} }} ]\n\
         load: [ {{ name: users, closed: {{ concurrency: 1, requests: 2 }} }} ]\n"
    ));
    let pulled = sandbox
        .run(&format!("prices pull --target http://{at}/api/ -o p.yaml"))
        .exits(0);
    assert!(
        pulled
            .stderr
            .contains("left out: free-lab: both its prices are 0"),
        "{}",
        pulled.stderr
    );
    assert!(
        pulled
            .stderr
            .contains("left out: odd-lab: its `input_cost` is no price: a lot")
    );
    assert!(pulled.stderr.contains("left out: row 5: it names no model"));
    assert!(pulled.stderr.contains("3 prices in p.yaml"));
    let table = std::fs::read_to_string(sandbox.path("p.yaml")).unwrap();
    assert!(
        table.contains(&format!("source: \"http://{at}/api/models/public/\"")),
        "{table}"
    );
    assert!(
        table.contains(r#""openai/gpt-lab": { per_million: { input: 2.00, output: 8.00 } }"#),
        "{table}"
    );
    assert!(table.contains("cached_input: 0.30"), "{table}");
    assert!(table.contains("#   odd-lab: its"), "{table}");
    sandbox.run("validate scenario.yaml").exits(0);
    let printed = sandbox
        .run(&format!("prices pull --target http://{at}/api"))
        .exits(0);
    assert_eq!(printed.stdout, table);
}

#[test]
fn a_list_in_pages_is_read_to_its_end_and_never_from_elsewhere() {
    let pages = |next: &str| {
        let row =
            |name: &str| format!(r#"{{"model_name":"{name}","input_cost":1,"output_cost":2}}"#);
        let first = format!(r#"{{"results":[{}],"next":"{next}"}}"#, row("a"));
        let second = format!(r#"{{"results":[{}],"next":null}}"#, row("b"));
        server(vec![
            (LIST, 200, first),
            ("/models/public/?page=2", 200, second),
        ])
    };
    let pull = |at: SocketAddr, code: i32| {
        let ran = Sandbox::new().run(&format!("prices pull --target http://{at}/api"));
        ran.exits(code)
    };
    let whole = pull(pages("http://HERE/api/models/public/?page=2"), 0);
    assert!(whole.stdout.contains("\"a\":") && whole.stdout.contains("\"b\":"));
    let elsewhere = pull(pages("http://127.0.0.1:9/api/models/public/?page=2"), 5);
    let said = "its next page is elsewhere";
    assert!(elsewhere.stderr.contains(said), "{}", elsewhere.stderr);
}

#[test]
fn what_is_no_list_is_said_in_words() {
    let cases = [
        (200, "<html>", 5, "the answer is no JSON"),
        (200, r#"{"detail":"x"}"#, 5, "the answer holds no list"),
        (
            404,
            r#"{"detail":"Not Found"}"#,
            5,
            "answered status 404: Not Found",
        ),
        (
            200,
            r#"{"models":[{"model_name":"a"}]}"#,
            4,
            "no price that can be read",
        ),
    ];
    for (status, body, code, said) in cases {
        let at = server(vec![(LIST, status, body.to_owned())]);
        let sandbox = Sandbox::new();
        let ran = sandbox
            .run(&format!("prices pull --target http://{at}/api -o p.yaml"))
            .exits(code);
        assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
        assert!(!sandbox.path("p.yaml").exists());
    }
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let ran = Sandbox::new()
        .run(&format!("prices pull --target http://{closed}/api"))
        .exits(5);
    assert!(ran.stderr.contains("can't be reached"), "{}", ran.stderr);
    let ran = Sandbox::new().run("prices pull --target nowhere").exits(2);
    assert!(ran.stderr.contains("is no base URL"), "{}", ran.stderr);
}

#[test]
fn every_shipped_price_has_a_day_and_a_source() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/prices");
    let mut tables = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let source = Source::new(path.display().to_string(), text);
        let read = document::read::<PriceTable>(&source, &|_| None);
        assert!(read.problems.is_empty(), "{}", path.display());
        let table = read.value.unwrap();
        assert!(table.source.is_some() && !table.models.is_empty());
        let odd = table.models.iter().find(|(_, price)| price.is_empty());
        assert!(odd.is_none(), "{odd:?}");
        tables += 1;
    }
    assert!(tables >= 2);
}
