#!/usr/bin/env bash
# Makes sure that the mosquitto broker is here and prints the path of its binary as the last line on stdout.
# Everything else goes to stderr.
#
#   MOSQUITTO=/path/to/mosquitto   use this broker instead, install nothing
set -euo pipefail
# shellcheck source=tests/services/debian.sh
source "$(dirname "${BASH_SOURCE[0]}")/debian.sh"

# Asking for help is the only way to see the version; it ends with a status other than 0.
works() { [[ -x $1 ]] && { "$1" -h 2>/dev/null || true; } | grep -q '^mosquitto version'; }

if [[ -n ${MOSQUITTO:-} ]]; then
    works "$MOSQUITTO" || fail "MOSQUITTO=$MOSQUITTO is not a mosquitto broker"
    printf '%s\n' "$MOSQUITTO"
    exit 0
fi

# Debian keeps daemons in sbin, which is not on the PATH of everybody.
PATH=$PATH:/usr/local/sbin:/usr/sbin
if ! command -v mosquitto >/dev/null; then
    install mosquitto MOSQUITTO
fi
binary=$(command -v mosquitto) || fail "mosquitto was installed and is not to be found"
works "$binary" || fail "$binary does not run"
printf '%s\n' "$binary"
