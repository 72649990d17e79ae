# shellcheck shell=bash
# Installs a package of Debian; sourced by the scripts beside it.

fail() {
    printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2
    exit 1
}

# install PACKAGE VARIABLE: brings the package, or says how a person can, and which variable names one that is here.
install() {
    local package=$1 variable=$2 root=()
    command -v apt-get >/dev/null ||
        fail "$package is needed by the tests and is not here: install it, or set $variable to its path"
    if [[ $(id -u) != 0 ]]; then
        # -n: a test run that waits for a password on some terminal would look like a test that hangs.
        sudo -n true 2>/dev/null ||
            fail "$package is needed by the tests and is not here: run 'apt-get install $package' as root, or set $variable to its path"
        root=(sudo -n)
    fi
    printf '%s: installing it from Debian\n' "$package" >&2
    # The services are brought at the same time and apt lets only one work: wait for the other's lock. A service that
    # the package wants to start at once (mosquitto does) is not wanted: the tests start their own.
    {
        "${root[@]}" flock /var/lock/onspec-tests-apt sh -c "
            apt-get update -q &&
            DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -qy --no-install-recommends \
                -o DPkg::Lock::Timeout=300 $package"
    } >&2 </dev/null || fail "apt-get could not install $package: see above"
}
