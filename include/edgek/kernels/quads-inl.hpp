// Blocks of a tile of rows as quads: a vector holds four weights, or bytes, of every row, and lane r is row r. Bytes
// are transposed as they are stored, four of a row at a time, and taken apart after that: nibbles are then half as many
// as weights. What panels and the kernels for several tokens are made of. Needs no dot products, so a target's units
// share it.
#if defined(EDGEK_KERNELS_QUADS_INL_HPP_) == defined(EDGEK_TARGET_TOGGLE)
#ifdef EDGEK_KERNELS_QUADS_INL_HPP_
#undef EDGEK_KERNELS_QUADS_INL_HPP_
#else
#define EDGEK_KERNELS_QUADS_INL_HPP_
#endif

#include "edgek/kernels/nibbles-inl.hpp"
#include "edgek/kernels/rows-inl.hpp"

EDGEK_BEFORE_UNIT

using QuadU8 = hn::CappedTag<std::uint8_t, HWY_TARGET == HWY_AVX3_DL ? 64 : kRowVectorBytes>;
using QuadI8 = hn::Repartition<std::int8_t, QuadU8>;
using QuadI32 = hn::Repartition<std::int32_t, QuadU8>;
using QuadU32 = hn::Repartition<std::uint32_t, QuadU8>;
using QuadF32 = hn::Repartition<float, QuadU8>;
using QuadV = hn::VFromD<QuadU8>;

/// Rows of a tile of quads: the dwords of a vector, one or two of kTileRows.
inline constexpr std::size_t kQuadRows = HWY_TARGET == HWY_AVX3_DL ? 2 * kTileRows : kTileRows;
inline constexpr std::size_t kQuadVectorBytes = 4 * kQuadRows;

/// Where a tile's quads are put: among `rows` rows, quad after quad.
struct QuadPlace {
  std::byte* to;
  std::size_t rows;

  template <class V>
  HWY_INLINE void Store(V quad, std::size_t i) const {
    hn::StoreU(hn::BitCast(QuadU8(), quad), QuadU8(), reinterpret_cast<std::uint8_t*>(to + 4 * i * rows));
  }
};

/// 16 bytes at `offset` of the rows i, i + 4, ...
HWY_INLINE QuadV LoadQuadRows(TilePointers p, std::size_t i, std::size_t offset) {
#if HWY_TARGET == HWY_AVX3_DL
  return hn::Combine(QuadU8(), LoadRows(p + kTileRows, i, offset), LoadRows(p, i, offset));
#else
  return LoadRows(p, i, offset);
#endif
}

/// The 16 bytes at `offset` of every row: q0 has the first four of each, q3 the last.
HWY_INLINE void LoadQuads(TilePointers p, std::size_t offset, QuadV& q0, QuadV& q1, QuadV& q2, QuadV& q3) {
  const QuadI32 d;
  const auto rows = [&](std::size_t i) EDGEK_UNIT_ATTR { return hn::BitCast(d, LoadQuadRows(p, i, offset)); };
  auto v0 = rows(0), v1 = rows(1), v2 = rows(2), v3 = rows(3);
  TransposeFour(v0, v1, v2, v3);
  q0 = hn::BitCast(QuadU8(), v0), q1 = hn::BitCast(QuadU8(), v1);
  q2 = hn::BitCast(QuadU8(), v2), q3 = hn::BitCast(QuadU8(), v3);
}

/// Floats of the halves in the lower 16 bits of every dword, or in the upper ones.
HWY_INLINE hn::VFromD<QuadF32> LowerHalves(QuadV dwords) {
  const hn::Rebind<std::uint16_t, QuadF32> d16;
  return FloatFromHalf(QuadF32(), hn::TruncateTo(d16, hn::BitCast(QuadU32(), dwords)));
}
HWY_INLINE hn::VFromD<QuadF32> UpperHalves(QuadV dwords) {
  return LowerHalves(hn::BitCast(QuadU8(), hn::ShiftRight<16>(hn::BitCast(QuadU32(), dwords))));
}

// ---- blocks of 32; F is described in block32-inl.hpp

/// The first four bytes of the blocks at `offset`, and their fifth bits if they have some.
template <class F>
HWY_INLINE void LoadHeads32(TilePointers p, std::size_t offset, QuadV& head, QuadV& bits) {
  static_assert(F::kFifthBits == 0 || F::kFifthBits == 2 || F::kFifthBits == 4);
  QuadV q2, q3;
  LoadQuads(p, offset, head, bits, q2, q3);
  if constexpr (F::kFifthBits == 2) {  // astride two dwords
    const auto first = hn::BitCast(QuadU32(), head), second = hn::BitCast(QuadU32(), bits);
    bits = hn::BitCast(QuadU8(), hn::Or(hn::ShiftRight<16>(first), hn::ShiftLeft<16>(second)));
  }
}

/// The blocks at `offset`: their scales, minimums (or 0) and eight quads.
template <class F>
HWY_INLINE void LoadQuads32(TilePointers p, std::size_t offset, hn::VFromD<QuadF32>& scale, hn::VFromD<QuadF32>& min,
                            QuadV& w0, QuadV& w1, QuadV& w2, QuadV& w3, QuadV& w4, QuadV& w5, QuadV& w6, QuadV& w7) {
  LoadQuads(p, offset + F::kQuants, w0, w1, w2, w3);
  if constexpr (F::kMaxWeight == 255) {
    LoadQuads(p, offset + F::kQuants + 16, w4, w5, w6, w7);
    const auto flip = hn::Set(QuadU8(), F::kBias);  // 128 or 0
    w0 = hn::Xor(w0, flip), w1 = hn::Xor(w1, flip), w2 = hn::Xor(w2, flip), w3 = hn::Xor(w3, flip);
    w4 = hn::Xor(w4, flip), w5 = hn::Xor(w5, flip), w6 = hn::Xor(w6, flip), w7 = hn::Xor(w7, flip);
  } else {
    w4 = HighNibbles(w0), w5 = HighNibbles(w1), w6 = HighNibbles(w2), w7 = HighNibbles(w3);
    w0 = LowNibbles(w0), w1 = LowNibbles(w1), w2 = LowNibbles(w2), w3 = LowNibbles(w3);
  }
  QuadV head, bits;
  LoadHeads32<F>(p, offset, head, bits);
  if constexpr (F::kFifthBits != 0) {
    const auto add = [&](QuadV& w, std::size_t i) EDGEK_UNIT_ATTR { w = AddFifthBitsOfQuad(w, bits, i); };
    add(w0, 0), add(w1, 1), add(w2, 2), add(w3, 3);
    add(w4, 4), add(w5, 5), add(w6, 6), add(w7, 7);
  }
  scale = LowerHalves(head);
  min = F::kMin ? UpperHalves(head) : hn::Zero(QuadF32());
}

// ---- super-blocks of 256; F is described in block256-inl.hpp

/// The transposed quants of super-blocks, a vector for every four bytes.
template <class F>
struct TransposedQuants {
  HWY_ALIGN std::uint8_t quads[F::kQuantBytes / 4 * kQuadVectorBytes];

  HWY_INLINE TransposedQuants(TilePointers p, std::size_t offset) {
    const QuadU8 d;
    for (std::size_t at = 0; at < F::kQuantBytes; at += 16) {
      QuadV q0, q1, q2, q3;
      LoadQuads(p, offset + F::kQuants + at, q0, q1, q2, q3);
      std::uint8_t* to = quads + at / 4 * kQuadVectorBytes;
      hn::Store(q0, d, to), hn::Store(q1, d, to + kQuadVectorBytes);
      hn::Store(q2, d, to + 2 * kQuadVectorBytes), hn::Store(q3, d, to + 3 * kQuadVectorBytes);
    }
  }
  /// Bytes 4 * i to 4 * i + 3 of the 16 that stand at `at` of the super-block.
  HWY_INLINE QuadV Quad(std::size_t at, std::size_t i) const {
    return hn::Load(QuadU8(), quads + ((at - F::kQuants) / 4 + i) * kQuadVectorBytes);
  }
};

/// Quad i of the steps 0 to 3 of group g.
template <class F, int g>
HWY_INLINE void GroupQuads(const TransposedQuants<F>& quants, std::size_t i, QuadV& w0, QuadV& w1, QuadV& w2,
                           QuadV& w3) {
  F::template Group<g>([&](std::size_t at) EDGEK_UNIT_ATTR { return quants.Quad(at, i); }, w0, w1, w2, w3);
}

/// The 6-bit entries that Q4_K and Q5_K share (formats/six_bit_scales.hpp), from the head's second dword on: q1 to q3
/// become scales 0 to 3, scales 4 to 7 and minimums 0 to 3; returns minimums 4 to 7.
HWY_INLINE QuadV SixBitEntries(QuadV& q1, QuadV& q2, QuadV& q3) {
  const auto lower_six = hn::Set(QuadU8(), 0x3F), top = hn::Set(QuadU8(), 0x30);
  const auto upper_bits = [&](QuadV v) EDGEK_UNIT_ATTR { return hn::And(hn::ShiftRight<2>(v), top); };
  const QuadV s = q1, m = q2, nibbles = q3;
  q1 = hn::And(s, lower_six);
  q2 = hn::Or(LowNibbles(nibbles), upper_bits(s));
  q3 = hn::And(m, lower_six);
  return hn::Or(HighNibbles(nibbles), upper_bits(m));
}

/// The heads of the super-blocks at `offset`: sixteen entries, four bytes of every row at a time, which are eight
/// scales and eight minimums, or without these sixteen scales; and d and dmin, or 0.
template <class F>
HWY_INLINE void LoadHeads(TilePointers p, std::size_t offset, QuadV& e0, QuadV& e1, QuadV& e2, QuadV& e3,
                          hn::VFromD<QuadF32>& scale, hn::VFromD<QuadF32>& min) {
  if constexpr (F::kMins) {
    QuadV own;
    LoadQuads(p, offset, own, e0, e1, e2);
    e3 = SixBitEntries(e0, e1, e2);
    scale = LowerHalves(own), min = UpperHalves(own);
  } else {
    QuadV q0, q1, q2, last;
    LoadQuads(p, offset + F::kScaleOffset - 14, q0, q1, q2, last);  // d ends the super-block
    LoadQuads(p, offset + F::kSubScales, e0, e1, e2, e3);
    scale = UpperHalves(last), min = hn::Zero(QuadF32());
  }
}

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_QUADS_INL_HPP_
