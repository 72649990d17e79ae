#!/bin/sh
# Every event, for ever, one document a line. A file remembers the number of the last one: after a break, of the connection, of
# onspec or of this script, it goes on there.
#   follow.sh seen.txt 'types=batch,sensor'
set -eu
url=${ONSPEC_URL:-http://127.0.0.1:8080}/api/v1/events
place=$1
[ -e "$place" ] || : > "$place"
while :; do
    # The silence of fifteen seconds is a dead connection: `alive` comes every five.
    curl --silent --no-buffer --fail --speed-limit 1 --speed-time 15 \
        --header "Last-Event-ID: $(cat "$place")" "$url?${2:-}" | while IFS= read -r line; do
        case $line in
            'event: '*) kind=${line#event: } ;;
            'id: '*) number=${line#id: } ;;
            'data: '*) data=${line#data: } ;;
            '')
                case $kind in
                    lines | alive) ;;
                    *) printf '%s\n' "$data" ;;
                esac
                printf '%s' "$number" > "$place.new"
                mv "$place.new" "$place"
                ;;
        esac
    done
    sleep 1
done
