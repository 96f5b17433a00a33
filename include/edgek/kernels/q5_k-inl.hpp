// Q5_K (formats/q5_k.hpp): Q4_K with 32 bytes of fifth bits before the nibbles.
#if defined(EDGEK_KERNELS_Q5_K_INL_HPP_) == defined(EDGEK_TARGET_TOGGLE)
#ifdef EDGEK_KERNELS_Q5_K_INL_HPP_
#undef EDGEK_KERNELS_Q5_K_INL_HPP_
#else
#define EDGEK_KERNELS_Q5_K_INL_HPP_
#endif

#include "edgek/kernels/q4_k-inl.hpp"

EDGEK_BEFORE_UNIT

/// Bit n of every byte, as bit 4.
template <int n, class V8>
HWY_INLINE V8 BitAsFifth(V8 bytes) {
  const hn::DFromV<V8> d8;
  const hn::Repartition<std::uint16_t, decltype(d8)> d16;
  const auto b16 = hn::BitCast(d16, bytes);  // bits that cross bytes are masked away
  if constexpr (n < 4) return hn::And(hn::BitCast(d8, hn::ShiftLeft<4 - n>(b16)), hn::Set(d8, 16));
  if constexpr (n > 4) return hn::And(hn::BitCast(d8, hn::ShiftRight<n - 4>(b16)), hn::Set(d8, 16));
  return hn::And(bytes, hn::Set(d8, 16));
}

struct Q5_K {
  static constexpr Format kFormat = Format::kQ5_K;
  static constexpr bool kMins = true;
  static constexpr int kMaxWeight = 31;
  static constexpr int kStepsPerScale = 2;
  static constexpr std::size_t kScaleOffset = 0;
  static constexpr std::size_t kQuants = 16, kQuantBytes = 160;

  static constexpr int Step(int g, int v) { return 4 * g + v; }

  template <class V8, class V16>
  static HWY_INLINE void Decode(V8 heads, V16& scales, V16& mins) {
    DecodeSixBits(heads, scales, mins);
  }

  template <class V16>
  static HWY_INLINE void Header(TilePointers p, std::size_t i, std::size_t offset, V16& scales, V16& mins) {
    Decode(LoadRows(p, i, offset), scales, mins);
  }

  static constexpr int WideScale(int half, int block, bool high) { return Q4_K::WideScale(half, block, high); }

#if HWY_TARGET == HWY_AVX3_DL
  template <int half, class V8>
  static HWY_INLINE void WideHalf(const std::uint8_t* block, V8& low, V8& high) {
    constexpr int kBit = 4 * half;  // of the low vector's first 32 weights; then the high one's, and so on
    const V8 q = hn::LoadU(hn::DFromV<V8>(), block + 48 + 64 * half);
    const V8 bits = LoadTwice(block + 16);
    SplitWithTops<1>(q, TopBits<1>(bits, kBit, kBit + 1), low, high);
  }
#endif

  template <int g, class Load, class V8>
  static HWY_INLINE void Group(const Load& load, V8& w0, V8& w1, V8& w2, V8& w3) {
    const V8 fifth_a = load(16);
    const V8 fifth_b = load(32);
    const V8 a = load(48 + 32 * g);
    const V8 b = load(64 + 32 * g);
    w0 = hn::Or(LowNibbles(a), BitAsFifth<2 * g>(fifth_a));
    w1 = hn::Or(LowNibbles(b), BitAsFifth<2 * g>(fifth_b));
    w2 = hn::Or(HighNibbles(a), BitAsFifth<2 * g + 1>(fifth_a));
    w3 = hn::Or(HighNibbles(b), BitAsFifth<2 * g + 1>(fifth_b));
  }
};

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_Q5_K_INL_HPP_
