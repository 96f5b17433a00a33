#ifndef EDGEK_CORE_HALF_HPP_
#define EDGEK_CORE_HALF_HPP_

#include <bit>
#include <cstdint>

namespace edgek {

/// IEEE 754 binary16 as stored in files: conversion only, no arithmetic.
struct Half {
  std::uint16_t bits;
};
static_assert(sizeof(Half) == 2);

/// bfloat16 as stored in files: the upper half of a binary32.
struct BFloat16 {
  std::uint16_t bits;
};
static_assert(sizeof(BFloat16) == 2);

/// Exact for every bit pattern; subnormals are kept, a NaN stays a NaN.
constexpr float to_float(Half h) noexcept {
  const std::uint32_t sign = static_cast<std::uint32_t>(h.bits & 0x8000u) << 16;
  const std::uint32_t exponent = (h.bits >> 10) & 31u;
  const std::uint32_t mantissa = h.bits & 1023u;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000u | (mantissa << 13));
  if (exponent != 0) return std::bit_cast<float>(sign | ((exponent + 112u) << 23) | (mantissa << 13));
  const float magnitude = static_cast<float>(mantissa) * 5.9604644775390625e-8f;  // * 2^-24, exact
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(magnitude) | sign);
}

/// Exact for every bit pattern.
constexpr float to_float(BFloat16 b) noexcept {
  return std::bit_cast<float>(static_cast<std::uint32_t>(b.bits) << 16);
}

/// Rounds to nearest, ties to even; overflow gives infinity, a NaN stays a (quiet) NaN.
constexpr Half to_half(float f) noexcept {
  const std::uint32_t u = std::bit_cast<std::uint32_t>(f);
  const std::uint32_t sign = (u >> 16) & 0x8000u;
  const std::uint32_t magnitude = u & 0x7FFFFFFFu;
  if (magnitude > 0x7F800000u) return Half{static_cast<std::uint16_t>(sign | 0x7E00u)};
  if (magnitude >= 0x477FF000u) return Half{static_cast<std::uint16_t>(sign | 0x7C00u)};
  if (magnitude < 0x38800000u) {  // a subnormal half: let the float adder round at 2^-24
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return Half{static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3F000000u))};
  }
  const std::uint32_t rounded = magnitude - 0x38000000u + 0xFFFu + ((magnitude >> 13) & 1u);
  return Half{static_cast<std::uint16_t>(sign | (rounded >> 13))};
}

/// Rounds to nearest, ties to even; a NaN stays a (quiet) NaN.
constexpr BFloat16 to_bfloat16(float f) noexcept {
  const std::uint32_t u = std::bit_cast<std::uint32_t>(f);
  if ((u & 0x7FFFFFFFu) > 0x7F800000u) return BFloat16{static_cast<std::uint16_t>((u >> 16) | 0x40u)};
  return BFloat16{static_cast<std::uint16_t>((u + 0x7FFFu + ((u >> 16) & 1u)) >> 16)};
}

}  // namespace edgek

#endif  // EDGEK_CORE_HALF_HPP_
