#ifndef EDGEK_CORE_TRAFFIC_HPP_
#define EDGEK_CORE_TRAFFIC_HPP_

#include <cstddef>
#include <cstdint>

#include "edgek/core/format.hpp"

namespace edgek {

/// Bytes that an op must move, in disjoint classes, and its arithmetic.
struct Traffic {
  std::uint64_t weights = 0;      ///< quantized values of weight matrices
  std::uint64_t scales = 0;       ///< scales and mins of their blocks
  std::uint64_t activations = 0;  ///< inputs and outputs of ops, in whatever form
  std::uint64_t kv_read = 0;      ///< keys and values read
  std::uint64_t kv_write = 0;     ///< keys and values appended
  std::uint64_t flops = 0;        ///< a multiply-add counts two

  constexpr std::uint64_t bytes() const noexcept { return weights + scales + activations + kv_read + kv_write; }
  constexpr Traffic& operator+=(const Traffic& t) noexcept {
    weights += t.weights, scales += t.scales, activations += t.activations;
    kv_read += t.kv_read, kv_write += t.kv_write, flops += t.flops;
    return *this;
  }
  friend constexpr bool operator==(const Traffic&, const Traffic&) = default;
};

/// Bytes that come from memory, or from the last cache: weights, their scales, keys and values.
/// Activations do not count: they never leave the near caches during a token.
constexpr std::uint64_t streamed_bytes(const Traffic& t) noexcept {
  return t.weights + t.scales + t.kv_read + t.kv_write;
}

/// Traffic of y = W x for `tokens` inputs: every weight is read once, float inputs and outputs once.
constexpr Traffic matmul_traffic(Format f, std::size_t rows, std::size_t cols, std::size_t tokens) noexcept {
  const std::uint64_t blocks = static_cast<std::uint64_t>(rows) * (cols / info(f).block_weights);
  Traffic t;
  t.scales = blocks * info(f).scale_bytes;
  t.weights = blocks * info(f).block_bytes - t.scales;
  t.activations = 4 * static_cast<std::uint64_t>(tokens) * (rows + cols);
  t.flops = 2 * static_cast<std::uint64_t>(rows) * cols * tokens;
  return t;
}

}  // namespace edgek

#endif  // EDGEK_CORE_TRAFFIC_HPP_
