// Q6_K (formats/q6_k.hpp): 128 bytes of low nibbles, 64 of upper bit pairs, 16 signed scales, d last.
#if defined(EDGEK_KERNELS_Q6_K_INL_HPP_) == defined(EDGEK_TARGET_TOGGLE)
#ifdef EDGEK_KERNELS_Q6_K_INL_HPP_
#undef EDGEK_KERNELS_Q6_K_INL_HPP_
#else
#define EDGEK_KERNELS_Q6_K_INL_HPP_
#endif

#include "edgek/kernels/block256-inl.hpp"
#include "edgek/kernels/nibbles-inl.hpp"

EDGEK_BEFORE_UNIT

struct Q6_K {
  static constexpr Format kFormat = Format::kQ6_K;
  static constexpr bool kMins = false;
  static constexpr int kMaxWeight = 63;
  static constexpr int kStepsPerScale = 1;
  static constexpr std::size_t kScaleOffset = 208;
  static constexpr std::size_t kQuants = 0, kQuantBytes = 192;
  static constexpr std::size_t kSubScales = 192;

  /// Group 2 * half + column: the 16-byte column of each of the half's four runs of 32 weights.
  static constexpr int Step(int g, int v) { return 8 * (g / 2) + 2 * v + g % 2; }

  template <class V16>
  static HWY_INLINE void Header(TilePointers p, std::size_t i, std::size_t offset, V16& low, V16& high) {
    const RowU8 d8;
    const RowI16 d16;
    const auto scales = LoadRows(p, i, offset + kSubScales);
    low = hn::ShiftRight<8>(hn::BitCast(d16, hn::InterleaveLower(d8, scales, scales)));
    high = hn::ShiftRight<8>(hn::BitCast(d16, hn::InterleaveUpper(d8, scales, scales)));
  }

  template <int g, class Load, class V8>
  static HWY_INLINE void Group(const Load& load, V8& w0, V8& w1, V8& w2, V8& w3) {
    constexpr std::size_t kHalf = g / 2, kColumn = g % 2;
    const hn::DFromV<V8> d8;
    const hn::Repartition<std::uint16_t, decltype(d8)> d16;
    const V8 a = load(64 * kHalf + 16 * kColumn);
    const V8 b = load(64 * kHalf + 16 * kColumn + 32);
    const V8 pairs = load(128 + 32 * kHalf + 16 * kColumn);
    const auto pairs16 = hn::BitCast(d16, pairs);  // bits that cross bytes are masked away
    const auto top = hn::Set(d8, 0x30);
    w0 = hn::Or(LowNibbles(a), hn::And(hn::BitCast(d8, hn::ShiftLeft<4>(pairs16)), top));
    w1 = hn::Or(LowNibbles(b), hn::And(hn::BitCast(d8, hn::ShiftLeft<2>(pairs16)), top));
    w2 = hn::Or(HighNibbles(a), hn::And(pairs, top));
    w3 = hn::Or(HighNibbles(b), hn::And(hn::BitCast(d8, hn::ShiftRight<2>(pairs16)), top));
  }

  static constexpr int WideScale(int half, int block, bool high) { return 8 * half + 4 * high + block; }

#if HWY_TARGET == HWY_AVX3_DL
  template <int half, class V8>
  static HWY_INLINE void WideHalf(const std::uint8_t* block, V8& low, V8& high) {
    const V8 q = hn::LoadU(hn::DFromV<V8>(), block + 64 * half);
    const V8 pairs = LoadTwice(block + 128 + 32 * half);
    SplitWithTops<2>(q, TopBits<2>(pairs, 0, 4), low, high);
  }
#endif
};

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_Q6_K_INL_HPP_
