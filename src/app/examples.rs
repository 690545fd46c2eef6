//! Examples, for the help and the manual page of each command.

use clap::Command;

/// The words of a command, and lines to copy.
type Example = (&'static [&'static str], &'static str);

const EXAMPLES: &[Example] = &[
    (
        &["run"],
        "  tollgate run scenarios/smoke.yaml
  tollgate run scenarios/smoke.yaml -r 20/s -d 1m --seed 7
  tollgate run scenarios/gate.yaml --baseline last
  OPENAI_API_KEY=... tollgate run scenarios/smoke.yaml --target https://gateway.example/v1 \\
    -e SHORT_MODEL=gpt-5-mini -e LONG_MODEL=gpt-5-mini -e PARSE_MODEL=gpt-5-mini -e PRICES=",
    ),
    (
        &["compare"],
        "  tollgate compare scenarios/providers.yaml
  tollgate compare scenarios/providers.yaml --aa
  tollgate compare results/smoke/MONDAY results/smoke/TUESDAY --allow-unlike",
    ),
    (
        &["overhead"],
        "  tollgate overhead --gateway litellm
  tollgate overhead --gateway respan-oss --rates 50/s,200/s -d 30s",
    ),
    (
        &["init"],
        "  tollgate init
  tollgate init gate
  tollgate init smoke -o load.yaml",
    ),
    (
        &["scenarios"],
        "  tollgate scenarios
  tollgate scenarios my-scenarios --json",
    ),
    (
        &["import"],
        "  tollgate import k6 summary.json
  tollgate import vegeta targets.txt -o load.yaml
  tollgate import sharegpt conversations.json -o prompts/chats.jsonl",
    ),
    (
        &["validate"],
        "  tollgate validate scenarios/*.yaml
  tollgate validate scenarios/smoke.yaml -e SHORT_MODEL=openai/gpt-lab",
    ),
    (
        &["plan"],
        "  tollgate plan scenarios/smoke.yaml
  tollgate plan scenarios/smoke.yaml -r 100/s -d 1m
  tollgate plan scenarios/providers.yaml --json",
    ),
    (
        &["report"],
        "  tollgate report results/smoke/TIME-DIGEST
  tollgate report results/smoke/TIME-DIGEST --html
  tollgate report results/smoke/TIME-DIGEST --json",
    ),
    (
        &["gate"],
        "  tollgate gate results/gate/TIME-DIGEST
  tollgate gate results/gate/TIME-DIGEST --baseline baselines/gate
  tollgate gate results/smoke/TIME-DIGEST --scenario scenarios/gate.yaml --on-inconclusive pass",
    ),
    (
        &["baseline"],
        "  tollgate baseline save results/gate/TIME-DIGEST
  tollgate baseline show
  tollgate run scenarios/gate.yaml --baseline baselines/gate",
    ),
    (
        &["baseline", "save"],
        "  tollgate baseline save results/gate/TIME-DIGEST
  tollgate baseline save results/gate/TIME-DIGEST --name release-1 --dir baselines",
    ),
    (
        &["baseline", "show"],
        "  tollgate baseline show
  tollgate baseline show baselines/gate",
    ),
    (
        &["lab"],
        "  tollgate lab
  tollgate lab --script scenarios/lab/small-provider.yaml --gateway 127.0.0.1:9000

  In another terminal:
  OPENAI_API_KEY=sk-lab tollgate run scenarios/smoke.yaml --target http://127.0.0.1:8080/api",
    ),
    (
        &["selftest"],
        "  tollgate selftest --quick
  tollgate selftest -o results",
    ),
    (
        &["prices"],
        "  tollgate prices pull --target respan -o scenarios/prices/respan.yaml",
    ),
    (
        &["prices", "pull"],
        "  tollgate prices pull --target respan -o scenarios/prices/respan.yaml
  tollgate prices pull --target https://gateway.example/api",
    ),
    (
        &["reconcile"],
        "  RESPAN_API_KEY=... tollgate reconcile results/smoke/TIME-DIGEST
  RESPAN_API_KEY=... tollgate reconcile results/smoke/TIME-DIGEST --max-missing 0 \\
    --max-cost-drift 1%
  OPENAI_API_KEY=... tollgate reconcile results/smoke/TIME-DIGEST --kind litellm --wait 2m",
    ),
    (
        &["probe"],
        "  RESPAN_API_KEY=... tollgate probe --target respan --model openai/gpt-5-mini
  OPENAI_API_KEY=... tollgate probe --target https://gateway.example/v1 --model gpt-5-mini \\
    --prices my-prices.yaml",
    ),
    (
        &["gateways"],
        "  tollgate gateways
  tollgate gateways try litellm",
    ),
    (
        &["gateways", "try"],
        "  tollgate gateways try litellm
  tollgate gateways try respan-oss --providers 2 --routing weighted",
    ),
    (
        &["schema"],
        "  tollgate schema > scenario.schema.json
  tollgate schema --markdown",
    ),
    (
        &["completions"],
        "  tollgate completions bash > ~/.local/share/bash-completion/completions/tollgate
  tollgate completions zsh > ~/.zfunc/_tollgate
  tollgate completions fish > ~/.config/fish/completions/tollgate.fish",
    ),
    (
        &["man"],
        "  tollgate man | man -l -
  tollgate man baseline save | man -l -
  tollgate man -o ~/.local/share/man/man1",
    ),
];

/// The examples of the command of these words.
pub(super) fn of(words: &[&str]) -> Option<&'static str> {
    let found = EXAMPLES.iter().find(|(of, _)| *of == words);
    found.map(|(_, lines)| *lines)
}

/// A command line whose help shows the examples.
pub(super) fn shown(command: Command) -> Command {
    with_examples(command, &[])
}

fn with_examples(command: Command, words: &[&str]) -> Command {
    let command = match of(words) {
        Some(lines) => command.after_help(format!("Examples:\n{lines}")),
        None => command,
    };
    command.mut_subcommands(|inner| {
        let name = inner.get_name().to_owned();
        with_examples(inner, &[words, &[name.as_str()]].concat())
    })
}
