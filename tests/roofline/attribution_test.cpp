#include "edgek/roofline/attribution.hpp"

#include <array>
#include <chrono>
#include <thread>

#include <gtest/gtest.h>

namespace edgek {
namespace {

Roofs test_roofs() {
  Roofs roofs;
  roofs.replay.gbps = 20;
  roofs.peaks = {{Format::kQ4_0, Unit::kRows, 2, 50.0}, {Format::kQ4_0, Unit::kPanel, 2, 200.0}};
  return roofs;
}

LedgerEntry matvec(std::size_t rows, std::size_t cols, std::uint64_t start, std::uint64_t wall, std::uint64_t busy,
                   std::uint64_t busiest) {
  LedgerEntry e;
  e.op = "matvec", e.target = "TEST", e.format = Format::kQ4_0;
  e.m = rows, e.k = cols, e.n = 1;
  e.traffic = matmul_traffic(e.format, rows, cols, 1);
  e.start_ns = start, e.end_ns = start + wall, e.busy_ns = busy, e.busy_max_ns = busiest, e.threads = 2;
  return e;
}

struct Fixture {
  std::array<KernelTotals, 8> kernels;
  std::array<TokenSpan, 8> tokens;
  RecordingLedger ledger{kernels, tokens};
};

void spin_for(std::chrono::microseconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end) continue;
}

/// A ledger's clock runs at the system's speed but for the error of learning it.
constexpr double kClocksAgree = 0.99;

void expect_sums(const TokenReport& t) {
  EXPECT_NEAR(t.split_ms() + t.unattributed_ms, t.wall_ms, 1e-9 * t.wall_ms);
  EXPECT_NEAR(t.closure(), 1 - t.unattributed_ms / t.wall_ms, 1e-9);
}

TEST(Attribute, SplitsAKernelExactly) {
  Fixture f;
  f.ledger.begin_token();
  // 1024 x 2048 in Q4_0: 1,179,648 bytes, 58,982.4 ns at 20 GB/s.
  f.ledger.record(matvec(1024, 2048, 0, 100'000, 160'000, 90'000));
  f.ledger.end_token();
  const Attribution a = attribute(f.ledger, test_roofs());
  ASSERT_EQ(a.kernels.size(), 1u);
  const KernelReport& k = a.kernels[0];
  EXPECT_NEAR(k.ideal_ms, 0.0589824, 1e-9);
  EXPECT_NEAR(k.excess_ms, 0.08 - 0.0589824, 1e-9);
  EXPECT_NEAR(k.fork_join_ms, 0.02, 1e-9);
  EXPECT_NEAR(k.ideal_ms + k.excess_ms + k.fork_join_ms, k.ms, 1e-12);
  EXPECT_NEAR(k.gbps, static_cast<double>(1'179'648 + 4 * (1024 + 2048)) / 100'000, 1e-9);
  EXPECT_NEAR(k.gmacs, 1024.0 * 2048 / 100'000, 1e-9);
  EXPECT_NEAR(a.token.ceiling_ms, k.ideal_ms, 1e-12);
}

TEST(Attribute, APromptIsJudgedByTheLongerOfItsRoofs) {
  Fixture f;
  LedgerEntry e = matvec(1024, 2048, 0, 200'000, 380'000, 195'000);
  e.op = "matmul", e.n = 16, e.traffic = matmul_traffic(e.format, 1024, 2048, 16);
  f.ledger.begin_token();
  f.ledger.record(e);
  f.ledger.end_token();
  const Attribution streams = attribute(f.ledger, test_roofs());
  const Attribution roofs = attribute(f.ledger, test_roofs(), Ideal::kRoofs);
  EXPECT_NEAR(streams.kernels[0].ideal_ms, 0.0589824, 1e-9);
  EXPECT_NEAR(roofs.kernels[0].ideal_ms, 16 * 1024.0 * 2048 / 200 * 1e-6, 1e-9);  // 200 GMAC/s of the panel kernel
  EXPECT_NEAR(roofs.token.ceiling_ms, roofs.kernels[0].ideal_ms, 1e-12);
  EXPECT_NEAR(roofs.token.split_ms(), streams.token.split_ms(), 1e-9);
}

TEST(Attribute, MeansAreOverTokens) {
  Fixture f;
  for (int i = 0; i < 4; ++i) {
    f.ledger.begin_token();
    f.ledger.record(matvec(64, 256, 0, 1000, 2000, 1000));
    f.ledger.record(matvec(64, 256, 0, 3000, 6000, 3000));
    f.ledger.end_token();
  }
  const Attribution a = attribute(f.ledger, test_roofs());
  EXPECT_EQ(a.token.tokens, 4u);
  EXPECT_DOUBLE_EQ(a.kernels[0].calls, 2);
  EXPECT_NEAR(a.kernels[0].ms, 0.004, 1e-12);
  EXPECT_EQ(a.token.traffic.weights + a.token.traffic.scales, 2u * 64 * 256 / 32 * 18);
}

TEST(Attribute, ClosesWhenAllIsRecorded) {
  Fixture f;
  for (int i = 0; i < 5; ++i) {
    f.ledger.begin_token();
    { TimedItem item(&f.ledger, "sample"); spin_for(std::chrono::microseconds(3000)); }
    f.ledger.end_token();
  }
  const TokenReport t = attribute(f.ledger, test_roofs()).token;
  expect_sums(t);
  EXPECT_NEAR(t.closure(), 1.0, 0.02);
  ASSERT_EQ(t.items.size(), 1u);
  EXPECT_EQ(t.items[0].name, "sample");
  EXPECT_GE(t.other_ms, 3.0 * kClocksAgree);
}

TEST(Attribute, ASleepThatNobodyRecordsIsUnattributed) {
  Fixture f;
  for (int i = 0; i < 3; ++i) {
    f.ledger.begin_token();
    { TimedItem item(&f.ledger, "sample"); spin_for(std::chrono::microseconds(2000)); }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    f.ledger.end_token();
  }
  const TokenReport t = attribute(f.ledger, test_roofs()).token;
  expect_sums(t);
  EXPECT_GE(t.unattributed_ms, 2.0 * kClocksAgree);
  EXPECT_LT(t.closure(), 0.98);
}

TEST(Attribute, CountingTimeTwiceShowsToo) {
  Fixture f;
  f.ledger.begin_token();
  {
    TimedItem outer(&f.ledger, "outer");
    TimedItem inner(&f.ledger, "inner");
    spin_for(std::chrono::microseconds(1000));
  }
  f.ledger.end_token();
  EXPECT_GT(attribute(f.ledger, test_roofs()).token.closure(), 1.5);
}

TEST(Attribute, NamesTheRoofThatBinds) {
  Roofs roofs = test_roofs();
  const auto binds_of = [&](std::uint64_t wall, std::size_t tokens) {
    Fixture f;
    LedgerEntry e = matvec(1024, 2048, 0, wall, 2 * wall, wall);
    e.n = tokens, e.traffic = matmul_traffic(e.format, 1024, 2048, tokens);
    f.ledger.begin_token();
    f.ledger.record(e);
    f.ledger.end_token();
    return attribute(f.ledger, roofs).kernels[0];
  };
  // Rows: 58,982 ns for the bytes at 20 GB/s, 41,943 ns for the arithmetic at 50 GMAC/s.
  EXPECT_EQ(binds_of(62'000, 1).binds, "dram");
  EXPECT_NEAR(binds_of(62'000, 1).roof_pct, 100 * 58'982.4 / 62'000, 1e-6);
  EXPECT_EQ(binds_of(200'000, 1).binds, "latency");
  roofs.level = "l3";
  EXPECT_EQ(binds_of(62'000, 1).binds, "l3");
  // 16 tokens take the panel kernel: 33.5 M multiply-adds, 167,772 ns at 200 GMAC/s.
  EXPECT_EQ(binds_of(180'000, 16).binds, "compute");
  EXPECT_NEAR(binds_of(180'000, 16).roof_pct, 100 * 167'772.16 / 180'000, 1e-6);
  roofs.peaks[0].gmacs = 30;
  EXPECT_EQ(binds_of(75'000, 1).binds, "compute");
  EXPECT_FALSE(binds_of(75'000, 1).why.empty());
}

TEST(Attribute, SaysWhyAKernelStandsBelowTheRoof) {
  Fixture f;
  f.ledger.begin_token();
  f.ledger.record(matvec(1024, 2048, 0, 90'000, 130'000, 65'000));
  f.ledger.end_token();
  const std::string why = attribute(f.ledger, test_roofs()).kernels[0].why;
  EXPECT_NE(why.find("starting and joining threads takes 28 %"), std::string::npos) << why;
}

TEST(Attribute, NoTokensIsAllZero) {
  Fixture f;
  const Attribution a = attribute(f.ledger, test_roofs());
  EXPECT_EQ(a.token.tokens, 0u);
  EXPECT_EQ(a.token.closure(), 0.0);
}

TEST(Attribute, ReportsWhatWasDropped) {
  std::array<KernelTotals, 1> kernels;
  std::array<TokenSpan, 1> tokens;
  RecordingLedger ledger(kernels, tokens);
  ledger.begin_token();
  { TimedItem a(&ledger, "a"); }
  { TimedItem b(&ledger, "b"); }
  ledger.end_token();
  EXPECT_EQ(attribute(ledger, test_roofs()).token.dropped, 1u);
}

}  // namespace
}  // namespace edgek
