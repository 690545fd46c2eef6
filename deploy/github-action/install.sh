#!/usr/bin/env bash
# Puts tollgate on the PATH of this step and of those that follow; builds it unless it is there already.
set -euo pipefail

if command -v tollgate >/dev/null; then
  tollgate --version
  exit 0
fi
root="$RUNNER_TEMP/tollgate"
if [ ! -x "$root/bin/tollgate" ]; then
  cargo install --locked --path "$GITHUB_ACTION_PATH/../.." --root "$root"
fi
"$root/bin/tollgate" --version
printf '%s\n' "$root/bin" >>"$GITHUB_PATH"
