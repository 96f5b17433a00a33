#ifndef EDGEK_FORMATS_Q4_0_HPP_
#define EDGEK_FORMATS_Q4_0_HPP_

// Q4_0: 4.5 bits per weight, w = d * (q - 8). GGUF type 2; layout as GGUF files have it.
//
//   byte  0   2                                18
//         [d ][q16 q0][q17 q1] ... [q31 q15]         d: half; upper and lower nibble of a byte

#include <algorithm>
#include <cstdint>

#include "edgek/core/half.hpp"
#include "edgek/formats/block_range.hpp"
#include "edgek/formats/format_traits.hpp"
#include "edgek/reference/fma.hpp"

namespace edgek {

struct BlockQ4_0 {
  Half d;
  std::uint8_t q[16];
};
static_assert(sizeof(BlockQ4_0) == 18);

template <>
struct FormatTraits<Format::kQ4_0> {
  using Block = BlockQ4_0;
  static constexpr std::size_t kWeights = 32;

  /// The value of weight i without its scale: -8..7.
  static std::int32_t code(const Block& b, std::size_t i) noexcept { return ((b.q[i % 16] >> (i / 16 * 4)) & 15) - 8; }

  /// The value of the largest magnitude becomes exactly -8: d = it / -8.
  static void pack(const float* x, Block& out) noexcept {
    const reference::BlockRange range = reference::range_of(x, 32);
    out = Block{};
    if (!range.finite) {
      out.d = reference::kHalfNan;
      return;
    }
    const float d = range.extreme / -8.0f;
    const float inverse = reference::inverse_scale(d);
    out.d = to_half(d);
    for (std::size_t i = 0; i < 32; ++i) {
      const auto q = static_cast<std::int32_t>(RoundedProduct(x[i], inverse) + 8.5f);
      out.q[i % 16] = static_cast<std::uint8_t>(out.q[i % 16] | (std::clamp(q, 0, 15) << (i / 16 * 4)));
    }
  }

  static void unpack(const Block& b, float* y) noexcept {
    const float d = to_float(b.d);
    for (std::size_t i = 0; i < 32; ++i) y[i] = d * static_cast<float>(code(b, i));
  }

  /// fma(isum, d * d_x, acc); |isum| <= 32 * 8 * 128.
  static float add_dot(const Block& b, const A32Block& x, float acc) noexcept {
    std::int32_t isum = 0;
    for (std::size_t i = 0; i < 32; ++i) isum += code(b, i) * x.q[i];
    return Fma(static_cast<float>(isum), to_float(b.d) * x.d, acc);
  }
};

}  // namespace edgek

#endif  // EDGEK_FORMATS_Q4_0_HPP_
