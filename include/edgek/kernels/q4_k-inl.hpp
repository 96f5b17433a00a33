// Q4_K (formats/q4_k.hpp): d, dmin, eight 6-bit scales and minimums, 128 bytes of nibbles.
#if defined(EDGEK_KERNELS_Q4_K_INL_HPP_) == defined(EDGEK_TARGET_TOGGLE)
#ifdef EDGEK_KERNELS_Q4_K_INL_HPP_
#undef EDGEK_KERNELS_Q4_K_INL_HPP_
#else
#define EDGEK_KERNELS_Q4_K_INL_HPP_
#endif

#include "edgek/kernels/block256-inl.hpp"
#include "edgek/kernels/nibbles-inl.hpp"

EDGEK_BEFORE_UNIT

/// The 16-byte head that Q4_K and Q5_K share, one for each 128-bit block: scales 0..7 and minimums 0..7.
/// Bytes 4..15 hold S = scales 0..3, M = minimums 0..3 in their low six bits and, above these and in the
/// nibbles of the last four bytes, entries 4..7.
template <class V8, class V16>
HWY_INLINE void DecodeSixBits(V8 head, V16& scales, V16& mins) {
  const hn::DFromV<V8> d8;
  const hn::Repartition<std::uint16_t, decltype(d8)> d16;
  const hn::Repartition<std::uint32_t, decltype(d8)> d32;
  // Dwords: S, nibbles, M, nibbles; the last one shifted down to its upper nibbles.
  const auto base = hn::TableLookupBytes(
      head, hn::Dup128VecFromValues(d8, 4, 5, 6, 7, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15));
  const auto shifted = hn::Shr(hn::BitCast(d32, base), hn::Dup128VecFromValues(d32, 0u, 0u, 0u, 4u));
  const auto low = hn::And(shifted, hn::Dup128VecFromValues(d32, 0x3F3F3F3Fu, 0x0F0F0F0Fu, 0x3F3F3F3Fu, 0x0F0F0F0Fu));
  // The upper two bits of S and M, as bits 4 and 5 of entries 4..7.
  const auto upper = hn::TableLookupBytes(
      head, hn::Dup128VecFromValues(d8, 4, 4, 4, 4, 4, 5, 6, 7, 8, 8, 8, 8, 8, 9, 10, 11));
  const auto bits = hn::And(hn::BitCast(d32, hn::ShiftRight<2>(hn::BitCast(d16, upper))),
                            hn::Dup128VecFromValues(d32, 0u, 0x30303030u, 0u, 0x30303030u));
  const auto entries = hn::BitCast(d8, hn::Or(low, bits));
  const hn::DFromV<V16> di16;
  scales = hn::BitCast(di16, hn::InterleaveLower(d8, entries, hn::Zero(d8)));
  mins = hn::BitCast(di16, hn::InterleaveUpper(d8, entries, hn::Zero(d8)));
}

struct Q4_K {
  static constexpr Format kFormat = Format::kQ4_K;
  static constexpr bool kMins = true;
  static constexpr int kMaxWeight = 15;
  static constexpr int kStepsPerScale = 2;
  static constexpr std::size_t kScaleOffset = 0;
  static constexpr std::size_t kQuants = 16, kQuantBytes = 128;

  static constexpr int Step(int g, int v) { return 4 * g + v; }

  template <class V8, class V16>
  static HWY_INLINE void Decode(V8 heads, V16& scales, V16& mins) {
    DecodeSixBits(heads, scales, mins);
  }

  template <class V16>
  static HWY_INLINE void Header(TilePointers p, std::size_t i, std::size_t offset, V16& scales, V16& mins) {
    Decode(LoadRows(p, i, offset), scales, mins);
  }

  static constexpr int WideScale(int half, int block, bool high) { return 4 * half + 2 * (block / 2) + high; }

  template <int half, class V8>
  static HWY_INLINE void WideHalf(const std::uint8_t* block, V8& low, V8& high) {
    const V8 q = hn::LoadU(hn::DFromV<V8>(), block + 16 + 64 * half);
    low = LowNibbles(q);
    high = HighNibbles(q);
  }

  template <int g, class Load, class V8>
  static HWY_INLINE void Group(const Load& load, V8& w0, V8& w1, V8& w2, V8& w3) {
    const V8 a = load(16 + 32 * g);
    const V8 b = load(32 + 32 * g);
    w0 = LowNibbles(a);
    w1 = LowNibbles(b);
    w2 = HighNibbles(a);
    w3 = HighNibbles(b);
  }
};

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_Q4_K_INL_HPP_
