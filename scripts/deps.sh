#!/bin/sh
# deps.sh check|install build|test|fuzz|models|browser: the packages a target needs, checked or installed.
#   check    exit 0 when everything is there, else one line that says what to install, exit 1
#   install  installs what is missing: apt-get as root, else through sudo, else that one line
# Debian 12, Ubuntu 22.04 and later.
set -u
mode=${1:?check or install}
for_what=${2:?build, test or fuzz}

missing=
add() { missing="$missing $1"; }
need_program() { command -v "$1" >/dev/null 2>&1 || add "$2"; }
need_library() { pkg-config --exists "$1" 2>/dev/null || add "$2"; }
# A clang tool: version 14 decides where it can be had (clang-format's output depends on the version).
need_clang() { command -v "$1-14" >/dev/null 2>&1 || command -v "$1" >/dev/null 2>&1 || add "$1"; }

find_missing() {
    missing=
    if [ "$for_what" = models ]; then
        "${PYTHON:-python3}" -c 'import ensurepip, venv' 2>/dev/null || add python3-venv
        return
    fi
    if [ "$for_what" = browser ]; then
        command -v "${CHROMIUM:-chromium}" >/dev/null 2>&1 || add chromium
        return
    fi
    need_program "${CC:-gcc}" "${CC:-gcc}"
    echo '#include <stdio.h>' | "${CC:-gcc}" -E - >/dev/null 2>&1 || add libc6-dev
    need_program pkg-config pkg-config
    need_library libevent_core libevent-dev
    need_library jemalloc libjemalloc-dev
    need_library hwloc libhwloc-dev
    need_library jansson libjansson-dev
    need_library libpcre2-8 libpcre2-dev
    need_library libutf8proc libutf8proc-dev
    need_library libxxhash libxxhash-dev
    need_library openblas libopenblas-dev
    need_library hdf5 libhdf5-dev
    [ -f "${D3:-/usr/share/javascript/d3/d3.min.js}" ] || add libjs-d3
    if [ "$for_what" != build ]; then need_library cmocka libcmocka-dev; fi
    if [ "$for_what" = test ]; then
        need_program cppcheck cppcheck
        need_clang clang
        need_clang clang-format
        need_clang clang-tidy
    fi
    if [ "$for_what" = fuzz ]; then
        need_clang clang
        have_fuzzer || add libclang-rt-14-dev
    fi
}

have_fuzzer() {
    clang=$(command -v clang-14 || command -v clang) || return 1
    runtime=$("$clang" -print-resource-dir)/lib
    find "$runtime" -name 'libclang_rt.fuzzer*' 2>/dev/null | grep -q .
}

have_package() { apt-cache show "$1" >/dev/null 2>&1; }
# clang -> clang-14 where the archive has it; Ubuntu 22.04 has the fuzzer's runtime elsewhere.
with_versions() {
    for package; do
        case $package in
        clang|clang-format|clang-tidy)
            if have_package "$package-14"; then package=$package-14; fi ;;
        libclang-rt-14-dev)
            have_package "$package" || ! have_package libclang-common-14-dev || package=libclang-common-14-dev ;;
        esac
        printf ' %s' "$package"
    done
}

find_missing
[ -z "$missing" ] && exit 0
# shellcheck disable=SC2086 # a list of words
say_missing() { echo "lassim: please install what is missing (Debian, Ubuntu): apt-get install$(with_versions $missing)" >&2; }
if [ "$mode" = check ]; then say_missing; exit 1; fi

as_root=
if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null 2>&1; then as_root=sudo; else say_missing; exit 1; fi
fi
if ! command -v apt-get >/dev/null 2>&1; then say_missing; exit 1; fi
echo "Installing:$missing" >&2
# A repository of the user's that does not answer is no reason to stop: what counts is the installation.
$as_root apt-get update -q >&2
# shellcheck disable=SC2086,SC2046 # lists of words
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
    $(with_versions $missing) >&2 || { say_missing; exit 1; }
find_missing
if [ -n "$missing" ]; then say_missing; exit 1; fi
