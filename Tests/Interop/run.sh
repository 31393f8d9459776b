#!/usr/bin/env bash
# usage: run.sh STACKELBERG: drives a real server with the clients and proxies that are installed: raw requests, curl, Python's
# http.client and requests, openssl s_client, nginx in front, Chromium, wrk. A program that is not there is named and left out.
set -euo pipefail
stackelberg=$(realpath "$1")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$here/../..
certificates=$root/Tests/HTTPServerTests/Certificates
work=$(mktemp -d)
processes=()
cleanup() { for process in "${processes[@]}"; do kill "$process" 2>/dev/null || true; done; wait; rm -rf "$work"; }
trap cleanup EXIT
faults=0
check() { if "${@:2}" >"$work/output" 2>&1; then echo "passed: $1"; else echo "FAILED: $1"; tail -n 30 "$work/output"; faults=1; fi; }
has() { command -v "$1" >/dev/null || { echo "left out: $1 is not installed"; return 1; }; }

# start NAME OPTIONS…: sets url_NAME.
start() {
    "$stackelberg" serve --port 0 --workers 1 --data "$work/$1" "${@:2}" >"$work/$1.url" 2>"$work/$1.log" &
    processes+=($!)
    for _ in $(seq 300); do [ -s "$work/$1.url" ] && break; sleep 0.1; done
    printf -v "url_$1" %s "$(head -n 1 "$work/$1.url")"
}

start plain
start secured --tls-certificate "$certificates/first.pem" --tls-key "$certificates/first.key"
check "raw requests of RFC 9110, 9112, 3986" python3 "$here/cases.py" "${url_plain##*:}"
check "http.client and requests" python3 "$here/clients.py" "$url_plain" "$url_secured" "$certificates/first.pem"

by_curl() {
    local url=$1 options=("${@:2}")
    curl -sS --fail "${options[@]}" "$url/livez" | grep -q ok
    curl -sS --fail --compressed "${options[@]}" "$url/openapi.yaml" | cmp - "$root/openapi.yaml"
    gzip -c "$root/Examples/quadratic.json" | curl -sS --fail "${options[@]}" --data-binary @- \
        -H 'Content-Type: application/json' -H 'Content-Encoding: gzip' "$url/v1/validate" | grep -q '"valid":true'
    local job
    job=$(curl -sS --fail "${options[@]}" --json "@$root/Examples/quadratic.json" "$url/v1/jobs" |
        python3 -c 'import json, sys; print(json.load(sys.stdin)["id"])')
    curl -sSN --fail --compressed "${options[@]}" "$url/v1/jobs/$job/events" | tail -n 1 | grep -q '"type":"end"'
    curl -sSN --fail "${options[@]}" -H 'Accept: text/event-stream' "$url/v1/jobs/$job/events" | grep -q '^event: end'
}
if has curl; then
    check "curl" by_curl "$url_plain"
    check "curl over TLS" by_curl "$url_secured" --insecure
fi

by_openssl() {
    (printf 'GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'; sleep 1) |
        openssl s_client -quiet -alpn http/1.1 "$1" -connect "127.0.0.1:${url_secured##*:}" 2>/dev/null | grep -q '"status":"ok"'
}
if has openssl; then for version in -tls1_2 -tls1_3; do check "openssl s_client $version" by_openssl $version; done; fi

if has nginx; then
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    cat >"$work/nginx.conf" <<NGINX
daemon off; master_process off; pid $work/nginx.pid; error_log $work/nginx.log;
events {}
http {
    access_log off; client_body_temp_path $work/body; proxy_temp_path $work/proxy;
    fastcgi_temp_path $work/f; uwsgi_temp_path $work/u; scgi_temp_path $work/s;
    upstream service { server 127.0.0.1:${url_plain##*:}; keepalive 4; }
    server { listen 127.0.0.1:$port; location / { proxy_pass http://service; proxy_http_version 1.1;
        proxy_set_header Host localhost; proxy_set_header Connection ""; proxy_set_header X-Forwarded-For \$remote_addr; } }
}
NGINX
    nginx -c "$work/nginx.conf" & processes+=($!)
    for _ in $(seq 50); do curl -sS "http://127.0.0.1:$port/livez" >/dev/null 2>&1 && break; sleep 0.1; done
    check "curl through nginx" by_curl "http://127.0.0.1:$port"
fi

if has chromium; then
    check "Chromium: fetch as a stream, EventSource that comes again" \
        python3 "$here/browser.py" "$url_plain" chromium "$root/Examples/quadratic.json"
fi

by_wrk() { wrk -t 1 -c 64 -d 2s "$1/livez" | tee /dev/stderr | awk '/Non-2xx|Socket errors/ { bad = 1 } END { exit bad }'; }
if has wrk; then check "wrk" by_wrk "$url_plain"; check "wrk over TLS" by_wrk "$url_secured"; fi
exit $faults
