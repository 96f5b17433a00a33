#ifndef EDGEK_OPS_TUNE_STREAMS_HPP_
#define EDGEK_OPS_TUNE_STREAMS_HPP_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <limits>
#include <span>
#include <utility>

#include "edgek/core/matrix_view.hpp"
#include "edgek/core/status.hpp"
#include "edgek/detail/abi.hpp"
#include "edgek/measure/clock.hpp"
#include "edgek/ops/matmul.hpp"
#include "edgek/ops/tune.hpp"
#include "edgek/runtime/arena.hpp"
#include "edgek/runtime/context.hpp"

namespace edgek {

inline namespace EDGEK_ABI {
namespace ops_detail {

/// Bands of several rows are asked for a band ahead, or not at all (kernels/rows-inl.hpp), at whatever distance.
inline constexpr ReadPattern kTriedPatterns[] = {
    {8, 0}, {8, 512}, {8, 1024}, {8, 1536}, {8, 2048}, {4, 0}, {4, 1024}, {2, 0}, {2, 1024}, {1, 0}, {1, 1024},
};

/// The matrices of one format, in slices of rows that are taken in turns.
class TuneSlices {
 public:
  TuneSlices(std::span<const MatrixView> matrices, Format format, std::size_t slice_bytes,
             std::size_t window_bytes) noexcept
      : matrices_(matrices), format_(format), slice_bytes_(slice_bytes), window_bytes_(window_bytes) {
    for (const MatrixView& m : matrices) {
      if (!serves(m)) continue;
      max_rows_ = std::max(max_rows_, rows_of(m));
      max_cols_ = std::max(max_cols_, m.cols);
      bytes_ += m.rows * m.row_bytes();
    }
  }

  bool empty() const noexcept { return bytes_ < 4 * slice_bytes_; }  // less is not worth tuning, or stays in caches
  std::size_t max_rows() const noexcept { return max_rows_; }
  std::size_t max_cols() const noexcept { return max_cols_; }
  std::size_t slices_of_window() const noexcept { return std::min(bytes_, window_bytes_) / slice_bytes_; }

  MatrixView next() noexcept {
    if (used_bytes_ >= window_bytes_) matrix_ = row_ = used_bytes_ = 0;
    while (!serves(matrices_[matrix_]) || row_ >= matrices_[matrix_].rows) {
      matrix_ = matrix_ + 1 == matrices_.size() ? 0 : matrix_ + 1;
      row_ = 0;
    }
    MatrixView slice = matrices_[matrix_];
    const std::size_t rows = std::min(rows_of(slice), slice.rows - row_);
    slice.data = static_cast<const std::byte*>(slice.data) + row_ * slice.row_bytes();
    slice.rows = rows;
    row_ += rows;
    used_bytes_ += rows * slice.row_bytes();
    return slice;
  }

 private:
  bool serves(const MatrixView& m) const noexcept {
    return m.format == format_ && m.data != nullptr && m.rows > 0 && m.cols > 0 && is_whole_blocks(m.format, m.cols);
  }
  std::size_t rows_of(const MatrixView& m) const noexcept {
    return std::clamp<std::size_t>(slice_bytes_ / m.row_bytes(), 1, m.rows);
  }

  std::span<const MatrixView> matrices_;
  Format format_;
  std::size_t slice_bytes_, window_bytes_;
  std::size_t max_rows_ = 0, max_cols_ = 0, bytes_ = 0;
  std::size_t matrix_ = 0, row_ = 0, used_bytes_ = 0;
};

/// One way of reading, and the best time of it, in ns a byte.
struct TunedRead {
  ReadPattern pattern;
  double ns_per_byte = std::numeric_limits<double>::infinity();
};

constexpr bool is_faster(const TunedRead& a, const TunedRead& b) noexcept { return a.ns_per_byte < b.ns_per_byte; }

/// One product with the next slice.
inline void try_pattern(Context& ctx, TuneSlices& slices, Format format, const float* x, float* y,
                        TunedRead& tried) noexcept {
  ctx.tuning.read[index_of(format)] = tried.pattern;
  const MatrixView slice = slices.next();
  const std::uint64_t start = now_ns();
  const Status done = matvec(ctx, slice, x, y);
  const auto ns = static_cast<double>(now_ns() - start);
  if (done == Status::kOk)
    tried.ns_per_byte = std::min(tried.ns_per_byte, ns / static_cast<double>(slice.rows * slice.row_bytes()));
}

/// The fastest pattern for one format: all in turns, then the better half, until the time is up; then the best against
/// the usual one.
inline ReadPattern tune_format(Context& ctx, TuneSlices& slices, Format format, const TuneOptions& options,
                               const float* x, float* y) noexcept {
  constexpr std::size_t kRounds = 3;  // of one stage
  const ReadPattern usual = ctx.tuning.read[index_of(format)];
  std::array<TunedRead, std::size(kTriedPatterns) + 1> tried;
  std::size_t count = 0;
  tried[count++].pattern = usual;
  for (const ReadPattern& pattern : kTriedPatterns) tried[count++].pattern = pattern;
  TunedRead warm{usual};  // also brings the window's pages in
  for (std::size_t i = 0; i < slices.slices_of_window(); ++i) try_pattern(ctx, slices, format, x, y, warm);
  const std::uint64_t start = now_ns();
  do {
    for (std::size_t round = 0; round < kRounds; ++round)
      for (std::size_t i = 0; i < count; ++i) try_pattern(ctx, slices, format, x, y, tried[i]);
    if (count > 4) {
      const auto others = tried.begin() + 1;
      const auto half = static_cast<std::ptrdiff_t>(count / 2);
      std::nth_element(others, others + half, tried.begin() + static_cast<std::ptrdiff_t>(count), is_faster);
      count = count / 2 + 1;
    }
  } while (now_ns() - start < options.budget_ns);
  const auto best = std::min_element(tried.begin() + 1, tried.begin() + static_cast<std::ptrdiff_t>(count), is_faster);
  const auto time = [&](bool other) {
    TunedRead one{other ? best->pattern : usual};
    try_pattern(ctx, slices, format, x, y, one);
    return one.ns_per_byte;
  };
  return other_wins_by(options.margin, time) ? best->pattern : usual;
}

}  // namespace ops_detail

/// Finds how ctx's threads and kernels read each format fastest, on the matrices' own bytes, and keeps it in
/// ctx.tuning. Streams and prefetch distance are properties of the machine, the format and the shapes: F16 on a Zen 3
/// wants no prefetch, Q8_0 there 512 bytes, both 8 streams; one Zen 4 wanted 1 or 2 streams. Changes no result.
///   matrices: those that one token is multiplied by; what matvec() would refuse is passed over, and formats with less
///             than four slices keep their tuning.
/// Takes   TuneOptions::budget_ns, one pass over the window and 62 slices for each format.
/// Returns kOk, or kOutOfMemory (formats not yet tried keep their tuning).
inline Status tune_streams(Context& ctx, std::span<const MatrixView> matrices,
                           const TuneOptions& options = {}) noexcept {
  const std::size_t slice_bytes =
      std::max<std::size_t>(options.slice_bytes, 1) * std::max<std::size_t>(ctx.executor.threads(), 1);
  Ledger* const ledger = std::exchange(ctx.ledger, nullptr);
  Status status = Status::kOk;
  for (std::size_t f = 0; f < kFormatCount && status == Status::kOk; ++f) {
    const Format format = kFormats[f].format;
    ops_detail::TuneSlices slices(matrices, format, slice_bytes, options.window_bytes);
    if (slices.empty() || !ctx.kernels.has(format)) continue;
    Arena memory;
    status = memory.reset(Arena::bytes_for<float>(slices.max_cols()) + Arena::bytes_for<float>(slices.max_rows()));
    if (status != Status::kOk) break;
    float* x = memory.take<float>(slices.max_cols());
    float* y = memory.take<float>(slices.max_rows());
    for (std::size_t k = 0; k < slices.max_cols(); ++k) x[k] = static_cast<float>(k % 255) / 127.0f - 1.0f;
    ctx.tuning.read[f] = ops_detail::tune_format(ctx, slices, format, options, x, y);
  }
  ctx.ledger = ledger;
  return status;
}

}  // namespace EDGEK_ABI
}  // namespace edgek

#endif  // EDGEK_OPS_TUNE_STREAMS_HPP_
