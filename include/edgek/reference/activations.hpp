#ifndef EDGEK_REFERENCE_ACTIVATIONS_HPP_
#define EDGEK_REFERENCE_ACTIVATIONS_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

#include "edgek/core/packed_activations.hpp"
#include "edgek/reference/rounding.hpp"

namespace edgek::reference {

/// Blocks whose largest magnitude is below this count as zero: 2^-100.
inline constexpr float kSmallestAmax = 0x1p-100f;

/// Quantizes `count` floats to int8 with one scale, and returns the scale d (x is about d * q):
/// d = amax / 127, q = x * (127 / amax) rounded to nearest even and clamped to [-127, 127].
/// Below kSmallestAmax d = 0 and q = 0; if any x is infinite or NaN, d = NaN and q = 0.
inline float quantize(const float* x, std::size_t count, std::int8_t* q) noexcept {
  float amax = 0.0f;
  bool finite = true;
  for (std::size_t i = 0; i < count; ++i) {
    amax = std::max(amax, magnitude(x[i]));
    finite = finite && is_finite(x[i]);
  }
  if (!finite || amax < kSmallestAmax) {
    std::memset(q, 0, count);
    return finite ? 0.0f : std::numeric_limits<float>::quiet_NaN();
  }
  const float inverse = 127.0f / amax;
  for (std::size_t i = 0; i < count; ++i)
    q[i] = static_cast<std::int8_t>(std::clamp(round_to_even(x[i] * inverse), -127, 127));
  return amax / 127.0f;
}

template <typename Sum>
Sum sum_of(const std::int8_t* q, std::size_t count) noexcept {
  int sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += q[i];
  return static_cast<Sum>(sum);
}

/// Family kF32: the floats themselves.
inline void pack_f32(const float* x, std::size_t cols, std::byte* out) noexcept {
  std::memset(out, 0, packed_bytes(Activation::kF32, cols));
  std::memcpy(out, x, cols * sizeof(float));
}

/// Family kA32 (PackedA32). Needs cols % 32 == 0, `out` aligned to 64 bytes and
/// packed_bytes(Activation::kA32, cols) long. Padding is zeroed.
inline void pack_a32(const float* x, std::size_t cols, std::byte* out) noexcept {
  std::memset(out, 0, packed_bytes(Activation::kA32, cols));
  auto* q = reinterpret_cast<std::int8_t*>(out);
  auto* d = reinterpret_cast<float*>(out + pad64(cols));
  auto* sum = reinterpret_cast<std::int32_t*>(out + pad64(cols) + pad64(cols / 32 * 4));
  for (std::size_t b = 0; b < cols / 32; ++b) {
    d[b] = quantize(x + 32 * b, 32, q + 32 * b);
    sum[b] = sum_of<std::int32_t>(q + 32 * b, 32);
  }
}

/// Family kA256 (PackedA256). Needs cols % 256 == 0, `out` aligned to 64 bytes and
/// packed_bytes(Activation::kA256, cols) long. Padding is zeroed.
inline void pack_a256(const float* x, std::size_t cols, std::byte* out) noexcept {
  std::memset(out, 0, packed_bytes(Activation::kA256, cols));
  auto* q = reinterpret_cast<std::int8_t*>(out);
  auto* d = reinterpret_cast<float*>(out + pad64(cols));
  auto* sum = reinterpret_cast<std::int16_t*>(out + pad64(cols) + pad64(cols / 256 * 4));
  for (std::size_t b = 0; b < cols / 256; ++b) d[b] = quantize(x + 256 * b, 256, q + 256 * b);
  for (std::size_t s = 0; s < cols / 16; ++s) sum[s] = sum_of<std::int16_t>(q + 16 * s, 16);
}

}  // namespace edgek::reference

#endif  // EDGEK_REFERENCE_ACTIVATIONS_HPP_
