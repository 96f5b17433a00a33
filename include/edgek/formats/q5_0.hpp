#ifndef EDGEK_FORMATS_Q5_0_HPP_
#define EDGEK_FORMATS_Q5_0_HPP_

// Q5_0: 5.5 bits per weight, w = d * (q - 16). GGUF type 6; layout as GGUF files have it.
//
//   byte  0   2           6                                22
//         [d ][h0..h31   ][q16 q0][q17 q1] ... [q31 q15]
//   d: half; h: bit i % 8 of byte i / 8 is bit 4 of q[i]; then upper and lower nibble of a byte

#include <algorithm>
#include <cstdint>

#include "edgek/core/half.hpp"
#include "edgek/formats/block_range.hpp"
#include "edgek/formats/format_traits.hpp"
#include "edgek/reference/fma.hpp"

namespace edgek {

struct BlockQ5_0 {
  Half d;
  std::uint8_t h[4];
  std::uint8_t q[16];
};
static_assert(sizeof(BlockQ5_0) == 22);

template <>
struct FormatTraits<Format::kQ5_0> {
  using Block = BlockQ5_0;
  static constexpr std::size_t kWeights = 32;

  /// The value of weight i without its scale: -16..15.
  static std::int32_t code(const Block& b, std::size_t i) noexcept {
    const int low = (b.q[i % 16] >> (i / 16 * 4)) & 15;
    const int high = (b.h[i / 8] >> (i % 8)) & 1;
    return (low | high << 4) - 16;
  }

  /// The value of the largest magnitude becomes exactly -16: d = it / -16.
  static void pack(const float* x, Block& out) noexcept {
    const reference::BlockRange range = reference::range_of(x, 32);
    out = Block{};
    if (!range.finite) {
      out.d = reference::kHalfNan;
      return;
    }
    const float d = range.extreme / -16.0f;
    const float inverse = reference::inverse_scale(d);
    out.d = to_half(d);
    for (std::size_t i = 0; i < 32; ++i) {
      const auto rounded = static_cast<std::int32_t>(RoundedProduct(x[i], inverse) + 16.5f);
      const std::int32_t q = std::clamp(rounded, 0, 31);
      out.q[i % 16] = static_cast<std::uint8_t>(out.q[i % 16] | (q & 15) << (i / 16 * 4));
      out.h[i / 8] = static_cast<std::uint8_t>(out.h[i / 8] | (q >> 4) << (i % 8));
    }
  }

  static void unpack(const Block& b, float* y) noexcept {
    const float d = to_float(b.d);
    for (std::size_t i = 0; i < 32; ++i) y[i] = d * static_cast<float>(code(b, i));
  }

  /// fma(isum, d * d_x, acc); |isum| <= 32 * 16 * 128.
  static float add_dot(const Block& b, const A32Block& x, float acc) noexcept {
    std::int32_t isum = 0;
    for (std::size_t i = 0; i < 32; ++i) isum += code(b, i) * x.q[i];
    return Fma(static_cast<float>(isum), to_float(b.d) * x.d, acc);
  }
};

}  // namespace edgek

#endif  // EDGEK_FORMATS_Q5_0_HPP_
