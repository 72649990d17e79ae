#!/usr/bin/env bash
# Makes sure that Alertmanager is here and prints the path of its binary as the last line on stdout. Everything else goes
# to stderr.
#
#   ALERTMANAGER=/path/to/alertmanager   use this one instead, install nothing
set -euo pipefail
# shellcheck source=tests/services/debian.sh
source "$(dirname "${BASH_SOURCE[0]}")/debian.sh"

works() { [[ -x $1 ]] && { "$1" --version 2>&1 || true; } | grep -q '^alertmanager, version'; }

if [[ -n ${ALERTMANAGER:-} ]]; then
    works "$ALERTMANAGER" || fail "ALERTMANAGER=$ALERTMANAGER is not an Alertmanager"
    printf '%s\n' "$ALERTMANAGER"
    exit 0
fi

if ! command -v prometheus-alertmanager >/dev/null; then
    install prometheus-alertmanager ALERTMANAGER
fi
binary=$(command -v prometheus-alertmanager) || fail "prometheus-alertmanager was installed and is not to be found"
works "$binary" || fail "$binary does not run"
printf '%s\n' "$binary"
