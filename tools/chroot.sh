#!/bin/sh
# usage: chroot.sh ROOT SUITE COMMAND...
# Runs a command as root in a Debian SUITE of its own.  Its base system stands below
# ROOT, and is made when it is not there; the current folder is /root/glupy in it,
# and the one that the variable MNT names, if any, is /mnt.
# Mounts and processes are in namespaces of their own, which end with this script,
# whatever ends it.
set -eu

mirror=${MIRROR:-http://deb.debian.org/debian}
security=${MIRROR_SECURITY:-http://deb.debian.org/debian-security}

if [ "$1" != inside ]; then
    if [ "$(id -u)" = 0 ]; then sudo=''; else sudo='sudo --preserve-env'; fi
    command -v debootstrap >/dev/null || command -v /usr/sbin/debootstrap >/dev/null || {
        echo 'Installing debootstrap, which makes base systems.'
        $sudo apt-get update >/dev/null
        $sudo apt-get install -y --no-install-recommends debootstrap >/dev/null
    }
    # shellcheck disable=SC2086 # a command that may be empty
    exec $sudo unshare --mount --pid --fork --kill-child "$0" inside "$@"
fi
shift
root=$1 suite=$2
shift 2
PATH=$PATH:/usr/sbin

# What is mounted outside would not end when it is unmounted there.
umount --all --lazy --types fuse.glusterfs

if [ ! -d "$root" ]; then
    echo "Making the base system of Debian $suite."
    rm -rf --one-file-system "$root.part"
    mkdir -p "$root.part"
    debootstrap --variant=minbase "$suite" "$root.part" "$mirror" >"$root.log" ||
        { tail "$root.log" >&2; exit 1; }
    echo "deb $mirror $suite main" >"$root.part/etc/apt/sources.list"
    # What is not released yet has neither of these.
    case $(cat "$root.part/etc/debian_version") in
    */sid) ;;
    *)
        echo "deb $mirror $suite-updates main"
        echo "deb $security $suite-security main"
        ;;
    esac >>"$root.part/etc/apt/sources.list"
    mkdir "$root.part/root/glupy"
    mv "$root.part" "$root"
fi

# The network as this machine reaches it: resolver, proxies, certificates.
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
apt-config dump | grep -E '^Acquire::(https?|Check|Retries)' >"$root/etc/apt/apt.conf.d/90host" || true
for file in /etc/pip.conf /root/.cargo/config.toml; do
    if [ -f "$file" ]; then install -D -m 644 "$file" "$root$file"; fi
done
authorities=''
if [ -f /etc/ssl/certs/ca-certificates.crt ]; then
    install -m 644 /etc/ssl/certs/ca-certificates.crt "$root/root/authorities.crt"
    authorities='CARGO_HTTP_CAINFO=/root/authorities.crt PIP_CERT=/root/authorities.crt'
fi

# A mount of its own: what runs in it may want namespaces of mounts, too.
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --bind . "$root/root/glupy"
if [ -n "${MNT-}" ]; then mount --bind -o ro "$MNT" "$root/mnt"; fi

# An environment of its own, but for what the network needs.
# shellcheck disable=SC2046,SC2086 # lists of assignments
env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
    $(env | grep -iE '^(https?_proxy|no_proxy|PIP_(PROXY|INDEX_URL)|CARGO_HTTP_PROXY)=' || true) \
    $authorities chroot "$root" sh -c 'cd /root/glupy && exec "$@"' sh "$@"
