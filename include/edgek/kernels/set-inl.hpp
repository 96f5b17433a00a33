// The table of one unit: every KernelSet entry, by name.
#if defined(EDGEK_KERNELS_SET_INL_HPP_) == defined(EDGEK_UNIT_TOGGLE)
#ifdef EDGEK_KERNELS_SET_INL_HPP_
#undef EDGEK_KERNELS_SET_INL_HPP_
#else
#define EDGEK_KERNELS_SET_INL_HPP_
#endif

#include "edgek/kernels/simd-inl.hpp"

EDGEK_BEFORE_UNIT

constexpr const char* UnitName() noexcept {
#if HWY_TARGET == HWY_NEON_WITHOUT_AES
  return EDGEK_UNIT_DOT ? "NEON_DOT" : "NEON";
#elif HWY_TARGET == HWY_AVX2
  return EDGEK_UNIT_DOT ? "AVX2_VNNI" : "AVX2";
#else
  return &EDGEK_DETAIL_STR(HWY_NAMESPACE)[2];  // "N_AVX3_DL" without the "N_"
#endif
}

constexpr KernelSet MakeSet() noexcept {
  KernelSet s{};
  s.name = UnitName();
  return s;
}

inline constexpr KernelSet kSet = MakeSet();

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_SET_INL_HPP_
