// What every kernel family of a unit starts from: tags, the fused multiply-add, loads.
#if defined(EDGEK_KERNELS_SIMD_INL_HPP_) == defined(EDGEK_UNIT_TOGGLE)
#ifdef EDGEK_KERNELS_SIMD_INL_HPP_
#undef EDGEK_KERNELS_SIMD_INL_HPP_
#else
#define EDGEK_KERNELS_SIMD_INL_HPP_
#endif

#include "hwy/highway.h"

EDGEK_BEFORE_UNIT

namespace hn = hwy::HWY_NAMESPACE;

/// Float vectors of at most 16 lanes: 16 is the number of lanes in which docs/numerics.md sums, so a
/// wider vector would not help. Lanes() divides 16 on every target.
using DF = hn::CappedTag<float, 16>;

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_SIMD_INL_HPP_
