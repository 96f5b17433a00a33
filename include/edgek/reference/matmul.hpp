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

/// y[t, r] for rows [row_begin, row_end) and all tokens of the job: one dot product each, whose order of
/// summation depends on nothing but cols.
template <Format F, Arithmetic A>
void matmul_rows(const MatmulJob& job, std::size_t row_begin, std::size_t row_end) noexcept {
  for (std::size_t r = row_begin; r < row_end; ++r)
    for (std::size_t t = 0; t < job.tokens; ++t)
      job.y[t * job.y_stride + r] = dot<F, A>(job.weights + r * job.row_bytes, job.cols, job.x + t * job.x_stride);
}

/// The same loop in the form of a panel kernel.
template <Format F, Arithmetic A>
void matmul_panel(const MatmulJob& job, std::size_t row_begin, std::size_t row_end, std::byte* /*scratch*/) noexcept {
  matmul_rows<F, A>(job, row_begin, row_end);
}

}  // namespace edgek::reference

#endif  // EDGEK_REFERENCE_MATMUL_HPP_
