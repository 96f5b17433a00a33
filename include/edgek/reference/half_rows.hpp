#ifndef EDGEK_REFERENCE_HALF_ROWS_HPP_
#define EDGEK_REFERENCE_HALF_ROWS_HPP_

#include <cstddef>

#include "edgek/core/half.hpp"

namespace edgek::reference {

/// y[i] = x[i] rounded to half: nearest, ties to even; subnormals are kept.
inline void to_half_row(const float* x, std::size_t n, Half* y) noexcept {
  for (std::size_t i = 0; i < n; ++i) y[i] = to_half(x[i]);
}

/// y[i] = x[i], exactly.
inline void from_half_row(const Half* x, std::size_t n, float* y) noexcept {
  for (std::size_t i = 0; i < n; ++i) y[i] = to_float(x[i]);
}

}  // namespace edgek::reference

#endif  // EDGEK_REFERENCE_HALF_ROWS_HPP_
