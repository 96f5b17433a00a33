#!/usr/bin/env python3
"""Writes a GGUF model with the shape of SmolLM2-135M-Instruct, or of its 1.7B sister, and random weights.

For machines that cannot download the real one: it reads the same bytes in the same order and so costs the
same time; what it writes means nothing. Needs Python alone. The same file on every machine (a fixed seed).
Q4_1, the default, keeps the embedding in Q8_0, as published files do. Other formats: `edgek quantize` one in F16.
"""
import argparse
import collections
import os
import random
import struct

VOCAB, CONTEXT = 49152, 8192
Shape = collections.namedtuple("Shape", "name hidden layers heads kv_heads ffn rope_base")
SHAPES = {
    "135M": Shape("135M", 576, 30, 9, 3, 1536, 100000.0),
    "1.7B": Shape("1.7B", 2048, 24, 32, 32, 8192, 130000.0),
}
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
U32, F32, BOOL, STRING, ARRAY, I32 = 4, 6, 7, 8, 9, 5
ALIGNMENT = 32


def string(text):
    data = text.encode("utf-8")
    return struct.pack("<Q", len(data)) + data


SCALAR = {
    U32: lambda v: struct.pack("<I", v),
    I32: lambda v: struct.pack("<i", v),
    F32: lambda v: struct.pack("<f", v),
    BOOL: lambda v: struct.pack("<B", v),
    STRING: string,
}


def entry(key, kind, value, of=None):
    head = string(key) + struct.pack("<I", kind)
    if kind != ARRAY:
        return head + SCALAR[kind](value)
    return head + struct.pack("<IQ", of, len(value)) + b"".join(SCALAR[of](v) for v in value)


def byte_characters():
    """The 256 characters that byte-level BPE writes bytes as: printable ones stand for themselves."""
    plain = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    moved = [b for b in range(256) if b not in plain]
    return [chr(b) for b in plain] + [chr(256 + i) for i in range(len(moved))]


def vocabulary():
    """Special tokens, every byte, then pairs of bytes until the real model's size is reached."""
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"] + [f"<|special_{i}|>" for i in range(14)]
    characters = byte_characters()
    pairs = [(a, b) for a in characters for b in characters][: VOCAB - len(special) - len(characters)]
    tokens = special + characters + [a + b for a, b in pairs]
    types = [3] * len(special) + [1] * (VOCAB - len(special))
    return tokens, types, [f"{a} {b}" for a, b in pairs]


def metadata(shape, layout):
    tokens, types, merges = vocabulary()
    return [
        entry("general.architecture", STRING, "llama"),
        entry("general.name", STRING, f"synthetic {shape.name} (random weights)"),
        entry("general.file_type", U32, layout.file_type),
        entry("general.quantization_version", U32, 2),
        entry("llama.block_count", U32, shape.layers),
        entry("llama.context_length", U32, CONTEXT),
        entry("llama.embedding_length", U32, shape.hidden),
        entry("llama.feed_forward_length", U32, shape.ffn),
        entry("llama.attention.head_count", U32, shape.heads),
        entry("llama.attention.head_count_kv", U32, shape.kv_heads),
        entry("llama.attention.layer_norm_rms_epsilon", F32, 1e-5),
        entry("llama.rope.freq_base", F32, shape.rope_base),
        entry("llama.rope.dimension_count", U32, shape.hidden // shape.heads),
        entry("llama.vocab_size", U32, VOCAB),
        entry("tokenizer.ggml.model", STRING, "gpt2"),
        entry("tokenizer.ggml.pre", STRING, "smollm"),
        entry("tokenizer.ggml.tokens", ARRAY, tokens, STRING),
        entry("tokenizer.ggml.token_type", ARRAY, types, I32),
        entry("tokenizer.ggml.merges", ARRAY, merges, STRING),
        entry("tokenizer.ggml.bos_token_id", U32, 1),
        entry("tokenizer.ggml.eos_token_id", U32, 2),
        entry("tokenizer.ggml.add_bos_token", BOOL, False),
        entry("tokenizer.chat_template", STRING, CHAT_TEMPLATE),
    ]


def f32_ones(blocks, rng):
    return struct.pack("<f", 1.0) * blocks


SMALL_HALF = bytes(b & 0x80 | 0x20 | b & 0x07 for b in range(256))  # any sign, 2^-7 to 2^-5


def f16(blocks, rng):
    data = bytearray(rng.randbytes(blocks * 2))
    data[1::2] = data[1::2].translate(SMALL_HALF)
    return data


def q8_0(blocks, rng):
    """Blocks of 34 bytes: half scale, then 32 int8. The scale's low byte is random, its high byte fixed."""
    data = bytearray(rng.randbytes(blocks * 34))
    data[1::34] = b"\x09" * blocks  # 1.5e-4 .. 1.8e-4: weights up to 0.023
    return data


def q4_1(blocks, rng):
    """Blocks of 20 bytes: half scale, half minimum, 32 nibbles."""
    data = bytearray(rng.randbytes(blocks * 20))
    data[1::20] = b"\x1d" * blocks  # scale 0.0049 .. 0.0059
    data[3::20] = b"\xa9" * blocks  # minimum -0.039 .. -0.047: centred on zero
    return data


# Number in the file, maker of random blocks, bytes and weights of a block.
KINDS = {"F32": (0, f32_ones, 4, 1), "F16": (1, f16, 2, 1), "Q8_0": (8, q8_0, 34, 32), "Q4_1": (3, q4_1, 20, 32)}
Layout = collections.namedtuple("Layout", "file_type embedding matrices")
LAYOUTS = {"F16": Layout(1, "F16", "F16"), "Q8_0": Layout(7, "Q8_0", "Q8_0"), "Q4_1": Layout(3, "Q8_0", "Q4_1")}
CHUNK_BLOCKS = 1 << 18  # even: randbytes() of whole 32-bit words gives the same bytes in any division


def tensors(shape, layout):
    hidden, ffn = shape.hidden, shape.ffn
    kv = hidden // shape.heads * shape.kv_heads
    yield "token_embd.weight", layout.embedding, VOCAB, hidden
    yield "output_norm.weight", "F32", 1, hidden
    for layer in range(shape.layers):
        block = f"blk.{layer}."
        yield block + "attn_norm.weight", "F32", 1, hidden
        yield block + "attn_q.weight", layout.matrices, hidden, hidden
        yield block + "attn_k.weight", layout.matrices, kv, hidden
        yield block + "attn_v.weight", layout.matrices, kv, hidden
        yield block + "attn_output.weight", layout.matrices, hidden, hidden
        yield block + "ffn_norm.weight", "F32", 1, hidden
        yield block + "ffn_gate.weight", layout.matrices, ffn, hidden
        yield block + "ffn_up.weight", layout.matrices, ffn, hidden
        yield block + "ffn_down.weight", layout.matrices, hidden, ffn


def padding(position):
    return b"\0" * (-position % ALIGNMENT)


def head_of(entries, table):
    head, offset = b"GGUF" + struct.pack("<IQQ", 3, len(table), len(entries)) + b"".join(entries), 0
    for name, kind, rows, cols in table:
        ident, _, block_bytes, block_weights = KINDS[kind]
        dims = (cols,) if rows == 1 else (cols, rows)
        head += string(name) + struct.pack("<I", len(dims)) + struct.pack(f"<{len(dims)}Q", *dims)
        head += struct.pack("<IQ", ident, offset)
        size = rows * cols // block_weights * block_bytes
        offset += size + (-size % ALIGNMENT)
    return head + padding(len(head))


def write_weights(out, kind, weights, rng):
    _, make, block_bytes, block_weights = KINDS[kind]
    blocks = weights // block_weights
    for begin in range(0, blocks, CHUNK_BLOCKS):
        out.write(make(min(CHUNK_BLOCKS, blocks - begin), rng))
    out.write(padding(blocks * block_bytes))


def write(path, shape, layout):
    rng = random.Random(135)
    table = list(tensors(shape, layout))
    with open(path, "wb") as out:
        out.write(head_of(metadata(shape, layout), table))
        for _, kind, rows, cols in table:
            write_weights(out, kind, rows * cols, rng)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, default="135M")
    parser.add_argument("--format", choices=LAYOUTS, default="Q4_1")
    parser.add_argument("out", metavar="OUT.gguf")
    args = parser.parse_args()
    part = args.out + ".part"
    write(part, SHAPES[args.shape], LAYOUTS[args.format])
    os.replace(part, args.out)


if __name__ == "__main__":
    main()
