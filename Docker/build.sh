#!/usr/bin/env bash
# Builds the image from the Dockerfile as it stands, and says with which engine and how large it became.
# Where no registry answers, buildah gets the two base images from base-images.sh.
# Usage: build.sh; ENGINE and IMAGE as in engine.sh; BASE_IMAGES=local never asks a registry.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source Docker/engine.sh

revision=$(git describe --always --dirty --abbrev=12 --exclude '*' 2>/dev/null || echo unknown)
arguments=(--build-arg "REVISION=$revision" --file Docker/Dockerfile)

# The OCI format has no health check; docker knows but its own.
[ "$engine" = docker ] || arguments+=(--format docker)

if [ "$engine" != buildah ]; then
    "$engine" build "${arguments[@]}" --tag "$image" .
    size=$("$engine" image inspect --format '{{.Size}}' "$image")
else
    missing=()
    for base in $(sed -n 's/^FROM \([^ ]*\).*/\1/p' Docker/Dockerfile); do
        buildah images -q "$base" >/dev/null 2>&1 && continue
        if [ "${BASE_IMAGES:-}" = local ] || ! timeout 600 buildah pull -q "$base" >/dev/null 2>&1; then
            missing+=("$base")
        fi
    done
    if [ ${#missing[@]} -gt 0 ]; then
        echo "image: no registry answers; making ${missing[*]} here"
        Docker/base-images.sh
    fi
    arguments+=(--layers --pull-never)
    # The stand-in for the Swift image has its toolchain mounted. Mounts leave empty folders behind, so the first stage,
    # which is thrown away, is built with them, and the rest on its layers without.
    mounts=()
    while read -r mount; do mounts+=(--volume "$mount"); done < <(Docker/base-images.sh mounts)
    if [ ${#mounts[@]} -gt 0 ]; then
        buildah bud "${arguments[@]}" --target build --tag "$image-build" "${mounts[@]}" .
    fi
    buildah bud "${arguments[@]}" --tag "$image" .
    size=$(buildah images --json "$image" | sed -n 's/^ *"size": "\(.*\)".*/\1/p')
fi
case $size in *[!0-9]*) ;; *) size="$((size / 1000000)) MB" ;; esac
echo "image: $image by $engine, $size"
