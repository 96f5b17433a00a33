#ifndef EDGEK_CORE_MATRIX_VIEW_HPP_
#define EDGEK_CORE_MATRIX_VIEW_HPP_

#include <cstddef>

#include "edgek/core/format.hpp"

namespace edgek {

/// A weight matrix in somebody else's memory (a mapped model file, say): rows of whole blocks, row
/// after row without padding, as GGUF stores them. No alignment is needed.
struct MatrixView {
  Format format = Format::kF32;
  const void* data = nullptr;  // (rows, cols) in blocks of `format`
  std::size_t rows = 0;
  std::size_t cols = 0;

  constexpr std::size_t row_bytes() const noexcept { return edgek::row_bytes(format, cols); }
  constexpr std::size_t bytes() const noexcept { return rows * row_bytes(); }
  const std::byte* row(std::size_t r) const noexcept { return static_cast<const std::byte*>(data) + r * row_bytes(); }
};

/// A view of floats with a stride between rows, for the inputs and outputs of ops.
template <typename T>
struct BasicRows {
  T* data = nullptr;       // (count, cols), row i at data + i * stride
  std::size_t count = 0;   // tokens
  std::size_t cols = 0;
  std::size_t stride = 0;  // floats between rows, >= cols

  constexpr BasicRows() noexcept = default;
  constexpr BasicRows(T* d, std::size_t n, std::size_t c) noexcept : data(d), count(n), cols(c), stride(c) {}
  constexpr BasicRows(T* d, std::size_t n, std::size_t c, std::size_t s) noexcept
      : data(d), count(n), cols(c), stride(s) {}
  constexpr operator BasicRows<const T>() const noexcept { return {data, count, cols, stride}; }

  constexpr T* row(std::size_t i) const noexcept { return data + i * stride; }
};
using Rows = BasicRows<float>;             ///< (tokens, cols), written
using ConstRows = BasicRows<const float>;  ///< (tokens, cols), read

}  // namespace edgek

#endif  // EDGEK_CORE_MATRIX_VIEW_HPP_
