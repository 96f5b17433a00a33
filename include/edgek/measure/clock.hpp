#ifndef EDGEK_MEASURE_CLOCK_HPP_
#define EDGEK_MEASURE_CLOCK_HPP_

#include <cstdint>
#include <ctime>

namespace edgek {

/// Nanoseconds of the steady clock; only differences mean anything. About 25 ns a call on Linux.
inline std::uint64_t now_ns() noexcept {
  std::timespec now{};  // not <chrono>, which costs every including file 0.3 s
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

/// Nanoseconds as milliseconds.
constexpr double to_ms(std::uint64_t ns) noexcept { return static_cast<double>(ns) * 1e-6; }

/// Bytes moved in `ns` nanoseconds as GB/s (10^9 bytes a second); 0 when no time passed.
constexpr double to_gbps(std::uint64_t bytes, std::uint64_t ns) noexcept {
  return ns == 0 ? 0.0 : static_cast<double>(bytes) / static_cast<double>(ns);
}

}  // namespace edgek

#endif  // EDGEK_MEASURE_CLOCK_HPP_
