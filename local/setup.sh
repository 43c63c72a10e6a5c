#!/usr/bin/env bash
# What `make setup` runs: the Python packages of requirements.lock in .venv, this clone installed into it, the programs of the host
# (with apt, when root) and the tools. Does nothing when nothing is to be done. `--python-only` stops after the Python packages.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
exec 9<local/setup.sh
flock 9 # two `make` at once in one clone take turns

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { printf 'error: %s\n' "$*" >&2; exit 1; }

# The settings file is YAML, but pip must know its mirror before anything that reads YAML is installed: two levels are all it has.
settings_file="${HUIJU_SETTINGS:-${XDG_CONFIG_HOME:-$HOME/.config}/huiju/settings.yaml}"
setting() { # setting SECTION KEY: the HUIJU_ variable, else the file's value, else nothing
  local variable="HUIJU_${1^^}_${2^^}"
  if [[ -n "${!variable:-}" ]]; then printf '%s' "${!variable}"; return; fi
  [[ -r "$settings_file" ]] || return 0
  awk -v section="$1:" -v key="$2:" '/^[a-z]/ {here = $1} here == section && $1 == key {gsub(/["\047]/, "", $2); print $2; exit}' "$settings_file"
}
export_setting() { local value; value="$(setting "$2" "$3")"; [[ -z "$value" ]] || export "$1=$value"; }
export_setting PIP_INDEX_URL mirrors python
for scheme in http https no; do
  export_setting "${scheme^^}_PROXY" proxy "$scheme"
  export_setting "${scheme}_proxy" proxy "$scheme"
done

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
find_python() {
  local name
  for name in "${HUIJU_BASE_PYTHON:-python3}" python3.14 python3.13 python3.12 python3.11; do
    if command -v "$name" >/dev/null && new_enough "$name"; then command -v "$name"; return; fi
  done
  return 1
}

make_venv() {
  local python
  python="$(find_python)" || fail "Python 3.11 or newer is needed. Install it (Debian, Ubuntu: apt-get install -y python3 python3-venv) and run again."
  say "making .venv with $("$python" --version)"
  rm -rf .venv
  if ! "$python" -m venv .venv 2>/dev/null; then
    [[ $EUID -eq 0 ]] && command -v apt-get >/dev/null || fail "python3 cannot make virtual environments here. Type as root: apt-get install -y python3-venv"
    { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q python3-venv; } >&2
    rm -rf .venv
    "$python" -m venv .venv
  fi
}

# What the installed packages depend on; a killed run leaves no stamp and is repeated.
want="$(cat requirements.lock pyproject.toml local/setup.sh | sha256sum | cut -c1-64) $PWD"
have="$(cat .venv/.huiju-setup 2>/dev/null || true)"
if [[ "$want" != "$have" ]] || ! new_enough .venv/bin/python; then
  begun=$SECONDS
  new_enough .venv/bin/python && .venv/bin/python -m pip --version >/dev/null 2>&1 || make_venv
  say "installing the Python packages of requirements.lock"
  pip=(.venv/bin/python -m pip --disable-pip-version-check --no-input install --quiet)
  "${pip[@]}" --require-hashes -r requirements.lock || fail "the Python packages could not be installed. Behind a firewall, name your mirror: docs/engineer/toolchain.md"
  "${pip[@]}" --no-build-isolation --no-deps --editable .
  printf '%s' "$want" >.venv/.huiju-setup
  say "Python packages ready ($((SECONDS - begun)) s)"
fi

[[ "${1:-}" != "--python-only" ]] || exit 0
.venv/bin/python -m local.host_packages
.venv/bin/huiju toolchain ensure --quiet
