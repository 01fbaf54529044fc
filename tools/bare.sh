#!/bin/sh
# Runs `make demo` and `make test` from a clean clone on a Debian 12 that has
# nothing but the base system.  Everything happens below target/bare and
# target/clone, see chroot.sh.
set -eu

chroot=$PWD/tools/chroot.sh
root=$PWD/target/bare
clone=$PWD/target/clone

if [ "$(id -u)" = 0 ]; then sudo=''; else sudo=sudo; fi
# shellcheck disable=SC2086 # a command that may be empty
$sudo rm -rf --one-file-system "$root" "$clone"
git clone --quiet --no-hardlinks . "$clone"
cd "$clone"

# The clone is there, and make is the command that is run; all else is Glupy's business.
"$chroot" "$root" bookworm \
    sh -ec 'apt-get update && apt-get install -y --no-install-recommends make' >>"$root.log" 2>&1 ||
    { tail "$root.log" >&2; exit 1; }

for command in demo test; do
    echo "== on the bare system: make $command"
    "$chroot" "$root" bookworm make $command
done
echo "== make demo and make test pass on the bare system"
