#!/usr/bin/env bash
# What looking on costs: CPU time of a client that sends 10,000 plain requests a second to a lab in a process of its
# own, without any progress, with the live view on a terminal of 200x50 that tmux plays, and scraped once a second, in
# turns. The lab has core 0, the client core 1. Needs Linux, tmux, curl and `cargo build --release`. ROUNDS, RATE and
# SECONDS_EACH choose.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${ROUNDS:-5} rate=${RATE:-10000} seconds=${SECONDS_EACH:-15} tollgate=$PWD/target/release/tollgate
scraped=127.0.0.1:${PORT:-9464}
folder=$(mktemp -d)
terminal=(tmux -u -f /dev/null -S "$folder/tmux")
cat >"$folder/script.yaml" <<'YAML'
models: [{ model: "*", ttft: { constant: 0ms }, pace: { constant: 0ms }, output_tokens: { constant: 16 } }]
YAML
: >"$folder/said"
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
# What each thread took, by the scheduler's count, two seconds before the end.
for _ in $(seq "$rounds"); do
  for how in none view scraped; do
    run="run load.yaml --workers 1 --no-html -o out"
    case $how in
      none) run+=" --progress none" ;;
      view) run+=" --tui" ;;
      scraped) run+=" --progress none --prometheus $scraped" ;;
    esac
    "${terminal[@]}" new-session -d -x 200 -y 50 "cd '$folder' && exec env -u CI taskset -c 1 '$tollgate' $run >report.txt"
    for _ in $(seq "$((seconds - 2))"); do
      sleep 1
      [ $how != scraped ] || curl -s "http://$scraped/metrics" >"$folder/scrape"
    done
    client=$("${terminal[@]}" display-message -p '#{pane_pid}')
    for thread in "/proc/$client/task"/*; do
      echo "$how $(cat "$thread/comm") $(cut -d' ' -f1 "$thread/schedstat")"
    done
    until ! kill -0 "$client" 2>/dev/null; do sleep 0.2; done
    rm -rf "$folder/out"
  done
done >"$folder/all"
awk -v rounds="$rounds" '{ ms[$1 " " $2] += $3 / 1e6 / rounds; all[$1] += $3 / 1e6 / rounds }
  function costs(how, thread) {
    more = ms[how " " thread] + ms[how " tollgate"] - ms["none tollgate"]
    printf "%s, with what is gathered for it: %.0f ms of %.0f, %.1f %%; the whole client %+.1f %%\n", how, more, all["none"], more / all["none"] * 100, (all[how] / all["none"] - 1) * 100
  }
  END {
    for (thread in ms) printf "%-18s %7.0f ms\n", thread, ms[thread]
    costs("view", "live")
    costs("scraped", "telemetry")
  }' "$folder/all"
