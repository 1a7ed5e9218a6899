#!/bin/bash
# Damaged .snn files, traces and checkpoints, as a user meets them: one line and exit 3 (trace check: 4), never a
# crash.  What each parser refuses in detail is tested and fuzzed below test/.
. test/e2e/common.sh
need_model
size=$(stat -c %s "$MODEL")

# flip FILE OFFSET: inverts one bit of the byte there.
flip() {
    local byte
    byte=$(od -An -tu1 -j "$2" -N 1 "$1")
    printf "\\$(printf %o $((byte ^ 16)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

# A model cut off anywhere.
for length in 0 1 7 64 100 4096 $((size / 2)) $((size - 1)); do
    head -c "$length" "$MODEL" >"$WORK/cut.snn"
    expect 3 "$LASSIM" --model "$WORK/cut.snn" -n 0 -p a && expect_line cut.snn
    expect 3 "$LASSIM" inspect "$WORK/cut.snn" && expect_line cut.snn
done
for other in examples/opt-tiny/config.json examples/opt-tiny/model.safetensors /dev/null; do
    expect 3 "$LASSIM" --model "$other" -n 0 && expect_line "$other"
done
expect 3 "$LASSIM" --model examples/opt-tiny -n 0 && expect_line examples/opt-tiny

# One bit anywhere: inspect --check finds it, a run refuses it or (a weight) survives it.
step=$((size / 24))
for offset in 0 8 16 24 40 64 100 $(seq 200 $step $((size - 1))) $((size - 1)); do
    cp "$MODEL" "$WORK/flip.snn"
    flip "$WORK/flip.snn" "$offset"
    "$LASSIM" inspect --check "$WORK/flip.snn" >"$WORK/out" 2>"$WORK/err"
    status=$?
    if [ $status = 3 ]; then expect_line flip.snn
    elif [ $status != 0 ] || [ "$(od -An -tu1 -j "$offset" -N 1 "$MODEL" | tr -d ' ')" != 0 ]; then
        complain "a bit flipped at $offset: inspect --check exits with $status"
    fi
done

# Traces.
"$LASSIM" --model "$MODEL" -p a -n 2 --quiet --trace "$WORK/t.bin" >/dev/null
size=$(stat -c %s "$WORK/t.bin")
for length in 0 10 39; do
    head -c $length "$WORK/t.bin" >"$WORK/cut.bin"
    expect 3 "$LASSIM" trace info "$WORK/cut.bin" && expect_line cut.bin
done
head -c $((size - 3)) "$WORK/t.bin" >"$WORK/cut.bin"
expect 0 "$LASSIM" trace info "$WORK/cut.bin"
expect 4 "$LASSIM" trace check "$WORK/cut.bin" && expect_line cut.bin
expect 0 "$LASSIM" trace check "$WORK/t.bin"
for offset in $(seq 0 $((size / 16)) $((size - 1))); do
    cp "$WORK/t.bin" "$WORK/flip.bin"
    flip "$WORK/flip.bin" "$offset"
    "$LASSIM" trace check "$WORK/flip.bin" >"$WORK/out" 2>"$WORK/err"
    status=$?
    [ $status = 3 ] || [ $status = 4 ] || complain "a bit flipped at $offset: trace check exits with $status"
    expect_line flip.bin
done
expect 3 "$LASSIM" trace dump "$MODEL" && expect_line "$MODEL"

# Checkpoint folders.
folder() { # a copy of the bundled checkpoint in $WORK/ckpt, the weights linked
    rm -rf "$WORK/ckpt"
    mkdir "$WORK/ckpt"
    cp examples/opt-tiny/*.json examples/opt-tiny/merges.txt "$WORK/ckpt"
    ln -s "$PWD/examples/opt-tiny/model.safetensors" "$WORK/ckpt/model.safetensors"
}
refused() { # what convert's line must hold
    expect 3 "$LASSIM" convert "$WORK/ckpt" -o "$WORK/never.snn" && expect_line "$@"
    [ -e "$WORK/never.snn" ] && complain "a refused checkpoint leaves a .snn: $*"
}
expect 3 "$LASSIM" convert examples/opt-tiny/config.json -o "$WORK/never.snn" && expect_line config.json
folder; rm "$WORK/ckpt/config.json"; refused config.json
folder; rm "$WORK/ckpt/model.safetensors"; refused ckpt
folder; rm "$WORK/ckpt/vocab.json"; refused vocab.json
folder; sed -i 's/"hidden_size": 256/"hidden_size": 255/' "$WORK/ckpt/config.json"; refused ckpt
folder; sed -i 's/"model_type": "opt"/"model_type": "llama"/' "$WORK/ckpt/config.json"; refused config.json
folder; sed -i 's/"vocab_size": 4096/"vocab_size": 4097/' "$WORK/ckpt/config.json"; refused ckpt
folder; printf '{"a": ' >"$WORK/ckpt/config.json"; refused config.json
folder; head -c 100000 /dev/zero | tr '\0' '[' >"$WORK/ckpt/config.json"; refused config.json
folder; rm "$WORK/ckpt/model.safetensors"; head -c 5000000 examples/opt-tiny/model.safetensors >"$WORK/ckpt/model.safetensors"
refused model.safetensors
folder; rm "$WORK/ckpt/model.safetensors"; printf '\377\377\377\377\377\377\377\177{}' >"$WORK/ckpt/model.safetensors"
refused model.safetensors
folder; rm "$WORK/ckpt/model.safetensors"; echo "not a zip" >"$WORK/ckpt/pytorch_model.bin"; refused pytorch_model.bin
folder; head -c 1000 "$WORK/ckpt/merges.txt" >"$WORK/m"; printf 'one\n' >>"$WORK/m"; mv "$WORK/m" "$WORK/ckpt/merges.txt"
refused merges.txt

# Tokenizers.
bare() { folder; rm "$WORK"/ckpt/{vocab.json,merges.txt,tokenizer_config.json}; }
bare; head -c 10000 /dev/zero | tr '\0' '[' >"$WORK/ckpt/tokenizer.json"; refused tokenizer.json nested
bare; echo '{"model": {"type": "Unigram"}}' >"$WORK/ckpt/tokenizer.json"; refused tokenizer.json Unigram
pieces=test/data/tokenizer/corpus/llama2/tokenizer.model
size=$(stat -c %s $pieces)
for length in 0 1 2 10 100 5000 $((size / 2)) $((size - 1)); do
    bare; head -c "$length" $pieces >"$WORK/ckpt/tokenizer.model"; refused tokenizer.model
done
bare; printf '\012\377\377\377\377\377\377\377\377\177' >"$WORK/ckpt/tokenizer.model"; refused tokenizer.model 'byte 0'
bare; printf '[UNK]\n[CLS]\n[S\0EP]\n' >"$WORK/ckpt/vocab.txt"; refused vocab.txt 'line 3' NUL
bare; printf '[UNK]' >"$WORK/ckpt/vocab.txt"; refused vocab.txt '[CLS]'
bare; yes '' | head -n 5000 >"$WORK/ckpt/vocab.txt"; refused vocab.txt 'line 4097'

# GGUF files.
good=test/data/families/gguf/llama-grouped.gguf
size=$(stat -c %s $good)
gguf() { # bytes of stdin as the only weights of $WORK/ckpt
    rm -rf "$WORK/ckpt"
    mkdir "$WORK/ckpt"
    cat >"$WORK/ckpt/m.gguf"
}
number() { printf "\\x$(printf %x $(($1 & 255)))\\x$(printf %x $(($1 >> 8 & 255)))\\0\\0\\0\\0\\0\\0"; } # a u64 below 2^16
for length in 0 3 4 23 24 100 4000 10000 $((size - 1)); do
    head -c "$length" $good | gguf
    refused m.gguf
done
{ printf 'GGUF\1\0\0\0'; number 0; number 0; } | gguf; refused 'version 1, expected 2 or 3'
{ printf 'GGUF\0\0\0\3'; number 0; number 0; } | gguf; refused 'a big-endian file'
{ printf 'GGUF\3\0\0\0'; printf '\0\0\0\0\0\0\0\200'; number 0; head -c 1000 /dev/zero; } | gguf
refused '9223372036854775808 tensors, expected at most'
{ # arrays in arrays, 10,000 deep
    printf 'GGUF\3\0\0\0'; number 0; number 1; number 4; printf 'deep\11\0\0\0'
    for _ in $(seq 10000); do printf '\11\0\0\0\1\0\0\0\0\0\0\0'; done
} | gguf
refused deep 'nested deeper than'
{ printf 'GGUF\3\0\0\0'; number 0; number 1; number 3; printf 'key\10\0\0\0\377\377\377\377\377\377\377\377'; } | gguf
refused key 'a string of 18446744073709551615 bytes'
{ # a tensor of 2^32 times 2^32 elements
    printf 'GGUF\3\0\0\0'; number 1; number 0; number 1; printf 't\2\0\0\0'
    printf '\0\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0'; number 0; head -c 1000 /dev/zero
} | gguf
refused 'more than 2^64 elements'
sed 's/llama\.block_count/llama.block_camel/' $good | gguf; refused llama.block_count
sed 's/\(general.architecture.\{12\}\)llama/\1mamba/' $good | gguf; refused '"mamba" is not supported'
cp "$WORK/ckpt/m.gguf" "$WORK/ckpt/n.gguf"; refused '2 GGUF files' m.gguf n.gguf
finish
