# Sourced by test.sh: one service of the image, mounted by buildah and run by sandbox.sh.

container=$(buildah from --pull-never "$image")
root=$(buildah mount "$container")
user=$(image_config '{{.User}}')
image_config '{{range .Env}}{{println .}}{{end}}' | sed '/^$/d' >"$work/environment"
mapfile -t command < <(image_config '{{range .Entrypoint}}{{println .}}{{end}}{{range .Cmd}}{{println .}}{{end}}' | sed '/^$/d')
mapfile -t health < <(image_config '{{range .Healthcheck.Test}}{{println .}}{{end}}' | sed '/^$/d')
# A fresh volume gets the image's folder with its owner.
cp -a "$root/data" "$work/data"
sandbox= service=

service_start() {
    Docker/sandbox.sh "$root" "$work/data" "$user" "$work/environment" "${command[@]}" >>"$work/log" 2>&1 &
    sandbox=$!
    # The sandbox's only child is the service: it is there as soon as the namespaces are.
    within 10 eval 'service=$(cat "/proc/$sandbox/task/$sandbox/children" 2>/dev/null); service=${service% }; [ -n "$service" ]'
}

service_is_alive() { kill -0 "$service" 2>/dev/null; }
# Options of curl and, last, a path of the service.
service_curl() { nsenter --target "$service" --net curl -sS --max-time 60 "${@:1:$#-1}" "http://localhost:8080${*: -1}"; }
service_user() { awk '/^Uid:/ { print $2 }' "/proc/$service/status"; }
service_log() { cat "$work/log"; }

service_health() {
    mapfile -t variables <"$work/environment"
    nsenter --target "$service" --mount --pid --net --root --wd env -i "${variables[@]}" \
        setpriv --reuid "${user%:*}" --regid "${user#*:}" --clear-groups -- "${health[@]:1}"
}

# The image's program apart from the service.
service_program() {
    mkdir -p "$work/other"
    Docker/sandbox.sh "$root" "$work/other" "$user" "$work/environment" "${command[0]}" "$@"
}

# Sends SIGTERM; the status is the service's, or 124 when it was still there after the seconds.
service_terminate() {
    kill -TERM "$service"
    within "$1" eval '! kill -0 "$service" 2>/dev/null' || return 124
    wait "$sandbox"
}

service_remove() {
    [ -z "$service" ] || kill -KILL "$service"
    buildah rm "$container"
}
