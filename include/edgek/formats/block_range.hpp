#ifndef EDGEK_FORMATS_BLOCK_RANGE_HPP_
#define EDGEK_FORMATS_BLOCK_RANGE_HPP_

#include <algorithm>
#include <cstddef>

#include "edgek/core/half.hpp"
#include "edgek/reference/rounding.hpp"

namespace edgek::reference {

/// A block that holds an infinity or a NaN gets this scale: every weight of it unpacks to NaN.
inline constexpr Half kHalfNan{0x7E00};

/// Scales below this are below every half: such a block unpacks to zeros (or its minimum), and their
/// inverse, which might overflow, is not taken.
inline constexpr float kSmallestScale = 0x1p-100f;

/// 1 / d, or 0 if |d| is too small to matter.
constexpr float inverse_scale(float d) noexcept { return magnitude(d) < kSmallestScale ? 0.0f : 1.0f / d; }

struct BlockRange {
  bool finite;    ///< every value is, and so is max - min
  float min;
  float max;
  float extreme;  ///< the value of the largest magnitude, the first of several
};

inline BlockRange range_of(const float* x, std::size_t count) noexcept {
  BlockRange r{true, x[0], x[0], x[0]};
  for (std::size_t i = 0; i < count; ++i) {
    r.finite = r.finite && is_finite(x[i]);
    r.min = std::min(r.min, x[i]);
    r.max = std::max(r.max, x[i]);
    if (magnitude(x[i]) > magnitude(r.extreme)) r.extreme = x[i];
  }
  r.finite = r.finite && is_finite(r.max - r.min);
  return r;
}

}  // namespace edgek::reference

#endif  // EDGEK_FORMATS_BLOCK_RANGE_HPP_
