#!/bin/bash
# nest.sh: installs NEST into build/peers/nest, unless it is there, and prints the Python that has it.
# The wheel of PyPI brings its own libraries; nothing else is needed than Python 3.9 to 3.13 with venv on x86-64 Linux.
set -eu
VERSION=3.10.0
cd "$(dirname "$0")/../.."
venv=build/peers/nest
if [ ! -e "$venv/installed-$VERSION" ]; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "nest-simulator==$VERSION" numpy >&2
    : >"$venv/installed-$VERSION"
fi
echo "$venv/bin/python"
