# Sourced by test.sh: one service of the image, run by docker or podman.

container=stackelberg-test-$$

service_start() {
    if "$engine" container inspect "$container" >/dev/null 2>&1; then
        "$engine" start "$container" >/dev/null
    else
        "$engine" volume create "$container" >/dev/null
        "$engine" run --detach --name "$container" --read-only --cap-drop ALL --security-opt no-new-privileges \
            --publish 127.0.0.1::8080 --volume "$container:/data" "$image" >/dev/null
    fi
    port=$("$engine" port "$container" 8080/tcp | sed -n '1s/.*://p')
}

service_is_alive() { [ "$("$engine" container inspect --format '{{.State.Running}}' "$container")" = true ]; }
# Options of curl and, last, a path of the service.
service_curl() { curl -sS --max-time 60 "${@:1:$#-1}" "http://localhost:$port${*: -1}"; }
service_health() { "$engine" exec "$container" stackelberg healthcheck; }
service_user() { "$engine" exec "$container" id -u; }
# The image's program apart from the service.
service_program() { "$engine" run --rm "$image" "$@"; }
service_log() { "$engine" logs "$container"; }

# Sends SIGTERM; the status is the service's, or 124 when it was still there after the seconds.
service_terminate() {
    local status
    "$engine" kill --signal TERM "$container" >/dev/null
    status=$(timeout "$1" "$engine" wait "$container") || return
    return "$status"
}

service_remove() {
    "$engine" rm --force "$container"
    "$engine" volume rm "$container"
}
