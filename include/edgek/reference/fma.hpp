#ifndef EDGEK_REFERENCE_FMA_HPP_
#define EDGEK_REFERENCE_FMA_HPP_

#include <bit>
#include <cmath>
#include <cstdint>

namespace edgek {

/// a * b + c, rounded once. The only way in which edgek's float code adds a product: a plain `a * b + c` is
/// rounded once or twice as the compiler pleases.
inline float Fma(float a, float b, float c) noexcept { return std::fma(a, b, c); }
inline double Fma(double a, double b, double c) noexcept { return std::fma(a, b, c); }

/// a * b, rounded, for products that are added to something and must not be fused with it.
inline float RoundedProduct(float a, float b) noexcept {
  std::uint32_t bits = std::bit_cast<std::uint32_t>(a * b);
#if defined(__GNUC__)
  __asm__("" : "+r"(bits));  // the compiler forgets that this is a product
#endif
  return std::bit_cast<float>(bits);
}

}  // namespace edgek

#endif  // EDGEK_REFERENCE_FMA_HPP_
