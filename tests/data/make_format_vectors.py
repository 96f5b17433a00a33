#!/usr/bin/env python3
"""Makes tests/data/format_vectors/*.bin with the gguf Python package: what an independent implementation
makes of each weight format. Deterministic; needs gguf and numpy.

One file per format, little-endian:
  u32 blocks                      number of blocks to unpack
  bytes[blocks * block_bytes]     half of them random bits, the others packed or plausible
  f32[blocks * block_weights]     what they unpack to
  u32 inputs                      number of blocks to pack (0: none)
  f32[inputs * block_weights]     their weights
  u32 kind                        1: bytes follow; 2: errors follow
  bytes[inputs * block_bytes]     kind 1: what they pack to, bit for bit
  f64[inputs]                     kind 2: sum of squared errors that the customary search reaches
"""

import pathlib
import struct

import gguf
import numpy as np

FORMATS = {"F32": 1, "F16": 1, "BF16": 1, "Q8_0": 32, "Q4_0": 32, "Q4_1": 32, "Q5_0": 32, "Q5_1": 32,
           "Q4_K": 256, "Q5_K": 256, "Q6_K": 256}
FOLDER = pathlib.Path(__file__).parent / "format_vectors"


def weights(rng, blocks, size):
    """Rows of different character: normal, heavy tails, one sign, one outlier, tiny, zero, constant."""
    x = rng.normal(0, 0.02, (blocks, size))
    x[1] = rng.standard_t(3, size) * 0.05
    x[2] = np.abs(x[2])
    x[3] = -np.abs(x[3])
    x[4, size // 3] = 1.5
    x[5] *= 1e-4
    x[6] = 0
    x[7] = 0.37
    return x.astype(np.float32)


def nearest(v):
    return np.rint(v)


def search_affine(x, max_code, first, count):
    """Scale and minimum per row by weighted least squares over a grid of inverse scales."""
    w = np.sqrt((x * x).mean(axis=1, keepdims=True)) + np.abs(x)
    low = np.minimum(x.min(axis=1), 0)
    width = x.max(axis=1) - low
    safe = np.where(width > 0, width, 1)
    scale, offset = safe / max_code, low.copy()

    def error(s, o):
        q = np.clip(nearest((x - low[:, None]) * (max_code / safe)[:, None]), 0, max_code)
        return (w * (s[:, None] * q + o[:, None] - x) ** 2).sum(axis=1)

    best = error(scale, offset)
    for step in range(count + 1):
        q = np.clip(nearest((x - low[:, None]) * ((max_code + first + 0.1 * step) / safe)[:, None]), 0, max_code)
        sw, sq, sqq = w.sum(axis=1), (w * q).sum(axis=1), (w * q * q).sum(axis=1)
        sx, sxq = (w * x).sum(axis=1), (w * x * q).sum(axis=1)
        det = sw * sqq - sq * sq
        ok = det > 0
        det = np.where(ok, det, 1)
        s, o = (sw * sxq - sx * sq) / det, (sqq * sx - sq * sxq) / det
        lifted = o > 0
        s = np.where(lifted, sxq / np.where(sqq > 0, sqq, 1), s)
        o = np.where(lifted, 0, o)
        e = (w * (s[:, None] * q + o[:, None] - x) ** 2).sum(axis=1)
        better = ok & (e < best)
        best, scale, offset = np.where(better, e, best), np.where(better, s, scale), np.where(better, o, offset)
    flat = width <= 0
    return np.where(flat, 0, scale), np.where(flat, -low, -offset)


def half(v):
    return float(np.float16(v))


def affine_error(block, max_code, first, count):
    x = block.astype(np.float64).reshape(8, 32)
    scale, minimum = search_affine(x, max_code, first, count)
    d, dmin = half(scale.max() / 63), half(minimum.max() / 63)
    s = d * (np.clip(nearest(scale / (scale.max() / 63)), 0, 63) if scale.max() > 0 else np.zeros(8))
    m = dmin * (np.clip(nearest(minimum / (minimum.max() / 63)), 0, 63) if minimum.max() > 0 else np.zeros(8))
    safe = np.where(s > 0, s, 1)[:, None]
    q = np.clip(nearest((x + m[:, None]) / safe), 0, max_code)
    return float(((s[:, None] * q - m[:, None] - x) ** 2).sum())


def symmetric_error(block):
    x = block.astype(np.float64).reshape(16, 16)
    extreme = np.take_along_axis(x, np.abs(x).argmax(axis=1)[:, None], axis=1)[:, 0]
    safe = np.where(extreme != 0, extreme, 1)
    best, scale = np.full(16, -1.0), np.zeros(16)
    for step in range(-9, 10):
        q = np.clip(nearest(x * (-(32 + 0.1 * step) / safe)[:, None]), -32, 31)
        lx, ll = (x**3 * q).sum(axis=1), (x * x * q * q).sum(axis=1)
        ok = ll > 0
        s = lx / np.where(ok, ll, 1)
        better = ok & (s * lx > best)
        best, scale = np.where(better, s * lx, best), np.where(better, s, scale)
    widest = scale[np.abs(scale).argmax()]
    if widest == 0:
        return float((x * x).sum())
    d = half(widest / -128)
    s = d * np.minimum(nearest(scale / (widest / -128)), 127)
    q = np.clip(nearest(x / np.where(s != 0, s, 1)[:, None]), -32, 31)
    return float(((s[:, None] * q - x) ** 2).sum())


def reference_error(name, block):
    if name == "Q4_K":
        return affine_error(block, 15, -1.0, 20)
    if name == "Q5_K":
        return affine_error(block, 31, -0.5, 15)
    return symmetric_error(block)


def blocks_to_unpack(rng, name, qtype, block_bytes, packed):
    """Random bits, then bits with sane scales."""
    random_bits = rng.integers(0, 256, (12, block_bytes), dtype=np.uint8)
    if packed is not None:
        return np.concatenate([random_bits, packed])
    plausible = rng.integers(0, 256, (12, block_bytes), dtype=np.uint8)
    scales = rng.uniform(1e-5, 1e-2, (12, 2)).astype(np.float16).view(np.uint8)
    if name == "Q6_K":
        plausible[:, 208:210] = scales[:, :2]
    else:
        plausible[:, 0:4] = scales
    return np.concatenate([random_bits, plausible])


def main():
    FOLDER.mkdir(exist_ok=True)
    rng = np.random.default_rng(20240607)
    for name, size in FORMATS.items():
        qtype = gguf.GGMLQuantizationType[name]
        _, block_bytes = gguf.GGML_QUANT_SIZES[qtype]
        inputs = weights(rng, 12, size if size > 1 else 16).reshape(-1, size)
        k_quant = name.endswith("_K")
        packed = None if k_quant else gguf.quants.quantize(inputs, qtype).view(np.uint8).reshape(-1, block_bytes)
        blocks = blocks_to_unpack(rng, name, qtype, block_bytes, packed)
        with np.errstate(all="ignore"):
            flat = blocks.view({"F32": np.float32, "F16": np.float16}.get(name, np.uint8))
            unpacked = gguf.quants.dequantize(flat, qtype).astype(np.float32)
        with open(FOLDER / f"{name.lower()}.bin", "wb") as f:
            f.write(struct.pack("<I", len(blocks)) + blocks.tobytes() + unpacked.tobytes())
            f.write(struct.pack("<I", len(inputs)) + inputs.tobytes())
            f.write(struct.pack("<I", 2 if k_quant else 1))
            f.write(np.array([reference_error(name, b) for b in inputs], "<f8").tobytes() if k_quant
                    else packed.tobytes())


if __name__ == "__main__":
    main()
