// Blocks of a tile of rows unpacked to bytes and scales: what exact mode reads. Needs no dot products, so a target's
// units share it.
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

/// Unpacks the block at `offset` of a tile.
template <class F>
HWY_NOINLINE void Unpack32(TilePointers p, std::size_t offset, Unpacked32* to) {
  const RowU8 d8;
  const RowF32 df;
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

// ---- super-blocks of 256; F is described in block256-inl.hpp

/// One super-block of a tile, unpacked.
struct Unpacked256 {
  HWY_ALIGN std::int16_t a[4 * 2 * kTileRows];  // (vector of rows, 8 entries per row)
  HWY_ALIGN std::int16_t b[4 * 2 * kTileRows];
  HWY_ALIGN float scale[kTileRows];
  HWY_ALIGN float min[kTileRows];
  HWY_ALIGN std::uint8_t weights[16 * 4 * kRowVectorBytes];  // (step, vector of rows)
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

/// Unpacks the super-block at `offset` of a tile.
template <class F>
HWY_NOINLINE void Unpack256(TilePointers p, std::size_t offset, Unpacked256* to) {
  const RowI16 d16;
  const RowF32 df;
  for (std::size_t i = 0; i < 4; ++i) {
    StoreGroup<F, 0>(p, i, offset, to->weights);
    StoreGroup<F, 1>(p, i, offset, to->weights);
    StoreGroup<F, 2>(p, i, offset, to->weights);
    StoreGroup<F, 3>(p, i, offset, to->weights);
    hn::VFromD<RowI16> a, b;
    F::Header(p, i, offset, a, b);
    hn::Store(a, d16, to->a + i * 2 * kTileRows);
    hn::Store(b, d16, to->b + i * 2 * kTileRows);
  }
  hn::VFromD<RowF32> scale, min;
  LoadScales<F::kMins, !F::kMins>(p, offset + F::kScaleOffset, scale, min);
  hn::Store(scale, df, to->scale), hn::Store(min, df, to->min);
}

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_UNPACK_INL_HPP_
