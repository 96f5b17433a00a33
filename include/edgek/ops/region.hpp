#ifndef EDGEK_OPS_REGION_HPP_
#define EDGEK_OPS_REGION_HPP_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "edgek/detail/abi.hpp"
#include "edgek/measure/ledger.hpp"
#include "edgek/runtime/context.hpp"
#include "edgek/runtime/executor.hpp"
#include "edgek/runtime/platform.hpp"

// What every op needs to spread its work: regions with the float control that one answer asks for, a
// queue of indices, and the clock that runs only for a ledger.

namespace edgek {
inline namespace EDGEK_ABI {
namespace ops_detail {

/// Below this much work (bytes read or written, or what takes as long) a second thread costs more than it brings.
inline constexpr std::size_t kWorkPerThread = 32 * 1024;

/// Threads worth using for `work` bytes; at least 1.
inline std::size_t threads_for(const Context& ctx, std::size_t work) noexcept {
  return std::clamp<std::size_t>(work / kWorkPerThread, 1, std::max<std::size_t>(ctx.executor.threads(), 1));
}

/// fn(item) for every item in [0, items), each with this library's float control. One item stays in the
/// calling thread.
template <typename Fn>
void run_items(Context& ctx, std::size_t items, Fn&& fn) noexcept {
  const auto controlled = [&fn](std::size_t item) noexcept {
    const ScopedFloatControl float_control;
    fn(item);
  };
  if (items == 1) return controlled(0);
  run_region(ctx.executor, items, controlled);
}

/// The clock that only a ledger needs: without one nothing reads it.
inline std::uint64_t clock_for(const Ledger* ledger) noexcept { return ledger != nullptr ? ledger->clock().now() : 0; }

/// An entry for an op that began at `start_ns`. Its time runs until it is recorded.
inline LedgerEntry entry_since(std::uint64_t start_ns, const char* op) noexcept {
  LedgerEntry entry;
  entry.op = op;
  entry.start_ns = start_ns;
  return entry;
}

/// An entry for an op that begins here, before its checks and planning, so that they count.
inline LedgerEntry start_entry(const Context& ctx, const char* op) noexcept {
  return entry_since(clock_for(ctx.ledger), op);
}

/// Fills in what each thread of a region was busy, given in ticks, which become nanoseconds. They must outlive the
/// record.
inline void set_busy(LedgerEntry& entry, const TickClock& clock, std::span<std::uint64_t> ticks) noexcept {
  entry.busy_ns = entry.busy_max_ns = 0;
  for (std::uint64_t& thread : ticks) {
    thread = clock.to_ns(thread);
    entry.busy_ns += thread;
    entry.busy_max_ns = std::max(entry.busy_max_ns, thread);
  }
  entry.threads = ticks.size();
  entry.thread_busy_ns = ticks.data();
}

/// Fills in what all ops record alike, and hands the entry to the ledger.
inline void record(Context& ctx, LedgerEntry& entry, const OpLabel& label) noexcept {
  entry.tensor = label.tensor;
  entry.layer = label.layer;
  entry.target = ctx.kernels.name;
  ctx.ledger->record(entry);
}

/// Ends and records an entry of work that the calling thread did alone: nothing was started or waited for.
inline void record_alone(Context& ctx, LedgerEntry& entry, const OpLabel& label) noexcept {
  if (ctx.ledger == nullptr) return;
  entry.threads = 1;
  entry.end_ns = ctx.ledger->clock().now();
  entry.busy_ns = entry.busy_max_ns = entry.end_ns - entry.start_ns;
  entry.thread_busy_ns = &entry.busy_ns;
  record(ctx, entry, label);
}

/// fn(i, slot) for every i in [0, count), in ascending order of starting, by `threads` threads (slot: which
/// of them); recorded as one op. `entry` says what it is, what it moves and when it began; its end is filled in.
template <typename Fn>
void run_recorded(Context& ctx, std::size_t count, std::size_t threads, LedgerEntry& entry, const OpLabel& label,
                  Fn&& fn) noexcept {
  entry.threads = std::clamp<std::size_t>(std::min(threads, count), 1, kMaxTimedThreads);
  if (entry.threads == 1) {
    run_items(ctx, 1, [&](std::size_t slot) {
      for (std::size_t i = 0; i < count; ++i) fn(i, slot);
    });
    return record_alone(ctx, entry, label);
  }
  std::uint64_t busy[kMaxTimedThreads];  // of each thread, in ticks; written by those that take part
  std::atomic<std::size_t> next{0};
  run_items(ctx, entry.threads, [&](std::size_t slot) {
    const std::uint64_t start = ctx.ledger != nullptr ? ctx.ledger->clock().ticks() : 0;
    for (std::size_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < count;) fn(i, slot);
    if (ctx.ledger != nullptr) busy[slot] = ctx.ledger->clock().ticks() - start;
  });
  if (ctx.ledger == nullptr) return;
  const TickClock& clock = ctx.ledger->clock();
  entry.end_ns = clock.now();
  set_busy(entry, clock, {busy, entry.threads});
  record(ctx, entry, label);
}

/// fn(i) for every i in [0, count), recorded as one op, by as many threads as the entry's bytes are worth.
template <typename Fn>
void run_over(Context& ctx, std::size_t count, LedgerEntry& entry, const OpLabel& label, Fn&& fn) noexcept {
  const std::size_t threads = threads_for(ctx, static_cast<std::size_t>(entry.traffic.bytes()));
  run_recorded(ctx, count, threads, entry, label, [&fn](std::size_t i, std::size_t) { fn(i); });
}

}  // namespace ops_detail
}  // namespace EDGEK_ABI
}  // namespace edgek

#endif  // EDGEK_OPS_REGION_HPP_
