#!/usr/bin/env python3
"""Makes TYPE.gguf and TYPE.npy for every tensor type that convert reads, with the package gguf.

    python3 -m venv build/venv && build/venv/bin/pip install gguf==0.19.0
    build/venv/bin/python test/data/gguf/make_golden.py      (from the root of the repository)

TYPE.gguf holds one tensor "weight" of 3 rows (2 blocks of 256 values each for the K types, 3 of 32 for the others, 7
values for those without blocks), TYPE.npy its values, float32, as gguf.dequantize gives them.  Blocks are random bytes
under scales of every size that F16 has (subnormal, zero, negative, large) and the extremes 00... and ff...; every value
but Q6_K's is rounded at most once on its way, and so is Q6_K's under any order of its products: the goldens hold bit by
bit.  F32.gguf also has metadata of every kind and general.alignment 64.  The same version gives the same bytes.
"""
import os

import gguf
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
ROWS = 3
# offsets of the F16 fields in a block
SCALES = {"Q8_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q4_K": [0, 2], "Q5_K": [0, 2],
          "Q6_K": [208]}


def halves(rng, count):
    """Finite F16 of every exponent, both signs, subnormals and zeros."""
    bits = rng.integers(0, 0x7c00, count, dtype=np.uint16) | (rng.integers(0, 2, count, dtype=np.uint16) << 15)
    bits[::5] &= 0x83ff
    return bits.view(np.float16)


def blocks(rng, name):
    kind = gguf.GGMLQuantizationType[name]
    values, size = gguf.GGML_QUANT_SIZES[kind]
    per_row = 2 if values == 256 else 3
    data = rng.integers(0, 256, (ROWS * per_row, size), dtype=np.uint8)
    data[1], data[2] = 0, 255
    for offset in SCALES[name]:
        data[:, offset:offset + 2] = halves(rng, len(data)).view(np.uint8).reshape(-1, 2)
    return data.reshape(ROWS, per_row * size), kind


def plain(rng, name):
    kind = gguf.GGMLQuantizationType[name]
    values = (rng.standard_normal((ROWS, 7)) * np.exp2(rng.integers(-20, 15, (ROWS, 7)))).astype(np.float32)
    values[1, :3] = [0, -0.0, 65504]
    if name == "F16":
        values[2] = halves(rng, 7)
        return values.astype(np.float16), kind
    if name == "BF16":
        return gguf.quantize(values, kind), kind
    values[2, :2] = np.array([1, 0x807fffff], dtype=np.uint32).view(np.float32)  # subnormals
    return values, kind


def every_kind_of_metadata(writer):
    writer.add_custom_alignment(64)
    writer.add_uint8("test.u8", 255)
    writer.add_int8("test.i8", -128)
    writer.add_uint16("test.u16", 65535)
    writer.add_int16("test.i16", -32768)
    writer.add_uint32("test.u32", 4294967295)
    writer.add_int32("test.i32", -2147483648)
    writer.add_uint64("test.u64", 18446744073709551615)
    writer.add_int64("test.i64", -9223372036854775808)
    writer.add_float32("test.f32", 0.1)
    writer.add_float64("test.f64", 0.1)
    writer.add_bool("test.true", True)
    writer.add_bool("test.false", False)
    writer.add_string("test.string", "naïve \U0001f642")
    writer.add_array("test.strings", ["", "a", "bc"])
    writer.add_array("test.integers", [-1, 0, 1])
    writer.add_array("test.floats", [0.5, -2.0])
    writer.add_array("test.bools", [True, False])


def main():
    rng = np.random.default_rng(1)
    for name in ["F32", "F16", "BF16", *SCALES]:
        data, kind = blocks(rng, name) if name in SCALES else plain(rng, name)
        with np.errstate(over="ignore"):
            golden = gguf.dequantize(data, kind).astype(np.float32)
        assert np.isfinite(golden).all()
        np.save(os.path.join(HERE, name + ".npy"), golden)
        writer = gguf.GGUFWriter(os.path.join(HERE, name + ".gguf"), "llama")
        writer.add_string("test.made_by", "gguf 0.19.0")
        if name == "F32":
            every_kind_of_metadata(writer)
        writer.add_tensor("weight", data, raw_dtype=kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


if __name__ == "__main__":
    main()
