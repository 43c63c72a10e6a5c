#!/usr/bin/env bash
# `make test`: tests that start programs of their own, two at a time, file by file; then whatever shares the cluster, one after the other, and
# in the time that those wait, with what they leave of the processor, the fast tests. Every part runs even if one fails. Ends with one closing
# line in pytest's own form for all together. Words are handed to each, e.g. -k lesson.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
logs="$(mktemp -d)"
trap 'rm -rf "$logs"' EXIT
# An interrupt reaches what is in front by itself, and by this what runs beside it in a session of its own. Nothing begins after it.
stopped=0
trap 'stopped=1; [[ ! -s "$logs/pid" ]] || kill -TERM -- "-$(<"$logs/pid")" 2>/dev/null' INT TERM
NOTHING=5 # pytest's exit code where no test was chosen

code=0 chosen=0
judged() {
    (($1 == NOTHING)) || chosen=1
    (($1 == 0 || $1 == NOTHING)) || code=$1
}
# In CI each part remembers by itself what failed, since two write at once; at somebody's desk `pytest --last-failed` finds it where it always is.
remembering() {
    [[ -z "${CI:-}" ]] || printf -- '-ocache_dir=%s' "$logs/cache-$1"
}
# What failed in a part runs once more in CI, in a process of its own (decision 0261): a broken thing that a file's tests share is made anew.
once_more() {
    local name=$1
    shift
    if ((one == 1 && !stopped)) && [[ -n "${CI:-}" ]]; then
        one=0
        .venv/bin/python -m pytest --last-failed "$(remembering "$name")" "$@" 2>&1 | tee "$logs/$name-again" || one=$?
    fi
    judged "$one"
}
# Priorities count among the processes of one session only, and sessions share the processor alike, unless theirs says otherwise.
LEAST='echo $$ >"$0"; { echo 19 >/proc/self/autogroup; } 2>/dev/null; exec nice -n 19 "$@"'
FAST="not integration and not proof"
fast() {
    ((stopped)) && return 1
    setsid --wait bash -c "$LEAST" "$logs/pid" \
        .venv/bin/python -m pytest -m "$FAST" -n 2 --dist loadfile $(remembering fast) "$@" 2>&1 |
        tee "$logs/fast" | sed -u 's/^/fast: /'
}

# Only files that spell the mark: reading all of them takes each worker half a minute. Somebody's own words are taken as they are.
mapfile -t marked < <(grep -lrE 'mark\.(integration|proof)' tests --include='test_*.py')
live=(-m "(integration or proof) and not cluster" -n 2 --dist loadfile "${@:-${marked[@]}}")
one=0
.venv/bin/python -m pytest $(remembering live) "${live[@]}" 2>&1 | tee "$logs/live" || one=$?
once_more live "${live[@]}"
fast "$@" &
beside=$!
if ((!stopped)); then
    one=0
    .venv/bin/python -m pytest -m cluster "${@:-tests/integration}" 2>&1 | tee "$logs/cluster" || one=$?
    judged "$one"
fi
one=0
wait "$beside" || one=$?
# Beside the cluster's some wait in vain for a turn: now they have the machine to themselves.
once_more fast -m "$FAST" "$@"
((chosen)) || code=$NOTHING

.venv/bin/python -m tests.closing "$logs"
exit "$code"
