// Q8_0 (formats/q8_0.hpp): a scale and 32 signed bytes; weight = d * q.
#if defined(EDGEK_KERNELS_Q8_0_INL_HPP_) == defined(EDGEK_TARGET_TOGGLE)
#ifdef EDGEK_KERNELS_Q8_0_INL_HPP_
#undef EDGEK_KERNELS_Q8_0_INL_HPP_
#else
#define EDGEK_KERNELS_Q8_0_INL_HPP_
#endif

#include "edgek/kernels/block32-inl.hpp"

EDGEK_BEFORE_UNIT

/// kFlip: for four-way products of x86, which take unsigned weights; q + 128 is q with its top bit flipped.
template <bool kFlip>
struct Q8_0Bytes {
  static constexpr Format kFormat = Format::kQ8_0;
  static constexpr std::int32_t kBias = kFlip ? 128 : 0;
  static constexpr bool kMin = false;
  static constexpr int kMaxWeight = 255;
  static constexpr std::size_t kQuants = 2, kFifthBits = 0;

  template <class V8>
  static HWY_INLINE void Load(TilePointers p, std::size_t i, std::size_t offset, V8& low, V8& high) {
    low = LoadRows(p, i, offset + 2);
    high = LoadRows(p, i, offset + 18);
    if constexpr (kFlip) {
      const V8 top = hn::Set(RowU8(), 128);
      low = hn::Xor(low, top);
      high = hn::Xor(high, top);
    }
  }
};

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_Q8_0_INL_HPP_
