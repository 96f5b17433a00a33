#ifndef EDGEK_ROOFLINE_PROBE_HPP_
#define EDGEK_ROOFLINE_PROBE_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <vector>

#include "edgek/kernels/kernel_set.hpp"
#include "edgek/measure/machine.hpp"
#include "edgek/roofline/read_loops.hpp"
#include "edgek/runtime/executor.hpp"

namespace edgek {

/// Read bandwidth of one loop of the battery.
struct ReadRate {
  std::size_t threads = 0;
  std::uint64_t footprint = 0;  ///< bytes, of all threads together
  ReadLoop loop;
  double gbps = 0;
};

/// A place that weights may be read from, and how many bytes to probe it with.
struct MemoryLevel {
  const char* name = "";        ///< "l1", "l2", "l3", "dram"
  std::uint64_t footprint = 0;  ///< bytes, of all threads together
};

/// The levels of this machine, nearest first. Half of a cache is used, so that the rest of the process
/// does not push the probe out; four times the last cache (at least 256 MB) stands for DRAM.
inline std::vector<MemoryLevel> memory_levels(const Machine& m, std::size_t threads) {
  std::vector<MemoryLevel> levels;
  if (m.l1d_bytes != 0) levels.push_back({"l1", m.l1d_bytes / 2 * threads});
  if (m.l2_bytes != 0) levels.push_back({"l2", m.l2_bytes / 2 * threads});
  if (m.l3_bytes / 2 > m.l2_bytes * threads) levels.push_back({"l3", m.l3_bytes / 2});
  std::uint64_t dram = std::max<std::uint64_t>(4 * std::max(m.l3_bytes, m.l2_bytes), 256u << 20);
  if (m.memory_bytes != 0) dram = std::min(dram, m.memory_bytes / 8);
  levels.push_back({"dram", dram});
  return levels;
}

/// The level that a working set of this many bytes is read from, token after token.
inline const char* level_of(std::uint64_t bytes, const Machine& m, std::size_t threads) noexcept {
  if (bytes <= m.l2_bytes * threads) return "l2";
  return bytes <= m.l3_bytes ? "l3" : "dram";
}

namespace detail {

/// Bytes aligned to 64, or nothing when there is no memory.
class ProbeBuffer {
 public:
  explicit ProbeBuffer(std::size_t bytes) noexcept : raw_(new (std::nothrow) std::byte[bytes + 64]), bytes_(bytes) {
    if (raw_ == nullptr) return;
    const auto address = reinterpret_cast<std::uintptr_t>(raw_.get());
    data_ = raw_.get() + (64 - address % 64) % 64;
  }
  std::byte* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return data_ == nullptr ? 0 : bytes_; }

 private:
  std::unique_ptr<std::byte[]> raw_;
  std::byte* data_ = nullptr;
  std::size_t bytes_;
};

/// Writes to all of it from the threads that will read it: pages exist, and near their readers.
inline void touch(Executor& executor, std::byte* data, std::size_t bytes) noexcept {
  const std::size_t items = executor.threads();
  const std::size_t share = (bytes + items - 1) / items;
  run_region(executor, items, [&](std::size_t i) noexcept {
    const std::size_t begin = std::min(i * share, bytes);
    std::memset(data + begin, static_cast<int>(i) + 1, std::min(share, bytes - begin));
  });
}

}  // namespace detail

/// Measures every loop of the battery (or `loops` of it) over `footprint` bytes of fresh memory, with the executor's
/// threads. Footprints that caches hold are read over and over, a slice per thread; others in chunks. Empty when
/// there is not enough memory.
inline std::vector<ReadRate> probe_reads(const KernelSet& kernels, Executor& executor, std::uint64_t footprint,
                                         const ProbeOptions& options = {},
                                         std::span<const ReadLoop> loops = kReadLoops) {
  const std::size_t threads = executor.threads();
  const detail::ProbeBuffer buffer(static_cast<std::size_t>(footprint));
  std::vector<ReadRate> rates;
  if (buffer.size() / threads < 64) return rates;
  detail::touch(executor, buffer.data(), buffer.size());
  const ByteSpan memory(buffer.data(), buffer.size());
  constexpr std::uint64_t kCacheBytes = 64u << 20;  // above this one pass is long enough
  for (const ReadLoop& loop : loops) {
    double ns = 0;
    if (footprint > kCacheBytes) {
      const std::vector<ByteSpan> chunks = detail::cut_into_chunks({&memory, 1}, loop.streams);
      ns = detail::median_ns(options, [&] { return detail::read_chunks(kernels, executor, chunks, loop); });
      rates.push_back({threads, footprint, loop, static_cast<double>(footprint) / ns});
      continue;
    }
    const std::uint64_t once = std::max<std::uint64_t>(detail::read_slices(kernels, executor, memory, 8, loop) / 8, 1);
    const std::size_t repeats = std::clamp<std::size_t>(options.min_pass_ns / once, 1, 1u << 20);
    ns = detail::median_ns(options, [&] { return detail::read_slices(kernels, executor, memory, repeats, loop); });
    const std::uint64_t bytes = memory.size() / threads / 64 * 64 * threads * repeats;
    rates.push_back({threads, footprint, loop, static_cast<double>(bytes) / ns});
  }
  return rates;
}

/// The fastest of a battery; a zero rate if it is empty.
inline ReadRate best_of(std::span<const ReadRate> rates) noexcept {
  ReadRate best;
  for (const ReadRate& r : rates)
    if (r.gbps > best.gbps) best = r;
  return best;
}

}  // namespace edgek

#endif  // EDGEK_ROOFLINE_PROBE_HPP_
