#!/bin/sh
# Makes the environment that everything runs in: `sh setup.sh FOLDER`. The Makefile calls it when something changed.
# FOLDER is an active conda environment, or a virtual environment that is made here.
set -eu

environment=$1

# Staff and services run in accounts of their own, so the interpreter must be one that every account can execute:
# one in somebody's closed home, first on root's path, would start nobody's kernel.
is_usable() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || return 1
    [ "$(id -u)" -ne 0 ] && return 0
    setpriv --reuid=nobody --regid=nogroup --clear-groups "$1" -c '' 2>/dev/null
}

find_python() {
    for name in /usr/bin/python3 /usr/bin/python3.1[1-9] python3 /usr/local/bin/python3; do
        path=$(command -v "$name") && is_usable "$path" && echo "$path" && return 0
    done
    echo "Python 3.11 or newer, which every account can execute, is missing: install the package python3." >&2
    return 1
}

install_packages() {
    [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null || return 1
    echo "Installing $* …"
    apt-get update -qq >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null
}

make_virtual_environment() {
    python=$(find_python) || { install_packages python3 python3-venv && python=$(find_python); } || exit 1
    # Debian ships the module without what it needs.
    "$python" -c 'import ensurepip' 2>/dev/null || install_packages python3-venv || {
        echo "Python's module venv is missing: install the package python3-venv." >&2
        exit 1
    }
    "$python" -m venv "$environment"
}

[ -x "$environment/bin/python" ] || make_virtual_environment
echo "Installing Urban Lab and its libraries into $environment …"
# The group and the world may read what is installed, whatever the caller's mask is.
umask 022
PIP_DISABLE_PIP_VERSION_CHECK=1 "$environment/bin/python" -m pip install --quiet -c constraints.txt -e '.[test]'
