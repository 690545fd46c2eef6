#!/usr/bin/env bash
# Installs the tools that tollgate is compared with. Each is optional: what can't be had is said, and the
# benches report it as absent. Run it again at any time; what is there stays.
set -uo pipefail
cd "$(dirname "$0")/.."
tools=target/bench-tools
mkdir -p "$tools"
log=$tools/setup.log
: >"$log"

have() { printf '%-9s %s\n' "$1" "$2"; }
absent() { printf '%-9s absent: %s (see %s)\n' "$1" "$2" "$log"; }

# apt_tool COMMAND PACKAGE
apt_tool() {
  if ! command -v "$1" >/dev/null && command -v apt-get >/dev/null; then
    { apt-get update -qq && apt-get install -y -qq "$2"; } >>"$log" 2>&1
  fi
  if command -v "$1" >/dev/null; then
    have "$1" "$(command -v "$1")"
  else
    absent "$1" "the package $2 could not be installed with apt"
  fi
}

apt_tool wrk wrk
apt_tool h2load nghttp2-client
apt_tool valgrind valgrind

if [ ! -x "$tools/bin/oha" ]; then
  cargo install oha --locked --root "$tools" --target-dir "$tools/build" >>"$log" 2>&1
fi
if [ -x "$tools/bin/oha" ]; then
  have oha "$tools/bin/oha"
else
  absent oha "cargo install oha failed"
fi

venv=$tools/aiperf-venv
if [ ! -x "$venv/bin/aiperf" ]; then
  { python3 -m venv "$venv" && "$venv/bin/pip" install -q aiperf; } >>"$log" 2>&1
fi
# aiperf wants a tokenizer, and its own one is fetched from the network at each start. Tokens are counted
# by the server here, so one that splits words will do.
if [ -x "$venv/bin/aiperf" ] && [ ! -e "$tools/words/tokenizer.json" ]; then
  "$venv/bin/python" - "$tools/words" >>"$log" 2>&1 <<'PYTHON'
import sys
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast
words = ["<unk>", "<s>", "</s>"] + [chr(code) for code in range(32, 127)]
tokenizer = Tokenizer(models.WordLevel({word: k for k, word in enumerate(words)}, unk_token="<unk>"))
tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
PreTrainedTokenizerFast(
    tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>"
).save_pretrained(sys.argv[1])
PYTHON
fi
if [ -x "$venv/bin/aiperf" ]; then
  have aiperf "$venv/bin/aiperf"
else
  absent aiperf "it could not be installed from PyPI with python3"
fi
