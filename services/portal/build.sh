#!/bin/sh
# Build the portal's static pages into OUT: build.sh OUT. Works in a copy, so the clone stays as it is.
set -eu
[ $# -eq 1 ] || { echo "usage: build.sh OUT" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
out=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$here" && tar --exclude=node_modules --exclude=dist -cf - .) | tar -xf - -C "$work"
cd "$work"
npm ci --ignore-scripts --no-audit --no-fund
npm run build
cp -R dist/. "$out/"
