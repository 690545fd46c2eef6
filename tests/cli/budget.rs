//! A budget holds whatever the workers do at once, and says that it did.

use tollgate::base::Money;
use tollgate::results::Row;

use crate::support::{QUICK_LAB, Sandbox, scenario};

const PRICES: &str = "as_of: 2026-11-24\nmodels:\n  openai/gpt-lab:\n    per_million: { input: 2.00, output: 8.00 }\n";
const MIX: &str = "mix: [ { name: chat, chat: { model: openai/gpt-lab, max_tokens: 16, \
     prompt: { synthetic: { tokens: { uniform: { min: 5, max: 40 } } } } } } ]";
const USERS: &str = "load: [ { name: users, closed: { concurrency: 64, duration: 60s } } ]";

/// A sandbox with a scenario that has prices, this budget, this mix and this load.
fn sandbox(budget: &str, mix: &str, load: &str) -> Sandbox {
    let sandbox = Sandbox::with(&format!(
        "name: small\ntargets: {{ lab: {QUICK_LAB} }}\n{mix}\n{load}\nprices: prices.yaml\nbudget: {budget}\n"
    ));
    sandbox.write("prices.yaml", PRICES);
    sandbox
}

fn cost(rows: &[Row]) -> Money {
    rows.iter().filter_map(|row| row.cost_computed_usd).sum()
}

#[test]
fn sixty_four_users_on_several_workers_stop_just_below_the_budget() {
    let sandbox = sandbox("{ usd: 0.15 }", MIX, USERS);
    let ran = sandbox
        .run("run scenario.yaml -o out --workers 3 --gate")
        .exits(6);
    assert!(
        ran.stderr.contains("the budget is used up"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stdout.contains("STOPPED BY THE BUDGET"),
        "{}",
        ran.stdout
    );
    let folder = sandbox.folder();
    let (rows, info) = (folder.rows(), folder.info());
    let spent = cost(&rows);
    // 64 in flight are reserved with less than 0.0007 each.
    let budget = Money::from_nanos(150_000_000);
    assert!(spent <= budget, "{spent}");
    assert!(spent >= Money::from_nanos(105_000_000), "{spent}");
    assert!(rows.iter().all(|row| row.cost_computed_usd.is_some()));
    assert_eq!(info["interrupted"], "budget");
    assert_eq!(info["complete"], false);
    assert_eq!(info["budget"]["spent_usd"], spent.dollars());
    assert_eq!(info["budget"]["beyond_bound"], 0);
    assert!(info["budget"]["unsent"].as_u64().unwrap() >= 1);
}

/// Every third request goes on to a model of sixteen times the price.
const DEARER: &str = "name: small
seed: 3
targets:
  lab:
    lab:
      kind: respan
      script:
        repeats: vary
        models: [ { model: '*', ttft: { constant: 5ms }, output_tokens: { constant: 16 } } ]
        faults: [ { when: { share: 33%, model: gpt-lab }, do: { status: { code: 500 } } } ]
mix:
  - name: chat
    chat:
      model: openai/gpt-lab
      max_tokens: 16
      prompt: { text: hello }
      routing: { fallback_models: [ anthropic/dear-lab ] }
load: [ { name: users, closed: { concurrency: 64, duration: 60s } } ]
prices: prices.yaml
budget: { usd: 0.8 }
";

#[test]
fn a_fallback_to_a_dearer_model_never_passes_the_budget() {
    let sandbox = Sandbox::with(DEARER);
    let dear = "  anthropic/dear-lab:\n    per_million: { input: 32.00, output: 128.00 }\n";
    sandbox.write("prices.yaml", format!("{PRICES}{dear}"));
    sandbox.run("run scenario.yaml -o out --workers 3").exits(6);
    let folder = sandbox.folder();
    let (rows, info) = (folder.rows(), folder.info());
    let spent = cost(&rows);
    let answered = |model: &str| {
        let of = rows
            .iter()
            .filter(|row| row.model.as_deref() == Some(model));
        of.filter_map(|row| row.cost_computed_usd).max()
    };
    let (cheap, dear) = (answered("gpt-lab"), answered("dear-lab"));
    assert_eq!(dear.unwrap().nanos(), 16 * cheap.unwrap().nanos());
    assert!(spent <= Money::from_nanos(800_000_000), "{spent}");
    // What 64 in flight can cost at most is reserved: about 0.013 each.
    assert!(spent >= Money::from_nanos(100_000_000), "{spent}");
    assert_eq!(info["budget"]["spent_usd"], spent.dollars());
    assert_eq!(info["budget"]["beyond_bound"], 0);
}

#[test]
fn what_routing_may_choose_needs_a_price_where_there_is_a_budget() {
    let cases = [
        (
            "{ fallback_models: [ anthropic/other ] }",
            "the gateway may choose `anthropic/other` for `chat`, and there is no price for it",
        ),
        (
            "{ load_balance_group: { group_id: kept } }",
            "the gateway may choose models that the scenario does not name",
        ),
    ];
    for (routing, said) in cases {
        let scenario = DEARER.replace("{ fallback_models: [ anthropic/dear-lab ] }", routing);
        let sandbox = Sandbox::with(&scenario);
        sandbox.write("prices.yaml", PRICES);
        let ran = sandbox.run("run scenario.yaml -o out").exits(2);
        assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
        let unbound = Sandbox::with(&scenario.replace("budget: { usd: 0.8 }\n", ""));
        unbound.write("prices.yaml", PRICES);
        unbound.run("validate scenario.yaml").exits(0);
    }
}

#[test]
fn an_open_loop_is_stopped_by_its_budget_and_drains() {
    let load =
        "load: [ { name: open, poisson: { rate: 300/s, duration: 60s, max_in_flight: 32 } } ]";
    let sandbox = sandbox("{ usd: 0.1 }", MIX, load);
    sandbox.run("run scenario.yaml -o out --workers 2").exits(6);
    let rows = sandbox.folder().rows();
    assert!(
        rows.iter()
            .all(|row| row.outcome == tollgate::wire::Outcome::Ok)
    );
    let spent = cost(&rows);
    assert!(spent <= Money::from_nanos(100_000_000), "{spent}");
    assert!(spent >= Money::from_nanos(60_000_000), "{spent}");
}

#[test]
fn a_run_within_its_budget_is_complete_and_tells_what_it_spent() {
    let load = "load: [ { name: users, closed: { concurrency: 4, requests: 20 } } ]";
    let sandbox = sandbox("{ usd: 5.00 }", MIX, load);
    let folder = sandbox.results("");
    let info = folder.info();
    assert_eq!(
        (&info["complete"], &info["interrupted"]),
        (&true.into(), &().into())
    );
    assert_eq!(info["budget"]["usd"], 5.0);
    assert_eq!(info["budget"]["spent_usd"], cost(&folder.rows()).dollars());
}

#[test]
fn what_a_budget_can_not_be_held_by_is_a_problem_before_the_run() {
    let load = "load: [ { name: users, closed: { concurrency: 4, requests: 20 } } ]";
    let chat = |model: &str, rest: &str| {
        format!(
            "mix: [ {{ name: chat, chat: {{ model: {model}, prompt: {{ text: hello }}{rest} }} }} ]"
        )
    };
    let gpt = "openai/gpt-lab";
    let cases = [
        (
            "{ usd: 0 }",
            chat(gpt, ", max_tokens: 4"),
            "no request fits",
        ),
        ("{ usd: 1 }", chat(gpt, ""), "it has no `max_tokens`"),
        (
            "{ usd: 1 }",
            chat("openai/other", ", max_tokens: 4"),
            "there is no price for the model `openai/other`",
        ),
        (
            "{ usd: 1 }",
            chat("parse", ""),
            "`parse` is priced by the page",
        ),
        ("{ usd: -1 }", chat(gpt, ", max_tokens: 4"), "negative"),
    ];
    for (budget, mix, said) in cases {
        let sandbox = sandbox(budget, &mix, load);
        sandbox.write(
            "prices.yaml",
            format!("{PRICES}  parse:\n    per_page: 0.01\n"),
        );
        let ran = sandbox.run("run scenario.yaml -o out").exits(2);
        assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
        assert!(!ran.places().is_empty() && !sandbox.path("out").exists());
    }
    let unpriced = scenario(QUICK_LAB, &format!("{load}\nbudget: {{ usd: 1 }}"));
    let ran = Sandbox::with(&unpriced)
        .run("validate scenario.yaml")
        .exits(2);
    assert!(
        ran.stderr.contains("a budget needs prices"),
        "{}",
        ran.stderr
    );
}

#[test]
fn pages_have_a_bound_where_the_budget_says_how_many() {
    let mix = "mix: [ { name: parse, chat: { model: parse, prompt: { text: hello } } } ]";
    let load = "load: [ { name: users, closed: { concurrency: 1, requests: 20 } } ]";
    let sandbox = sandbox("{ usd: 1.00, max_pages: 10 }", mix, load);
    sandbox.write(
        "prices.yaml",
        "as_of: 2026-11-24\nmodels: { parse: { per_page: 0.01 } }\n",
    );
    assert_eq!(sandbox.plan("")["forecast"]["recipes"][0]["bound_usd"], 2.0);
}

#[test]
fn a_plan_shows_the_budget_beside_its_estimate_and_warns_where_it_may_not_fit() {
    let load = "load: [ { name: users, closed: { concurrency: 4, requests: 1000 } } ]";
    let plan = |budget: &str| {
        let sandbox = sandbox(budget, MIX, load);
        sandbox.run("plan scenario.yaml").exits(0).stdout
    };
    let fits = plan("{ usd: 5 }");
    assert!(
        fits.contains("budget     $5.00; the upper bound of all requests is $0."),
        "{fits}"
    );
    assert!(!fits.contains("warning"), "{fits}");
    let tight = plan("{ usd: 0.1 }");
    assert!(
        tight.contains("warning: the estimate passes the budget by up to $0.0"),
        "{tight}"
    );
    let hopeless = plan("{ usd: 0.001 }");
    assert!(
        hopeless.contains("warning: the prompts alone pass the budget by $0.0"),
        "{hopeless}"
    );
}
