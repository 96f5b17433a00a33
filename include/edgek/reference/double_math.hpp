#ifndef EDGEK_REFERENCE_DOUBLE_MATH_HPP_
#define EDGEK_REFERENCE_DOUBLE_MATH_HPP_

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "edgek/reference/fma.hpp"

// Logarithm, exponential, sine and cosine in double, for tables made once per position: the same bits with
// every compiler and C library. Errors are a few units of 1e-16, relative to the result or to 1.

namespace edgek::reference {

/// Horner's rule in v, highest coefficient first.
template <std::size_t N>
double polynomial(const std::array<double, N>& highest_first, double v) noexcept {
  double sum = highest_first[0];
  for (std::size_t i = 1; i < N; ++i) sum = Fma(sum, v, highest_first[i]);
  return sum;
}

constexpr double factorial(int n) noexcept { return n < 2 ? 1.0 : n * factorial(n - 1); }

inline constexpr double kLn2High = 0x1.62e42feep-1;  // 32 bits: a product with an exponent is exact
inline constexpr double kLn2Low = 0x1.a39ef35793c76p-33;

/// Natural logarithm of a normal, positive, finite x; NaN for any other.
/// x = m * 2^k with m in [3/4, 3/2); log m = 2 atanh s with s = (m - 1) / (m + 1), |s| <= 1/5.
inline double log_double(double x) noexcept {
  const auto bits = std::bit_cast<std::uint64_t>(x);
  const auto exponent = static_cast<int>(bits >> 52);  // with the sign: 2048 and more for negative x
  if (exponent == 0 || exponent >= 2047) return std::numeric_limits<double>::quiet_NaN();
  double m = std::bit_cast<double>((bits & 0xFFFFFFFFFFFFFull) | (1023ull << 52));
  int k = exponent - 1023;
  if (m >= 1.5) {
    m *= 0.5;
    ++k;
  }
  const double s = (m - 1.0) / (m + 1.0);
  static constexpr std::array<double, 11> kOddReciprocals = {1.0 / 23, 1.0 / 21, 1.0 / 19, 1.0 / 17, 1.0 / 15, 1.0 / 13,
                                                             1.0 / 11, 1.0 / 9,  1.0 / 7,  1.0 / 5,  1.0 / 3};
  const double square = s * s;
  const double series = polynomial(kOddReciprocals, square) * square;  // log m = 2 s (1 + series)
  const double log_m = Fma(2.0 * s, series, 2.0 * s);
  return Fma(static_cast<double>(k), kLn2High, Fma(static_cast<double>(k), kLn2Low, log_m));
}

/// e^x for |x| <= 700; NaN for any other.
inline double exp_double(double x) noexcept {
  if (!(x >= -700.0 && x <= 700.0)) return std::numeric_limits<double>::quiet_NaN();
  const double shifted = Fma(x, 1.0 / (kLn2High + kLn2Low), 1024.5);  // positive: truncation is floor
  const int n = static_cast<int>(shifted) - 1024;
  double r = Fma(static_cast<double>(-n), kLn2High, x);
  r = Fma(static_cast<double>(-n), kLn2Low, r);
  static constexpr std::array<double, 15> kTaylor = {
      1 / factorial(14), 1 / factorial(13), 1 / factorial(12), 1 / factorial(11), 1 / factorial(10),
      1 / factorial(9),  1 / factorial(8),  1 / factorial(7),  1 / factorial(6),  1 / factorial(5),
      1 / factorial(4),  1 / factorial(3),  1 / factorial(2),  1.0,               1.0};
  const double p = polynomial(kTaylor, r);
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(p) + (static_cast<std::uint64_t>(n) << 52));
}

struct SinCos {
  double sine;
  double cosine;
};

/// Sine and cosine of |angle| <= kLargestAngle; NaNs for any other.
/// angle = n * pi / 2 + r, |r| <= pi / 4. Subtracting n times the leading part of pi / 2, fused, is exact.
inline constexpr double kLargestAngle = 0x1p31;
inline SinCos sin_cos(double angle) noexcept {
  if (!(angle >= -kLargestAngle && angle <= kLargestAngle)) {
    constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
    return {kNan, kNan};
  }
  const bool negative = angle < 0.0;
  const double a = negative ? -angle : angle;
  const auto n = static_cast<std::int64_t>(Fma(a, 0x1.45f306dc9c883p-1, 0.5));
  double r = Fma(static_cast<double>(-n), 0x1.921fb54442d18p+0, a);
  r = Fma(static_cast<double>(-n), 0x1.1a62633145c07p-54, r);
  static constexpr std::array<double, 8> kSine = {
      -1 / factorial(15), 1 / factorial(13), -1 / factorial(11), 1 / factorial(9),
      -1 / factorial(7),      1 / factorial(5),  -1 / factorial(3),  1.0};
  static constexpr std::array<double, 9> kCosine = {
      1 / factorial(16), -1 / factorial(14), 1 / factorial(12), -1 / factorial(10), 1 / factorial(8),
      -1 / factorial(6), 1 / factorial(4),   -1 / factorial(2), 1.0};
  const double square = r * r;
  const double s = r * polynomial(kSine, square);
  const double c = polynomial(kCosine, square);
  const bool swap = (n & 1) != 0;
  const double sine = (n & 2) != 0 ? -(swap ? c : s) : (swap ? c : s);
  const double cosine = ((n + 1) & 2) != 0 ? -(swap ? s : c) : (swap ? s : c);
  return {negative ? -sine : sine, cosine};
}

}  // namespace edgek::reference

#endif  // EDGEK_REFERENCE_DOUBLE_MATH_HPP_
