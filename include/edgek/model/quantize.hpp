#ifndef EDGEK_MODEL_QUANTIZE_HPP_
#define EDGEK_MODEL_QUANTIZE_HPP_

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "edgek/core/format.hpp"
#include "edgek/formats/bf16.hpp"
#include "edgek/formats/f16.hpp"
#include "edgek/formats/f32.hpp"
#include "edgek/formats/q4_0.hpp"
#include "edgek/formats/q4_1.hpp"
#include "edgek/formats/q4_k.hpp"
#include "edgek/formats/q5_0.hpp"
#include "edgek/formats/q5_1.hpp"
#include "edgek/formats/q5_k.hpp"
#include "edgek/formats/q6_k.hpp"
#include "edgek/formats/q8_0.hpp"
#include "edgek/model/error.hpp"
#include "edgek/model/gguf.hpp"
#include "edgek/model/gguf_writer.hpp"
#include "edgek/runtime/executor.hpp"

namespace edgek {

/// What became of one tensor.
struct QuantizedTensor {
  std::string_view name;
  std::string_view from, to;  ///< formats; equal where the bytes were copied
  double rms_error = 0;       ///< root of the mean squared difference of the weights; 0 where copied
};

struct QuantizeOptions {
  Format format = Format::kQ8_0;
  std::vector<std::string> keep;  ///< tensors to copy as they are
  /// Called now and then with weights done and weights in all.
  std::function<void(std::uint64_t done, std::uint64_t total)> progress;
};

namespace detail {

/// Conversion of one row between any two formats.
struct RowCodec {
  void (*pack)(const float* x, std::size_t cols, std::byte* row) noexcept;
  void (*unpack)(const std::byte* row, std::size_t cols, float* y) noexcept;
};

template <Format F>
constexpr RowCodec codec_of() noexcept {
  return {reference::pack_row<F>, reference::unpack_row<F>};
}

inline constexpr std::array<RowCodec, kFormatCount> kRowCodecs = {
    codec_of<Format::kF32>(),  codec_of<Format::kF16>(),  codec_of<Format::kBF16>(), codec_of<Format::kQ8_0>(),
    codec_of<Format::kQ4_0>(), codec_of<Format::kQ4_1>(), codec_of<Format::kQ5_0>(), codec_of<Format::kQ5_1>(),
    codec_of<Format::kQ4_K>(), codec_of<Format::kQ5_K>(), codec_of<Format::kQ6_K>()};

/// Converts the matrices of one file. Holds a few megabytes whatever the model's size.
class Quantizer {
 public:
  Quantizer(const GgufReader& in, const QuantizeOptions& options, Executor& executor)
      : in_(in), options_(options), executor_(executor) {
    for (const std::string& name : options_.keep) in_.require_tensor(name);
    for (const GgufTensor& t : in_.tensors()) total_ += t.cols() * t.rows();
  }

  std::vector<QuantizedTensor> write_to(const std::string& path) {
    GgufWriter out(path);
    for (const GgufValue& value : in_.metadata()) out.head().add(value);
    for (const GgufTensor& t : in_.tensors())
      out.head().add_tensor(t.name, std::span(t.dim).first(std::max<std::size_t>(t.dim_count, 1)), target_type(t));
    std::vector<QuantizedTensor> done;
    for (const GgufTensor& t : in_.tensors()) done.push_back(write_tensor(t, out));
    out.commit();
    return done;
  }

 private:
  bool changes(const GgufTensor& t) const {
    const bool kept = std::find(options_.keep.begin(), options_.keep.end(), t.name) != options_.keep.end();
    const FormatInfo* from = find_format_by_gguf_id(t.type);
    return !kept && t.dim_count >= 2 && from != nullptr && from->format != options_.format &&
           is_whole_blocks(options_.format, static_cast<std::size_t>(t.cols()));
  }
  std::uint32_t target_type(const GgufTensor& t) const {
    return changes(t) ? info(options_.format).gguf_id : t.type;
  }

  QuantizedTensor write_tensor(const GgufTensor& t, GgufWriter& out) {
    const std::string_view from = find_gguf_tensor_type(t.type)->name;
    QuantizedTensor result{t.name, from, from, 0};
    if (changes(t)) {
      result.to = info(options_.format).name;
      result.rms_error = convert(t, out);
    } else {
      out.write(t.data);
      advance(t.cols() * t.rows());
    }
    out.end_tensor();
    return result;
  }

  double convert(const GgufTensor& t, GgufWriter& out) {
    const auto cols = static_cast<std::size_t>(t.cols()), rows = static_cast<std::size_t>(t.rows());
    if (cols == 0 || rows == 0) return 0;
    const std::size_t to_bytes = row_bytes(options_.format, cols);
    const std::size_t batch = std::clamp<std::size_t>((std::size_t{4} << 20) / to_bytes, 1, rows);
    packed_.resize(batch * to_bytes);
    squares_.resize(batch);
    double sum = 0;
    for (std::size_t first = 0; first < rows; first += batch) {
      const std::size_t count = std::min(batch, rows - first);
      convert_rows(t, first, count);
      out.write(std::span(packed_).first(count * to_bytes));
      for (std::size_t r = 0; r < count; ++r) sum += squares_[r];  // in order: the same sum for any threads
      advance(count * cols);
    }
    return std::sqrt(sum / (static_cast<double>(rows) * static_cast<double>(cols)));
  }

  // Every item converts a contiguous share with buffers of its own.
  void convert_rows(const GgufTensor& t, std::size_t first, std::size_t count) {
    const Format from = find_format_by_gguf_id(t.type)->format;
    const auto cols = static_cast<std::size_t>(t.cols());
    const std::size_t from_bytes = row_bytes(from, cols), to_bytes = row_bytes(options_.format, cols);
    const std::size_t items = std::min(executor_.threads(), count), share = (count + items - 1) / items;
    buffers_.resize(items * 2 * cols);
    const auto convert_share = [&](std::size_t item) noexcept {
      float* before = buffers_.data() + item * 2 * cols;
      float* after = before + cols;
      const std::size_t end = std::min(count, (item + 1) * share);
      for (std::size_t r = std::min(count, item * share); r < end; ++r) {
        std::byte* row = packed_.data() + r * to_bytes;
        kRowCodecs[index_of(from)].unpack(t.data.data() + (first + r) * from_bytes, cols, before);
        kRowCodecs[index_of(options_.format)].pack(before, cols, row);
        kRowCodecs[index_of(options_.format)].unpack(row, cols, after);
        squares_[r] = squared_difference(before, after, cols);
      }
    };
    run_region(executor_, items, convert_share);
  }

  static double squared_difference(const float* a, const float* b, std::size_t count) noexcept {
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const double d = static_cast<double>(a[i]) - static_cast<double>(b[i]);
      sum += d * d;
    }
    return sum;
  }

  void advance(std::uint64_t weights) {
    done_ += weights;
    if (options_.progress) options_.progress(done_, total_);
  }

  const GgufReader& in_;
  const QuantizeOptions& options_;
  Executor& executor_;
  std::uint64_t done_ = 0, total_ = 0;
  std::vector<std::byte> packed_;
  std::vector<float> buffers_;
  std::vector<double> squares_;
};

}  // namespace detail

/// Writes `in` to the file `path` with every matrix in options.format whose row length allows it; other
/// tensors and all metadata are copied byte for byte. The file appears whole or not at all; it may replace
/// the one that `in` reads. Throws edgek::Error.
inline std::vector<QuantizedTensor> quantize_gguf(const GgufReader& in, const std::string& path,
                                                  const QuantizeOptions& options, Executor& executor) {
  return detail::Quantizer(in, options, executor).write_to(path);
}

}  // namespace edgek

#endif  // EDGEK_MODEL_QUANTIZE_HPP_
