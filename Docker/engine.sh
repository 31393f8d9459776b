# Sourced by the scripts beside it: which engine builds and runs the image, and how it is asked.
# ENGINE names one; otherwise it is the first of docker, podman and buildah that answers.

find_engine() {
    local candidate
    for candidate in ${ENGINE:-docker podman buildah}; do
        # Of docker the client alone is often there; `version` asks its daemon, `info` asks those that have none.
        if timeout 20 "$candidate" "$([ "$candidate" = docker ] && echo version || echo info)" >/dev/null 2>&1; then
            echo "$candidate"
            return
        fi
    done
    echo "no container engine works here (tried: ${ENGINE:-docker podman buildah}); 'make deps-image' installs buildah" >&2
    return 1
}

engine=$(find_engine)
image=${IMAGE:-stackelberg:latest}
if [ "$engine" = buildah ]; then
    # Works where namespaces are refused, as they are inside most containers.
    export BUILDAH_ISOLATION=${BUILDAH_ISOLATION:-chroot} STORAGE_DRIVER=${STORAGE_DRIVER:-overlay}
    image=localhost/${image#localhost/}
fi

# One value of the image's configuration by a Go template over it, for instance '{{.User}}'.
image_config() {
    case $engine in
        buildah) buildah inspect --type image --format "{{with .Docker.Config}}$1{{end}}" "$image" ;;
        *) "$engine" image inspect --format "{{with .Config}}$1{{end}}" "$image" ;;
    esac
}

# All that the engine says of the image, as JSON without white space.
image_description() {
    case $engine in
        buildah) buildah inspect --type image "$image" ;;
        *) "$engine" image inspect "$image" ;;
    esac | tr -d ' \n'
}
