#ifndef EDGEK_FORMATS_Q4_1_HPP_
#define EDGEK_FORMATS_Q4_1_HPP_

// Q4_1: 5 bits per weight, w = d * q + m. GGUF type 3; layout as GGUF files have it.
//
//   byte  0   2   4                                20
//         [d ][m ][q16 q0][q17 q1] ... [q31 q15]         d, m: half; upper and lower nibble of a byte

#include <algorithm>
#include <cstdint>

#include "edgek/core/half.hpp"
#include "edgek/formats/block_range.hpp"
#include "edgek/formats/format_traits.hpp"
#include "edgek/reference/fma.hpp"

namespace edgek {

struct BlockQ4_1 {
  Half d;
  Half m;
  std::uint8_t q[16];
};
static_assert(sizeof(BlockQ4_1) == 20);

template <>
struct FormatTraits<Format::kQ4_1> {
  using Block = BlockQ4_1;
  static constexpr std::size_t kWeights = 32;

  /// The value of weight i without scale and minimum: 0..15.
  static std::int32_t code(const Block& b, std::size_t i) noexcept { return (b.q[i % 16] >> (i / 16 * 4)) & 15; }

  /// m = min, d = (max - min) / 15.
  static void pack(const float* x, Block& out) noexcept {
    const reference::BlockRange range = reference::range_of(x, 32);
    out = Block{};
    if (!range.finite) {
      out.d = out.m = reference::kHalfNan;
      return;
    }
    const float d = (range.max - range.min) / 15.0f;
    const float inverse = reference::inverse_scale(d);
    out.d = to_half(d);
    out.m = to_half(range.min);
    for (std::size_t i = 0; i < 32; ++i) {
      const auto q = static_cast<std::int32_t>(RoundedProduct(x[i] - range.min, inverse) + 0.5f);
      out.q[i % 16] = static_cast<std::uint8_t>(out.q[i % 16] | (std::clamp(q, 0, 15) << (i / 16 * 4)));
    }
  }

  /// The product has 15 significant bits, so it is exact: fused or not, the sum rounds once.
  static void unpack(const Block& b, float* y) noexcept {
    const float d = to_float(b.d);
    const float m = to_float(b.m);
    for (std::size_t i = 0; i < 32; ++i) y[i] = Fma(d, static_cast<float>(code(b, i)), m);
  }

  /// acc = fma(isum, d * d_x, acc), then fma(sum of x's q, m * d_x, acc); |isum| <= 32 * 15 * 128.
  static float add_dot(const Block& b, const A32Block& x, float acc) noexcept {
    std::int32_t isum = 0;
    for (std::size_t i = 0; i < 32; ++i) isum += code(b, i) * x.q[i];
    acc = Fma(static_cast<float>(isum), to_float(b.d) * x.d, acc);
    return Fma(static_cast<float>(x.sum), to_float(b.m) * x.d, acc);
  }
};

}  // namespace edgek

#endif  // EDGEK_FORMATS_Q4_1_HPP_
