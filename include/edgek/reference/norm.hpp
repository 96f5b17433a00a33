#ifndef EDGEK_REFERENCE_NORM_HPP_
#define EDGEK_REFERENCE_NORM_HPP_

#include <cmath>
#include <cstddef>

#include "edgek/reference/lanes.hpp"

namespace edgek::reference {

/// y[i] = (x[i] * s) * w[i] with s = 1 / sqrt(mean + eps), where mean is the sum of squares (in Lanes'
/// order) divided by n; square root and divisions rounded correctly. y may be x.
inline void rmsnorm(const float* x, const float* w, float eps, std::size_t n, float* y) noexcept {
  Lanes squares;
  for (std::size_t i = 0; i < n; ++i) squares.add_product(i, x[i], x[i]);
  const float mean = squares.sum() / static_cast<float>(n);
  const float scale = 1.0f / std::sqrt(mean + eps);
  for (std::size_t i = 0; i < n; ++i) y[i] = (x[i] * scale) * w[i];
}

/// y[i] += x[i].
inline void add(const float* x, std::size_t n, float* y) noexcept {
  for (std::size_t i = 0; i < n; ++i) y[i] += x[i];
}

}  // namespace edgek::reference

#endif  // EDGEK_REFERENCE_NORM_HPP_
