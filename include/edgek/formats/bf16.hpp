#ifndef EDGEK_FORMATS_BF16_HPP_
#define EDGEK_FORMATS_BF16_HPP_

// BF16: the upper half of a binary32, little-endian. A block is one weight. GGUF type 30.
// pack rounds to nearest, ties to even.

#include "edgek/core/half.hpp"
#include "edgek/formats/format_traits.hpp"

namespace edgek {

struct BlockBF16 {
  BFloat16 value;
};
static_assert(sizeof(BlockBF16) == info(Format::kBF16).block_bytes);

template <>
struct FormatTraits<Format::kBF16> {
  using Block = BlockBF16;
  static constexpr std::size_t kWeights = 1;

  static void pack(const float* x, Block& out) noexcept { out.value = to_bfloat16(x[0]); }
  static void unpack(const Block& b, float* y) noexcept { y[0] = to_float(b.value); }
};

}  // namespace edgek

#endif  // EDGEK_FORMATS_BF16_HPP_
