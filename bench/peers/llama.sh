#!/bin/bash
# llama.sh: installs llama.cpp, through its Python package, into build/peers/llama, unless it is there, and prints the Python
# that has it.  The package is compiled here (cmake, a C++ compiler) for this CPU.
set -eu
VERSION=0.3.36
cd "$(dirname "$0")/../.."
venv=build/peers/llama
if [ ! -e "$venv/installed-$VERSION" ]; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "llama-cpp-python==$VERSION" >&2
    : >"$venv/installed-$VERSION"
fi
echo "$venv/bin/python"
