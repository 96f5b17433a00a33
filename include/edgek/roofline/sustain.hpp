#ifndef EDGEK_ROOFLINE_SUSTAIN_HPP_
#define EDGEK_ROOFLINE_SUSTAIN_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

#include "edgek/measure/percentiles.hpp"

namespace edgek {

/// A stretch of a long run.
struct SustainWindow {
  double at_s = 0;          ///< its end, since the run began
  double tokens_per_s = 0;
  Summary token_ms;
  double celsius = 0;       ///< of the hottest zone, at its end; 0: not reported
  double mhz = 0;           ///< mean of the CPUs, at its end; 0: not reported
};

/// Where throughput falls and stays lower, as it does when a machine has become too warm.
struct Knee {
  bool found = false;
  std::size_t at = 0;             ///< the first window of the slower part
  double before = 0, after = 0;   ///< mean tokens per second of both parts

  double drop() const noexcept { return before > 0 ? 1 - after / before : 0; }
};

/// Finds the one point at which two means describe the rates best (least squares), and says whether the second one is
/// really lower: by 5 % at least, and by five times what the scatter around both means explains. A single slow window,
/// or a neighbour's load that comes and goes, is no knee. Nothing is found in fewer than 8 windows.
inline Knee find_knee(std::span<const double> rates) {
  constexpr double kLeastDrop = 0.05, kSigmas = 5;
  const std::size_t n = rates.size(), least = std::max<std::size_t>(3, n / 20);
  Knee best;
  if (n < 8) return best;
  double total = 0, squares = 0;
  for (const double r : rates) total += r, squares += r * r;
  double first = 0, least_error = squares;
  for (std::size_t c = 1; c + least <= n; ++c) {
    first += rates[c - 1];
    if (c < least) continue;
    const double a = static_cast<double>(c), b = static_cast<double>(n - c);
    const double error = squares - first * first / a - (total - first) * (total - first) / b;
    if (error >= least_error) continue;
    least_error = error;
    best = {false, c, first / a, (total - first) / b};
  }
  const double sigma = std::sqrt(std::max(least_error, 0.0) / static_cast<double>(n - 2));
  const double a = static_cast<double>(best.at), b = static_cast<double>(n) - a;
  const double scatter = sigma * std::sqrt(1 / a + 1 / b);
  best.found = best.drop() >= kLeastDrop && best.before - best.after > kSigmas * scatter;
  return best;
}

/// The rates of windows.
inline std::vector<double> rates_of(std::span<const SustainWindow> windows) {
  std::vector<double> rates;
  for (const SustainWindow& w : windows) rates.push_back(w.tokens_per_s);
  return rates;
}

}  // namespace edgek

#endif  // EDGEK_ROOFLINE_SUSTAIN_HPP_
