#ifndef EDGEK_REFERENCE_ACTIVATION_FUNCTIONS_HPP_
#define EDGEK_REFERENCE_ACTIVATION_FUNCTIONS_HPP_

#include <cstddef>

#include "edgek/reference/exp.hpp"
#include "edgek/reference/fma.hpp"

namespace edgek::reference {

/// x / (1 + exp(-x)). Large negative x give -0; silu(-infinity) is NaN.
inline float silu(float x) noexcept { return x / (1.0f + exp(-x)); }

/// x / (1 + exp(-2u)), which is x / 2 * (1 + tanh u), for u = sqrt(2 / pi) * (x + 0.044715 x^3).
/// gelu(-infinity) is NaN.
struct GeluConstants {
  static constexpr float kLinear = -0x1.988454p+0f;  // -2 sqrt(2 / pi)
  static constexpr float kCubic = -0x1.2444f2p-4f;   // that times 0.044715
};
inline float gelu(float x) noexcept {
  const float minus_two_u = x * Fma(x * x, GeluConstants::kCubic, GeluConstants::kLinear);
  return x / (1.0f + exp(minus_two_u));
}

/// y[i] = silu(gate[i]) * up[i]. y may be gate.
inline void silu_mul(const float* gate, const float* up, std::size_t n, float* y) noexcept {
  for (std::size_t i = 0; i < n; ++i) y[i] = silu(gate[i]) * up[i];
}

/// y[i] = gelu(gate[i]) * up[i]. y may be gate.
inline void gelu_mul(const float* gate, const float* up, std::size_t n, float* y) noexcept {
  for (std::size_t i = 0; i < n; ++i) y[i] = gelu(gate[i]) * up[i];
}

}  // namespace edgek::reference

#endif  // EDGEK_REFERENCE_ACTIVATION_FUNCTIONS_HPP_
