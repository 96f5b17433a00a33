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
  RecordingLedger a(at_once.kernels, at_once.tokens), b(later.kernels, later.tokens, pending);
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
