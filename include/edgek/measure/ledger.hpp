#ifndef EDGEK_MEASURE_LEDGER_HPP_
#define EDGEK_MEASURE_LEDGER_HPP_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "edgek/core/format.hpp"
#include "edgek/core/traffic.hpp"
#include "edgek/measure/tick_clock.hpp"

namespace edgek {

/// How a ledger names the weights of an op. Strings are kept by pointer.
struct OpLabel {
  const char* tensor = "";
  int layer = -1;
};

/// One op, as it ran. Strings live as long as the program or the model.
struct LedgerEntry {
  const char* op = "";        ///< "matvec", "matmul", "attention", "rmsnorm", ...
  const char* tensor = "";    ///< the weight tensor's name, or ""
  int layer = -1;             ///< decoder layer, -1 outside
  Format format = Format::kF32;
  const char* target = "";    ///< KernelSet::name
  std::size_t m = 0, k = 0, n = 0;  ///< rows, cols, tokens
  Traffic traffic;
  std::uint64_t start_ns = 0, end_ns = 0;  ///< Ledger::clock(), by the thread that called the op
  std::uint64_t busy_ns = 0;      ///< sum over threads of time spent in kernels
  std::uint64_t busy_max_ns = 0;  ///< of the busiest thread
  std::size_t threads = 0;
  const std::uint64_t* thread_busy_ns = nullptr;  ///< (threads): of each, as long as Ledger::record() runs
};

/// Threads that one region is timed for; more do not take part.
inline constexpr std::size_t kMaxTimedThreads = 1024;

/// What one thread of a region spent on each of its parts, in ticks. The thread writes it once, when it is done.
struct alignas(64) ThreadTicks {
  static constexpr std::size_t kMaxParts = 8;  // a cache line: each more would travel between cores
  std::array<std::uint64_t, kMaxParts> parts;
};

/// Products of one input that shared a region, as its threads counted them. What each took is worked out when there is
/// time for it (for_each_entry()), not while a token waits.
struct ProductRegion {
  static constexpr std::size_t kMaxProducts = ThreadTicks::kMaxParts - 1;  // and what follows them
  struct Product {
    const char* tensor;
    int layer;
    Format format;
    std::size_t rows;
  };

  const char* target = "";                 ///< KernelSet::name
  std::size_t cols = 0, tokens = 0;        ///< of the input
  std::uint64_t start_ns = 0, end_ns = 0;  ///< as LedgerEntry's
  const char* packing = nullptr;           ///< how the calling thread packed the input first; nullptr: said elsewhere
  std::uint64_t packed_bytes = 0;          ///< that it read and wrote for that
  std::uint64_t packed_ns = 0;             ///< when it was done
  const ThreadTicks* ticks = nullptr;      ///< (threads)
  std::uint32_t threads = 0;
  std::uint16_t count = 0;                 ///< products
  bool gated = false;                      ///< there is one part more: silu(first) * second
  std::array<Product, kMaxProducts> products;

  std::size_t parts() const noexcept { return count + (gated ? 1u : 0u); }

  /// Bytes up to the last product: all that need be copied.
  std::size_t bytes_in_use() const noexcept { return sizeof(ProductRegion) - (kMaxProducts - count) * sizeof(Product); }
};

namespace detail {

/// What all entries of a region have in common, in the name of one of its products.
inline LedgerEntry common_entry(const ProductRegion& region, const ProductRegion::Product& product) noexcept {
  LedgerEntry entry;
  entry.tensor = product.tensor, entry.layer = product.layer;
  entry.target = region.target;
  entry.n = region.tokens;
  return entry;
}

inline LedgerEntry packing_entry(const ProductRegion& region) noexcept {
  LedgerEntry entry = common_entry(region, region.products[0]);
  entry.op = region.packing;
  entry.k = region.cols;
  entry.traffic.activations = region.packed_bytes;
  entry.threads = 1;
  entry.start_ns = region.start_ns, entry.end_ns = region.packed_ns;
  entry.busy_ns = entry.busy_max_ns = entry.end_ns - entry.start_ns;
  return entry;
}

/// A part's entry but for its times.
inline LedgerEntry part_entry(const ProductRegion& region, std::size_t part) noexcept {
  const bool is_product = part < region.count;
  const ProductRegion::Product& product = region.products[is_product ? part : 0];
  LedgerEntry entry = common_entry(region, product);
  entry.threads = region.threads;
  if (is_product) {
    entry.op = region.tokens == 1 ? "matvec" : "matmul";
    entry.format = product.format;
    entry.m = product.rows, entry.k = region.cols;
    entry.traffic = matmul_traffic(entry.format, entry.m, entry.k, entry.n);
  } else {
    entry.op = "silu_mul";
    entry.k = product.rows;
    entry.traffic.activations = 3 * sizeof(float) * entry.k * entry.n;
  }
  return entry;
}

/// Ticks of a region's parts, over all threads.
struct PartTicks {
  ThreadTicks sum{};
  std::uint64_t total = 0, busiest = 0;  // busiest: of one thread, in all parts

  explicit PartTicks(const ProductRegion& region) noexcept {
    for (std::size_t t = 0; t < region.threads; ++t) {
      std::uint64_t thread = 0;
      for (std::size_t p = 0; p < region.parts(); ++p) {
        sum.parts[p] += region.ticks[t].parts[p];
        thread += region.ticks[t].parts[p];
      }
      total += thread;
      busiest = std::max(busiest, thread);
    }
  }
};

}  // namespace detail

/// fn(entry) for the packing of the input and every part. Parts share the region's time after the packing, one after
/// the other, in proportion to what the threads spent on each.
template <typename Fn>
void for_each_entry(const ProductRegion& region, const TickClock& clock, Fn&& fn) noexcept {
  std::uint64_t start = region.start_ns, thread_busy[kMaxTimedThreads];
  if (region.packing != nullptr) {
    LedgerEntry entry = detail::packing_entry(region);
    entry.thread_busy_ns = &entry.busy_ns;
    start = entry.end_ns;
    fn(std::as_const(entry));
  }
  const detail::PartTicks ticks(region);
  const double per_tick = 1 / static_cast<double>(std::max<std::uint64_t>(ticks.total, 1));
  const auto share = [=](std::uint64_t of, std::uint64_t part) {
    return detail::scale_duration(detail::scaled(per_tick, part), of);
  };
  std::uint64_t done = 0, begin = start;
  for (std::size_t p = 0; p < region.parts(); ++p) {
    LedgerEntry entry = detail::part_entry(region, p);
    const std::uint64_t part = ticks.sum.parts[p];
    const bool last = p + 1 == region.parts();
    done += part;
    entry.start_ns = begin;
    entry.end_ns = begin = last ? region.end_ns : start + share(region.end_ns - start, done);
    for (std::size_t t = 0; t < region.threads; ++t)
      entry.busy_ns += thread_busy[t] = clock.to_ns(region.ticks[t].parts[p]);
    entry.thread_busy_ns = thread_busy;
    entry.busy_max_ns = clock.to_ns(share(ticks.busiest, part));  // of the region's, not of this part's
    fn(std::as_const(entry));
  }
}

/// Receives what ops record. Ops with no ledger attached do not even read the clock.
/// Called by the thread that called the op, never from a worker.
class Ledger {
 public:
  virtual ~Ledger() = default;
  virtual void record(const LedgerEntry& entry) noexcept = 0;

  /// A matmul's products; unless overridden, an entry for each.
  virtual void record_products(const ProductRegion& region) noexcept {
    for_each_entry(region, clock_, [this](const LedgerEntry& entry) { record(entry); });
  }

  /// (threads): where those of the region that is recorded next are to count. A ledger that lends room of its own may
  /// read it later, when what other cores wrote need not be waited for. nullptr: the op finds room.
  virtual ThreadTicks* ticks_for(std::size_t /*threads*/) noexcept { return nullptr; }

  /// The clock of its entries.
  const TickClock& clock() const noexcept { return clock_; }

 protected:
  TickClock clock_;
};

}  // namespace edgek

#endif  // EDGEK_MEASURE_LEDGER_HPP_
