#ifndef EDGEK_MEASURE_PERCENTILES_HPP_
#define EDGEK_MEASURE_PERCENTILES_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

namespace edgek {

/// The value below which a share `p` (0..1) of the samples lies, interpolated linearly between the two
/// nearest ranks (rank p * (count - 1), the rule of NumPy and of most spreadsheets): the median of an
/// even count is the mean of the middle two. `sorted` is in ascending order. 0 when there are no samples.
inline double percentile(std::span<const double> sorted, double p) noexcept {
  if (sorted.empty()) return 0.0;
  const double rank = std::clamp(p, 0.0, 1.0) * static_cast<double>(sorted.size() - 1);
  const std::size_t below = static_cast<std::size_t>(rank);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (rank - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

/// What a report says about a set of times.
struct Summary {
  std::size_t count = 0;
  double mean = 0;
  double sd = 0;  ///< of the sample (divisor count - 1); 0 for fewer than two samples
  double min = 0;
  double p50 = 0, p95 = 0, p99 = 0;
  double max = 0;
};

/// Sorts `samples` in place and describes them. Allocates nothing.
inline Summary summarize(std::span<double> samples) noexcept {
  Summary s;
  s.count = samples.size();
  if (samples.empty()) return s;
  std::sort(samples.begin(), samples.end());
  for (const double x : samples) s.mean += x;
  s.mean /= static_cast<double>(s.count);
  double squares = 0;
  for (const double x : samples) squares += (x - s.mean) * (x - s.mean);
  if (s.count > 1) s.sd = std::sqrt(squares / static_cast<double>(s.count - 1));
  s.min = samples.front(), s.max = samples.back();
  s.p50 = percentile(samples, 0.50), s.p95 = percentile(samples, 0.95), s.p99 = percentile(samples, 0.99);
  return s;
}

}  // namespace edgek

#endif  // EDGEK_MEASURE_PERCENTILES_HPP_
