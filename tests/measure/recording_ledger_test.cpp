#include "edgek/measure/recording_ledger.hpp"

#include <array>
#include <chrono>
#include <thread>

#include <gtest/gtest.h>

namespace edgek {
namespace {

LedgerEntry entry(const char* op, Format format, std::uint64_t start, std::uint64_t end, std::uint64_t busy,
                  std::uint64_t busiest, std::size_t threads) {
  LedgerEntry e;
  e.op = op, e.format = format, e.target = "SCALAR";
  e.m = 8, e.k = 64, e.n = 1;
  e.traffic = matmul_traffic(format, 8, 64, 1);
  e.start_ns = start, e.end_ns = end, e.busy_ns = busy, e.busy_max_ns = busiest, e.threads = threads;
  return e;
}

struct Storage {
  std::array<KernelTotals, 3> kernels;
  std::array<TokenSpan, 2> tokens;
};

TEST(RecordingLedger, SumsByOpFormatAndTarget) {
  Storage s;
  RecordingLedger ledger(s.kernels, s.tokens);
  ledger.record(entry("matvec", Format::kQ8_0, 100, 200, 160, 90, 2));
  ledger.record(entry("matvec", Format::kQ8_0, 300, 350, 80, 45, 2));
  ledger.record(entry("matvec", Format::kQ4_0, 400, 410, 9, 9, 1));
  ASSERT_EQ(ledger.kernels().size(), 2u);
  const KernelTotals& q8 = ledger.kernels()[0];
  EXPECT_EQ(q8.calls, 2u);
  EXPECT_EQ(q8.wall_ns, 150u);
  EXPECT_EQ(q8.work_ns, 120u);
  EXPECT_EQ(q8.busiest_ns, 135u);
  EXPECT_EQ(q8.imbalance_ns(), 15u);
  EXPECT_EQ(q8.fork_join_ns(), 15u);
  EXPECT_EQ(q8.work_ns + q8.imbalance_ns() + q8.fork_join_ns(), q8.wall_ns);
  EXPECT_EQ(q8.traffic.weights, 2u * 8 * 64);
  EXPECT_EQ(q8.traffic.scales, 2u * 8 * 64 / 32 * 2);
}

TEST(RecordingLedger, EqualNamesInDifferentMemoryAreOneKernel) {
  Storage s;
  RecordingLedger ledger(s.kernels, s.tokens);
  const std::string copy = "matvec";
  ledger.record(entry("matvec", Format::kF16, 0, 1, 1, 1, 1));
  ledger.record(entry(copy.c_str(), Format::kF16, 1, 2, 1, 1, 1));
  EXPECT_EQ(ledger.kernels().size(), 1u);
}

TEST(RecordingLedger, CountsWhatFindsNoRoom) {
  Storage s;
  RecordingLedger ledger(s.kernels, s.tokens);
  for (const char* op : {"a", "b", "c", "d"}) ledger.record(entry(op, Format::kF32, 0, 1, 1, 1, 1));
  EXPECT_EQ(ledger.kernels().size(), 3u);
  EXPECT_EQ(ledger.dropped(), 1u);
  for (int i = 0; i < 3; ++i) {
    ledger.begin_token();
    ledger.end_token();
  }
  EXPECT_EQ(ledger.tokens().size(), 2u);
  EXPECT_EQ(ledger.dropped(), 2u);
  ledger.clear();
  EXPECT_TRUE(ledger.kernels().empty() && ledger.tokens().empty());
  EXPECT_EQ(ledger.dropped(), 0u);
}

TEST(RecordingLedger, PendingEntriesGiveTheSameSums) {
  Storage at_once, later;
  std::array<LedgerEntry, 2> pending;  // one token below has three entries
  RecordingLedger a(at_once.kernels, at_once.tokens);
  RecordingLedger b(later.kernels, later.tokens, {.entries = pending, .products = {}, .ticks = {}});
  for (RecordingLedger* ledger : {&a, &b}) {
    ledger->begin_token();
    for (std::uint64_t i = 0; i < 3; ++i) ledger->record(entry("matvec", Format::kQ8_0, i, 2 * i + 1, i, i, 1));
    ledger->end_token();
    ledger->record(entry("add", Format::kF32, 7, 9, 2, 2, 1));  // between tokens
  }
  ASSERT_EQ(b.kernels().size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_STREQ(b.kernels()[i].op, a.kernels()[i].op);
    EXPECT_EQ(b.kernels()[i].calls, a.kernels()[i].calls);
    EXPECT_EQ(b.kernels()[i].wall_ns, a.kernels()[i].wall_ns);
    EXPECT_EQ(b.kernels()[i].traffic, a.kernels()[i].traffic);
  }
  EXPECT_EQ(b.tokens()[0].recorded_ns, a.tokens()[0].recorded_ns);
  EXPECT_EQ(b.dropped(), 0u);
  b.record(entry("late", Format::kF32, 0, 1, 1, 1, 1));
  b.clear();
  EXPECT_TRUE(b.kernels().empty());
}

/// The i-th of some regions: a gate and what it opens, by two threads.
ProductRegion region(std::uint64_t i) {
  ProductRegion r;
  r.target = "SCALAR", r.cols = 64, r.tokens = 1, r.threads = 2, r.count = 2, r.gated = true;
  r.products[0] = {"gate", 0, Format::kQ4_0, 96};
  r.products[1] = {"up", 0, Format::kQ4_0, 96};
  r.start_ns = 1000 * i, r.end_ns = r.start_ns + 700 + i;
  return r;
}

/// What two threads counted in it; the first is the busiest.
void count(std::uint64_t i, ThreadTicks* ticks) {
  ticks[0] = {{300'000 + i, 200'000, 100'000}};
  ticks[1] = {{200'000, 100'000 + i, 100'000}};
}

/// Records regions as an op does, with an entry while each runs.
void record_regions(RecordingLedger& ledger) {
  ledger.begin_token();
  for (std::uint64_t i = 0; i < 5; ++i) {
    ThreadTicks own[2];
    ThreadTicks* lent = ledger.ticks_for(2);
    ledger.record(entry("quantize", Format::kF32, 10 * i, 10 * i + 5, 5, 5, 1));
    ProductRegion r = region(i);
    count(i, lent != nullptr ? lent : own);
    r.ticks = lent != nullptr ? lent : own;
    ledger.record_products(r);
  }
  ledger.end_token();
}

TEST(RecordingLedger, PendingProductsGiveTheSameSums) {
  std::array<LedgerEntry, 8> entries;
  std::array<ProductRegion, 8> products;
  std::array<ThreadTicks, 16> ticks;
  const RecordingLedger::Pending rooms[] = {
      {},                                                                  // all is summed at once
      {entries, products, ticks},                                          // all is summed at the end
      {std::span(entries).first(1), std::span(products).first(2), ticks},  // some in between
      {entries, products, std::span(ticks).first(5)},                      // two regions' worth
      {entries, products, std::span(ticks).first(1)},                      // too few for any region
  };
  for (const RecordingLedger::Pending& room : rooms) {
    Storage s;
    RecordingLedger ledger(s.kernels, s.tokens, room);
    EXPECT_EQ(ledger.ticks_for(2) != nullptr, room.ticks.size() >= 2);
    record_regions(ledger);
    ASSERT_EQ(ledger.kernels().size(), 3u);
    EXPECT_EQ(ledger.dropped(), 0u);
    EXPECT_EQ(ledger.tokens()[0].recorded_ns, 5u * (700 + 5) + (0 + 1 + 2 + 3 + 4));
    std::uint64_t wall = 0, busiest = 0, work = 0;
    for (const KernelTotals& k : ledger.kernels()) {
      const bool quantize = std::string(k.op) == "quantize", product = std::string(k.op) == "matvec";
      EXPECT_EQ(k.calls, product ? 10u : 5u) << k.op;
      if (quantize) continue;
      EXPECT_EQ(k.format, product ? Format::kQ4_0 : Format::kF32);
      EXPECT_EQ(k.traffic.flops, product ? 10u * 2 * 96 * 64 : 0u);
      EXPECT_EQ(k.traffic.activations, product ? 10u * 4 * (96 + 64) : 5u * 3 * 4 * 96);
      wall += k.wall_ns, busiest += k.busiest_ns, work += k.work_ns;
    }
    EXPECT_EQ(wall, 5u * 700 + (0 + 1 + 2 + 3 + 4));
    EXPECT_NEAR(static_cast<double>(busiest), static_cast<double>(ledger.clock().to_ns(5 * 600'000 + 10)), 15);
    EXPECT_NEAR(static_cast<double>(work), static_cast<double>(ledger.clock().to_ns((5 * 1'000'000 + 20) / 2)), 15);
  }
}

/// A ledger that knows nothing of regions.
class ListLedger final : public Ledger {
 public:
  void record(const LedgerEntry& e) noexcept override {
    EXPECT_EQ(e.busy_ns, e.thread_busy_ns[0] + e.thread_busy_ns[1]);
    entries[size++] = e;
  }
  std::array<LedgerEntry, 4> entries;
  std::size_t size = 0;
};

TEST(Ledger, GetsAnEntryForEveryPartOfARegion) {
  ListLedger ledger;
  ThreadTicks ticks[2];
  count(0, ticks);
  ProductRegion r = region(0);
  r.ticks = ticks;
  EXPECT_EQ(ledger.ticks_for(2), nullptr);
  ledger.record_products(r);
  ASSERT_EQ(ledger.size, 3u);
  EXPECT_STREQ(ledger.entries[0].tensor, "gate");
  EXPECT_STREQ(ledger.entries[1].tensor, "up");
  EXPECT_STREQ(ledger.entries[2].op, "silu_mul");
  // Of 1000 ticks of both threads the parts took 500, 300 and 200: so much of the region's 700 ns.
  const std::uint64_t begins[] = {0, 350, 560, 700};
  for (std::size_t p = 0; p < 3; ++p) {
    EXPECT_NEAR(static_cast<double>(ledger.entries[p].start_ns), static_cast<double>(begins[p]), 1);
    EXPECT_NEAR(static_cast<double>(ledger.entries[p].end_ns), static_cast<double>(begins[p + 1]), 1);
  }
}

TEST(RecordingLedger, TokenWallIsTimedOutsideTheOps) {
  Storage s;
  RecordingLedger ledger(s.kernels, s.tokens);
  ledger.begin_token();
  { TimedItem item(&ledger, "work"); std::this_thread::sleep_for(std::chrono::milliseconds(2)); }
  std::this_thread::sleep_for(std::chrono::milliseconds(5));  // nobody records this
  ledger.end_token();
  ASSERT_EQ(ledger.tokens().size(), 1u);
  const TokenSpan& token = ledger.tokens()[0];
  // A hundredth less: a ledger's clock runs at the system's speed but for the error of learning it.
  EXPECT_GE(token.recorded_ns, 1'980'000u);
  EXPECT_GE(token.wall_ns() - token.recorded_ns, 4'950'000u);
}

TEST(TimedItem, WithoutALedgerRecordsNothing) { TimedItem item(nullptr, "nothing"); }

}  // namespace
}  // namespace edgek
