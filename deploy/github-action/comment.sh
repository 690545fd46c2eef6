#!/usr/bin/env bash
# Writes the report as a comment on the pull request, over the one of the last run where there is one.
set -euo pipefail

MARKER=$(head -n 1 "$REPORT")
export MARKER
case $MARKER in
  '<!-- tollgate-gate '*) ;;
  *)
    echo "the report has no marker" >&2
    exit 1
    ;;
esac

comments="repos/$GITHUB_REPOSITORY/issues/$NUMBER/comments"
# Anyone may write the marker: only a bot's own comment is written over.
find='.[] | select(.user.type == "Bot" and (.body | startswith(env.MARKER))) | .id'

written() {
  local found
  found=$(gh api --paginate "$comments" --jq "$find") || return 1
  found=${found%%$'\n'*}
  if [ -n "$found" ]; then
    gh api --silent --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$found" -F "body=@$REPORT"
  else
    gh api --silent --method POST "$comments" -F "body=@$REPORT"
  fi
}

# A pull request from a fork has a token that may not comment. The verdict does not hang on it.
if ! written; then
  echo "::warning title=tollgate::the comment could not be written: may the job write pull-requests?"
fi
