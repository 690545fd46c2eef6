#!/usr/bin/env bash
# Compares an arm with itself under many seeds, and counts the verdicts by their exit codes.
#   benches/same_arms.sh [SEEDS]
set -euo pipefail
cd "$(dirname "$0")/.."
seeds=${1:-100}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
declare -A count
for seed in $(seq "$seeds"); do
  code=0
  target/release/tollgate compare benches/same_arms.yaml --seed "$seed" -o "$out" --no-html >/dev/null 2>&1 || code=$?
  count[$code]=$((${count[$code]:-0} + 1))
done
printf 'pass %s, fail %s, inconclusive %s, invalid %s of %s\n' \
  "${count[0]:-0}" "${count[1]:-0}" "${count[3]:-0}" "${count[4]:-0}" "$seeds"
