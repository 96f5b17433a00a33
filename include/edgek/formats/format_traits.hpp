#ifndef EDGEK_FORMATS_FORMAT_TRAITS_HPP_
#define EDGEK_FORMATS_FORMAT_TRAITS_HPP_

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "edgek/core/format.hpp"
#include "edgek/core/packed_activations.hpp"
#include "edgek/reference/lanes.hpp"

namespace edgek {

/// What a format means, in plain C++; formats/q4_0.hpp holds FormatTraits<Format::kQ4_0>, and so on.
/// Members of each specialization:
///   Block                            the bytes of one block
///   kWeights                         weights per block
///   pack(const float* x, Block&)     kWeights floats to one block; any x, infinite and NaN included
///   unpack(const Block&, float* y)   one block to kWeights floats; any bit pattern is safe
///   add_dot(const Block&, x, acc)    one block's part of a dot product with packed activations x
///                                    (A32Block, A256Block), added to acc. F32, F16, BF16 have none:
///                                    their dot product is dot_float_row.
template <Format F>
struct FormatTraits;

/// One block's share of packed activations, family kA32.
struct A32Block {
  const std::int8_t* q;  // (32)
  float d;
  std::int32_t sum;      // of q
};

/// One block's share of packed activations, family kA256.
struct A256Block {
  const std::int8_t* q;     // (256)
  float d;
  const std::int16_t* sum;  // (16), of 16 values of q each
};

namespace reference {

/// Block b of a row, which need not be aligned.
template <Format F>
typename FormatTraits<F>::Block load_block(const std::byte* row, std::size_t b) noexcept {
  typename FormatTraits<F>::Block block;
  static_assert(sizeof(block) == info(F).block_bytes && FormatTraits<F>::kWeights == info(F).block_weights);
  std::memcpy(&block, row + b * sizeof(block), sizeof(block));
  return block;
}

/// Packs one row. x: (cols) floats, cols in whole blocks; row: (row_bytes(F, cols)).
template <Format F>
void pack_row(const float* x, std::size_t cols, std::byte* row) noexcept {
  using Traits = FormatTraits<F>;
  for (std::size_t b = 0; b < cols / Traits::kWeights; ++b) {
    typename Traits::Block block;
    Traits::pack(x + b * Traits::kWeights, block);
    std::memcpy(row + b * sizeof(block), &block, sizeof(block));
  }
}

/// Unpacks one row to y: (cols) floats.
template <Format F>
void unpack_row(const std::byte* row, std::size_t cols, float* y) noexcept {
  using Traits = FormatTraits<F>;
  for (std::size_t b = 0; b < cols / Traits::kWeights; ++b)
    Traits::unpack(load_block<F>(row, b), y + b * Traits::kWeights);
}

/// KernelSet::UnpackFn: one row of a format to floats.
using UnpackRowFn = void (*)(const std::byte* row, std::size_t cols, float* y) noexcept;

/// The dot product of a row of any format with float activations x: (cols). Weights are unpacked to float, some
/// at a time; element k is multiplied and added, fused, in lane k % 16 (Lanes).
inline float dot_unpacked(Format format, UnpackRowFn unpack, const std::byte* row, std::size_t cols,
                          const float* x) noexcept {
  constexpr std::size_t kStep = 256;  // weights: whole blocks of every format
  Lanes lanes;
  float weights[kStep];
  for (std::size_t k = 0; k < cols; k += kStep) {
    const std::size_t count = cols - k < kStep ? cols - k : kStep;
    unpack(row + k / info(format).block_weights * info(format).block_bytes, count, weights);
    for (std::size_t i = 0; i < count; ++i) lanes.add_product(i, weights[i], x[k + i]);
  }
  return lanes.sum();
}

/// dot_unpacked() of format F: exact mode for every format, and the only dot product of F32, F16 and BF16.
template <Format F>
float dot_float_row(const std::byte* row, std::size_t cols, const float* x) noexcept {
  return dot_unpacked(F, &unpack_row<F>, row, cols, x);
}

/// The dot product of a row with activations packed for the format's own family, as reference::pack_a32 or
/// pack_a256 packs them: the blocks' parts added in order, starting from 0.
template <Format F>
float dot_row(const std::byte* row, std::size_t cols, const std::byte* packed_x) noexcept {
  using Traits = FormatTraits<F>;
  constexpr Activation kFamily = info(F).activation;
  if constexpr (kFamily == Activation::kF32) {
    return dot_float_row<F>(row, cols, reinterpret_cast<const float*>(packed_x));
  } else if constexpr (kFamily == Activation::kA32) {
    const PackedA32 x = packed_a32(packed_x, cols);
    float acc = 0.0f;
    for (std::size_t b = 0; b < cols / Traits::kWeights; ++b)
      acc = Traits::add_dot(load_block<F>(row, b), A32Block{x.q + 32 * b, x.d[b], x.sum[b]}, acc);
    return acc;
  } else {
    const PackedA256 x = packed_a256(packed_x, cols);
    float acc = 0.0f;
    for (std::size_t b = 0; b < cols / Traits::kWeights; ++b)
      acc = Traits::add_dot(load_block<F>(row, b), A256Block{x.q + 256 * b, x.d[b], x.sum + 16 * b}, acc);
    return acc;
  }
}

}  // namespace reference
}  // namespace edgek

#endif  // EDGEK_FORMATS_FORMAT_TRAITS_HPP_
