#!/usr/bin/env bash
# Makes sure that libfaketime is here, which shows one process another time of the day than the machine's, and prints
# the path of the library as the last line on stdout. Everything else goes to stderr.
#
#   LIBFAKETIME=/path/to/libfaketimeMT.so.1   use this library instead, install nothing
set -euo pipefail
# shellcheck source=tests/services/debian.sh
source "$(dirname "${BASH_SOURCE[0]}")/debian.sh"

# Whether a program that is started with the library sees the year that it is told.
works() {
    [[ -f $1 && $(LD_PRELOAD=$1 FAKETIME='@2001-02-03 04:05:06' FAKETIME_DONT_FAKE_MONOTONIC=1 date +%Y 2>/dev/null) == 2001 ]]
}

if [[ -n ${LIBFAKETIME:-} ]]; then
    works "$LIBFAKETIME" || fail "LIBFAKETIME=$LIBFAKETIME is not libfaketime"
    printf '%s\n' "$LIBFAKETIME"
    exit 0
fi

# Each architecture has a directory of its own. The library for programs with threads.
library() { find /usr/lib -path '*/faketime/libfaketimeMT.so.1' -print -quit; }
if [[ -z $(library) ]]; then
    install libfaketime LIBFAKETIME
fi
found=$(library)
[[ $found ]] || fail "libfaketime was installed and is not to be found"
works "$found" || fail "$found does not work"
printf '%s\n' "$found"
