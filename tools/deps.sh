#!/bin/sh
# Installs with apt-get what building and mounting need and this machine lacks;
# `deps.sh test` adds what the tests need, `deps.sh bench` what `make bench` needs.
# Says what it installs and why.
# Does nothing, and needs no root, when everything is there.
set -eu

wanted='
gcc               the linker that rustc calls
libc6-dev         C headers, read by bindgen
pkg-config        finds the installed GlusterFS
libglusterfs-dev  the GlusterFS headers
liburcu-dev       included by the GlusterFS headers
libssl-dev        included by the GlusterFS headers
uuid-dev          included by the GlusterFS headers
libclang-dev      lets bindgen read C headers
python3-dev       the Python that is embedded
ca-certificates   lets cargo fetch crates over https
glusterfs-client  the mount
'
wanted_for_test='
make              builds and installs from within the tests
g++               compiles libFuzzer
binutils          nm, which looks at the symbols of glupy.so
python3-venv      holds the checkers for Python
python3-numpy     imported by a translator in the tests
glusterfs-server  glusterd, for volumes that it manages
iproute2          ip, for a network that glusterd has to itself
procps            pgrep, which finds the bricks that glusterd started
fio               writes through mounts, and verifies what it reads
stress-ng         does everything else that can be done to files, and verifies it
'
wanted_for_bench='
python3-venv      holds what is compared with
libfuse3-dev      C headers, read when pyfuse3 is compiled
fuse3             the mounts of pyfuse3 and mfusepy
'
rust_at_least=85 # 1.85, Cargo.toml's rust-version

# Whether the tool on PATH is new enough: "cargo 1.85.0 (...)".
rust_is_new() {
    version=$("$1" --version 2>/dev/null) || return 1
    minor=${version#* 1.}
    [ "${minor%%.*}" -ge $rust_at_least ] 2>/dev/null
}

lacking() { # lines "package  reason" -> those that are not installed
    while read -r package reason; do
        [ -n "$package" ] || continue
        state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || true
        [ "$state" = installed ] || printf '  %-18s%s\n' "$package" "$reason"
    done
}

# Debian 12 has a newer Rust beside its own, for building browsers.
if grep -qs '^VERSION_CODENAME=bookworm' /etc/os-release; then web=-web; else web=''; fi
rust="
rustc$web   Rust 1.85 or newer: the one on PATH is missing or older
cargo$web   builds Rust packages"
clippy="
rust${web}-clippy   cargo clippy"
rustfmt="
rustfmt$web   cargo fmt"

case ${1-} in
test) wanted=$wanted$wanted_for_test ;;
bench) wanted=$wanted$wanted_for_bench ;;
esac
if ! rust_is_new cargo || ! rust_is_new rustc; then
    wanted=$wanted$rust
    if [ "${1-}" = test ]; then wanted=$wanted$clippy$rustfmt; fi
elif [ "${1-}" = test ]; then
    cargo clippy --version >/dev/null 2>&1 || wanted=$wanted$clippy
    cargo fmt --version >/dev/null 2>&1 || wanted=$wanted$rustfmt
fi

if command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; then
    list=$(printf '%s\n' "$wanted" | lacking)
    if [ -n "$list" ]; then
        printf 'Installing with apt-get what Glupy needs and this machine lacks:\n%s\n' "$list"
        if [ "$(id -u)" = 0 ]; then sudo=''; else sudo=sudo; fi
        log=$(mktemp)
        trap 'rm -f "$log"' EXIT
        # shellcheck disable=SC2046,SC2086 # a list of packages, and a command that may be empty
        { $sudo apt-get update && $sudo env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y --no-install-recommends $(printf '%s\n' "$list" | awk '{print $1}')
        } >"$log" 2>&1 </dev/null || { tail -n 30 "$log" >&2; exit 1; }
    fi
else
    printf 'This is no Debian: make sure that these, by whatever names, are installed:\n%s\n' "$wanted"
fi

for tool in cargo rustc; do
    rust_is_new $tool || {
        echo "$(command -v $tool || echo $tool) is older than 1.$rust_at_least or missing." \
            "Put a newer one first on PATH (Debian: /usr/bin, packages rustc-web and cargo-web)." >&2
        exit 1
    }
done
