#!/usr/bin/env python3
"""gguf_f16.py IN.gguf OUT.gguf: the same GGUF with F16 matrices and F32 vectors.

Every tensor is dequantised (a block format's own arithmetic in float32) and written anew: F16, rounded to nearest
even, where it has two dimensions or more, F32 where it has one (norms, biases), which is how llama.cpp lays out an F16
model.  Names, order, shapes and metadata stay, but for general.file_type (1: mostly F16).  Needs the package gguf.
"""
import sys

import gguf
import numpy as np

FILE_TYPE = gguf.Keys.General.FILE_TYPE


def copy_metadata(reader, writer):
    for key, field in reader.fields.items():
        if key.startswith("GGUF.") or key == gguf.Keys.General.ARCHITECTURE:
            continue  # the header's own counts; the writer puts the architecture itself
        kind = field.types[0]
        inner = field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
        value = int(gguf.LlamaFileType.MOSTLY_F16) if key == FILE_TYPE else field.contents()
        writer.add_key_value(key, value, kind, sub_type=inner)


def wide(tensor):
    values = gguf.dequantize(tensor.data, tensor.tensor_type).reshape(list(map(int, tensor.shape))[::-1])
    if values.ndim < 2:
        return values.astype(np.float32)
    halves = values.astype(np.float16)
    if not np.isfinite(halves).all():
        sys.exit("gguf_f16.py: expected values within F16's range in %s" % tensor.name)
    return halves


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: gguf_f16.py IN.gguf OUT.gguf")
    reader = gguf.GGUFReader(sys.argv[1])
    architecture = reader.get_field(gguf.Keys.General.ARCHITECTURE).contents()
    writer = gguf.GGUFWriter(sys.argv[2], architecture)
    copy_metadata(reader, writer)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, wide(tensor))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
