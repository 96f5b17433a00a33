#ifndef EDGEK_REFERENCE_ROPE_HPP_
#define EDGEK_REFERENCE_ROPE_HPP_

#include <cstddef>

#include "edgek/reference/double_math.hpp"
#include "edgek/reference/fma.hpp"

namespace edgek::reference {

/// How a model turns positions into angles: pair i turns by position * frequency[i].
struct RopeParameters {
  std::size_t pairs = 0;            ///< half the number of rotated values of a head
  double base = 10000.0;            ///< frequency of pair i before scaling: base^(-i / pairs); positive
  double position_scale = 1.0;      ///< linear scaling: 1 / factor
  const float* divisors = nullptr;  ///< (pairs), or nullptr: frequencies are divided by these (llama 3)
};

/// frequencies: (pairs) doubles. Depends on nothing but the parameters: no C library is asked.
inline void rope_frequencies(const RopeParameters& p, double* frequencies) noexcept {
  const double log_base = log_double(p.base);
  for (std::size_t i = 0; i < p.pairs; ++i) {
    const double turn = static_cast<double>(i) / static_cast<double>(p.pairs);
    frequencies[i] = exp_double(-(turn * log_base)) * p.position_scale;
    if (p.divisors != nullptr) frequencies[i] = frequencies[i] / static_cast<double>(p.divisors[i]);
  }
}

/// One position's table for rope: cos_sin holds `pairs` cosines, then `pairs` sines, computed in double and
/// rounded to float. Angles beyond kLargestAngle give NaNs.
inline void rope_table(const double* frequencies, std::size_t pairs, std::size_t position, float* cos_sin) noexcept {
  for (std::size_t i = 0; i < pairs; ++i) {
    const SinCos turn = sin_cos(static_cast<double>(position) * frequencies[i]);
    cos_sin[i] = static_cast<float>(turn.cosine);
    cos_sin[pairs + i] = static_cast<float>(turn.sine);
  }
}

/// Turns (a, b) by the angle: a' = fma(a, cos, -(b * sin)), b' = fma(a, sin, b * cos).
inline void rotate(float& a, float& b, float cosine, float sine) noexcept {
  const float x = a, y = b;
  a = Fma(x, cosine, -(y * sine));
  b = Fma(x, sine, y * cosine);
}

/// KernelSet::rope: turns the first 2 * pairs values of each of `heads` heads, in place. Adjacent: pair i is
/// (2i, 2i + 1); else (i, i + pairs).
inline void rope(float* x, std::size_t heads, std::size_t head_dim, const float* cos_sin, std::size_t pairs,
                 bool adjacent) noexcept {
  for (std::size_t h = 0; h < heads; ++h) {
    float* head = x + h * head_dim;
    for (std::size_t i = 0; i < pairs; ++i) {
      float& a = head[adjacent ? 2 * i : i];
      float& b = head[adjacent ? 2 * i + 1 : i + pairs];
      rotate(a, b, cos_sin[i], cos_sin[pairs + i]);
    }
  }
}

}  // namespace edgek::reference

#endif  // EDGEK_REFERENCE_ROPE_HPP_
