#ifndef EDGEK_DETAIL_ABI_HPP_
#define EDGEK_DETAIL_ABI_HPP_

#include "edgek/config.hpp"

// EDGEK_ABI names the inline namespace of everything that calls kernels. It spells what changes their
// code: mode, baseline and checks. So files built with different flags never share symbols: without the
// name, which of two copies of an inline function survives depends on the order of linking.

#define EDGEK_DETAIL_CAT2(a, b) a##b
#define EDGEK_DETAIL_CAT(a, b) EDGEK_DETAIL_CAT2(a, b)
#define EDGEK_DETAIL_STR2(a) #a
#define EDGEK_DETAIL_STR(a) EDGEK_DETAIL_STR2(a)

#if defined(EDGEK_DECLARE_ONLY) || defined(EDGEK_IMPLEMENTATION)
#define EDGEK_ABI v0  // one file compiles the kernels: nothing to keep apart
#else

#include "hwy/detect_targets.h"

#if HWY_STATIC_TARGET == HWY_SSE2
#define EDGEK_DETAIL_BASELINE sse2
#elif HWY_STATIC_TARGET == HWY_AVX2
#ifdef __AVXVNNI__
#define EDGEK_DETAIL_BASELINE avx2_vnni
#else
#define EDGEK_DETAIL_BASELINE avx2
#endif
#elif HWY_STATIC_TARGET == HWY_AVX3_DL
#define EDGEK_DETAIL_BASELINE avx3_dl
#elif HWY_STATIC_TARGET == HWY_NEON_WITHOUT_AES
#ifdef __ARM_FEATURE_DOTPROD
#define EDGEK_DETAIL_BASELINE neon_dot
#else
#define EDGEK_DETAIL_BASELINE neon
#endif
#elif HWY_STATIC_TARGET == HWY_SVE
#define EDGEK_DETAIL_BASELINE sve
#elif HWY_STATIC_TARGET == HWY_SVE2
#define EDGEK_DETAIL_BASELINE sve2
#else
#define EDGEK_DETAIL_BASELINE portable
#endif

#ifdef NDEBUG
#define EDGEK_DETAIL_CHECKS
#else
#define EDGEK_DETAIL_CHECKS _checked
#endif

#ifdef EDGEK_STATIC_ONLY
#define EDGEK_ABI EDGEK_DETAIL_CAT(EDGEK_DETAIL_CAT(v0_only_, EDGEK_DETAIL_BASELINE), EDGEK_DETAIL_CHECKS)
#else
#define EDGEK_ABI EDGEK_DETAIL_CAT(EDGEK_DETAIL_CAT(v0_from_, EDGEK_DETAIL_BASELINE), EDGEK_DETAIL_CHECKS)
#endif

#endif  // which mode

#endif  // EDGEK_DETAIL_ABI_HPP_
