#ifndef EDGEK_REFERENCE_MATMUL_HPP_
#define EDGEK_REFERENCE_MATMUL_HPP_

#include <cstddef>

#include "edgek/formats/format_traits.hpp"
#include "edgek/kernels/kernel_set.hpp"

namespace edgek::reference {

/// Which of a format's two dot products.
enum class Arithmetic {
  kPacked,  ///< dot_row: activations packed for the format's family
  kExact,   ///< dot_float_row: weights unpacked, float activations
};

template <Format F, Arithmetic A>
float dot(const std::byte* row, std::size_t cols, const std::byte* x) noexcept {
  if constexpr (A == Arithmetic::kExact) {
    return dot_float_row<F>(row, cols, reinterpret_cast<const float*>(x));
  } else {
    return dot_row<F>(row, cols, x);
  }
}

/// One row's dot product with one packed token.
using DotFn = float (*)(const std::byte* row, std::size_t cols, const std::byte* x) noexcept;

/// Adds to y the products of a row with what the first quantization left over, block by block.
inline float add_rest(Format format, DotFn dot_packed, const std::byte* row, const TokenRest& rest, float y) noexcept {
  for (std::size_t i = 0; i < rest.count; ++i)
    y += dot_packed(row + rest.block[i] * info(format).block_bytes, info(format).block_weights, rest.packed[i]);
  return y;
}

/// y[t, r] for rows [row_begin, row_end) and all tokens of the job: one dot product each, whose order of
/// summation depends on nothing but cols. `has_rest`: job.rest counts.
[[gnu::noinline]] inline void multiply_rows(const MatmulJob& job, std::size_t row_begin, std::size_t row_end,
                                            Format format, DotFn dot_of_row, bool has_rest) noexcept {
  for (std::size_t r = row_begin; r < row_end; ++r) {
    const std::byte* row = job.weights + r * job.row_bytes;
    for (std::size_t t = 0; t < job.tokens; ++t) {
      float& y = job.y[t * job.y_stride + r];
      y = dot_of_row(row, job.cols, job.x + t * job.x_stride);
      if (has_rest && job.rest != nullptr) y = add_rest(format, dot_of_row, row, job.rest[t], y);
    }
  }
}

/// RowsFn of a format. One loop serves all formats: every including file compiles it.
template <Format F, Arithmetic A>
void matmul_rows(const MatmulJob& job, std::size_t row_begin, std::size_t row_end) noexcept {
  constexpr bool kHasRest = A == Arithmetic::kPacked && info(F).activation == Activation::kA32;
  multiply_rows(job, row_begin, row_end, F, &dot<F, A>, kHasRest);
}

/// The same loop in the form of a panel kernel.
template <Format F, Arithmetic A>
void matmul_panel(const MatmulJob& job, std::size_t row_begin, std::size_t row_end, std::byte* /*scratch*/) noexcept {
  matmul_rows<F, A>(job, row_begin, row_end);
}

}  // namespace edgek::reference

#endif  // EDGEK_REFERENCE_MATMUL_HPP_
