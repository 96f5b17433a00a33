#ifndef EDGEK_ROOFLINE_CONTEXT_SWEEP_HPP_
#define EDGEK_ROOFLINE_CONTEXT_SWEEP_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "edgek/roofline/attribution.hpp"

namespace edgek {

/// What a token costs at one length of the context. The weights are the same at every length; keys and values grow.
struct ContextPoint {
  std::size_t context = 0;  ///< positions that every measured token looks at, its own among them
  Attribution generation;

  double ceiling_ms() const noexcept { return generation.token.ceiling_ms; }
  double tpot_ms() const noexcept { return generation.token.tpot_ms.p50; }
  double roof_pct() const noexcept { return tpot_ms() > 0 ? 100 * ceiling_ms() / tpot_ms() : 0; }
  std::uint64_t kv_bytes() const noexcept { return generation.token.traffic.kv_read; }
  /// Time in the kernels that read keys and values.
  double kv_ms() const noexcept {
    double ms = 0;
    for (const KernelReport& k : generation.kernels)
      if (k.traffic.kv_read != 0) ms += k.ms;
    return ms;
  }
};

namespace detail {

/// The longest time and the longest context: how far the axes of a chart reach.
inline double longest_ms(const std::vector<ContextPoint>& points) noexcept {
  double ms = 0;
  for (const ContextPoint& p : points) ms = std::max({ms, p.tpot_ms(), p.ceiling_ms()});
  return ms;
}
inline std::size_t longest_context(const std::vector<ContextPoint>& points) noexcept {
  std::size_t context = 0;
  for (const ContextPoint& p : points) context = std::max(context, p.context);
  return context;
}

}  // namespace detail

}  // namespace edgek

#endif  // EDGEK_ROOFLINE_CONTEXT_SWEEP_HPP_
