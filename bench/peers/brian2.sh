#!/bin/bash
# brian2.sh: installs Brian2 into build/peers/brian2, unless it is there, and prints the Python that has it.
# C++ standalone needs a C++ compiler and make.
set -eu
VERSION=2.9.0
NUMPY=1.26.4 # the last 1.x: this Brian2 uses what numpy 2 removed
cd "$(dirname "$0")/../.."
venv=build/peers/brian2
if [ ! -e "$venv/installed-$VERSION" ]; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "brian2==$VERSION" "numpy==$NUMPY" 'setuptools<80' >&2
    : >"$venv/installed-$VERSION"
fi
echo "$venv/bin/python"
