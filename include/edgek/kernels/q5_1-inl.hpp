// Q5_1 (formats/q5_1.hpp): Q5_0 with a minimum instead of the bias; weight = d * q + m.
#if defined(EDGEK_KERNELS_Q5_1_INL_HPP_) == defined(EDGEK_TARGET_TOGGLE)
#ifdef EDGEK_KERNELS_Q5_1_INL_HPP_
#undef EDGEK_KERNELS_Q5_1_INL_HPP_
#else
#define EDGEK_KERNELS_Q5_1_INL_HPP_
#endif

#include "edgek/kernels/q5_0-inl.hpp"

EDGEK_BEFORE_UNIT

struct Q5_1 {
  static constexpr Format kFormat = Format::kQ5_1;
  static constexpr std::int32_t kBias = 0;
  static constexpr bool kMin = true;
  static constexpr int kMaxWeight = 31;
  static constexpr std::size_t kQuants = 8, kFifthBits = 4;

  template <class V8>
  static HWY_INLINE void Load(TilePointers p, std::size_t i, std::size_t offset, V8& low, V8& high) {
    LoadFiveBits(p, i, offset + 4, low, high);
  }
};

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_Q5_1_INL_HPP_
