#ifndef EDGEK_BENCH_COUNTERS_HPP_
#define EDGEK_BENCH_COUNTERS_HPP_

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>

#include "edgek/core/traffic.hpp"
#include "edgek/measure/clock.hpp"

// What a benchmark counts is what the reports count: bytes and operations come from the ops' own traffic functions.

namespace edgek::bench {

/// 10^9 a second of something that an iteration does so often.
inline void count(benchmark::State& state, const char* name, double per_iteration) {
  state.counters[name] = benchmark::Counter(static_cast<double>(state.iterations()) * per_iteration / 1e9,
                                            benchmark::Counter::kIsRate);
}

/// "GB/s" of what an iteration streams (weights, scales, keys, values), "GMAC/s" of its multiply-adds.
inline void count(benchmark::State& state, const Traffic& per_iteration) {
  count(state, "GB/s", static_cast<double>(streamed_bytes(per_iteration)));
  count(state, "GMAC/s", static_cast<double>(per_iteration.flops) / 2);
}

/// Cycles a nanosecond of the core that calls, now: a chain of additions takes one each. Some 10 us.
inline double clock_ghz() {
  constexpr std::size_t kAdditions = 1 << 15;
  std::uint64_t sum = 0, one = 1;
  const std::uint64_t start = now_ns();
  for (std::size_t i = 0; i < kAdditions; i += 8)
    for (std::size_t j = 0; j < 8; ++j) {
      sum += one;
      __asm__ volatile("" : "+r"(sum), "+r"(one));
    }
  const std::uint64_t ns = now_ns() - start;
  return static_cast<double>(kAdditions) / static_cast<double>(ns);
}

}  // namespace edgek::bench

#endif  // EDGEK_BENCH_COUNTERS_HPP_
