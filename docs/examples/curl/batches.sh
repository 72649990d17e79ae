#!/bin/sh
# All batches that are asked for, a document for each piece: the header `Link` of each answer leads to the next one.
#   batches.sh 'line=tm3&verdict=off-spec&limit=100'
set -eu
url=${ONSPEC_URL:-http://127.0.0.1:8080}/api/v1/batches
headers=$(mktemp)
trap 'rm -f "$headers"' EXIT
query=$1
while [ -n "$query" ]; do
    curl --silent --show-error --fail-with-body --dump-header "$headers" "$url?$query"
    echo
    query=$(tr -d '\r' < "$headers" | sed -n 's/^[Ll]ink: <?\(.*\)>; rel="next"$/\1/p')
done
