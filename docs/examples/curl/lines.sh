#!/bin/sh
# All lines in short. Asked again with the same file, it sends the document only if that has changed.
#   lines.sh [FILE-OF-ETAG]
set -eu
etag=${1:-/dev/null}
[ "$etag" = /dev/null ] && exec curl --silent --show-error --fail-with-body "${ONSPEC_URL:-http://127.0.0.1:8080}/api/v1/lines"
[ -e "$etag" ] || : > "$etag"
exec curl --silent --show-error --fail-with-body --etag-compare "$etag" --etag-save "$etag" \
    "${ONSPEC_URL:-http://127.0.0.1:8080}/api/v1/lines"
