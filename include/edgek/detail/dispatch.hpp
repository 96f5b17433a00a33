#ifndef EDGEK_DETAIL_DISPATCH_HPP_
#define EDGEK_DETAIL_DISPATCH_HPP_

// Standard and plain headers first: nothing but kernels may sit inside a pass.
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <span>
#include <type_traits>
#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

#include "edgek/detail/abi.hpp"
#include "edgek/kernels/kernels.hpp"
#include "edgek/reference/scalar_set.hpp"
#include "edgek/runtime/cpu.hpp"

#include "edgek/detail/foreach_begin.hpp"   // every target but the static one
#include "edgek/kernels/target-inl.hpp"     // the static one
#include "edgek/detail/foreach_end.hpp"

namespace edgek {
inline namespace EDGEK_ABI {
namespace dispatch_detail {

/// The sets this CPU can run, best first.
struct SetList {
  std::array<const KernelSet*, 8> sets{};
  std::size_t count = 0;

  void add(const CpuFeatures& cpu, const KernelSet* set) noexcept {
    if (set != nullptr && can_run(cpu, set->name)) sets[count++] = set;
  }
};

template <Format... kFormats>
SetList list_sets(FormatList<kFormats...>) noexcept {
  using SetsOfTarget = std::array<const KernelSet*, 2> (*)() noexcept;
  // HWY_CHOOSE_* is the address of a target's function, or nullptr where the target is not compiled.
  constexpr std::array<SetsOfTarget, 7> kTargets = {
      HWY_CHOOSE_AVX3_DL(TargetSets<kFormats...>), HWY_CHOOSE_AVX2(TargetSets<kFormats...>),
      HWY_CHOOSE_SSE2(TargetSets<kFormats...>),    HWY_CHOOSE_SVE2(TargetSets<kFormats...>),
      HWY_CHOOSE_SVE(TargetSets<kFormats...>),     HWY_CHOOSE_NEON_WITHOUT_AES(TargetSets<kFormats...>),
#if HWY_TARGETS & (HWY_EMU128 | HWY_SCALAR)
      HWY_CHOOSE_FALLBACK(TargetSets<kFormats...>),
#else
      nullptr,
#endif
  };
  SetList list;
  const CpuFeatures cpu = detect_cpu();
  for (const SetsOfTarget sets_of_target : kTargets) {
    if (sets_of_target == nullptr) continue;
    for (const KernelSet* set : sets_of_target()) list.add(cpu, set);
  }
  list.add(cpu, &scalar_kernels<kFormats...>());
  return list;
}

template <Format... kFormats>
std::span<const KernelSet* const> sets_for() noexcept {
  static const SetList list = list_sets(NamedFormats<kFormats...>());  // constant once made
  return {list.sets.data(), list.count};
}

}  // namespace dispatch_detail

#ifdef EDGEK_IMPLEMENTATION
std::span<const KernelSet* const> dispatch_detail::compiled_sets() noexcept { return sets_for<>(); }
#else
template <Format... kFormats>
std::span<const KernelSet* const> all_kernels() noexcept {
  return dispatch_detail::sets_for<kFormats...>();
}
#endif

}  // namespace EDGEK_ABI
}  // namespace edgek

#endif  // EDGEK_DETAIL_DISPATCH_HPP_
