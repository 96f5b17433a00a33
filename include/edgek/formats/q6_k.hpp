#ifndef EDGEK_FORMATS_Q6_K_HPP_
#define EDGEK_FORMATS_Q6_K_HPP_

// Q6_K: 6.5625 bits per weight, 256 weights in 16 sub-blocks of 16; w = d * scale[j] * (q - 32).
// GGUF type 14; layout as GGUF files have it.
//
//   byte  0                128        192          208  210
//         [low            ][high     ][scale[16]  ][d ]
//   low: 4 bits of a code; high: 2 bits; scale: int8; d: half, last. Each half of the block (128 weights,
//   64 bytes of low, 32 of high) holds four runs of 32 codes: run r has its upper bits in bits 2r, 2r + 1
//   of high[i], its lower ones in the lower (r = 0, 1) or upper (r = 2, 3) nibble of low[32 * (r % 2) + i].

#include <algorithm>
#include <cstdint>

#include "edgek/core/half.hpp"
#include "edgek/formats/format_traits.hpp"
#include "edgek/formats/symmetric_search.hpp"
#include "edgek/reference/fma.hpp"

namespace edgek {

struct BlockQ6_K {
  std::uint8_t low[128];
  std::uint8_t high[64];
  std::int8_t scale[16];
  Half d;
};
static_assert(sizeof(BlockQ6_K) == 210);

template <>
struct FormatTraits<Format::kQ6_K> {
  using Block = BlockQ6_K;
  static constexpr std::size_t kWeights = 256;

  /// Where the bits of code k stand.
  struct Place {
    std::size_t low_byte, high_byte;
    int low_shift, high_shift;
  };
  static constexpr Place place(std::size_t k) noexcept {
    const std::size_t half = k / 128, run = k % 128 / 32, i = k % 32;
    return {64 * half + 32 * (run % 2) + i, 32 * half + i, static_cast<int>(run / 2 * 4), static_cast<int>(2 * run)};
  }

  /// The value of weight k without scales: -32..31.
  static std::int32_t code(const Block& b, std::size_t k) noexcept {
    const Place p = place(k);
    return ((b.low[p.low_byte] >> p.low_shift & 15) | (b.high[p.high_byte] >> p.high_shift & 3) << 4) - 32;
  }

  /// Scales by search (symmetric_search.hpp).
  static void pack(const float* x, Block& out) noexcept {
    const reference::SymmetricBlock found = reference::pack_symmetric(x);
    out = Block{};
    out.d = found.d;
    std::copy_n(found.scale, 16, out.scale);
    for (std::size_t k = 0; k < 256; ++k) {
      const Place p = place(k);
      const std::int32_t q = found.q[k] + 32;
      out.low[p.low_byte] = static_cast<std::uint8_t>(out.low[p.low_byte] | (q & 15) << p.low_shift);
      out.high[p.high_byte] = static_cast<std::uint8_t>(out.high[p.high_byte] | (q >> 4) << p.high_shift);
    }
  }

  static void unpack(const Block& b, float* y) noexcept {
    for (std::size_t k = 0; k < 256; ++k) {
      const float scale = to_float(b.d) * static_cast<float>(b.scale[k / 16]);
      y[k] = scale * static_cast<float>(code(b, k));
    }
  }

  /// fma(isum, d * d_x, acc), where isum is the sum of scale * code * q_x (at most 2^27).
  static float add_dot(const Block& b, const A256Block& x, float acc) noexcept {
    std::int32_t isum = 0;
    for (std::size_t j = 0; j < 16; ++j) {
      std::int32_t dot = 0;
      for (std::size_t k = 16 * j; k < 16 * j + 16; ++k) dot += code(b, k) * x.q[k];
      isum += b.scale[j] * dot;
    }
    return Fma(static_cast<float>(isum), to_float(b.d) * x.d, acc);
  }
};

}  // namespace edgek

#endif  // EDGEK_FORMATS_Q6_K_HPP_
