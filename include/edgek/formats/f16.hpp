#ifndef EDGEK_FORMATS_F16_HPP_
#define EDGEK_FORMATS_F16_HPP_

// F16: IEEE 754 binary16, little-endian; subnormals are kept. A block is one weight. GGUF type 1.
// pack rounds to nearest, ties to even; beyond 65504 it gives infinity.

#include "edgek/core/half.hpp"
#include "edgek/formats/format_traits.hpp"

namespace edgek {

struct BlockF16 {
  Half value;
};
static_assert(sizeof(BlockF16) == info(Format::kF16).block_bytes);

template <>
struct FormatTraits<Format::kF16> {
  using Block = BlockF16;
  static constexpr std::size_t kWeights = 1;

  static void pack(const float* x, Block& out) noexcept { out.value = to_half(x[0]); }
  static void unpack(const Block& b, float* y) noexcept { y[0] = to_float(b.value); }
};

}  // namespace edgek

#endif  // EDGEK_FORMATS_F16_HPP_
