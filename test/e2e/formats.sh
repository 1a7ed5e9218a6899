#!/bin/bash
# The same F16 weights as safetensors, PyTorch .bin and GGUF give the same .snn, byte for byte but for the provenance,
# which names the files, and for what the header and the section table say of it.  Tokenizers, which decide what the
# thresholds are calibrated on, take no part here.
. test/e2e/common.sh
families=test/data/families

# The bytes of a .snn without checksums of the header (24 .. 63), the table's last entry and the last section.
common_bytes() {
    local sections table offset
    sections=$(od -An -tu4 -j 16 -N 4 "$1")
    table=$((64 + 32 * sections))
    offset=$(od -An -tu8 -j $((table - 24)) -N 8 "$1")
    head -c 24 "$1"
    tail -c +65 "$1" | head -c $((table - 96))
    head -c "$((offset))" "$1" | tail -c +$((table + 1))
}
convert() { # CKPT NAME
    expect 0 "$LASSIM" convert "$1" -o "$WORK/$2.snn" --quiet && common_bytes "$WORK/$2.snn" >"$WORK/$2.bytes"
}
same() { # NAME OTHER
    cmp "$WORK/$1.bytes" "$WORK/$2.bytes" || complain "$1 and $2 differ"
    [ "$(stat -c %s "$WORK/$1.bytes")" -gt 100000 ] || complain "$1: hardly any bytes compared"
    cmp -s "$WORK/$1.snn" "$WORK/$2.snn" && complain "$1 and $2: the provenance does not name the files"
}
folder() { # FROM NAME: configuration and weights, and the pooling, which a GGUF knows too
    mkdir "$WORK/$2"
    cp "$1/config.json" "$1"/*model.* "$WORK/$2"
    if [ -d "$1/1_Pooling" ]; then cp -rL "$1/1_Pooling" "$WORK/$2"; fi
    rm -f "$WORK/$2/tokenizer.model"
}
for name in llama-plain llama-grouped qwen2-tied gpt2-plain bert-embed; do
    folder $families/$name $name
    convert "$WORK/$name" $name
    sed 's/tokenizer\.ggml\.model/tokenizer.ggml.unset/' $families/gguf/$name.gguf >"$WORK/$name.gguf"
    convert "$WORK/$name.gguf" gguf-$name
    same $name gguf-$name
done
for name in llama-grouped bert-embed; do
    folder $families/bin/$name bin-$name
    convert "$WORK/bin-$name" bin-$name
    same $name bin-$name
done

# Another weight is another .snn: the comparison can fail.
cp "$WORK/gpt2-plain.gguf" "$WORK/other.gguf"
size=$(stat -c %s "$WORK/other.gguf")
printf '\1' | dd of="$WORK/other.gguf" bs=1 seek=$((size - 300)) conv=notrunc status=none
convert "$WORK/other.gguf" other
cmp -s "$WORK/other.bytes" "$WORK/gpt2-plain.bytes" && complain "a changed weight changes nothing"
finish
