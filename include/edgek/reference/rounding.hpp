#ifndef EDGEK_REFERENCE_ROUNDING_HPP_
#define EDGEK_REFERENCE_ROUNDING_HPP_

#include <bit>
#include <cstdint>

namespace edgek::reference {

/// Neither infinite nor NaN.
constexpr bool is_finite(float v) noexcept { return (std::bit_cast<std::uint32_t>(v) & 0x7F800000u) != 0x7F800000u; }

constexpr float magnitude(float v) noexcept {
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(v) & 0x7FFFFFFFu);
}

/// v rounded to an integer, ties to even. Needs |v| < 2^23. Integer arithmetic on the bits of v: the
/// result depends neither on the rounding mode nor on how v was computed in the compiler's mind.
constexpr std::int32_t round_to_even(float v) noexcept {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(v);
  const std::uint32_t exponent = (bits >> 23) & 255u;
  if (exponent < 126) return 0;  // |v| < 0.5
  const std::uint32_t mantissa = (bits & 0x7FFFFFu) | 0x800000u;
  const std::uint32_t shift = 150u - exponent;  // 1..24: |v| = mantissa / 2^shift
  const std::uint32_t whole = mantissa >> shift;
  const std::uint32_t rest = mantissa & ((1u << shift) - 1u);
  const std::uint32_t half = 1u << (shift - 1u);
  const bool up = rest > half || (rest == half && (whole & 1u) != 0);
  const std::int32_t rounded = static_cast<std::int32_t>(whole + (up ? 1u : 0u));
  return (bits >> 31) != 0 ? -rounded : rounded;
}

/// v rounded to an integer, ties away from zero. Needs |v| < 2^29.
constexpr std::int32_t round_half_away(float v) noexcept {
  const std::int32_t doubled = static_cast<std::int32_t>(magnitude(v) * 2.0f);  // truncated
  const std::int32_t rounded = (doubled + 1) / 2;
  return v < 0.0f ? -rounded : rounded;
}

}  // namespace edgek::reference

#endif  // EDGEK_REFERENCE_ROUNDING_HPP_
