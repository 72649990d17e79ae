#!/bin/sh
# Acknowledges an alarm.
#   acknowledge.sh '{"alarm": "tm3/batch", "by": "shift A", "note": "on my way"}'
set -eu
exec curl --silent --show-error --fail-with-body --header 'Content-Type: application/json' --data "$1" \
    "${ONSPEC_URL:-http://127.0.0.1:8080}/api/v1/alarms/acknowledge"
