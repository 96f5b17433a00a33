#ifndef EDGEK_ROOFLINE_PEAK_HPP_
#define EDGEK_ROOFLINE_PEAK_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "edgek/core/format.hpp"
#include "edgek/kernels/kernel_set.hpp"
#include "edgek/roofline/probe.hpp"
#include "edgek/runtime/executor.hpp"

namespace edgek {

/// Which of a format's two kernels.
enum class Unit { kRows, kPanel };

/// Multiply-adds per second of a kernel whose operands stay in cache: the arithmetic roof of that kernel
/// with the instructions of its target.
struct UnitPeak {
  Format format = Format::kF32;
  Unit unit = Unit::kRows;
  std::size_t threads = 0;
  double gmacs = 0;  ///< 10^9 multiply-adds a second, of all threads together
};

/// "int8 Q8_0 rows", "float F16 panel": arithmetic, format, kernel.
inline std::string unit_name(const MatmulKernels& kernels, Format format, Unit unit) {
  const char* arithmetic = kernels.activation == Activation::kF32 ? "float " : "int8 ";
  return arithmetic + std::string(info(format).name) + (unit == Unit::kRows ? " rows" : " panel");
}

namespace detail {

inline constexpr std::size_t kPeakCols = 1024;

/// Operands of the small multiplication that measures a peak: about 64 KB of weights shared by all
/// threads, and for each thread outputs and scratch of its own.
struct PeakOperands {
  PeakOperands(const KernelSet& kernels, const MatmulKernels& k, Format format, Unit unit, std::size_t threads)
      : tokens(unit == Unit::kRows ? 1 : 64),
        rows(round_up(64 * 1024 / row_bytes(format, kPeakCols), unit == Unit::kRows ? k.row_tile : k.panel_rows)),
        x_stride(packed_bytes(k.activation, kPeakCols)),
        weights(rows * row_bytes(format, kPeakCols)),
        x(tokens * x_stride),
        y(threads * rows * tokens * sizeof(float)),
        scratch(threads * kKernelScratchBytes) {
    if (!complete()) return;
    // Any bytes are valid blocks; 0x2e2e is 0.096 as a half and a small normal number in the other float
    // formats, so no denormal slows a multiplication down.
    std::memset(weights.data(), 0x2e, weights.size());
    std::memset(y.data(), 0, y.size());
    const std::vector<float> ones(kPeakCols, 1.0f);
    for (std::size_t t = 0; t < tokens; ++t)
      kernels.pack[static_cast<std::size_t>(k.activation)](ones.data(), kPeakCols, unit == Unit::kPanel,
                                                           x.data() + t * x_stride);
  }

  static std::size_t round_up(std::size_t n, std::size_t multiple) noexcept {
    const std::size_t m = std::max<std::size_t>(multiple, 1);
    return std::max<std::size_t>((n + m - 1) / m, 1) * m;
  }
  bool complete() const noexcept {
    return weights.size() != 0 && x.size() != 0 && y.size() != 0 && scratch.size() != 0;
  }
  MatmulJob job(Format format, std::size_t thread) const noexcept {
    MatmulJob j{};  // no prefetch: all of it lies in cache
    j.weights = weights.data(), j.row_bytes = row_bytes(format, kPeakCols), j.cols = kPeakCols;
    j.x = x.data(), j.x_stride = x_stride, j.tokens = tokens;
    j.y = reinterpret_cast<float*>(y.data()) + thread * rows * tokens, j.y_stride = rows;
    return j;
  }

  std::size_t tokens, rows, x_stride;
  ProbeBuffer weights, x, y, scratch;
};

}  // namespace detail

/// Measures the kernel of `format` (the exact one, in exact mode) in cache: one token for rows, 64 for the
/// panel. A zero rate when there is no memory, or the set does not have the format.
inline UnitPeak measure_peak(const KernelSet& kernels, Executor& executor, Format format, Unit unit,
                             bool exact = false, const ProbeOptions& options = {}) {
  const MatmulKernels& k = (exact ? kernels.exact : kernels.by_format)[index_of(format)];
  const std::size_t threads = executor.threads();
  UnitPeak peak{format, unit, threads, 0};
  if (!kernels.has(format)) return peak;
  const detail::PeakOperands operands(kernels, k, format, unit, threads);
  if (!operands.complete()) return peak;
  const auto pass = [&](std::size_t repeats) noexcept {
    return detail::time_ns([&] {
      run_region(executor, threads, [&](std::size_t thread) noexcept {
        const MatmulJob job = operands.job(format, thread);
        std::byte* scratch = operands.scratch.data() + thread * kKernelScratchBytes;
        for (std::size_t i = 0; i < repeats; ++i) {
          if (unit == Unit::kRows) k.rows(job, 0, operands.rows);
          else k.panel(job, 0, operands.rows, scratch);
        }
      });
    });
  };
  const std::uint64_t once = std::max<std::uint64_t>(pass(1), 1);
  const std::size_t repeats = std::clamp<std::size_t>(options.min_pass_ns / once, 1, 1u << 20);
  const double ns = detail::median_ns(options, [&] { return pass(repeats); });
  peak.gmacs = static_cast<double>(operands.rows * detail::kPeakCols * operands.tokens * repeats * threads) / ns;
  return peak;
}

}  // namespace edgek

#endif  // EDGEK_ROOFLINE_PEAK_HPP_
