#ifndef EDGEK_OPS_TUNE_HPP_
#define EDGEK_OPS_TUNE_HPP_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "edgek/detail/abi.hpp"

namespace edgek {

/// How long to try, and how much better another way of reading must be.
struct TuneOptions {
  std::uint64_t budget_ns = 12'000'000;              ///< for each format; what was begun is finished
  std::size_t window_bytes = std::size_t{64} << 20;  ///< of each format, read in turns: more than caches hold is better
  std::size_t slice_bytes = std::size_t{1} << 20;    ///< that a thread reads at a time
  double margin = 0.05;                              ///< of its time that another way must save: neighbours make noise
};

inline namespace EDGEK_ABI {
namespace ops_detail {

/// Whether another way saves `margin` of the usual one's time, by the median of pairs in turns: a best time may be
/// luck, when a neighbour met all of the usual's (a choice of that kind cost Q4_K a quarter of its speed until it was
/// forgotten).   time(other): what one try of the other way, or of the usual one, takes; infinite where it failed.
template <typename Time>
bool other_wins_by(double margin, const Time& time) noexcept {
  std::array<double, 31> ratios;
  for (std::size_t i = 0; i < ratios.size(); ++i) {
    std::array<double, 2> took;
    for (const std::size_t turn : {i % 2, 1 - i % 2}) took[turn] = time(turn == 1);
    ratios[i] = took[1] < took[0] ? took[1] / took[0] : 1.0;
  }
  const auto median = ratios.begin() + ratios.size() / 2;
  std::nth_element(ratios.begin(), median, ratios.end());
  return *median < 1.0 - margin;
}

}  // namespace ops_detail
}  // namespace EDGEK_ABI
}  // namespace edgek

#endif  // EDGEK_OPS_TUNE_HPP_
