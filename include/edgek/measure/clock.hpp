#ifndef EDGEK_MEASURE_CLOCK_HPP_
#define EDGEK_MEASURE_CLOCK_HPP_

#include <chrono>
#include <cstdint>

namespace edgek {

/// Nanoseconds of the steady clock; only differences mean anything. About 25 ns a call on Linux.
inline std::uint64_t now_ns() noexcept {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(since).count());
}

/// Nanoseconds as milliseconds.
constexpr double to_ms(std::uint64_t ns) noexcept { return static_cast<double>(ns) * 1e-6; }

/// Bytes moved in `ns` nanoseconds as GB/s (10^9 bytes a second); 0 when no time passed.
constexpr double to_gbps(std::uint64_t bytes, std::uint64_t ns) noexcept {
  return ns == 0 ? 0.0 : static_cast<double>(bytes) / static_cast<double>(ns);
}

}  // namespace edgek

#endif  // EDGEK_MEASURE_CLOCK_HPP_
