#!/usr/bin/env bash
# Brings the client of Eclipse Tahu (JavaScript), the reference implementation of Sparkplug B, and prints the path of its
# module as the last line on stdout. Everything else goes to stderr. It comes from npm, pinned by the lock
# file beside this script, and is kept in the cache; node and npm come from Debian where they are not here.
#
#   TAHU=/path/to/node_modules/sparkplug-client/index.js   use this module instead, install nothing
#   ONSPEC_CACHE=/some/dir       keep them there (default: ${XDG_CACHE_HOME:-~/.cache}/onspec)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/services/debian.sh
source "$here/debian.sh"

works() { node -e 'if (!require(process.argv[1]).newClient) process.exit(1)' "$1" >/dev/null 2>&1; }

command -v node >/dev/null || install nodejs TAHU
if [[ -n ${TAHU:-} ]]; then
    works "$TAHU" || fail "TAHU=$TAHU is no sparkplug-client that node can load"
    printf '%s\n' "$TAHU"
    exit 0
fi
cache=${ONSPEC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/onspec}
mkdir -p "$cache"
home=$(cd "$cache" && pwd)/tahu-$(sha256sum "$here/tahu/package-lock.json" | cut -c 1-12)
# Two test runs at once must not install into each other's directory.
exec 9>"$cache/tahu.lock"
flock 9
module=$home/node_modules/sparkplug-client/index.js
if ! works "$module"; then
    command -v npm >/dev/null || install npm TAHU
    rm -rf "$home"
    mkdir -p "$home"
    cp "$here/tahu/package.json" "$here/tahu/package-lock.json" "$home"
    npm ci --prefix "$home" --ignore-scripts --no-audit --no-fund >&2 </dev/null 9>&- ||
        fail "npm could not install sparkplug-client: see above"
    works "$module" || fail "sparkplug-client was installed and cannot be loaded"
fi
printf '%s\n' "$module"
