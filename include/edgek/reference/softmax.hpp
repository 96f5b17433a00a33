#ifndef EDGEK_REFERENCE_SOFTMAX_HPP_
#define EDGEK_REFERENCE_SOFTMAX_HPP_

#include <cstddef>
#include <limits>

#include "edgek/reference/exp.hpp"
#include "edgek/reference/lanes.hpp"

namespace edgek::reference {

/// The largest of n floats, -infinity if there is none; a NaN is passed over.
inline float max_of(const float* x, std::size_t n) noexcept {
  float max = -std::numeric_limits<float>::infinity();
  for (std::size_t i = 0; i < n; ++i)
    if (x[i] > max) max = x[i];
  return max;
}

/// In place: e[i] = exp(x[i] - max), then e[i] / (sum of e in Lanes' order).
/// With a NaN or +infinity among x, or -infinity only, every result is NaN.
inline void softmax(float* x, std::size_t n) noexcept {
  const float max = max_of(x, n);
  Lanes lanes;
  for (std::size_t i = 0; i < n; ++i) {
    x[i] = exp(x[i] - max);
    lanes.add(i, x[i]);
  }
  const float sum = lanes.sum();
  for (std::size_t i = 0; i < n; ++i) x[i] = x[i] / sum;
}

/// Index of the largest of n floats; the lower one of several, never that of a NaN; 0 if there is no other.
inline std::size_t argmax(const float* x, std::size_t n) noexcept {
  std::size_t best = 0;
  bool found = false;
  for (std::size_t i = 0; i < n; ++i) {
    const bool larger = found ? x[i] > x[best] : x[i] == x[i];
    if (!larger) continue;
    best = i;
    found = true;
  }
  return best;
}

}  // namespace edgek::reference

#endif  // EDGEK_REFERENCE_SOFTMAX_HPP_
