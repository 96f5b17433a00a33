#ifndef EDGEK_MEASURE_RECORDING_LEDGER_HPP_
#define EDGEK_MEASURE_RECORDING_LEDGER_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>

#include "edgek/core/format.hpp"
#include "edgek/core/traffic.hpp"
#include "edgek/measure/clock.hpp"
#include "edgek/measure/ledger.hpp"

namespace edgek {

/// Everything that ran under one name: the same op on weights of one format, by one target's kernels.
struct KernelTotals {
  const char* op = "";
  const char* target = "";
  Format format = Format::kF32;
  std::size_t calls = 0;
  Traffic traffic;
  std::uint64_t wall_ns = 0;      ///< as seen by the thread that called the op
  std::uint64_t work_ns = 0;      ///< kernel time had it been spread evenly: busy / threads
  std::uint64_t busiest_ns = 0;   ///< kernel time of the busiest thread
  std::size_t min_cols = std::numeric_limits<std::size_t>::max();  ///< shortest row, in weights
  std::size_t max_tokens = 0;     ///< most inputs in one call

  /// Time that threads waited for the busiest one.
  std::uint64_t imbalance_ns() const noexcept { return busiest_ns - std::min(work_ns, busiest_ns); }
  /// Time around the kernels: the check of shapes, starting the threads, waiting for the last.
  std::uint64_t fork_join_ns() const noexcept { return wall_ns - std::min(busiest_ns, wall_ns); }
};

/// One token, timed by a clock outside the ops.
struct TokenSpan {
  std::uint64_t start_ns = 0, end_ns = 0;
  std::uint64_t recorded_ns = 0;  ///< of this, time inside recorded ops
  std::uint64_t wall_ns() const noexcept { return end_ns - start_ns; }
};

/// A ledger that sums what ops record by (op, format, target), and keeps the times of tokens.
/// It writes to storage given by the caller and allocates nothing; what finds no room is counted in
/// dropped() and lost, so a report can say that it is incomplete.
class RecordingLedger final : public Ledger {
 public:
  /// Room for kernels.size() different names and tokens.size() tokens. Both outlive the ledger.
  RecordingLedger(std::span<KernelTotals> kernels, std::span<TokenSpan> tokens) noexcept
      : kernels_(kernels), tokens_(tokens) {}

  void record(const LedgerEntry& e) noexcept override {
    const std::uint64_t wall = e.end_ns - e.start_ns;
    recorded_ns_ += wall;
    KernelTotals* totals = find_or_add(e);
    if (totals == nullptr) {
      ++dropped_;
      return;
    }
    const std::uint64_t threads = std::max<std::size_t>(e.threads, 1);
    ++totals->calls;
    totals->traffic += e.traffic;
    totals->wall_ns += wall;
    totals->work_ns += e.busy_ns / threads;
    totals->busiest_ns += e.busy_max_ns;
    totals->min_cols = std::min(totals->min_cols, e.k);
    totals->max_tokens = std::max(totals->max_tokens, e.n);
  }

  /// Starts and ends a token's wall time. Ops recorded between the two belong to it.
  void begin_token() noexcept {
    recorded_at_begin_ = recorded_ns_;
    token_start_ = now_ns();
  }
  void end_token() noexcept {
    const TokenSpan span{token_start_, now_ns(), recorded_ns_ - recorded_at_begin_};
    if (token_count_ == tokens_.size()) {
      ++dropped_;
      return;
    }
    tokens_[token_count_++] = span;
  }

  std::span<const KernelTotals> kernels() const noexcept { return kernels_.first(kernel_count_); }
  std::span<const TokenSpan> tokens() const noexcept { return tokens_.first(token_count_); }
  std::size_t dropped() const noexcept { return dropped_; }

  void clear() noexcept {
    kernel_count_ = token_count_ = dropped_ = 0;
    recorded_ns_ = 0;
  }

 private:
  static bool same(const KernelTotals& t, const LedgerEntry& e) noexcept {
    return t.format == e.format && std::strcmp(t.op, e.op) == 0 && std::strcmp(t.target, e.target) == 0;
  }

  KernelTotals* find_or_add(const LedgerEntry& e) noexcept {
    for (KernelTotals& t : kernels_.first(kernel_count_))
      if (same(t, e)) return &t;
    if (kernel_count_ == kernels_.size()) return nullptr;
    KernelTotals& fresh = kernels_[kernel_count_++];
    fresh = KernelTotals{};
    fresh.op = e.op, fresh.target = e.target, fresh.format = e.format;
    return &fresh;
  }

  std::span<KernelTotals> kernels_;
  std::span<TokenSpan> tokens_;
  std::size_t kernel_count_ = 0, token_count_ = 0, dropped_ = 0;
  std::uint64_t recorded_ns_ = 0, recorded_at_begin_ = 0, token_start_ = 0;
};

/// Records a stretch of the caller's own code (sampling, say) as a named item of the ledger, from
/// construction to destruction. With no ledger it does not read the clock.
class TimedItem {
 public:
  TimedItem(Ledger* ledger, const char* name) noexcept : ledger_(ledger) {
    entry_.op = name;
    entry_.threads = 1;
    if (ledger_ != nullptr) entry_.start_ns = now_ns();
  }
  TimedItem(const TimedItem&) = delete;
  TimedItem& operator=(const TimedItem&) = delete;
  ~TimedItem() {
    if (ledger_ == nullptr) return;
    entry_.end_ns = now_ns();
    entry_.busy_ns = entry_.busy_max_ns = entry_.end_ns - entry_.start_ns;
    ledger_->record(entry_);
  }

 private:
  Ledger* ledger_;
  LedgerEntry entry_;
};

}  // namespace edgek

#endif  // EDGEK_MEASURE_RECORDING_LEDGER_HPP_
