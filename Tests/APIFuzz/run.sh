#!/usr/bin/env bash
# usage: run.sh STACKELBERG [CASES [SEED]]: schemathesis drives a real server with keys from openapi.yaml, all checks on, CASES for
# each operation; then asks whether enough jobs were solved and whether the server made mistakes or ended badly.
set -euo pipefail
stackelberg=$(realpath "$1")
cases=${2:-200}
seed=${3:-1}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
bin=${API_FUZZ_BIN:-$here/.venv/bin}
work=$(mktemp -d)
cleanup() { kill "$server" 2>/dev/null || true; wait; rm -rf "$work"; }
trap cleanup EXIT

"$bin/openapi-spec-validator" "$here/../../openapi.yaml"
key=$("$stackelberg" keys create --owner fuzz --scope admin --scope jobs:read --scope jobs:write --scope datasets:write \
    --requests-per-minute 1000000 --active-jobs 100000 --data "$work/data" | tail -n 1)
"$stackelberg" serve --port 0 --data "$work/data" --webhook-allow 127.0.0.1 >"$work/url" 2>"$work/log" &
server=$!
for _ in $(seq 300); do [ -s "$work/url" ] && break; sleep 0.1; done
[ -s "$work/url" ] || { cat "$work/log"; exit 1; }
url=$(head -n 1 "$work/url")

faults=0
cd "$here"
export STACKELBERG_URL=$url STACKELBERG_KEY=$key SCHEMATHESIS_HOOKS=hooks
"$bin/schemathesis" --config-file schemathesis.toml run ../../openapi.yaml --url "$url" \
    --header "Authorization: Bearer $key" --checks all --phases examples,coverage,fuzzing,stateful \
    --max-examples "$cases" --seed "$seed" --max-response-time 90 --generation-database none || faults=1

# What was accepted comes to an end.
for _ in $(seq 600); do
    curl -sS -H "Authorization: Bearer $key" "$url/v1/queue" | grep -q '"depth":0' && break
    sleep 0.1
done
solved=$(curl -sS -H "Authorization: Bearer $key" "$url/metrics" | sed -n 's/^stackelberg_solve_seconds_count //p')
echo "$solved jobs were solved"
wanted=$((cases < 200 ? cases / 2 : 200))
[ "$solved" -ge "$wanted" ] || { echo "FAILED: fewer than $wanted jobs were solved"; faults=1; }
if grep -E ' (500|502) [0-9]+ ' "$work/log"; then echo "FAILED: the server made mistakes"; faults=1; fi
kill -TERM "$server"
wait "$server" || { echo "FAILED: the server ended badly"; faults=1; }
exit $faults
