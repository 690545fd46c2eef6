//! What goes wrong before or at the first request names the next step.

use std::io::Write;
use std::net::TcpListener;
use std::thread;

use crate::log_server::{Answer, Server};
use crate::stage::{Stage, repeater, whole_request};
use crate::support::{Ran, Sandbox, gateway, scenario};

const FEW: &str = "load: [ { name: few, closed: { concurrency: 2, requests: 4 } } ]";
const JSON: &str = "content-type: application/json\r\n";

/// A run against a URL, and what it says.
fn run(url: &str, code: i32) -> String {
    let sandbox = Sandbox::with(&scenario(&gateway(url), FEW));
    sandbox.run("run scenario.yaml -o out").exits(code).stderr
}

#[track_caller]
fn assert_says(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "no `{part}` in:\n{said}");
    }
}

fn refusal(message: &str) -> String {
    format!(r#"{{"error":{{"message":"{message}"}}}}"#)
}

#[test]
fn a_refused_key_names_the_variable_that_it_was_read_from() {
    let url = repeater(401);
    let target = format!("{{ gateway: {{ url: \"{url}\", api_key: \"${{MY_KEY:}}\" }} }}");
    let sandbox = Sandbox::with(&scenario(&target, FEW));
    let key = [("MY_KEY", "planted-secret-123")];
    let said = sandbox
        .run_with(&key, "run scenario.yaml -o out")
        .exits(5)
        .stderr;
    assert_says(&said, &["`api_key` of the target `lab`, `${MY_KEY}`"]);
    // A default that is a key itself is not shown.
    let target =
        format!("{{ gateway: {{ url: \"{url}\", api_key: \"${{MY_KEY:planted-secret}}\" }} }}");
    let sandbox = Sandbox::with(&scenario(&target, FEW));
    let said = sandbox.run("run scenario.yaml -o out").exits(5).stderr;
    assert_says(&said, &["`api_key` of the target `lab`"]);
    assert!(!said.contains("planted-secret"), "{said}");
}

/// Respan's list of models takes any key, so that a wrong one shows in the run.
#[test]
fn a_key_that_only_the_requests_find_wrong_is_named_after_the_run() {
    let server = Server::start(|_, asked| match asked.path.as_str() {
        "/api/models/public/" => Answer(200, JSON, r#"{"models":[]}"#.to_owned()),
        _ => Answer(401, JSON, r#"{"detail":"Invalid API key"}"#.to_owned()),
    });
    let target = format!(
        "{{ gateway: {{ url: \"{}\", kind: respan, api_key: \"${{MY_KEY}}\" }} }}",
        server.url()
    );
    let sandbox = Sandbox::with(&scenario(&target, FEW));
    let Ran { stderr, .. } = sandbox
        .run_with(
            &[("MY_KEY", "planted-secret-123")],
            "run scenario.yaml -o out",
        )
        .exits(4);
    assert_says(
        &stderr,
        &[
            "help: no request was answered",
            "status_401: check the key in",
            "`${MY_KEY}`",
        ],
    );
    assert!(!stderr.contains("planted-secret"), "{stderr}");
}

#[test]
fn a_404_says_which_path_was_asked_and_what_a_base_url_looks_like() {
    let url = repeater(404);
    let said = run(&url, 4);
    assert_says(
        &said,
        &[
            &format!("note: {url}/models is not there (status 404)"),
            &format!("requests went to {url}/chat/completions"),
            "ends with /v1: https://gateway.example/v1",
        ],
    );
    let target =
        format!("{{ gateway: {{ url: \"{url}\", kind: respan, api_key: some-long-key }} }}");
    let sandbox = Sandbox::with(&scenario(&target, FEW));
    let said = sandbox.run("run scenario.yaml -o out").exits(4).stderr;
    assert_says(
        &said,
        &[
            "models/public/ is not there",
            "ends with /api: https://api.respan.ai/api",
        ],
    );
}

#[test]
fn a_base_url_that_is_short_of_its_end_is_told_the_whole_one() {
    let server = Server::start(|_, asked| match asked.path.as_str() {
        "/api/v1/models" => Answer(
            200,
            JSON,
            r#"{"data":[{"id":"openai/gpt-lab"}]}"#.to_owned(),
        ),
        _ => Answer(404, JSON, refusal("not found")),
    });
    let url = server.url();
    assert_says(&run(&url, 4), &[&format!("did you mean {url}/v1?")]);
    let whole = run(&format!("{url}/v1"), 4);
    assert!(!whole.contains("note:"), "{whole}");
}

#[test]
fn a_model_that_the_list_does_not_have_is_told_with_the_nearest_one() {
    let list = r#"{"data":[{"id":"openai/gpt-lap"},{"id":"anthropic/claude-lab"}]}"#;
    let server = Server::start(move |_, asked| match asked.path.as_str() {
        "/api/models" => Answer(200, JSON, list.to_owned()),
        _ => Answer(
            404,
            JSON,
            refusal("the model openai/gpt-lab does not exist"),
        ),
    });
    let said = run(&server.url(), 4);
    assert_says(
        &said,
        &[
            "does not list the model `openai/gpt-lab`; did you mean `openai/gpt-lap`?",
            "status_404: the target does not know the model",
        ],
    );
    assert_eq!(
        said.matches("does not list").count(),
        1,
        "of two recipes with one model\n{said}"
    );
}

#[test]
fn a_rate_limit_a_login_page_and_a_redirect_are_told_before_the_load() {
    for (status, headers, body, says) in [
        (
            429,
            JSON,
            refusal("slow down"),
            "too many requests, before the load has begun: slow down",
        ),
        (
            503,
            JSON,
            refusal("no upstream"),
            "the target itself is in trouble: no upstream",
        ),
        (
            200,
            "content-type: text/html\r\n",
            "<html>Sign in</html>".to_owned(),
            "a page for people and no JSON",
        ),
        (
            302,
            "location: https://login.example/\r\n",
            String::new(),
            "a redirect",
        ),
        (407, "", String::new(), "a proxy asks for a login"),
    ] {
        let server = Server::start(move |_, _| Answer(status, headers, body.clone()));
        let said = run(&server.url(), 4);
        assert_says(
            &said,
            &[
                "note: ",
                &format!("/models answered with status {status}"),
                says,
            ],
        );
        if status == 429 {
            assert_says(&said, &["status_429: the limit of the key or the account"]);
        }
    }
}

#[test]
fn nobody_there_names_the_command_that_starts_the_lab_in_its_place() {
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let said = run(&format!("http://{free}/api"), 5);
    let command = format!("tollgate lab --gateway {free}");
    assert_says(
        &said,
        &[
            "can't be reached",
            &command,
            &format!("http://{free}/api"),
            "sk-lab",
        ],
    );
    // What it names does start there.
    let sandbox = Sandbox::new();
    let mut lab = sandbox.start(&format!("lab --gateway {free} --provider 127.0.0.1:0"));
    let target = format!("{{ gateway: {{ url: \"http://{free}/api\", api_key: sk-lab }} }}");
    let sandbox = Sandbox::with(&scenario(&target, FEW));
    let answered = (0..50).any(|_| {
        thread::sleep(std::time::Duration::from_millis(100));
        sandbox.run("run scenario.yaml -o out").code == Some(0)
    });
    lab.child.kill().unwrap();
    assert!(answered);
}

#[test]
fn a_name_that_no_resolver_knows_is_told_apart_and_so_is_a_proxy_that_is_not_used() {
    let sandbox = Sandbox::with(&scenario(&gateway("http://gateway.invalid/v1"), FEW));
    let proxy = [("http_proxy", "http://127.0.0.1:9")];
    let said = sandbox
        .run_with(&proxy, "run scenario.yaml -o out")
        .exits(5)
        .stderr;
    assert_says(
        &said,
        &[
            "check the name of the host",
            "http_proxy is set, and tollgate uses no proxy",
        ],
    );
}

#[test]
fn tls_against_a_server_without_it_says_to_write_http() {
    let stage = Stage::start("{}");
    let url = stage.provider().replace("http://", "https://");
    assert_says(
        &run(&url, 5),
        &["the server does not speak TLS there: write http://"],
    );
}

#[test]
fn what_speaks_no_http_is_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            whole_request(&mut connection);
            // What a server of TLS says to plain HTTP: an alert.
            let _ = connection.write_all(&[21, 3, 1, 0, 2, 2, 70]);
        }
    });
    assert_says(
        &run(&url, 5),
        &["speaks no HTTP: if it speaks TLS, write https://"],
    );
}
