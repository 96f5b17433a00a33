// One inclusion = one pass = one Highway target, compiled once or, where a CPU may have a dot product that
// the target does not imply, twice: each time as a unit with a name and a needed feature of its own.
// hwy/foreach_target.h includes this file for every target but the static one, dispatch.hpp includes it
// last for that one. Deliberately without a guard.
#ifdef EDGEK_DETAIL_FLIP_FIRST_PASS
// highway.h was included before us, so its guards are one step ahead of the toggle: one extra flip lets
// the first pass see its own ops.
#undef EDGEK_DETAIL_FLIP_FIRST_PASS
#define HWY_TARGET_TOGGLE
#endif
#include "hwy/highway.h"

// ---- the target as Highway defines it
#define EDGEK_UNIT base
#ifdef HWY_TARGET_STR
#define EDGEK_UNIT_TARGET HWY_TARGET_STR
#endif
#if HWY_TARGET == HWY_AVX3_DL || HWY_TARGET == HWY_SVE || HWY_TARGET == HWY_SVE2
#define EDGEK_UNIT_DOT 1  // four-way integer dot products belong to the target
#elif HWY_TARGET == HWY_AVX2 && defined(__AVXVNNI__)
#define EDGEK_UNIT_DOT 1  // granted by this file's -m flags
#elif HWY_TARGET == HWY_NEON_WITHOUT_AES && defined(__ARM_FEATURE_DOTPROD)
#define EDGEK_UNIT_DOT 1
#else
#define EDGEK_UNIT_DOT 0
#endif
#include "edgek/kernels/unit-inl.hpp"

// ---- the same target with its dot products
#if !EDGEK_UNIT_DOT && HWY_TARGET == HWY_AVX2 && !defined(EDGEK_STATIC_ONLY)
#define EDGEK_SECOND_UNIT
#undef EDGEK_UNIT_TARGET
#define EDGEK_UNIT_TARGET HWY_TARGET_STR ",avxvnni"
#elif !EDGEK_UNIT_DOT && HWY_TARGET == HWY_NEON_WITHOUT_AES && !defined(EDGEK_STATIC_ONLY)
#define EDGEK_SECOND_UNIT
#undef EDGEK_UNIT_TARGET
#if HWY_COMPILER_CLANG
#define EDGEK_UNIT_TARGET "+dotprod"
#else
#define EDGEK_UNIT_TARGET "arch=armv8.2-a+dotprod"
#endif
#endif
#undef EDGEK_UNIT
#undef EDGEK_UNIT_DOT
#ifdef EDGEK_SECOND_UNIT
#define EDGEK_UNIT dot
#define EDGEK_UNIT_DOT 1
#define EDGEK_UNIT_SECOND  // only what gains; the rest is taken from the first unit
#include "edgek/kernels/unit-inl.hpp"
#undef EDGEK_UNIT_SECOND
#undef EDGEK_UNIT
#undef EDGEK_UNIT_DOT
#endif
#undef EDGEK_UNIT_TARGET
#ifdef EDGEK_TARGET_TOGGLE
#undef EDGEK_TARGET_TOGGLE
#else
#define EDGEK_TARGET_TOGGLE
#endif

namespace edgek {
inline namespace EDGEK_ABI {
namespace HWY_NAMESPACE {

/// This target's sets for some formats, best first; the second may be null.
template <Format... kFormats>
std::array<const KernelSet*, 2> TargetSets() noexcept {
#ifdef EDGEK_SECOND_UNIT
  return {&dot::kSet<kFormats...>, &base::kSet<kFormats...>};
#else
  return {&base::kSet<kFormats...>, nullptr};
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace EDGEK_ABI
}  // namespace edgek
#undef EDGEK_SECOND_UNIT
