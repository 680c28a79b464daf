#!/bin/sh
# Writes the file $1: the exact version of everything that the project with all its extras pulls in, resolved in a fresh
# environment. Names and versions only, so that it says nothing about where packages come from on this machine.
set -eu

target="$1"
cd "$(dirname "$0")/.."
python="$(sh scripts/find_python.sh)"
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT

echo "resolving all dependencies in a fresh environment"
"$python" -m venv "$scratch/venv"
"$scratch/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input \
    --editable '.[server,embedded,dev]'
# setuptools is a real dependency (of grpcio-tools), pip is not; options and comments of pip.conf begin otherwise.
"$scratch/venv/bin/python" -m pip freeze --all --exclude pip --exclude holdfast |
    grep -E '^[A-Za-z0-9._-]+==[^ @]+$' >"$scratch/pins"
{
    echo "# The exact versions that make install takes. Written by make constraints."
    cat "$scratch/pins"
} >"$scratch/constraints"
mv "$scratch/constraints" "$target"
echo "pinned $(wc -l <"$scratch/pins" | tr -d ' ') packages in $target"
