//! The run that all assertions share: two arms, streamed and whole answers, failures, a warm-up, prices, and a
//! budget; scraped and written to a real Prometheus at once.

use std::sync::LazyLock;

use crate::installed::skipped;
use crate::prometheus::{Prometheus, free_port, get};
use crate::support::{Folder, Ran, Sandbox, until};

pub(crate) const RATE: f64 = 120.0;

const SCENARIO: &str = r#"
name: told
seed: 7
targets:
  lab: &lab { lab: { script: { repeats: vary, models: [ { model: "*", ttft: { lognormal: { mean: 40ms, sd: 25ms } },
    pace: { uniform: { min: 1ms, max: 6ms } }, output_tokens: { uniform: { min: 2, max: 20 } } } ],
    faults: [ { when: { share: 8% }, do: { status: { code: 503, message: busy } } } ] } } }
  newer: *lab
arms: { old: { target: lab }, new: { target: newer } }
mix:
  - { name: streamed, weight: 3, chat: { model: openai/gpt-lab, max_tokens: 20, prompt: { text: hello } } }
  - { name: plain, chat: { model: openai/gpt-lab, max_tokens: 20, stream: false, prompt: { text: hello } } }
load:
  - { name: warm-up, warmup: true, closed: { concurrency: 2, requests: 40 } }
  - { name: steady, poisson: { rate: 120/s, duration: 6s } }
slos: { ttft: 200ms }
budget: { usd: 5 }
prices: prices.yaml
"#;
const PRICES: &str =
    "as_of: 2026-11-24\nmodels: { openai/gpt-lab: { per_million: { input: 1, output: 5 } } }\n";

/// The run, and the Prometheus that knows it.
pub(crate) struct Watched {
    pub(crate) prometheus: Prometheus,
    pub(crate) folder: Folder,
    pub(crate) ran: Ran,
    /// What the endpoint said when the run was over.
    pub(crate) text: String,
    /// For each way that the figures came, its job and when the last ones are of.
    pub(crate) last: [(&'static str, f64); 2],
    _sandbox: Sandbox,
}

static WATCHED: LazyLock<Watched> = LazyLock::new(watch);

/// The run; `None` where such tests are left out.
pub(crate) fn watched() -> Option<&'static Watched> {
    (!skipped()).then(|| &*WATCHED)
}

fn watch() -> Watched {
    let port = free_port();
    let prometheus = Prometheus::start(port);
    let sandbox = Sandbox::with(SCENARIO);
    sandbox.write("prices.yaml", PRICES);
    let write = prometheus.write_url();
    let mut run = sandbox.start(&format!(
        "compare scenario.yaml -o out --run-id r1 --prometheus 127.0.0.1:{port} \
         --prometheus-linger 20s --remote-write {write}"
    ));
    // By the endpoint's own clock: a scrape is stamped when it is made, a write when the look was.
    let last = ["scraped", "tollgate"].map(|job| {
        let over = format!("timestamp(tollgate_run_over{{job=\"{job}\"}} == 1)");
        let mut at = None;
        until("the last figures", || {
            at = prometheus.ask(&over, None).first().map(|point| point.value);
            let ended = run.child.try_wait().unwrap();
            assert!(
                at.is_some() || ended.is_none(),
                "the run ended before: {ended:?}"
            );
            at.is_some()
        });
        (job, at.unwrap())
    });
    let text = get(port, "/metrics").unwrap();
    // The files are written by then.
    run.hear("prometheus: the endpoint stays for 20 s");
    run.signal(rustix::process::Signal::INT);
    let ran = run.finish();
    Watched {
        prometheus,
        folder: sandbox.folder(),
        ran,
        text,
        last,
        _sandbox: sandbox,
    }
}
