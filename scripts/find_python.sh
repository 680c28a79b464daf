#!/bin/sh
# Prints the Python to use: $PYTHON if it is set, else the first on the PATH that is new enough and can make virtual
# environments. Fails with one line that says what to install.
set -eu

readonly NEEDS="3.11"
readonly CAN='import sys; sys.exit(0 if sys.version_info >= (3, 11) else 3)'

fits() {
    command -v "$1" >/dev/null 2>&1 && "$1" -c "$CAN" >/dev/null 2>&1
}

can_make_environments() {
    "$1" -c 'import venv, ensurepip' >/dev/null 2>&1
}

refuse() {
    echo "holdfast: $1" >&2
    exit 1
}

if [ -n "${PYTHON:-}" ]; then
    fits "$PYTHON" || refuse "PYTHON=$PYTHON is not a Python $NEEDS or newer"
    can_make_environments "$PYTHON" || refuse "$PYTHON has no venv module: install it (Debian: python3-venv)"
    echo "$PYTHON"
    exit 0
fi

without_venv=""
for candidate in python3 python3.14 python3.13 python3.12 python3.11 python; do
    fits "$candidate" || continue
    if can_make_environments "$candidate"; then
        echo "$candidate"
        exit 0
    fi
    without_venv="${without_venv:-$candidate}"
done
[ -z "$without_venv" ] || refuse "$without_venv has no venv module: install it (Debian: python3-venv)"
refuse "no Python $NEEDS or newer on the PATH: install one, or name it with make PYTHON=/path/to/python3"
