#ifndef EDGEK_FORMATS_Q8_0_HPP_
#define EDGEK_FORMATS_Q8_0_HPP_

// Q8_0: 8.5 bits per weight, w = d * q. GGUF type 8; layout as GGUF files have it.
//
//   byte  0   2                                34
//         [d ][q0 q1 ... q31                   ]     d: half, q: int8

#include <cstdint>

#include "edgek/core/half.hpp"
#include "edgek/formats/block_range.hpp"
#include "edgek/formats/format_traits.hpp"
#include "edgek/reference/fma.hpp"

namespace edgek {

struct BlockQ8_0 {
  Half d;
  std::int8_t q[32];
};
static_assert(sizeof(BlockQ8_0) == 34);

template <>
struct FormatTraits<Format::kQ8_0> {
  using Block = BlockQ8_0;
  static constexpr std::size_t kWeights = 32;

  /// d = (largest magnitude) / 127; q rounds to nearest, ties away from zero.
  static void pack(const float* x, Block& out) noexcept {
    const reference::BlockRange range = reference::range_of(x, 32);
    out = Block{};
    if (!range.finite) {
      out.d = reference::kHalfNan;
      return;
    }
    const float d = reference::magnitude(range.extreme) / 127.0f;
    const float inverse = reference::inverse_scale(d);
    out.d = to_half(d);
    for (std::size_t i = 0; i < 32; ++i)
      out.q[i] = static_cast<std::int8_t>(reference::round_half_away(x[i] * inverse));
  }

  static void unpack(const Block& b, float* y) noexcept {
    const float d = to_float(b.d);
    for (std::size_t i = 0; i < 32; ++i) y[i] = d * static_cast<float>(b.q[i]);
  }

  /// fma(isum, d * d_x, acc); |isum| <= 32 * 128 * 128.
  static float add_dot(const Block& b, const A32Block& x, float acc) noexcept {
    std::int32_t isum = 0;
    for (std::size_t i = 0; i < 32; ++i) isum += b.q[i] * x.q[i];
    return Fma(static_cast<float>(isum), to_float(b.d) * x.d, acc);
  }
};

}  // namespace edgek

#endif  // EDGEK_FORMATS_Q8_0_HPP_
