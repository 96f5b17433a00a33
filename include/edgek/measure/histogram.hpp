#ifndef EDGEK_MEASURE_HISTOGRAM_HPP_
#define EDGEK_MEASURE_HISTOGRAM_HPP_

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "edgek/measure/percentiles.hpp"

namespace edgek {

/// How often samples fall into equal steps, from the smallest one on.
struct Histogram {
  double from = 0, width = 0;         ///< of the first bin; bin i begins at from + i * width
  std::vector<std::size_t> counts;
  std::size_t above = 0;              ///< samples beyond the last bin: one slow sample must not flatten the rest
};

/// At most `bins` bins up to the largest sample, or up to twice the median where that is less.
inline Histogram histogram(std::span<const double> samples, std::size_t bins = 32) {
  Histogram h;
  if (samples.empty() || bins == 0) return h;
  std::vector<double> sorted(samples.begin(), samples.end());
  const Summary s = summarize(sorted);
  h.from = s.min;
  const double to = std::min(s.max, std::max(2 * s.p50, s.min));
  h.counts.assign(to > h.from ? bins : 1, 0);
  h.width = (to - h.from) / static_cast<double>(h.counts.size());
  for (const double x : sorted) {
    if (x > to) {
      ++h.above;
      continue;
    }
    const std::size_t bin = h.width > 0 ? static_cast<std::size_t>((x - h.from) / h.width) : 0;
    ++h.counts[std::min(bin, h.counts.size() - 1)];
  }
  return h;
}

}  // namespace edgek

#endif  // EDGEK_MEASURE_HISTOGRAM_HPP_
