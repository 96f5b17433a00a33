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

/// A machine that a reader may have, for comparison: no roof of this one.
struct Device {
  const char* name = "";
  double nominal_gbps = 0;    ///< transfers a second times width
  double measured_gbps = 0;   ///< read by somebody, see source; 0: unknown
  const char* source = "";
  constexpr double usable_gbps() const noexcept { return measured_gbps > 0 ? measured_gbps : nominal_gbps; }
};

/// Nominal rates are never reached: engines read 60 to 90 % of them.
inline constexpr std::array<Device, 5> kDevices = {{
    {"Raspberry Pi 5", 17.1, 13.2,
     "LPDDR4X-4267, 32 bit: 17.1 GB/s nominal; 13.2 GB/s read by a read-only STREAM with 2 threads, 9.3 with 1, 11.6 "
     "with 4 (llama.cpp issue 26484)"},
    {"phone, LPDDR5X-7500", 60.0, 0, "64 bit x 7500 MT/s, nominal"},
    {"phone, LPDDR5X-10667", 85.3, 0, "64 bit x 10667 MT/s, nominal"},
    {"Jetson Orin Nano 8 GB", 68.0, 0, "LPDDR5, 128 bit: 68 GB/s nominal in NVIDIA's data sheet"},
    {"Apple M2", 100.0, 0, "LPDDR5-6400, 128 bit: 100 GB/s nominal in Apple's specifications"},
}};

/// Tokens per second that `gbps` allow; 0 for no bytes.
constexpr double tokens_per_s(std::uint64_t bytes_per_token, double gbps) noexcept {
  return bytes_per_token == 0 ? 0.0 : gbps * 1e9 / static_cast<double>(bytes_per_token);
}

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
  p.ceiling_tokens_per_s = tokens_per_s(p.bytes_per_token, gbps);
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
