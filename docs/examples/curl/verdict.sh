#!/bin/sh
# The verdict on the batch in progress of a line: what it is, since when, why, and what is left.
#   verdict.sh tm3
set -eu
exec curl --silent --show-error --fail-with-body "${ONSPEC_URL:-http://127.0.0.1:8080}/api/v1/lines/$1/verdict"
