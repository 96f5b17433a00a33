#ifndef EDGEK_BENCH_COUNTERS_HPP_
#define EDGEK_BENCH_COUNTERS_HPP_

#include <benchmark/benchmark.h>

#include "edgek/core/traffic.hpp"

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

}  // namespace edgek::bench

#endif  // EDGEK_BENCH_COUNTERS_HPP_
