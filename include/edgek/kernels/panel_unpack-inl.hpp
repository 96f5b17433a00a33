// Blocks of a tile of rows unpacked into a panel: [k / 4][row][4]. Bytes are transposed as they are stored, four of a
// row at a time, and taken apart after that: nibbles are then half as many as weights. Needs no dot products, so a
// target's units share it.
#if defined(EDGEK_KERNELS_PANEL_UNPACK_INL_HPP_) == defined(EDGEK_TARGET_TOGGLE)
#ifdef EDGEK_KERNELS_PANEL_UNPACK_INL_HPP_
#undef EDGEK_KERNELS_PANEL_UNPACK_INL_HPP_
#else
#define EDGEK_KERNELS_PANEL_UNPACK_INL_HPP_
#endif

#include "edgek/kernels/nibbles-inl.hpp"
#include "edgek/kernels/unpack-inl.hpp"

EDGEK_BEFORE_UNIT

/// store(bytes 4 * i to 4 * i + 3 of the 16 at `offset`, of every row, i) for i = 0 to 3. Lane r is row r.
template <class Store>
HWY_INLINE void LoadQuads(TilePointers p, std::size_t offset, const Store& store) {
  const RowI32 d;
  const auto rows = [&](std::size_t i) EDGEK_UNIT_ATTR { return hn::BitCast(d, LoadRows(p, i, offset)); };
  TransposeFour(d, rows(0), rows(1), rows(2), rows(3), [&](auto quad, std::size_t i) EDGEK_UNIT_ATTR {
    store(hn::BitCast(RowU8(), quad), i);
  });
}

/// The four bytes at `offset` of every row; 16 are read.
HWY_INLINE hn::VFromD<RowI32> LoadQuad(TilePointers p, std::size_t offset) {
  auto first = hn::Zero(RowU8());
  LoadQuads(p, offset, [&](auto quad, std::size_t i) EDGEK_UNIT_ATTR {
    if (i == 0) first = quad;
  });
  return hn::BitCast(RowI32(), first);
}

/// A tile's place in a panel of `rows` rows.
struct PanelPlace {
  std::byte* to;
  std::size_t rows;

  template <class V8>
  HWY_INLINE void Store(V8 quad, std::size_t i) const {
    hn::StoreU(quad, RowU8(), reinterpret_cast<std::uint8_t*>(to + 4 * i * rows));
  }
};

/// PanelKind::unpack of blocks of 32: eight quads, the scale and the minimum; F is described in block32-inl.hpp.
template <class F>
HWY_NOINLINE void UnpackPanel32(TilePointers p, std::size_t offset, PanelPlace place) {
  const RowU8 d8;
  hn::VFromD<RowF32> scale, min;
  LoadScales<F::kMin>(p, offset, scale, min);
  place.Store(hn::BitCast(d8, scale), 8);
  place.Store(hn::BitCast(d8, min), 9);
  if constexpr (F::kMaxWeight == 255) {
    const auto flip = hn::Set(d8, F::kBias);  // 128 or 0
    for (std::size_t half = 0; half < 2; ++half) {
      LoadQuads(p, offset + F::kQuants + 16 * half, [&](auto bytes, std::size_t i) EDGEK_UNIT_ATTR {
        place.Store(hn::Xor(bytes, flip), 4 * half + i);
      });
    }
  } else if constexpr (F::kFifthBits == 0) {
    LoadQuads(p, offset + F::kQuants, [&](auto nibbles, std::size_t i) EDGEK_UNIT_ATTR {
      place.Store(LowNibbles(nibbles), i);
      place.Store(HighNibbles(nibbles), 4 + i);
    });
  } else {
    const auto bits = LoadQuad(p, offset + F::kFifthBits);
    LoadQuads(p, offset + F::kQuants, [&](auto nibbles, std::size_t i) EDGEK_UNIT_ATTR {
      place.Store(hn::Or(LowNibbles(nibbles), FifthBitsOfQuad(bits, i)), i);
      place.Store(hn::Or(HighNibbles(nibbles), FifthBitsOfQuad(bits, 4 + i)), 4 + i);
    });
  }
}

/// The transposed quants of a super-block, a vector for every four bytes.
template <class F>
struct TransposedQuants {
  HWY_ALIGN std::uint8_t quads[F::kQuantBytes / 4 * kRowVectorBytes];

  HWY_INLINE TransposedQuants(TilePointers p, std::size_t offset) {
    for (std::size_t at = 0; at < F::kQuantBytes; at += 16) {
      LoadQuads(p, offset + F::kQuants + at, [&](auto quad, std::size_t i) EDGEK_UNIT_ATTR {
        hn::Store(quad, RowU8(), quads + (at / 4 + i) * kRowVectorBytes);
      });
    }
  }
  /// Bytes 4 * i to 4 * i + 3 of the 16 that stand at `at` of the super-block.
  HWY_INLINE hn::VFromD<RowU8> Quad(std::size_t at, std::size_t i) const {
    return hn::Load(RowU8(), quads + ((at - F::kQuants) / 4 + i) * kRowVectorBytes);
  }
};

template <class F, int g>
HWY_INLINE void StoreGroupQuads(const TransposedQuants<F>& quants, std::size_t i, PanelPlace place) {
  hn::VFromD<RowU8> w0, w1, w2, w3;
  F::template Group<g>([&](std::size_t at) EDGEK_UNIT_ATTR { return quants.Quad(at, i); }, w0, w1, w2, w3);
  place.Store(w0, 4 * F::Step(g, 0) + i);
  place.Store(w1, 4 * F::Step(g, 1) + i);
  place.Store(w2, 4 * F::Step(g, 2) + i);
  place.Store(w3, 4 * F::Step(g, 3) + i);
}

/// The 64 quads of the super-block at `offset`, and its head; F is described in block256-inl.hpp.
template <class F>
HWY_NOINLINE void UnpackQuads256(TilePointers p, std::size_t offset, PanelPlace place, Head256& head) {
  const TransposedQuants<F> quants(p, offset);
  for (std::size_t i = 0; i < 4; ++i) {
    StoreGroupQuads<F, 0>(quants, i, place);
    StoreGroupQuads<F, 1>(quants, i, place);
    StoreGroupQuads<F, 2>(quants, i, place);
    StoreGroupQuads<F, 3>(quants, i, place);
  }
  UnpackHead256<F>(p, offset, head);
}

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_PANEL_UNPACK_INL_HPP_
