#ifndef EDGEK_FORMATS_AFFINE_SEARCH_HPP_
#define EDGEK_FORMATS_AFFINE_SEARCH_HPP_

// How Q4_K and Q5_K find the scales and minimums of a block of 256 weights: w = d * scale * q - dmin * min.
// Every sub-block of 32 first gets its own best scale and minimum, unquantized; these are then rounded to
// six bits, and the rounding is revised by the error that it really gives.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "edgek/core/half.hpp"
#include "edgek/formats/block_range.hpp"
#include "edgek/formats/six_bit_scales.hpp"
#include "edgek/reference/fma.hpp"
#include "edgek/reference/rounding.hpp"

namespace edgek::reference {

/// x is about scale * q - min, both never negative; error is the sum of squares that remains.
struct AffineFit {
  float scale;
  float min;
  double error;
};

/// What a fit needs to know of a sub-block's values, whatever their codes.
struct SubBlockSums {
  double x;
  double xx;
};

// Sums of this file: the square of a float, and a float times a code, are exact in double, so no sum
// depends on whether the compiler fuses the product into it.

inline SubBlockSums sums_of(const float* x) noexcept {
  SubBlockSums s{0.0, 0.0};
  for (std::size_t i = 0; i < 32; ++i) {
    const auto v = static_cast<double>(x[i]);
    s.x += v;
    s.xx += v * v;
  }
  return s;
}

/// The codes 0..max_code nearest to (x + min) * inverse, where min may be any float.
inline void affine_codes(const float* x, float min, float inverse, std::int32_t max_code, std::int32_t* q) noexcept {
  const float twice = 2.0f * inverse;
  const float limit = 2.0f * static_cast<float>(max_code);
  for (std::size_t i = 0; i < 32; ++i) {
    const float doubled = std::min(std::max((x[i] + min) * twice, 0.0f), limit);
    q[i] = (static_cast<std::int32_t>(doubled) + 1) >> 1;
  }
}

/// The least squares of scale * q - min against x for given codes.
inline AffineFit fit_codes(const float* x, const SubBlockSums& sums, const std::int32_t* q) noexcept {
  std::int32_t sum_q = 0, sum_qq = 0;
  double partial[4] = {};
  for (std::size_t i = 0; i < 32; ++i) {
    sum_q += q[i];
    sum_qq += q[i] * q[i];
    partial[i % 4] += static_cast<double>(x[i]) * q[i];
  }
  const double sum_xq = (partial[0] + partial[1]) + (partial[2] + partial[3]);
  const std::int32_t determinant = 32 * sum_qq - sum_q * sum_q;
  double scale = 0.0, offset = sums.x / 32.0;
  if (determinant > 0) {
    scale = Fma(32.0, sum_xq, -(sums.x * sum_q)) / determinant;
    offset = Fma(-scale, static_cast<double>(sum_q), sums.x) / 32.0;
  }
  if (offset > 0.0) {  // a minimum cannot lift: the line goes through zero
    offset = 0.0;
    scale = sum_qq > 0 ? sum_xq / sum_qq : 0.0;
  }
  const double error = Fma(-scale, sum_xq, Fma(-offset, sums.x, sums.xx));
  return {static_cast<float>(std::max(scale, 0.0)), static_cast<float>(-offset), error};
}

/// A sub-block's best scale and minimum: the range is stretched and shrunk in steps, the codes of each
/// step are fitted, and the best fit is refined by turns of rounding and fitting.
inline AffineFit search_affine(const float* x, std::int32_t max_code) noexcept {
  const BlockRange range = range_of(x, 32);
  const float low = std::min(range.min, 0.0f);
  const float width = range.max - low;
  if (width < kSmallestScale) return {0.0f, -low, 0.0};
  const SubBlockSums sums = sums_of(x);
  std::int32_t q[32];
  AffineFit best{0.0f, 0.0f, std::numeric_limits<double>::infinity()};
  for (int step = -10; step <= 10; step += 2) {
    const float steps = static_cast<float>(10 * max_code + step) / 10.0f;
    affine_codes(x, -low, steps / width, max_code, q);
    const AffineFit fit = fit_codes(x, sums, q);
    if (fit.error < best.error) best = fit;
  }
  for (int turn = 0; turn < 4 && best.scale >= kSmallestScale; ++turn) {
    affine_codes(x, best.min, 1.0f / best.scale, max_code, q);
    const AffineFit fit = fit_codes(x, sums, q);
    if (!(fit.error < best.error)) break;
    best = fit;
  }
  return best;
}

/// The codes of a sub-block for its final scale and minimum, and the sum of squared errors. `scale` is
/// d * (six bits), `min` likewise, so scale * q is exact and the weight rounds once.
inline double affine_error(const float* x, float scale, float min, std::int32_t max_code, std::int32_t* q) noexcept {
  affine_codes(x, min, inverse_scale(scale), max_code, q);
  double partial[4] = {};
  for (std::size_t i = 0; i < 32; ++i) {
    const float miss = x[i] - (scale * static_cast<float>(q[i]) - min);
    partial[i % 4] += static_cast<double>(miss) * static_cast<double>(miss);
  }
  return (partial[0] + partial[1]) + (partial[2] + partial[3]);
}

struct AffineBlock {
  Half d;
  Half dmin;
  SixBitScales scales;
  std::int32_t q[256];
};

/// v / unit as six bits.
inline std::int32_t six_bits(float v, float unit) noexcept {
  return round_half_away(std::min(v * inverse_scale(unit), 63.0f));
}

/// The six-bit pair within one of the rounded pair that has the least error, and its codes.
inline void settle_sub_block(const float* x, const AffineFit& fit, float d, float dmin, std::int32_t max_code,
                             std::size_t j, AffineBlock& out) noexcept {
  const std::int32_t scale = six_bits(fit.scale, d);
  const std::int32_t min = six_bits(fit.min, dmin);
  double best = std::numeric_limits<double>::infinity();
  std::int32_t q[32];
  for (std::int32_t s = std::max(scale - 1, 0); s <= std::min(scale + 1, 63); ++s) {
    for (std::int32_t m = std::max(min - 1, 0); m <= std::min(min + 1, 63); ++m) {
      const double error = affine_error(x, d * static_cast<float>(s), dmin * static_cast<float>(m), max_code, q);
      if (!(error < best)) continue;
      best = error;
      out.scales.scale[j] = static_cast<std::uint8_t>(s);
      out.scales.min[j] = static_cast<std::uint8_t>(m);
      std::copy_n(q, 32, out.q + 32 * j);
    }
  }
}

/// Packs 256 floats. If one of them is infinite or NaN, or d or dmin would not fit a half, every weight
/// becomes NaN.
inline AffineBlock pack_affine(const float* x, std::int32_t max_code) noexcept {
  AffineBlock out{};
  std::array<AffineFit, 8> fits{};
  float max_scale = 0.0f, max_min = 0.0f;
  bool finite = true;
  for (std::size_t j = 0; j < 8; ++j) {
    finite = finite && range_of(x + 32 * j, 32).finite;
    if (!finite) break;
    fits[j] = search_affine(x + 32 * j, max_code);
    max_scale = std::max(max_scale, fits[j].scale);
    max_min = std::max(max_min, fits[j].min);
  }
  out.d = to_half(max_scale / 63.0f);
  out.dmin = to_half(max_min / 63.0f);
  if (!finite || !is_finite(to_float(out.d)) || !is_finite(to_float(out.dmin))) {
    out.d = out.dmin = kHalfNan;
    return out;
  }
  for (std::size_t j = 0; j < 8; ++j)
    settle_sub_block(x + 32 * j, fits[j], to_float(out.d), to_float(out.dmin), max_code, j, out);
  return out;
}

}  // namespace edgek::reference

#endif  // EDGEK_FORMATS_AFFINE_SEARCH_HPP_
