#!/usr/bin/env bash
# Names what is built, so that a cache holds one tollgate for each state of its source.
set -euo pipefail

cd "$GITHUB_ACTION_PATH/../.."
sum=$(cat Cargo.toml Cargo.lock <(find src -type f -name '*.rs' -print0 | LC_ALL=C sort -z | xargs -0 cat) | sha256sum)
printf 'key=tollgate-%s-%s-%s\n' "${RUNNER_OS:-unknown}" "${RUNNER_ARCH:-unknown}" "${sum%% *}" >>"$GITHUB_OUTPUT"
