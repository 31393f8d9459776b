#!/usr/bin/env bash
# Makes local stand-ins for the two public base images that the Dockerfile names, for a machine that reaches no registry,
# so that the Dockerfile itself is built and run there as it stands, by buildah:
#   docker.io/library/debian:bookworm-slim   by debootstrap
#   docker.io/library/swift:6.3-bookworm     that, and the packages of the public image; the toolchain is mounted
# Usage, as root:
#   base-images.sh           makes those that are missing; about three minutes, from the package mirror that apt uses
#   base-images.sh mounts    prints what builds on the stand-ins must mount, one source:target:options a line
# TOOLCHAIN: the folder that holds usr/bin/swift; by default that of the swift on PATH. Where git reads
# https://github.com/ from a folder of this machine (url.<folder>.insteadOf), builds read it from there too.
set -euo pipefail
export BUILDAH_ISOLATION=${BUILDAH_ISOLATION:-chroot} STORAGE_DRIVER=${STORAGE_DRIVER:-overlay}
debian=docker.io/library/debian:bookworm-slim
swift=docker.io/library/swift:6.3-bookworm

find_toolchain() {
    local program
    program=$(readlink -f "$(command -v swift)") || [ -n "${TOOLCHAIN:-}" ] || {
        echo "no swift on PATH; set TOOLCHAIN" >&2
        return 1
    }
    TOOLCHAIN=${TOOLCHAIN:-${program%/usr/bin/*}}
    [ -n "$TOOLCHAIN" ] && [ -x "$TOOLCHAIN/usr/bin/swift" ] || {
        echo "the toolchain must lie in a folder of its own to be mounted; set TOOLCHAIN" >&2
        return 1
    }
}

have() { buildah images -q "$1" >/dev/null 2>&1; }

make_debian() {
    local mirror
    mirror=$({
        sed -n 's/^URIs: *\([^ ]*\).*/\1/p' /etc/apt/sources.list.d/*.sources
        sed -n 's/^deb \(\[[^]]*\] \)\?\([^ ]*\) .*/\2/p' /etc/apt/sources.list /etc/apt/sources.list.d/*.list
    } 2>/dev/null | head -n 1 || true)
    debootstrap --variant=minbase bookworm "$work/root" ${mirror:+"$mirror"} >"$work/log" 2>&1 || {
        tail "$work/log" >&2
        return 1
    }
    rm -rf "$work/root/var/lib/apt/lists/"* "$work/root/var/cache/apt/archives/"*.deb
    tar -C "$work/root" -cf "$work/root.tar" .
    printf 'FROM scratch\nADD root.tar /\nCMD ["bash"]\n' >"$work/Debian"
    buildah bud -q -t "$debian" -f "$work/Debian" "$work" >/dev/null
}

make_swift() {
    find_toolchain
    cat >"$work/Swift" <<END
FROM $debian
RUN apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    binutils ca-certificates curl git gnupg2 libc6-dev libcurl4-openssl-dev libedit2 libgcc-12-dev libncurses-dev \
    libpython3-dev libsqlite3-0 libstdc++-12-dev libxml2-dev libz3-dev pkg-config tzdata unzip zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*
ENV PATH=$TOOLCHAIN/usr/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
END
    buildah bud -q --pull-never -t "$swift" -f "$work/Swift" "$work" >/dev/null
}

print_mounts() {
    local toolchain packages config
    # The stand-in names its toolchain's folder first of all; the public image has its own in /usr/bin.
    toolchain=$(buildah inspect --type image --format '{{range .Docker.Config.Env}}{{println .}}{{end}}' "$swift" \
        | sed -n 's|^PATH=\(/.*\)/usr/bin:/usr/local/sbin:.*|\1|p')
    [ -n "$toolchain" ] || return 0
    echo "$toolchain:$toolchain:ro"
    packages=$(git config --get-regexp '^url\..*\.insteadof$' '^https://github\.com/$' | head -n 1 || true)
    packages=${packages#url.}
    packages=${packages%%.insteadof *}
    [ -d "$packages" ] || return 0
    config=${XDG_CACHE_HOME:-$HOME/.cache}/stackelberg-image-gitconfig
    mkdir -p "$(dirname "$config")"
    printf '[url "%s"]\n\tinsteadOf = https://github.com/\n[safe]\n\tdirectory = *\n' "$packages" >"$config"
    echo "${packages%/}:${packages%/}:ro"
    echo "$config:/etc/gitconfig:ro"
}

if [ "${1:-}" = mounts ]; then
    print_mounts
    exit
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
have "$debian" || make_debian
have "$swift" || make_swift
