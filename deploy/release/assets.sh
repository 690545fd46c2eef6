#!/usr/bin/env bash
# What goes beside the binary, made by the binary itself: manual pages and completions.
# assets.sh BINARY DIR
set -euo pipefail
binary=$(realpath "$1")
mkdir -p "$2/man" "$2/completions"
cd "$2"
"$binary" man -o man
"$binary" completions bash > completions/tollgate.bash
"$binary" completions zsh > completions/_tollgate
"$binary" completions fish > completions/tollgate.fish
