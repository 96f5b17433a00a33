#ifndef EDGEK_FORMATS_F32_HPP_
#define EDGEK_FORMATS_F32_HPP_

// F32: IEEE 754 binary32, little-endian. A block is one weight. GGUF type 0.

#include "edgek/formats/format_traits.hpp"

namespace edgek {

struct BlockF32 {
  float value;
};
static_assert(sizeof(BlockF32) == info(Format::kF32).block_bytes);

template <>
struct FormatTraits<Format::kF32> {
  using Block = BlockF32;
  static constexpr std::size_t kWeights = 1;

  static void pack(const float* x, Block& out) noexcept { out.value = x[0]; }
  static void unpack(const Block& b, float* y) noexcept { y[0] = b.value; }
};

}  // namespace edgek

#endif  // EDGEK_FORMATS_F32_HPP_
