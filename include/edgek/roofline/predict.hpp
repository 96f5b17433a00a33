#ifndef EDGEK_ROOFLINE_PREDICT_HPP_
#define EDGEK_ROOFLINE_PREDICT_HPP_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "edgek/core/format.hpp"

namespace edgek {

/// What one token reads of one weight tensor.
struct WeightUse {
  Format format = Format::kF32;
  std::size_t rows = 0;   ///< rows read per token: all of a matrix, one of an embedding
  std::size_t cols = 0;
  bool is_matrix = true;  ///< vectors (norms) keep their format when a model is quantized
};

/// Tokens per second that memory allows for a model in another format.
struct Prediction {
  Format format = Format::kF32;
  std::uint64_t bytes_per_token = 0;   ///< weights with their scales, and KV
  double ceiling_tokens_per_s = 0;
  std::size_t kept = 0;                ///< matrices whose rows this format cannot hold: they stay as they are
};

inline constexpr std::array<Format, 5> kPredictedFormats = {Format::kF16, Format::kQ8_0, Format::kQ6_K,
                                                            Format::kQ4_K, Format::kQ4_0};

/// A token takes at least bytes / bandwidth. Counts block metadata (4.5 bits per weight in Q4_0 and Q4_K),
/// the output matrix, one embedding row and `kv_bytes`.
inline Prediction predict(std::span<const WeightUse> weights, Format format, std::uint64_t kv_bytes, double gbps) {
  Prediction p;
  p.format = format;
  p.bytes_per_token = kv_bytes;
  for (const WeightUse& w : weights) {
    const bool changes = w.is_matrix && is_whole_blocks(format, w.cols);
    if (w.is_matrix && !changes) ++p.kept;
    p.bytes_per_token += w.rows * row_bytes(changes ? format : w.format, w.cols);
  }
  if (p.bytes_per_token != 0) p.ceiling_tokens_per_s = gbps * 1e9 / static_cast<double>(p.bytes_per_token);
  return p;
}

/// predict() for each of kPredictedFormats.
inline std::vector<Prediction> predict_all(std::span<const WeightUse> weights, std::uint64_t kv_bytes, double gbps) {
  std::vector<Prediction> all;
  for (const Format f : kPredictedFormats) all.push_back(predict(weights, f, kv_bytes, gbps));
  return all;
}

}  // namespace edgek

#endif  // EDGEK_ROOFLINE_PREDICT_HPP_
