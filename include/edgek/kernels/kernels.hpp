#ifndef EDGEK_KERNELS_KERNELS_HPP_
#define EDGEK_KERNELS_KERNELS_HPP_

#include <span>
#include <string_view>

#include "edgek/detail/abi.hpp"
#include "edgek/kernels/kernel_set.hpp"

namespace edgek {
inline namespace EDGEK_ABI {

/// Every compiled set that this CPU can run, best first, SCALAR last. Thread-safe; decided once.
///   kFormats: the weight formats that the program multiplies, none named: all. The sets have kernels of these
///             alone, and the including file compiles no others; products of other formats are kUnsupportedFormat.
///             Where the kernels are only declared (edgek::compiled), the sets have all formats in any case.
template <Format... kFormats>
std::span<const KernelSet* const> all_kernels() noexcept;

/// The best of all_kernels(): kernels() for any format, kernels<Format::kQ4_K>() for this one.
template <Format... kFormats>
const KernelSet& kernels() noexcept {
  return *all_kernels<kFormats...>().front();
}

/// The set of this name ("AVX2"), or nullptr if it is not compiled in or this CPU cannot run it.
template <Format... kFormats>
const KernelSet* find_kernels(std::string_view name) noexcept {
  for (const KernelSet* set : all_kernels<kFormats...>())
    if (name == set->name) return set;
  return nullptr;
}

#if defined(EDGEK_DECLARE_ONLY) || defined(EDGEK_IMPLEMENTATION)
namespace dispatch_detail {
/// The complete sets, from the one file that compiles them.
std::span<const KernelSet* const> compiled_sets() noexcept;
}  // namespace dispatch_detail

template <Format... kFormats>
std::span<const KernelSet* const> all_kernels() noexcept {
  return dispatch_detail::compiled_sets();
}
#endif

}  // namespace EDGEK_ABI
}  // namespace edgek

#endif  // EDGEK_KERNELS_KERNELS_HPP_
