#!/usr/bin/env bash
# How much the lab can answer: plain requests per CPU-second of its process, straight to the provider and
# through the gateway in front of it. The lab has core 0, wrk core 1. Rounds take turns, the medians count.
# Needs Linux, wrk (benches/setup.sh) and `cargo build --release`. ROUNDS, SECONDS_EACH and LAB choose.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${ROUNDS:-5} seconds=${SECONDS_EACH:-2} lab=${LAB:-target/release/tollgate}
folder=$(mktemp -d)
cat >"$folder/script.yaml" <<'YAML'
models: [{ model: "*", ttft: { constant: 0ms }, pace: { constant: 0ms }, output_tokens: { constant: 16 } }]
YAML
cat >"$folder/post.lua" <<'LUA'
wrk.method = "POST"
wrk.body = [[{"model":"openai/gpt-lab","messages":[{"role":"user","content":"What is a toll gate? Answer in one paragraph, for a child of ten."}],"stream":false,"max_tokens":96}]]
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer sk-lab"
done = function(summary)
  io.write("answers: " .. summary.requests - summary.errors.status .. "\n")
end
LUA
taskset -c 0 "$lab" lab --script "$folder/script.yaml" --provider 127.0.0.1:0 --gateway 127.0.0.1:0 \
  >"$folder/said" 2>/dev/null &
process=$!
trap 'kill "$process" 2>/dev/null || true; rm -rf "$folder"' EXIT
until grep -q '^provider' "$folder/said"; do
  kill -0 "$process" 2>/dev/null || { echo "the lab did not start" >&2; exit 1; }
  sleep 0.1
done
url() { grep -o "^$1 *http://[^ ]*" "$folder/said" | grep -o 'http://.*'; }
ticks() { awk '{ print $14 + $15 }' "/proc/$process/stat"; }
for ((round = 0; round < rounds; round++)); do
  for entrance in provider gateway; do
    before=$(ticks)
    answers=$(taskset -c 1 wrk -t1 -c64 -d"${seconds}s" -s "$folder/post.lua" \
      "$(url "$entrance")/chat/completions" | awk '/^answers:/ { print $2 }')
    echo "$entrance $answers $(($(ticks) - before))" >>"$folder/taken"
  done
done
# us of CPU time for each answer; what the gateway takes is what the way through it takes beyond the provider.
awk -v hertz="$(getconf CLK_TCK)" '
  { each[$1, n[$1]++] = 1e6 * $3 / hertz / $2 }
  function median(of, k, j, t, a) {
    for (k = 0; k < n[of]; k++) a[k] = each[of, k]
    for (k = 0; k < n[of]; k++) for (j = k + 1; j < n[of]; j++) if (a[j] < a[k]) { t = a[k]; a[k] = a[j]; a[j] = t }
    return a[int(n[of] / 2)]
  }
  function row(name, us) { printf "| %s | %.1f | %d |\n", name, us, 1e6 / us }
  END {
    provider = median("provider"); both = median("gateway")
    print "| lab | us of CPU for a request | requests per CPU-second |\n|---|---|---|"
    row("provider", provider); row("gateway and provider behind it", both); row("gateway alone", both - provider)
  }' "$folder/taken"
