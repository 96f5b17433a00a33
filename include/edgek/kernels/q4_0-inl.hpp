// Q4_0 (formats/q4_0.hpp): a scale and 16 bytes of nibbles; weight = d * (q - 8).
#if defined(EDGEK_KERNELS_Q4_0_INL_HPP_) == defined(EDGEK_TARGET_TOGGLE)
#ifdef EDGEK_KERNELS_Q4_0_INL_HPP_
#undef EDGEK_KERNELS_Q4_0_INL_HPP_
#else
#define EDGEK_KERNELS_Q4_0_INL_HPP_
#endif

#include "edgek/kernels/block32-inl.hpp"
#include "edgek/kernels/nibbles-inl.hpp"

EDGEK_BEFORE_UNIT

struct Q4_0 {
  static constexpr Format kFormat = Format::kQ4_0;
  static constexpr std::int32_t kBias = 8;
  static constexpr bool kMin = false;
  static constexpr int kMaxWeight = 15;
  static constexpr std::size_t kQuants = 2, kFifthBits = 0;

  template <class V8>
  static HWY_INLINE void Load(TilePointers p, std::size_t i, std::size_t offset, V8& low, V8& high) {
    const V8 q = LoadRows(p, i, offset + 2);
    low = LowNibbles(q);
    high = HighNibbles(q);
  }
};

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_Q4_0_INL_HPP_
