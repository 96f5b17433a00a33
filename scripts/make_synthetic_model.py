#!/usr/bin/env python3
"""Writes a GGUF model with the shape of SmolLM2-135M-Instruct and random weights.

usage: make_synthetic_model.py OUT.gguf

For machines that cannot download the real one: it reads the same bytes in the same order and so costs the
same time; what it writes means nothing. Needs Python alone. The same file on every machine (a fixed seed).
"""
import os
import random
import struct
import sys

HIDDEN, LAYERS, HEADS, KV_HEADS, FFN, VOCAB, CONTEXT = 576, 30, 9, 3, 1536, 49152, 8192
HEAD_DIM = HIDDEN // HEADS
NAME = "synthetic 135M (random weights)"
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


def metadata():
    tokens, types, merges = vocabulary()
    return [
        entry("general.architecture", STRING, "llama"),
        entry("general.name", STRING, NAME),
        entry("general.file_type", U32, 3),
        entry("general.quantization_version", U32, 2),
        entry("llama.block_count", U32, LAYERS),
        entry("llama.context_length", U32, CONTEXT),
        entry("llama.embedding_length", U32, HIDDEN),
        entry("llama.feed_forward_length", U32, FFN),
        entry("llama.attention.head_count", U32, HEADS),
        entry("llama.attention.head_count_kv", U32, KV_HEADS),
        entry("llama.attention.layer_norm_rms_epsilon", F32, 1e-5),
        entry("llama.rope.freq_base", F32, 100000.0),
        entry("llama.rope.dimension_count", U32, HEAD_DIM),
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


def f32_ones(rows, cols, rng):
    return struct.pack("<f", 1.0) * (rows * cols)


def q8_0(rows, cols, rng):
    """Blocks of 34 bytes: half scale, then 32 int8. The scale's low byte is random, its high byte fixed."""
    blocks = rows * cols // 32
    data = bytearray(rng.randbytes(blocks * 34))
    data[1::34] = b"\x09" * blocks  # 1.5e-4 .. 1.8e-4: weights up to 0.023
    return data


def q4_1(rows, cols, rng):
    """Blocks of 20 bytes: half scale, half minimum, 32 nibbles."""
    blocks = rows * cols // 32
    data = bytearray(rng.randbytes(blocks * 20))
    data[1::20] = b"\x1d" * blocks  # scale 0.0049 .. 0.0059
    data[3::20] = b"\xa9" * blocks  # minimum -0.039 .. -0.047: centred on zero
    return data


KINDS = {"F32": (0, f32_ones, 4, 1), "Q8_0": (8, q8_0, 34, 32), "Q4_1": (3, q4_1, 20, 32)}


def tensors():
    yield "token_embd.weight", "Q8_0", VOCAB, HIDDEN
    yield "output_norm.weight", "F32", 1, HIDDEN
    kv = KV_HEADS * HEAD_DIM
    for layer in range(LAYERS):
        block = f"blk.{layer}."
        yield block + "attn_norm.weight", "F32", 1, HIDDEN
        yield block + "attn_q.weight", "Q4_1", HIDDEN, HIDDEN
        yield block + "attn_k.weight", "Q4_1", kv, HIDDEN
        yield block + "attn_v.weight", "Q4_1", kv, HIDDEN
        yield block + "attn_output.weight", "Q4_1", HIDDEN, HIDDEN
        yield block + "ffn_norm.weight", "F32", 1, HIDDEN
        yield block + "ffn_gate.weight", "Q4_1", FFN, HIDDEN
        yield block + "ffn_up.weight", "Q4_1", FFN, HIDDEN
        yield block + "ffn_down.weight", "Q4_1", HIDDEN, FFN


def padding(position):
    return b"\0" * (-position % ALIGNMENT)


def write(path):
    rng = random.Random(135)
    entries, table, offset = metadata(), list(tensors()), 0
    head = b"GGUF" + struct.pack("<IQQ", 3, len(table), len(entries)) + b"".join(entries)
    for name, kind, rows, cols in table:
        ident, _, block_bytes, block_weights = KINDS[kind]
        dims = (cols,) if rows == 1 else (cols, rows)
        head += string(name) + struct.pack("<I", len(dims)) + struct.pack(f"<{len(dims)}Q", *dims)
        head += struct.pack("<IQ", ident, offset)
        size = rows * cols // block_weights * block_bytes
        offset += size + (-size % ALIGNMENT)
    with open(path, "wb") as out:
        out.write(head + padding(len(head)))
        for _, kind, rows, cols in table:
            data = KINDS[kind][1](rows, cols, rng)
            out.write(data)
            out.write(padding(len(data)))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    whole, part = sys.argv[1], sys.argv[1] + ".part"
    write(part)
    os.replace(part, whole)
