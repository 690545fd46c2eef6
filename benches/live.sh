#!/usr/bin/env bash
# What the live view costs: CPU time of a client that sends 10,000 plain requests a second to a lab in a process of
# its own, without any progress and with the view, in turns, on a terminal of 200x50 that tmux plays. The lab has
# core 0, the client core 1. Needs Linux, tmux and `cargo build --release`. ROUNDS, RATE and SECONDS_EACH choose.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${ROUNDS:-5} rate=${RATE:-10000} seconds=${SECONDS_EACH:-15} tollgate=$PWD/target/release/tollgate
folder=$(mktemp -d)
terminal=(tmux -u -f /dev/null -S "$folder/tmux")
cat >"$folder/script.yaml" <<'YAML'
models: [{ model: "*", ttft: { constant: 0ms }, pace: { constant: 0ms }, output_tokens: { constant: 16 } }]
YAML
taskset -c 0 "$tollgate" lab --script "$folder/script.yaml" --provider 127.0.0.1:0 --gateway 127.0.0.1:0 \
  >"$folder/said" 2>/dev/null &
process=$!
trap '"${terminal[@]}" kill-server 2>/dev/null || true; kill "$process" 2>/dev/null || true; rm -rf "$folder"' EXIT
until grep -q '^provider' "$folder/said"; do
  kill -0 "$process" 2>/dev/null || { echo "the lab did not start" >&2; exit 1; }
  sleep 0.1
done
url=$(grep -o '^provider *http://[^ ]*' "$folder/said" | grep -o 'http://.*')
cat >"$folder/load.yaml" <<YAML
name: load
targets: { lab: { gateway: { url: "$url", api_key: sk-lab } } }
mix: [{ name: chat, chat: { model: gpt-lab, stream: false, prompt: { text: hello }, max_tokens: 16 } }]
load: [{ name: steady, constant: { rate: $rate/s, duration: ${seconds}s, max_in_flight: 2000 } }]
YAML
# The view draws on stderr: the times of the process go past it, to a file.
cat >"$folder/once.sh" <<'SH'
cd "$(dirname "$0")"
exec 3>&2
TIMEFORMAT='%U %S'
{ time env -u CI taskset -c 1 "$1" run load.yaml --workers 1 --no-html --progress "$2" -o out >report.txt 2>&3; } 2>times
touch over
SH
for _ in $(seq "$rounds"); do
  for how in none tui; do
    "${terminal[@]}" new-session -d -x 200 -y 50 "bash '$folder/once.sh' '$tollgate' $how"
    until [ -e "$folder/over" ]; do sleep 0.2; done
    answered=$(awk '$1 == "requests" { print $2 }' "$folder/report.txt")
    echo "$how $(cat "$folder/times") $answered"
    rm -rf "$folder/over" "$folder/out"
  done
done >"$folder/all"
awk '{ printf "%-5s user %6.2f s, system %6.2f s, %d requests\n", $1, $2, $3, $4 }' "$folder/all"
awk '{ user[$1] += $2 / $4; all[$1] += ($2 + $3) / $4; n[$1]++ }
  END {
    for (how in n) { user[how] *= 1e6 / n[how]; all[how] *= 1e6 / n[how] }
    printf "us for a request, user: %.2f without, %.2f with the view, %+.1f %%\n", user["none"], user["tui"], (user["tui"] / user["none"] - 1) * 100
    printf "us for a request, all:  %.2f without, %.2f with the view, %+.1f %%\n", all["none"], all["tui"], (all["tui"] / all["none"] - 1) * 100
  }' "$folder/all"
