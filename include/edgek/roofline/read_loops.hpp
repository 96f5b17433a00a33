#ifndef EDGEK_ROOFLINE_READ_LOOPS_HPP_
#define EDGEK_ROOFLINE_READ_LOOPS_HPP_

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "edgek/kernels/kernel_set.hpp"
#include "edgek/measure/clock.hpp"
#include "edgek/measure/percentiles.hpp"
#include "edgek/runtime/executor.hpp"

namespace edgek {

/// One way of reading memory: how many contiguous bands at once, and how far ahead to prefetch.
struct ReadLoop {
  std::size_t streams = 1;
  std::size_t prefetch = 0;  ///< bytes; 0: none
  friend bool operator==(const ReadLoop&, const ReadLoop&) = default;
};

/// The battery. No one loop is the fastest on every machine: a plain sequential read stays 15-40 %
/// below the best of these on server CPUs, so the roof is whichever wins here and now.
inline constexpr std::array<ReadLoop, 16> kReadLoops = {{{1, 0}, {1, 512}, {1, 1024}, {1, 2048},
                                                         {2, 0}, {2, 512}, {2, 1024}, {2, 2048},
                                                         {4, 0}, {4, 512}, {4, 1024}, {4, 2048},
                                                         {8, 0}, {8, 512}, {8, 1024}, {8, 2048}}};

/// "4 streams, prefetch 512"
inline std::string to_string(const ReadLoop& loop) {
  std::string text = std::to_string(loop.streams) + (loop.streams == 1 ? " stream" : " streams");
  return text + (loop.prefetch == 0 ? ", no prefetch" : ", prefetch " + std::to_string(loop.prefetch));
}

using ByteSpan = std::span<const std::byte>;  ///< a stretch of memory, read only

/// How long and how often to measure.
struct ProbeOptions {
  std::uint64_t min_pass_ns = 2'000'000;  ///< a pass over a small footprint repeats until it takes this long
  std::size_t passes = 5;                 ///< at most kMaxPasses; the median counts
  static constexpr std::size_t kMaxPasses = 64;
};

namespace detail {

/// The median of options.passes calls of pass(), which answers nanoseconds; one call before them warms up.
template <typename Pass>
double median_ns(const ProbeOptions& options, Pass&& pass) noexcept {
  std::array<double, ProbeOptions::kMaxPasses> ns{};
  const std::size_t count = std::clamp<std::size_t>(options.passes, 1, ns.size());
  pass();
  for (std::size_t i = 0; i < count; ++i) ns[i] = static_cast<double>(pass());
  return summarize(std::span(ns).first(count)).p50;
}

/// Nanoseconds of fn(), by a clock around it.
template <typename Fn>
std::uint64_t time_ns(Fn&& fn) noexcept {
  const std::uint64_t start = now_ns();
  fn();
  return now_ns() - start;
}

// A chunk's bands lie 68.5 KB apart: further than 32 KB, so that hardware prefetchers see separate
// streams, and an odd multiple of 512 modulo the page size, so that they do not meet in the same cache
// sets. Bands a multiple of 4096 bytes apart read 10-17 % slower.
inline constexpr std::size_t kBandBytes = 17 * 4096 + 512;

/// Spans that touch become one, then each is cut into chunks of `streams` bands.
inline std::vector<ByteSpan> cut_into_chunks(std::span<const ByteSpan> spans, std::size_t streams) {
  std::vector<ByteSpan> merged;
  for (const ByteSpan& s : spans) {
    if (s.empty()) continue;
    if (!merged.empty() && merged.back().data() + merged.back().size() == s.data())
      merged.back() = ByteSpan(merged.back().data(), merged.back().size() + s.size());
    else
      merged.push_back(s);
  }
  std::vector<ByteSpan> chunks;
  const std::size_t chunk = streams * kBandBytes;
  for (const ByteSpan& s : merged)
    for (std::size_t at = 0; at < s.size(); at += chunk)
      chunks.push_back(s.subspan(at, std::min(chunk, s.size() - at)));
  return chunks;
}

/// Reads every chunk once, in order, threads taking the next one as they finish. Nanoseconds.
inline std::uint64_t read_chunks(const KernelSet& kernels, Executor& executor, std::span<const ByteSpan> chunks,
                                 const ReadLoop& loop) noexcept {
  std::atomic<std::size_t> next{0};
  std::atomic<std::uint64_t> sink{0};
  const auto pull = [&](std::size_t) noexcept {
    std::uint64_t sum = 0;
    for (std::size_t i = next.fetch_add(1); i < chunks.size(); i = next.fetch_add(1)) {
      const std::byte* begin = chunks[i].data();
      sum ^= kernels.stream(begin, begin + chunks[i].size(), loop.streams, loop.prefetch);
    }
    sink.fetch_xor(sum);
  };
  return time_ns([&] { run_region(executor, executor.threads(), pull); });
}

/// Every thread reads a slice of its own `repeats` times. Nanoseconds.
inline std::uint64_t read_slices(const KernelSet& kernels, Executor& executor, ByteSpan memory, std::size_t repeats,
                                 const ReadLoop& loop) noexcept {
  const std::size_t slice = memory.size() / executor.threads() / 64 * 64;
  std::atomic<std::uint64_t> sink{0};
  const auto read = [&](std::size_t item) noexcept {
    const std::byte* begin = memory.data() + item * slice;
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < repeats; ++i) sum ^= kernels.stream(begin, begin + slice, loop.streams, loop.prefetch);
    sink.fetch_xor(sum);
  };
  return time_ns([&] { run_region(executor, executor.threads(), read); });
}

}  // namespace detail
}  // namespace edgek

#endif  // EDGEK_ROOFLINE_READ_LOOPS_HPP_
