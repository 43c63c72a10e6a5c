#!/usr/bin/env bash
# `make test`: fast tests and those that need programs but no cluster, two at a time, file by file, since half of the machine would idle;
# then, one after the other, whatever shares the cluster. Every part runs even if one fails. Ends with one closing line in pytest's own form
# for all together. Words are handed to each, e.g. -k lesson.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
log="$(mktemp)"
trap 'rm -f "$log"' EXIT
NOTHING=5 # pytest's exit code where no test was chosen

code=0 chosen=0
part() {
    local one=0
    .venv/bin/python -m pytest "$@" 2>&1 | tee -a "$log" || one=$?
    ((one == NOTHING)) || chosen=1
    ((one == 0 || one == NOTHING)) || code=$one
}
part -m "not integration and not proof" -n 2 --dist loadfile "$@"
part -m "(integration or proof) and not cluster" -n 2 --dist loadfile "$@"
# Where they all are; to look everywhere takes most of a minute. Somebody's own words are taken as they are.
part -m cluster "${@:-tests/integration}"
((chosen)) || code=$NOTHING

.venv/bin/python -m tests.closing <"$log"
exit "$code"
