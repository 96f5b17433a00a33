#ifndef EDGEK_FORMATS_SYMMETRIC_SEARCH_HPP_
#define EDGEK_FORMATS_SYMMETRIC_SEARCH_HPP_

// How Q6_K finds the scales of a block of 256 weights: w = d * scale * q with q in -32..31. Every sub-block
// of 16 first gets its own best scale, unquantized; these are then rounded to eight bits, and the rounding
// is revised by the error that it really gives.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "edgek/core/half.hpp"
#include "edgek/formats/block_range.hpp"
#include "edgek/reference/fma.hpp"
#include "edgek/reference/rounding.hpp"

namespace edgek::reference {

/// The codes -32..31 nearest to x * inverse.
inline void symmetric_codes(const float* x, float inverse, std::int32_t* q) noexcept {
  const float twice = 2.0f * inverse;
  for (std::size_t i = 0; i < 16; ++i) {
    const float doubled = std::min(std::max(x[i] * twice, -64.0f), 62.0f);
    const std::int32_t rounded = (static_cast<std::int32_t>(magnitude(doubled)) + 1) >> 1;
    q[i] = doubled < 0.0f ? -rounded : rounded;
  }
}

/// A scale and how much of the sum of squares it explains.
struct SymmetricFit {
  float scale;
  double gain;
};

// Sums of this file: the square of a float, and a float times a code, are exact in double, and a final scale
// times a code is exact in float (at most 24 bits); so no sum depends on whether the compiler fuses the
// product into it.

/// The least squares of scale * q against x.
inline SymmetricFit fit_codes_symmetric(const float* x, const std::int32_t* q) noexcept {
  std::int32_t sum_qq = 0;
  double partial[4] = {};
  for (std::size_t i = 0; i < 16; ++i) {
    sum_qq += q[i] * q[i];
    partial[i % 4] += static_cast<double>(x[i]) * q[i];
  }
  const double sum_xq = (partial[0] + partial[1]) + (partial[2] + partial[3]);
  if (sum_qq == 0) return {0.0f, 0.0};
  const double scale = sum_xq / sum_qq;
  return {static_cast<float>(scale), scale * sum_xq};
}

/// A sub-block's best scale, of either sign: the value of the largest magnitude goes to about -32 or to
/// about 31, and the codes of each step between are fitted.
inline float search_symmetric(const float* x) noexcept {
  const float extreme = range_of(x, 16).extreme;
  if (magnitude(extreme) < kSmallestScale) return 0.0f;
  std::int32_t q[16];
  SymmetricFit best{0.0f, -1.0};
  for (int step = -18; step <= 18; step += 3) {
    const float steps = static_cast<float>(315 + step) / 10.0f;
    for (const float sign : {-1.0f, 1.0f}) {
      symmetric_codes(x, sign * steps / extreme, q);
      const SymmetricFit fit = fit_codes_symmetric(x, q);
      if (fit.gain > best.gain) best = fit;
    }
  }
  return best.scale;
}

/// The codes of a sub-block for its final scale d * (eight bits), and the sum of squared errors.
inline double symmetric_error(const float* x, float scale, std::int32_t* q) noexcept {
  symmetric_codes(x, inverse_scale(scale), q);
  double partial[4] = {};
  for (std::size_t i = 0; i < 16; ++i) {
    const float miss = x[i] - scale * static_cast<float>(q[i]);
    partial[i % 4] += static_cast<double>(miss) * static_cast<double>(miss);
  }
  return (partial[0] + partial[1]) + (partial[2] + partial[3]);
}

struct SymmetricBlock {
  Half d;
  std::int8_t scale[16];
  std::int32_t q[256];
};

/// The eight-bit scale within one of the rounded one that has the least error, and its codes.
inline void settle_symmetric(const float* x, float fitted, float d, std::size_t j, SymmetricBlock& out) noexcept {
  const std::int32_t rounded = round_half_away(std::clamp(fitted * inverse_scale(d), -128.0f, 127.0f));
  double best = std::numeric_limits<double>::infinity();
  std::int32_t q[16];
  for (std::int32_t s = std::max(rounded - 1, -128); s <= std::min(rounded + 1, 127); ++s) {
    const double error = symmetric_error(x, d * static_cast<float>(s), q);
    if (!(error < best)) continue;
    best = error;
    out.scale[j] = static_cast<std::int8_t>(s);
    std::copy_n(q, 16, out.q + 16 * j);
  }
}

/// Packs 256 floats. If one of them is infinite or NaN, or d would not fit a half, every weight becomes NaN.
inline SymmetricBlock pack_symmetric(const float* x) noexcept {
  SymmetricBlock out{};
  std::array<float, 16> scales{};
  float widest = 0.0f;
  bool finite = true;
  for (std::size_t j = 0; j < 16; ++j) {
    finite = finite && range_of(x + 16 * j, 16).finite;
    if (!finite) break;
    scales[j] = search_symmetric(x + 16 * j);
    if (magnitude(scales[j]) > magnitude(widest)) widest = scales[j];
  }
  out.d = to_half(widest / -128.0f);  // the widest scale becomes exactly -128
  if (!finite || !is_finite(to_float(out.d))) {
    out.d = kHalfNan;
    return out;
  }
  for (std::size_t j = 0; j < 16; ++j) settle_symmetric(x + 16 * j, scales[j], to_float(out.d), j, out);
  return out;
}

}  // namespace edgek::reference

#endif  // EDGEK_FORMATS_SYMMETRIC_SEARCH_HPP_
