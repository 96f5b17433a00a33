// Blocks of a tile of rows unpacked into a panel: quads, [k / 4][row][4]. Needs no dot products, so a target's units
// share it.
#if defined(EDGEK_KERNELS_PANEL_UNPACK_INL_HPP_) == defined(EDGEK_TARGET_TOGGLE)
#ifdef EDGEK_KERNELS_PANEL_UNPACK_INL_HPP_
#undef EDGEK_KERNELS_PANEL_UNPACK_INL_HPP_
#else
#define EDGEK_KERNELS_PANEL_UNPACK_INL_HPP_
#endif

#include "edgek/kernels/quads-inl.hpp"

EDGEK_BEFORE_UNIT

/// PanelKind::unpack of blocks of 32: eight quads, the scale and the minimum; F is described in block32-inl.hpp.
template <class F>
HWY_NOINLINE void UnpackPanel32(TilePointers p, std::size_t offset, QuadPlace place) {
  hn::VFromD<QuadF32> scale, min;
  QuadV w0, w1, w2, w3, w4, w5, w6, w7;
  LoadQuads32<F>(p, offset, scale, min, w0, w1, w2, w3, w4, w5, w6, w7);
  place.Store(scale, 8);
  place.Store(min, 9);
  place.Store(w0, 0), place.Store(w1, 1), place.Store(w2, 2), place.Store(w3, 3);
  place.Store(w4, 4), place.Store(w5, 5), place.Store(w6, 6), place.Store(w7, 7);
}

template <class F, int g>
HWY_INLINE void StoreGroupQuads(const TransposedQuants<F>& quants, std::size_t i, QuadPlace place) {
  QuadV w0, w1, w2, w3;
  GroupQuads<F, g>(quants, i, w0, w1, w2, w3);
  place.Store(w0, 4 * F::Step(g, 0) + i);
  place.Store(w1, 4 * F::Step(g, 1) + i);
  place.Store(w2, 4 * F::Step(g, 2) + i);
  place.Store(w3, 4 * F::Step(g, 3) + i);
}

/// The 64 quads of the super-block at `offset`; F is described in block256-inl.hpp.
template <class F>
HWY_NOINLINE void UnpackQuads256(TilePointers p, std::size_t offset, QuadPlace place) {
  const TransposedQuants<F> quants(p, offset);
  for (std::size_t i = 0; i < 4; ++i) {
    StoreGroupQuads<F, 0>(quants, i, place);
    StoreGroupQuads<F, 1>(quants, i, place);
    StoreGroupQuads<F, 2>(quants, i, place);
    StoreGroupQuads<F, 3>(quants, i, place);
  }
}

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_PANEL_UNPACK_INL_HPP_
