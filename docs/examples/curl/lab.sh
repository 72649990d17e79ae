#!/bin/sh
# A laboratory result of a batch. The answer comes when it is on disk.
#   lab.sh tm3 TM3-260123-014 '{"property": "tensile_md", "value": 113.4, "unit": "N/m"}'
set -eu
exec curl --silent --show-error --fail-with-body --header 'Content-Type: application/json' --data "$3" \
    "${ONSPEC_URL:-http://127.0.0.1:8080}/api/v1/batches/$1/$2/lab"
