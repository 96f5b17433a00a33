#ifndef EDGEK_FORMATS_Q5_K_HPP_
#define EDGEK_FORMATS_Q5_K_HPP_

// Q5_K: 5.5 bits per weight, 256 weights in 8 sub-blocks of 32; w = d * scale[j] * q - dmin * min[j].
// GGUF type 13; layout as GGUF files have it.
//
//   byte  0   2      4              16        48            80         112         144       176
//         [d ][dmin ][6-bit scales ][h       ][j = 1 : 0   ][3 : 2    ][5 : 4     ][7 : 6   ]
//   d, dmin: half; scales: SixBitScales; h: bit j of byte i is bit 4 of code i of sub-block j; then
//   four runs of 32 bytes, each with two sub-blocks in the upper and the lower nibbles

#include <cstdint>

#include "edgek/core/half.hpp"
#include "edgek/formats/affine_search.hpp"
#include "edgek/formats/format_traits.hpp"
#include "edgek/formats/six_bit_scales.hpp"
#include "edgek/reference/fma.hpp"

namespace edgek {

struct BlockQ5_K {
  Half d;
  Half dmin;
  std::uint8_t scales[12];
  std::uint8_t h[32];
  std::uint8_t q[128];
};
static_assert(sizeof(BlockQ5_K) == 176);

template <>
struct FormatTraits<Format::kQ5_K> {
  using Block = BlockQ5_K;
  static constexpr std::size_t kWeights = 256;

  /// Code i of sub-block j: 0..31.
  static std::int32_t code(const Block& b, std::size_t j, std::size_t i) noexcept {
    const int low = (b.q[32 * (j / 2) + i] >> (j % 2 * 4)) & 15;
    const int high = (b.h[i] >> j) & 1;
    return low | high << 4;
  }

  /// Scales and minimums by search (affine_search.hpp).
  static void pack(const float* x, Block& out) noexcept {
    const reference::AffineBlock found = reference::pack_affine(x, 31);
    out = Block{};
    out.d = found.d;
    out.dmin = found.dmin;
    pack_six_bit_scales(found.scales, out.scales);
    for (std::size_t j = 0; j < 8; ++j) {
      for (std::size_t i = 0; i < 32; ++i) {
        const std::int32_t q = found.q[32 * j + i];
        std::uint8_t& byte = out.q[32 * (j / 2) + i];
        byte = static_cast<std::uint8_t>(byte | (q & 15) << (j % 2 * 4));
        out.h[i] = static_cast<std::uint8_t>(out.h[i] | (q >> 4) << j);
      }
    }
  }

  /// Products have at most 22 significant bits, so they are exact: the difference rounds once.
  static void unpack(const Block& b, float* y) noexcept {
    const SixBitScales s = unpack_six_bit_scales(b.scales);
    for (std::size_t j = 0; j < 8; ++j) {
      const float scale = to_float(b.d) * static_cast<float>(s.scale[j]);
      const float min = to_float(b.dmin) * static_cast<float>(s.min[j]);
      for (std::size_t i = 0; i < 32; ++i) y[32 * j + i] = Fma(scale, static_cast<float>(code(b, j, i)), -min);
    }
  }

  /// acc = fma(isum, d * d_x, acc), then fma(msum, -(dmin * d_x), acc), where isum is the sum of
  /// scale * code * q_x (below 2^26) and msum that of min * q_x.
  static float add_dot(const Block& b, const A256Block& x, float acc) noexcept {
    const SixBitScales s = unpack_six_bit_scales(b.scales);
    std::int32_t isum = 0, msum = 0;
    for (std::size_t j = 0; j < 8; ++j) {
      std::int32_t dot = 0;
      for (std::size_t i = 0; i < 32; ++i) dot += code(b, j, i) * x.q[32 * j + i];
      isum += s.scale[j] * dot;
      msum += s.min[j] * (x.sum[2 * j] + x.sum[2 * j + 1]);
    }
    acc = Fma(static_cast<float>(isum), to_float(b.d) * x.d, acc);
    return Fma(static_cast<float>(msum), -(to_float(b.dmin) * x.d), acc);
  }
};

}  // namespace edgek

#endif  // EDGEK_FORMATS_Q5_K_HPP_
