#!/usr/bin/env bash
# Runs an image's file system as a container engine would, with util-linux alone: first process of its own process and
# network namespaces, read-only root, one writable folder, no capabilities. For test.sh, where buildah is the engine;
# `buildah run` itself has no process namespace under chroot isolation.
# Usage: sandbox.sh <root> <data folder> <user:group> <environment file> <program> [<argument> ...]
set -euo pipefail
if [ "${SANDBOX_INSIDE:-}" != yes ]; then
    # Exit status and signals are the program's: unshare hands them on.
    SANDBOX_INSIDE=yes exec unshare --mount --pid --net --ipc --uts --fork --kill-child=SIGKILL "$0" "$@"
fi
root=$1 data=$2 user=$3 environment=$4
shift 4
ip link set lo up
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero random urandom; do
    touch "$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
mount --bind "$data" "$root/data"
mount -o remount,bind,ro "$root"
mapfile -t variables <"$environment"
cd /
exec env -i "${variables[@]}" chroot "$root" setpriv --reuid "${user%:*}" --regid "${user#*:}" --clear-groups \
    --no-new-privs --bounding-set=-all --inh-caps=-all -- "$@"
