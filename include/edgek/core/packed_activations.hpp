#ifndef EDGEK_CORE_PACKED_ACTIVATIONS_HPP_
#define EDGEK_CORE_PACKED_ACTIVATIONS_HPP_

#include <cstddef>
#include <cstdint>

#include "edgek/core/format.hpp"

namespace edgek {

/// Bytes of one token's packed activations, a multiple of 64:
///   kF32   cols floats (natural order, or the panel's);
///   kA32   int8 q[cols], float d[cols / 32], int32 sum[cols / 32]: each part padded to 64 bytes;
///   kA256  int8 q[cols], float d[cols / 256], int16 sum[cols / 16] (sums of 16 values): padded likewise.
constexpr std::size_t pad64(std::size_t bytes) noexcept { return (bytes + 63) & ~std::size_t{63}; }
constexpr std::size_t packed_bytes(Activation a, std::size_t cols) noexcept {
  switch (a) {
    case Activation::kF32: return pad64(cols * 4);
    case Activation::kA32: return pad64(cols) + 2 * pad64(cols / 32 * 4);
    case Activation::kA256: return pad64(cols) + pad64(cols / 256 * 4) + pad64(cols / 16 * 2);
  }
  return 0;
}

/// Views of the parts of one token's packed activations.
struct PackedA32 {
  const std::int8_t* q;      // (cols)
  const float* d;            // (cols / 32)
  const std::int32_t* sum;   // (cols / 32), sum of q over the block
};
inline PackedA32 packed_a32(const std::byte* x, std::size_t cols) noexcept {
  const std::byte* d = x + pad64(cols);
  return {reinterpret_cast<const std::int8_t*>(x), reinterpret_cast<const float*>(d),
          reinterpret_cast<const std::int32_t*>(d + pad64(cols / 32 * 4))};
}
struct PackedA256 {
  const std::int8_t* q;      // (cols)
  const float* d;            // (cols / 256)
  const std::int16_t* sum;   // (cols / 16), sum of q over 16 values
};
inline PackedA256 packed_a256(const std::byte* x, std::size_t cols) noexcept {
  const std::byte* d = x + pad64(cols);
  return {reinterpret_cast<const std::int8_t*>(x), reinterpret_cast<const float*>(d),
          reinterpret_cast<const std::int16_t*>(d + pad64(cols / 256 * 4))};
}

/// The blocks of a token that are quantized twice (family kA32; docs/numerics.md): their numbers, ascending, and
/// what the first quantization left over, each packed as a row of one block.
inline constexpr std::size_t kRestBlocks = 2;
struct TokenRest {
  std::size_t count = 0;
  std::uint32_t block[kRestBlocks] = {};
  const std::byte* packed[kRestBlocks] = {};  // (packed_bytes(kA32, 32)) each
};

}  // namespace edgek

#endif  // EDGEK_CORE_PACKED_ACTIVATIONS_HPP_
