#!/usr/bin/env bash
# What `tollgate overhead` finds of gateways: `truth` against the lab's gateway, whose delays are scripted, `real`
# of the gateways that are on the PATH. Needs a release build, python3, and a machine with nothing else to do.
#   benches/overhead.sh truth
#   PATH=target/real-gateway-venv/bin:$PATH benches/overhead.sh real respan-oss ferrogw
set -euo pipefail
cd "$(dirname "$0")/.."
tollgate=target/release/tollgate
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

template() {
  cat > "$out/front.yaml" <<EOF
about: the lab's gateway
install: nothing
kind: respan
command: ["{tollgate}", lab, --upstream, "{provider_url}", --gateway, "127.0.0.1:{port}", --script, "{config}"]
files:
  script.yaml: |
    gateway: { keys: [ { key: "{client_key}" } ], $1 }
ready: { get: /health, within: 20s }
base_url: http://127.0.0.1:{port}/api
model: lab/gpt-lab
EOF
}

figure() { # JSON, time, stat
  python3 -c '
import json, sys
found = json.load(open(sys.argv[1]))
level = found["levels"][int(sys.argv[4])]
stats = [a["stats"] for a in level["added"] if a["time"] == sys.argv[2]]
stat = next((s for s in stats[0] if s["stat"] == sys.argv[3]), None) if stats else None
print("n/a" if stat is None else "%.3f" % stat["added_ms"])' "$1" "$2" "$3" "${4:-0}"
}

truth() {
  # Open loops hold 64 and 512 streams by their rate: users of a closed loop would all begin at once.
  echo "| script | streams | p50 | p99 | pairs |"
  echo "|---|---|---|---|---|"
  for delay in "constant: 0ms" "constant: 0.2ms" "constant: 1ms" "constant: 5ms" "lognormal: { mean: 2ms, sd: 1ms }"; do
    template "added: { first: { $delay } }"
    for load in "1 --concurrency=1 6ms 2ms 2ms 1400" "64 --rates=125/s 150ms 60ms 15ms 3000" "512 --rates=116/s 1500ms 500ms 100ms 3000"; do
      read -r streams load ttft sd pace n <<< "$load"
      "$tollgate" overhead benches/overhead.yaml --gateway "$out/front.yaml" "$load" -n "$n" \
        -e TTFT="$ttft" -e SD="$sd" -e PACE="$pace" -o "$out/results" --json --no-html > "$out/found.json" 2> "$out/said" || true
      pairs=$(python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["pairs"]["kept"])' "$out/found.json")
      echo "| $delay | $streams | $(figure "$out/found.json" ttft p50) | $(figure "$out/found.json" ttft p99) | $pairs |"
    done
  done
}

real() {
  for name in "$@"; do
    echo "== $name"
    "$tollgate" overhead --gateway "$name" -o "$out/results" --no-html | sed -n '1,/^upstream/p'
  done
}

case "${1:-}" in
  truth) truth ;;
  real) shift; real "$@" ;;
  *) sed -n '2,6p' "$0"; exit 2 ;;
esac
