#!/usr/bin/env bash
# Runs the scenario and judges it. The exit code is tollgate's: 0 where the change may pass.
set -euo pipefail

flags=(--ci github -o "$RESULTS")
if [ -n "$BASELINE" ]; then flags+=(--baseline "$BASELINE"); fi
if [ -n "$ON_INCONCLUSIVE" ]; then flags+=(--on-inconclusive "$ON_INCONCLUSIVE"); fi
read -r -d '' -a more <<<"$ARGS" || true

code=0
tollgate run "${flags[@]}" ${more[@]+"${more[@]}"} -- "$SCENARIO" || code=$?

# The run's folder tells apart the artefacts of several gates in one workflow.
folder=$(sed -n 's/^results=//p' "$GITHUB_OUTPUT" | tail -n 1)
if [ -n "$folder" ]; then
  name="tollgate-$(basename "$(dirname "$folder")")-$(basename "$folder")"
  printf 'artefact=%s\n' "${name//[^A-Za-z0-9_.-]/-}" >>"$GITHUB_OUTPUT"
fi
exit "$code"
