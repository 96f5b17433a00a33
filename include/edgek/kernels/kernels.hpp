#ifndef EDGEK_KERNELS_KERNELS_HPP_
#define EDGEK_KERNELS_KERNELS_HPP_

#include <span>
#include <string_view>

#include "edgek/detail/abi.hpp"
#include "edgek/kernels/kernel_set.hpp"

namespace edgek {
inline namespace EDGEK_ABI {

/// Every compiled set that this CPU can run, best first, SCALAR last. Thread-safe; decided once.
EDGEK_API std::span<const KernelSet* const> all_kernels() noexcept;

/// The best of all_kernels().
inline const KernelSet& kernels() noexcept { return *all_kernels().front(); }

/// The set of this name ("AVX2"), or nullptr if it is not compiled in or this CPU cannot run it.
inline const KernelSet* find_kernels(std::string_view name) noexcept {
  for (const KernelSet* set : all_kernels())
    if (name == set->name) return set;
  return nullptr;
}

}  // namespace EDGEK_ABI
}  // namespace edgek

#endif  // EDGEK_KERNELS_KERNELS_HPP_
