#!/usr/bin/env bash
# Brings a real InfluxDB 2 server for the tests and prints the path of its binary as the last line on stdout.
# Everything else goes to stderr.
#
# There is no package of InfluxDB 2 in Debian, and the tests must not depend on a download page. The server is
# therefore built once from its published sources: the Go module of InfluxDB and, inside it, the Rust library of Flux.
# The module is pinned by its checksum; every other module is checked by InfluxDB's own go.sum, every crate by Flux's
# own Cargo.lock. It takes about six minutes on two idle cores, needs about 4 GB of disk while it builds, and leaves
# one file of 100 MB in the cache.
#
#   INFLUXD=/path/to/influxd   use this server instead, build nothing
#   ONSPEC_CACHE=/some/dir     keep the built server there (default: ${XDG_CACHE_HOME:-~/.cache}/onspec)
set -euo pipefail

readonly version=v2.9.1
readonly module=github.com/influxdata/influxdb/v2
readonly checksum='h1:lCCimWY/VpSmNyfOUm5WqKhZijlgJA8JHSD/+39XXuA='
readonly go_min=1.25.10
readonly cargo_min=1.83

project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
readonly project

say() { printf 'influxd: %s\n' "$*" >&2; }
die() {
    say "$*"
    say "or set INFLUXD to an InfluxDB 2 server that is here already (InfluxDB 1 and 3 will not do)"
    exit 1
}

# Whether the file is a server of the wanted version that runs on this machine: a cached binary may come from a
# system with a newer C library.
runs() { [[ -x $1 ]] && "$1" version 2>/dev/null | grep -q "InfluxDB $version"; }

# Whether version $1 is at least version $2.
at_least() { [[ $(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1) == "$2" ]]; }

if [[ -n ${INFLUXD:-} ]]; then
    # Any 2.x is accepted here: whoever names a server has chosen it.
    "$INFLUXD" version 2>/dev/null | grep -q '^InfluxDB v\?2\.' || die "INFLUXD=$INFLUXD is not an InfluxDB 2 server"
    printf '%s\n' "$INFLUXD"
    exit 0
fi

cache=${ONSPEC_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/onspec}
[[ $cache != *:* ]] || die "the cache directory $cache has a colon in its name, which the C compiler's search path cannot hold; set ONSPEC_CACHE to another"
binary=$cache/influxd-$version/influxd

if runs "$binary"; then
    printf '%s\n' "$binary"
    exit 0
fi

mkdir -p "$cache"
cache=$(cd "$cache" && pwd)
binary=$cache/influxd-$version/influxd

# Two test runs at once must not build it twice, nor into each other's directory. The lock falls with this process,
# so its descriptor must not leak into a daemon that a build tool may leave behind (see the `9>&-` below).
exec 9>"$cache/influxd.lock"
if ! flock -n 9; then
    say "another process is building the server, waiting for it"
    flock 9
fi
if runs "$binary"; then
    printf '%s\n' "$binary"
    exit 0
fi

# --- what the build needs -------------------------------------------------------------------------------------------

command -v go >/dev/null || { [[ -x /usr/local/go/bin/go ]] && PATH=$PATH:/usr/local/go/bin; }
command -v go >/dev/null || die "building InfluxDB $version needs Go $go_min or newer, and there is no go on the PATH; Debian 12's own (1.19) is too old"
# `local`: a Go that fetches another Go is a surprise; whoever wants that can set GOTOOLCHAIN themselves.
export GOTOOLCHAIN=${GOTOOLCHAIN:-local}
go_have=$(go env GOVERSION)
go_have=${go_have#go}
go_have=${go_have%% *}
at_least "$go_have" "$go_min" || die "building InfluxDB $version needs Go $go_min or newer, and $(command -v go) is $go_have; Debian 12's own (1.19) is too old"

command -v cargo >/dev/null || die "building InfluxDB $version needs cargo $cargo_min or newer, and there is no cargo on the PATH"
cargo_have=$(cd "$project" && cargo --version | awk '{print $2}')
at_least "$cargo_have" "$cargo_min" || die "building InfluxDB $version needs cargo $cargo_min or newer, and this one is $cargo_have"

if ! command -v "${CC:-cc}" >/dev/null; then
    if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
        say "no C compiler here, installing gcc and libc6-dev"
        { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends gcc libc6-dev; } >&2 9>&-
    else
        die "building InfluxDB $version needs a C compiler; on Debian: apt-get install gcc libc6-dev"
    fi
fi

# --- the build ------------------------------------------------------------------------------------------------------

# A directory of a fixed name under the lock, so that a build that was broken off goes on where it was.
build=$cache/influxd-build
mkdir -p "$build/bin" "$build/lib"
started=$SECONDS

# The caller's settings for its own builds must not leak into this one.
unset GOWORK GOOS GOARCH GOEXPERIMENT RUSTFLAGS CARGO_ENCODED_RUSTFLAGS CARGO_BUILD_TARGET CARGO_TARGET_DIR RUSTC_WRAPPER \
    CARGO_INCREMENTAL CGO_CFLAGS CGO_LDFLAGS
export GOFLAGS='-mod=readonly -buildvcs=false' GOWORK=off CGO_ENABLED=1
# The checksum database is not asked: the one module outside any go.sum is compared with the sum above.
export GOSUMDB=off

# One value of the flat JSON object that `go mod download -json` prints.
field() { sed -n "s/^[[:space:]]*\"$1\": \"\(.*\)\",\{0,1\}$/\1/p"; }

say "fetching $module@$version"
answer=$(cd "$build" && go mod download -json "$module@$version" 9>&-) || die "cannot fetch $module@$version: $answer"
sum=$(field Sum <<<"$answer")
[[ $sum == "$checksum" ]] || die "$module@$version has the checksum $sum, and $checksum is expected: refusing to build it"
influxdb=$(field Dir <<<"$answer")

# In the module's own directory InfluxDB is the main module, so its go.mod, go.sum and replacements hold as they are.
answer=$(cd "$influxdb" && go mod download -json github.com/influxdata/flux 9>&-) || die "cannot fetch Flux: $answer"
flux=$(field Dir <<<"$answer")

jobs=$(nproc 2>/dev/null || echo 2)
# More would need more memory than a small machine has: some of the packages take over a gigabyte each.
if ((jobs > 2)); then jobs=2; fi

# Only what the server needs is fetched (`go mod download` would bring the whole module graph), while Rust compiles.
say "fetching the other Go modules"
(cd "$influxdb" && go list -deps ./cmd/influxd >/dev/null 2>"$build/modules.log") 9>&- &
modules=$!

say "building libflux"
# The working directory is this project's: in Flux's own, its rust-toolchain.toml would have rustup install another
# toolchain and half a dozen targets.
(
    cd "$project"
    cargo rustc --manifest-path "$flux/libflux/Cargo.toml" -p flux --lib --crate-type staticlib --release --locked \
        --jobs "$jobs" --target-dir "$build/target" --quiet
) >&2 9>&- || die "libflux did not build"
cp "$build/target/release/libflux.a" "$build/lib/libflux.a"

wait "$modules" || die "cannot fetch the Go modules of InfluxDB: $(grep -v '^go: downloading' "$build/modules.log" | tail -n 20)"

# Flux asks pkg-config where its library is. The answer holds no path, because Go's build cache does not notice when
# such an answer changes; the directories go in through the compiler's own variables. A bare name, found on the PATH,
# because Go splits PKG_CONFIG at spaces.
cat >"$build/bin/onspec-pkg-config" <<'SHIM'
#!/bin/sh
# Answers `pkg-config --cflags flux` with nothing and `--libs flux` with the library.
case " $* " in *" --libs "*) echo "-lflux -ldl -lm" ;; *) echo ;; esac
SHIM
chmod +x "$build/bin/onspec-pkg-config"

tags=sqlite_foreign_keys,sqlite_json
case $(go env GOARCH) in amd64 | s390x) ;; *) tags=$tags,noasm ;; esac

say "building influxd with $jobs jobs, this takes some minutes"
(
    cd "$influxdb"
    PATH=$build/bin:$PATH PKG_CONFIG=onspec-pkg-config \
        LIBRARY_PATH=$build/lib${LIBRARY_PATH:+:$LIBRARY_PATH} \
        C_INCLUDE_PATH=$flux/libflux/include${C_INCLUDE_PATH:+:$C_INCLUDE_PATH} \
        go build -p "$jobs" -tags "$tags" -ldflags "-s -w -X main.version=$version -X main.commit=none -X main.date=none" \
        -o "$build/influxd" ./cmd/influxd
) >&2 9>&- || die "influxd did not build"

runs "$build/influxd" || die "the server was built and does not say 'InfluxDB $version' when asked for its version"
mkdir -p "$(dirname "$binary")"
# Within one file system, so nobody ever sees half a binary.
mv "$build/influxd" "$binary"
rm -rf "$build"
say "built in $((SECONDS - started)) s"
printf '%s\n' "$binary"
