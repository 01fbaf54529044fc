#!/bin/sh
# Runs `make demo` and `make test` from a clean clone on a Debian 12 that has
# nothing but the base system.  Everything happens below target/bare, in mount and
# process namespaces of its own: mounts and processes end with this script.
set -eu

mirror=${MIRROR:-http://deb.debian.org/debian}
security=${MIRROR_SECURITY:-http://deb.debian.org/debian-security}
root=$PWD/target/bare
clone=$PWD/target/clone

if [ "${1-}" != inside ]; then
    rm -rf "$clone"
    git clone --quiet --no-hardlinks . "$clone"
    if [ "$(id -u)" = 0 ]; then sudo=''; else sudo='sudo --preserve-env'; fi
    command -v debootstrap >/dev/null || command -v /usr/sbin/debootstrap >/dev/null || {
        echo 'Installing debootstrap, which makes the bare system.'
        $sudo apt-get update >/dev/null
        $sudo apt-get install -y --no-install-recommends debootstrap >/dev/null
    }
    # shellcheck disable=SC2086 # a command that may be empty
    exec $sudo unshare --mount --pid --fork --kill-child "$0" inside
fi
PATH=$PATH:/usr/sbin

rm -rf --one-file-system "$root"
mkdir -p "$root"
debootstrap --variant=minbase bookworm "$root" "$mirror" >"$root.log" || { tail "$root.log" >&2; exit 1; }

# The network as this machine reaches it: resolver, proxies, certificates.
cp -L /etc/resolv.conf "$root/etc/resolv.conf"
cat >"$root/etc/apt/sources.list" <<EOF
deb $mirror bookworm main
deb $mirror bookworm-updates main
deb $security bookworm-security main
EOF
apt-config dump | grep -E '^Acquire::(https?|Check|Retries)' >"$root/etc/apt/apt.conf.d/90host" || true
for file in /etc/pip.conf /root/.cargo/config.toml; do
    if [ -f "$file" ]; then install -D -m 644 "$file" "$root$file"; fi
done
authorities=''
if [ -f /etc/ssl/certs/ca-certificates.crt ]; then
    install -m 644 /etc/ssl/certs/ca-certificates.crt "$root/root/authorities.crt"
    authorities='CARGO_HTTP_CAINFO=/root/authorities.crt PIP_CERT=/root/authorities.crt'
fi

mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
cp -r "$clone" "$root/root/glupy"

# The clone is there, and make is the command that is run; all else is Glupy's business.
chroot "$root" sh -ec 'apt-get update && apt-get install -y --no-install-recommends make' >>"$root.log" 2>&1

run() {
    echo "== on the bare system: make $1"
    # An environment of its own, but for what the network needs.
    # shellcheck disable=SC2046,SC2086 # lists of assignments
    env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
        $(env | grep -iE '^(https?_proxy|no_proxy|PIP_(PROXY|INDEX_URL)|CARGO_HTTP_PROXY)=' || true) \
        $authorities chroot "$root" make -C /root/glupy "$1"
}
run demo
run test
echo "== make demo and make test pass on the bare system"
