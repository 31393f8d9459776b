#!/usr/bin/env bash
# The main job by curl: serve, post a document, stream its progress, print its result, stop the server.
# Usage: Examples/demo.sh [path of the executable]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
program=${1:-.build/release/stackelberg}
folder=$(mktemp -d)

"$program" serve --port 0 --data "$folder/data" >"$folder/url" 2>"$folder/log" &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$folder"' EXIT
for _ in $(seq 300); do
    [ -s "$folder/url" ] && break
    kill -0 "$server" 2>/dev/null || { cat "$folder/log"; exit 1; }
    sleep 0.1
done
url=$(head -n 1 "$folder/url")
echo "serving at $url"

echo "posting Examples/ridge-per-feature.json"
curl -sS --fail-with-body --json @Examples/ridge-per-feature.json "$url/v1/jobs" >"$folder/job"
job=$(sed -nE 's/.*"id": ?"(job_[0-9A-Z]+)".*/\1/p' "$folder/job" | head -n 1)
echo "job $job"

# One line for each event; the first shows the unpenalised fit's error on held-out patients.
curl -sSN "$url/v1/jobs/$job/events" | tee "$folder/events" \
    | sed -uE 's/.*"iteration":([0-9]+),"upper_objective":([^,]+),"hypergradient_norm":([^,]+),.*/  iteration \1  validation error \2  hypergradient norm \3/
               s/.*"type":"(state|end)".*"state":"([a-z]+)".*/  \2/' \
    | awk '!/iteration/ || NR < 8 || NR % 25 == 0'

echo "result"
curl -sS --fail-with-body "$url/v1/jobs/$job/result" >"$folder/result"
cat "$folder/result"
first=$(sed -nE 's/.*"iteration":0,"upper_objective":([^,]+),.*/\1/p' "$folder/events" | head -n 1)
last=$(sed -nE 's/.*"upper":([^,]+),.*/\1/p' "$folder/result" | head -n 1)
awk -v first="$first" -v last="$last" 'BEGIN {
    printf "validation error: %.4f for the unpenalised fit, %.4f with the penalties found\n", first, last
    exit !(last < first)
}'

kill -TERM "$server"
wait "$server"
trap 'rm -rf "$folder"' EXIT
echo "the server has stopped"
