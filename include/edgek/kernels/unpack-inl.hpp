// Blocks of a tile of rows unpacked to bytes and scales: what several tokens and exact mode read, and of super-blocks
// the heads that panels read too. Needs no dot products, so a target's units share it.
#if defined(EDGEK_KERNELS_UNPACK_INL_HPP_) == defined(EDGEK_TARGET_TOGGLE)
#ifdef EDGEK_KERNELS_UNPACK_INL_HPP_
#undef EDGEK_KERNELS_UNPACK_INL_HPP_
#else
#define EDGEK_KERNELS_UNPACK_INL_HPP_
#endif

#include "edgek/kernels/rows-inl.hpp"

EDGEK_BEFORE_UNIT

// ---- blocks of 32; F is described in block32-inl.hpp

/// One block of a tile, unpacked.
struct Unpacked32 {
  HWY_ALIGN std::uint8_t weights[8 * kRowVectorBytes];  // (low, high; vector of rows)
  float scale[kTileRows];
  float min[kTileRows];
};

/// Unpacks `count` blocks of a tile from the block at `offset` on.
using Unpack32Fn = void (*)(TilePointers p, std::size_t offset, std::size_t count, Unpacked32* to);

template <class F>
HWY_NOINLINE void Unpack32(TilePointers p, std::size_t offset, std::size_t count, Unpacked32* to) {
  const RowU8 d8;
  const RowF32 df;
  for (std::size_t b = 0; b < count; ++b, offset += info(F::kFormat).block_bytes, ++to) {
    for (std::size_t i = 0; i < 4; ++i) {
      hn::VFromD<RowU8> low, high;
      F::Load(p, i, offset, low, high);
      hn::Store(low, d8, to->weights + i * kRowVectorBytes);
      hn::Store(high, d8, to->weights + (4 + i) * kRowVectorBytes);
    }
    hn::VFromD<RowF32> scale, min;
    LoadScales<F::kMin>(p, offset, scale, min);
    hn::StoreU(scale, df, to->scale), hn::StoreU(min, df, to->min);
  }
}

/// Adds `count` unpacked blocks from block `first` on, times one token, to a tile's sums.
using Add32Fn = void (*)(std::int32_t bias, const Unpacked32* block, std::size_t first, std::size_t count,
                         const PackedA32& token, float* HWY_RESTRICT out);

/// What Tile32Many must know of a format.
struct Many32 {
  Unpack32Fn unpack;
  Add32Fn add;
  std::int32_t bias;
  std::size_t block_bytes;
};

/// TileFn of several tokens; its context is a Many32.
inline HWY_NOINLINE void Tile32Many(const MatmulJob& job, TilePointers p, float* HWY_RESTRICT out,
                                    const void* context) {
  constexpr std::size_t kStep = 8;
  const Many32& kind = *static_cast<const Many32*>(context);
  const std::size_t blocks = job.cols / 32;
  Unpacked32 unpacked[kStep];
  for (std::size_t i = 0; i < job.tokens * kTileRows; ++i) out[i] = 0.0f;
  StreamPrefetch prefetch(p, job);
  for (std::size_t b = 0; b < blocks; b += kStep) {
    const std::size_t count = HWY_MIN(kStep, blocks - b);
    prefetch.Advance((b + count) * kind.block_bytes);
    kind.unpack(p, b * kind.block_bytes, count, unpacked);
    for (std::size_t t = 0; t < job.tokens; ++t)
      kind.add(kind.bias, unpacked, b, count, packed_a32(job.x + t * job.x_stride, job.cols), out + t * kTileRows);
  }
  if (job.rest == nullptr) return;
  for (std::size_t t = 0; t < job.tokens; ++t) {
    for (std::size_t i = 0; i < job.rest[t].count; ++i) {
      HWY_ALIGN float sum[kTileRows] = {};
      kind.unpack(p, job.rest[t].block[i] * kind.block_bytes, 1, unpacked);
      kind.add(kind.bias, unpacked, 0, 1, packed_a32(job.rest[t].packed[i], 32), sum);
      for (std::size_t r = 0; r < kTileRows; ++r) out[t * kTileRows + r] += sum[r];
    }
  }
}

// ---- super-blocks of 256; F is described in block256-inl.hpp

/// The head of a super-block of a tile, unpacked.
struct Head256 {
  HWY_ALIGN std::int16_t a[4 * 2 * kTileRows];  // (vector of rows, 8 entries per row)
  HWY_ALIGN std::int16_t b[4 * 2 * kTileRows];
  HWY_ALIGN float scale[kTileRows];
  HWY_ALIGN float min[kTileRows];
};

/// One super-block of a tile, unpacked.
struct Unpacked256 : Head256 {
  HWY_ALIGN std::uint8_t weights[16 * 4 * kRowVectorBytes];  // (step, vector of rows)
};

/// Unpacks the super-block at `offset` of a tile.
using Unpack256Fn = void (*)(TilePointers p, std::size_t offset, Unpacked256* to);

/// Loads what F::Group wants of the rows i, i + 4, ...
struct RowsLoader {
  TilePointers p;
  std::size_t i, offset;

  HWY_INLINE hn::VFromD<RowU8> operator()(std::size_t at) const { return LoadRows(p, i, offset + at); }
};

template <class F, int g>
HWY_INLINE void StoreGroup(TilePointers p, std::size_t i, std::size_t offset, std::uint8_t* to) {
  const RowU8 d8;
  hn::VFromD<RowU8> w0, w1, w2, w3;
  F::template Group<g>(RowsLoader{p, i, offset}, w0, w1, w2, w3);
  hn::Store(w0, d8, to + (4 * F::Step(g, 0) + i) * kRowVectorBytes);
  hn::Store(w1, d8, to + (4 * F::Step(g, 1) + i) * kRowVectorBytes);
  hn::Store(w2, d8, to + (4 * F::Step(g, 2) + i) * kRowVectorBytes);
  hn::Store(w3, d8, to + (4 * F::Step(g, 3) + i) * kRowVectorBytes);
}

template <class F>
HWY_NOINLINE void UnpackHead256(TilePointers p, std::size_t offset, Head256& to) {
  const RowI16 d16;
  const RowF32 df;
  for (std::size_t i = 0; i < 4; ++i) {
    hn::VFromD<RowI16> a, b;
    F::Header(p, i, offset, a, b);
    hn::Store(a, d16, to.a + i * 2 * kTileRows);
    hn::Store(b, d16, to.b + i * 2 * kTileRows);
  }
  hn::VFromD<RowF32> scale, min;
  LoadScales<F::kMins, !F::kMins>(p, offset + F::kScaleOffset, scale, min);
  hn::Store(scale, df, to.scale), hn::Store(min, df, to.min);
}

template <class F>
HWY_NOINLINE void Unpack256(TilePointers p, std::size_t offset, Unpacked256* to) {
  for (std::size_t i = 0; i < 4; ++i) {
    StoreGroup<F, 0>(p, i, offset, to->weights);
    StoreGroup<F, 1>(p, i, offset, to->weights);
    StoreGroup<F, 2>(p, i, offset, to->weights);
    StoreGroup<F, 3>(p, i, offset, to->weights);
  }
  UnpackHead256<F>(p, offset, *to);
}

/// Adds one unpacked super-block times all tokens to a tile's sums.
using Add256Fn = void (*)(const MatmulJob& job, const Unpacked256& u, std::size_t block, float* HWY_RESTRICT out);

/// What Tile256Many must know of a format.
struct Many256 {
  Unpack256Fn unpack;
  Add256Fn add;
  std::size_t block_bytes;
};

/// TileFn of several tokens; its context is a Many256.
inline HWY_NOINLINE void Tile256Many(const MatmulJob& job, TilePointers p, float* HWY_RESTRICT out,
                                     const void* context) {
  const Many256& kind = *static_cast<const Many256*>(context);
  const std::size_t blocks = job.cols / 256;
  Unpacked256 unpacked;
  for (std::size_t i = 0; i < job.tokens * kTileRows; ++i) out[i] = 0.0f;
  StreamPrefetch prefetch(p, job);
  for (std::size_t b = 0; b < blocks; ++b) {
    prefetch.Advance((b + 1) * kind.block_bytes);
    kind.unpack(p, b * kind.block_bytes, &unpacked);
    kind.add(job, unpacked, b, out);
  }
}

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_UNPACK_INL_HPP_
