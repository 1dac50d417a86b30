#!/bin/bash
# Runs one program with a library preloaded; nothing else in this script runs with it. Used by preload_test.
# Arguments: LIBRARY OPTIONS FATAL PROGRAM [ARGS]. Passes when the program exits with 0; if FATAL is not empty, when it is
# aborted and prints a line "bartizan: fatal: ..." that matches it.
set -euo pipefail

# Aborts are expected; their core dumps are unwanted.
ulimit -c 0

library="$PWD/$1" options="$2" fatal="$3" program="$PWD/$4"
shift 4

# The loader only warns when it cannot preload, and the test would then test the C library.
# grep reads to the end: ended by its early exit, the loader would look like one that failed.
if ! LD_TRACE_LOADED_OBJECTS=1 LD_PRELOAD="$library" "$program" | grep -F "$library" > /dev/null; then
  echo "FAIL: the loader does not preload $library" >&2
  exit 1
fi

if [[ -z "$fatal" ]]; then
  exec env LD_PRELOAD="$library" BARTIZAN_OPTIONS="$options" "$program" "$@"
fi

stderr="$(mktemp "${TEST_TMPDIR:-/tmp}/stderr.XXXXXX")"
status=0
# A shell of its own, so that bash does not report the abort.
(
  exec env LD_PRELOAD="$library" BARTIZAN_OPTIONS="$options" "$program" "$@" 2> "$stderr"
) || status=$?
cat "$stderr" >&2
if [[ "$status" -ne 134 ]]; then
  echo "FAIL: expected an abort (status 134), got status $status" >&2
  exit 1
fi
if ! grep -qE "^bartizan: fatal: .*($fatal)" "$stderr"; then
  echo "FAIL: no line 'bartizan: fatal: ...' matches: $fatal" >&2
  exit 1
fi
if [[ "$(grep -c '^bartizan: fatal: ' "$stderr")" -ne 1 ]]; then
  echo "FAIL: more than one fatal report" >&2
  exit 1
fi
