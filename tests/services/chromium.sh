#!/usr/bin/env bash
# Makes sure that the Chromium browser is here and prints the path of its binary as the last line on stdout.
# Everything else goes to stderr.
#
#   CHROMIUM=/path/to/chromium   use this browser instead, install nothing
set -euo pipefail
# shellcheck source=tests/services/debian.sh
source "$(dirname "${BASH_SOURCE[0]}")/debian.sh"

works() { [[ -x $1 ]] && "$1" --version 2>/dev/null | grep -qE '^(Chromium|Google Chrome) '; }

if [[ -n ${CHROMIUM:-} ]]; then
    works "$CHROMIUM" || fail "CHROMIUM=$CHROMIUM is not a Chromium browser"
    printf '%s\n' "$CHROMIUM"
    exit 0
fi

if ! command -v chromium >/dev/null; then
    install chromium CHROMIUM
fi
binary=$(command -v chromium) || fail "chromium was installed and is not to be found"
works "$binary" || fail "$binary does not run"
printf '%s\n' "$binary"
