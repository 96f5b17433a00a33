#ifndef EDGEK_MEASURE_RECORDING_LEDGER_HPP_
#define EDGEK_MEASURE_RECORDING_LEDGER_HPP_

#include <algorithm>
#include <array>
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
///
/// With room for what is pending, it is only copied while a token runs and summed after its end: the sums have left
/// the near caches when the next op ends, and fetching them would cost a token's time.
class RecordingLedger final : public Ledger {
 public:
  /// What a token records, until it is summed.
  struct Pending {
    std::span<LedgerEntry> entries;
    std::span<ProductRegion> products;
    std::span<ThreadTicks> ticks;  ///< of all threads of these
  };

  /// Room for kernels.size() different names, tokens.size() tokens and, so that none is summed while a token
  /// runs, what a token records. All outlive the ledger.
  RecordingLedger(std::span<KernelTotals> kernels, std::span<TokenSpan> tokens, const Pending& pending = {}) noexcept
      : kernels_(kernels), tokens_(tokens), entries_(pending.entries), products_(pending.products),
        ticks_(pending.ticks) {}

  void record(const LedgerEntry& e) noexcept override {
    recorded_ns_ += e.end_ns - e.start_ns;
    if (entries_.empty()) return sum(e);
    if (entry_count_ == entries_.size()) sum_entries();
    entries_[entry_count_++] = e;
    if (entry_count_ < entries_.size()) ask_for(&entries_[entry_count_], sizeof(LedgerEntry));
  }

  void record_products(const ProductRegion& r) noexcept override {
    recorded_ns_ += r.end_ns - r.start_ns;
    if (r.ticks != ticks_lent_) return sum(r);
    ProductRegion& to = products_[product_count_++];
    std::memcpy(&to, &r, r.bytes_in_use());
    ticks_count_ += r.threads;
    if (product_count_ < products_.size()) ask_for(&to + 1, r.bytes_in_use());
  }

  ThreadTicks* ticks_for(std::size_t threads) noexcept override {
    if (product_count_ == products_.size() || ticks_.size() - ticks_count_ < threads) sum_products();
    ticks_lent_ = products_.empty() || ticks_.size() < threads ? nullptr : &ticks_[ticks_count_];
    return ticks_lent_;
  }

  /// Starts and ends a token's wall time. Ops recorded between the two belong to it.
  void begin_token() noexcept {
    sum_pending();
    recorded_at_begin_ = recorded_ns_;
    clock_.anchor();
    token_start_ = now_ns();
  }
  void end_token() noexcept {
    const TokenSpan span{token_start_, now_ns(), recorded_ns_ - recorded_at_begin_};
    sum_pending();
    if (token_count_ == tokens_.size()) {
      ++dropped_;
      return;
    }
    tokens_[token_count_++] = span;
  }

  std::span<const KernelTotals> kernels() noexcept {
    sum_pending();
    return kernels_.first(kernel_count_);
  }
  std::span<const TokenSpan> tokens() const noexcept { return tokens_.first(token_count_); }
  std::size_t dropped() const noexcept { return dropped_; }

  void clear() noexcept {
    kernel_count_ = token_count_ = entry_count_ = product_count_ = ticks_count_ = dropped_ = 0;
    recorded_ns_ = 0;
    recent_.fill(nullptr);
  }

 private:
  // A token's weights push what is pending out of the caches: memory brings the next record's lines while an op runs.
  static void ask_for(const void* next, std::size_t bytes) noexcept {
    const auto* at = static_cast<const char*>(next);
    for (const char* end = at + bytes; at < end; at += 64) __builtin_prefetch(at, 1);
  }

  void sum_pending() noexcept {
    sum_entries();
    sum_products();
  }

  void sum_entries() noexcept {
    for (const LedgerEntry& e : entries_.first(entry_count_)) sum(e);
    entry_count_ = 0;
  }

  void sum_products() noexcept {
    for (const ProductRegion& r : products_.first(product_count_)) sum(r);
    product_count_ = ticks_count_ = 0;
  }

  void sum(const ProductRegion& r) noexcept {
    for_each_entry(r, clock_, [this](const LedgerEntry& e) { sum(e); });
  }

  void sum(const LedgerEntry& e) noexcept {
    KernelTotals* totals = find_or_add(e);
    if (totals == nullptr) {
      ++dropped_;
      return;
    }
    const std::uint64_t threads = std::max<std::size_t>(e.threads, 1);
    ++totals->calls;
    totals->traffic += e.traffic;
    totals->wall_ns += e.end_ns - e.start_ns;
    totals->work_ns += e.busy_ns / threads;
    totals->busiest_ns += e.busy_max_ns;
    totals->min_cols = std::min(totals->min_cols, e.k);
    totals->max_tokens = std::max(totals->max_tokens, e.n);
  }

  static bool same(const KernelTotals& t, const LedgerEntry& e) noexcept {
    return t.format == e.format && std::strcmp(t.op, e.op) == 0 && std::strcmp(t.target, e.target) == 0;
  }

  // Names are literals, nearly always: their addresses find the totals without comparing texts.
  KernelTotals* find_or_add(const LedgerEntry& e) noexcept {
    KernelTotals*& recent = recent_[slot_of(e)];
    if (recent == nullptr || recent->op != e.op || recent->target != e.target || recent->format != e.format)
      recent = search_or_add(e);
    return recent;
  }

  static std::size_t slot_of(const LedgerEntry& e) noexcept {
    const std::uint64_t names = reinterpret_cast<std::uintptr_t>(e.op) + 3 * reinterpret_cast<std::uintptr_t>(e.target);
    return static_cast<std::size_t>((names + 5 * static_cast<std::uint64_t>(e.format)) * 0x9E3779B97F4A7C15u >> 58);
  }

  KernelTotals* search_or_add(const LedgerEntry& e) noexcept {
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
  std::span<LedgerEntry> entries_;          // pending: these three
  std::span<ProductRegion> products_;
  std::span<ThreadTicks> ticks_;
  ThreadTicks* ticks_lent_ = nullptr;       // to the region that is recorded next
  std::array<KernelTotals*, 64> recent_{};  // by slot_of()
  std::size_t kernel_count_ = 0, entry_count_ = 0, product_count_ = 0, ticks_count_ = 0, token_count_ = 0, dropped_ = 0;
  std::uint64_t recorded_ns_ = 0, recorded_at_begin_ = 0, token_start_ = 0;
};

/// Records a stretch of the caller's own code (sampling, say) as a named item of the ledger, from
/// construction to destruction. With no ledger it does not read the clock.
class TimedItem {
 public:
  TimedItem(Ledger* ledger, const char* name) noexcept : ledger_(ledger) {
    entry_.op = name;
    entry_.threads = 1;
    if (ledger_ != nullptr) entry_.start_ns = ledger_->clock().now();
  }
  TimedItem(const TimedItem&) = delete;
  TimedItem& operator=(const TimedItem&) = delete;
  ~TimedItem() {
    if (ledger_ == nullptr) return;
    entry_.end_ns = ledger_->clock().now();
    entry_.busy_ns = entry_.busy_max_ns = entry_.end_ns - entry_.start_ns;
    entry_.thread_busy_ns = &entry_.busy_ns;
    ledger_->record(entry_);
  }

 private:
  Ledger* ledger_;
  LedgerEntry entry_;
};

}  // namespace edgek

#endif  // EDGEK_MEASURE_RECORDING_LEDGER_HPP_
