# shellcheck shell=bash
# Sourced, after narrate.sh: shows that something slow is still at work.

# with_progress LOG COMMAND… — runs COMMAND with its output in LOG and says every five seconds how
# long it has run. When it fails, shows the end of LOG and ends the script.
with_progress() {
  local log=$1 reporter status=0
  shift
  mkdir -p "${log%/*}"
  report_elapsed &
  reporter=$!
  # The command runs in the foreground, so that Ctrl-C reaches it.
  "$@" >"$log" 2>&1 </dev/null || status=$?
  kill "$reporter" 2>/dev/null || true
  wait "$reporter" 2>/dev/null || true
  if ((status == 0)); then return; fi
  tail -n 25 "$log" >&2
  fail "failed: $* (all of its output: $log)"
}

report_elapsed() {
  local start=$SECONDS
  # The last sleep outlives its loop by some seconds: it must hold neither a lock nor the output.
  while sleep 5 >/dev/null 2>&1 9>&- && kill -0 $$ 2>/dev/null; do
    say "  … $((SECONDS - start)) s"
  done
}
