#ifndef EDGEK_REFERENCE_EXP_HPP_
#define EDGEK_REFERENCE_EXP_HPP_

#include <bit>
#include <cstdint>
#include <limits>

#include "edgek/reference/fma.hpp"
#include "edgek/reference/rounding.hpp"

namespace edgek::reference {

/// The constants of exp, for every implementation of it.
///
/// exp(x) = 2^n * exp(r) with n = x / ln 2 rounded to nearest even, |r| <= 0.3466, and
/// exp(r) = 1 + r + r^2 (c2 + c3 r + c4 r^2 + c5 r^3 + c6 r^4), fitted to a relative error of 4.5e-9.
struct ExpConstants {
  static constexpr float kOverflowAbove = 88.72283f;   // the largest x with a finite result
  static constexpr float kUnderflowBelow = -87.33f;    // below it the result may be subnormal: it is 0
  static constexpr float kInverseLn2 = 0x1.715476p+0f;
  static constexpr float kLn2High = 0x1.63p-1f;        // 9 bits: n * kLn2High is exact
  static constexpr float kLn2Low = -0x1.bd0106p-13f;
  static constexpr float kC2 = 0x1.fffffcp-2f;
  static constexpr float kC3 = 0x1.55549p-3f;
  static constexpr float kC4 = 0x1.5558f6p-5f;
  static constexpr float kC5 = 0x1.123a76p-7f;
  static constexpr float kC6 = 0x1.6a233ep-10f;
};

/// e^x within one unit in the last place, by this exact sequence of roundings on every target.
/// Above kOverflowAbove: infinity. Below kUnderflowBelow: 0, so that a result is never subnormal and
/// scaling by 2^n is exact. A NaN gives a NaN.
inline float exp(float x) noexcept {
  using K = ExpConstants;
  if (x > K::kOverflowAbove) return std::numeric_limits<float>::infinity();
  if (x < K::kUnderflowBelow) return 0.0f;
  if (x != x) return x;
  const std::int32_t whole = round_to_even(x * K::kInverseLn2);
  const auto n = static_cast<float>(whole);
  float r = Fma(n, -K::kLn2High, x);
  r = Fma(n, -K::kLn2Low, r);
  float p = Fma(K::kC6, r, K::kC5);
  p = Fma(p, r, K::kC4);
  p = Fma(p, r, K::kC3);
  p = Fma(p, r, K::kC2);
  p = Fma(p, r, 1.0f);
  p = Fma(p, r, 1.0f);
  // n goes into the exponent bits; p is between 0.7 and 1.42, so nothing but the exponent changes.
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(p) + (static_cast<std::uint32_t>(whole) << 23));
}

}  // namespace edgek::reference

#endif  // EDGEK_REFERENCE_EXP_HPP_
