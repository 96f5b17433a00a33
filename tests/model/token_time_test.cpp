// Where the time of a real decoder's tokens goes: what nobody records must show as unattributed.

#include <chrono>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "edgek/model/decoder.hpp"
#include "edgek/roofline.hpp"
#include "tests/model/tiny_model.hpp"

namespace edgek {
namespace {

struct TimedTokens {
  TokenReport report;           // of all of them
  double typical_closure = 0;   // of the median token: one that the system interrupts between two ops says little
};

/// Splits the time of eight tokens, between whose layers `cancel` is asked.
TimedTokens time_tokens(const testing::TinyModel& shape, const Decoder::Cancel& cancel) {
  constexpr std::size_t kTokens = 8;
  const std::vector<std::byte> bytes = shape.bytes();
  const Model model(bytes, "tiny");
  Decoder decoder(model);
  decoder.set_cancel(cancel);
  std::vector<KernelTotals> totals(64);
  std::vector<TokenSpan> spans(kTokens);
  std::vector<LedgerEntry> entries(1024);
  std::vector<ProductRegion> products(256);
  std::vector<ThreadTicks> ticks(256);
  RecordingLedger ledger(totals, spans, {entries, products, ticks});
  InlineExecutor executor;
  Context ctx{.executor = executor, .kernels = kernels(), .ledger = &ledger};
  const std::vector<std::int32_t> ids = testing::tiny_tokens(kTokens);
  decoder.evaluate(ctx, ids);
  ledger.clear();
  for (const std::int32_t& id : ids) {
    ledger.begin_token();
    decoder.evaluate(ctx, {&id, 1});
    ledger.end_token();
  }
  Roofs roofs;
  roofs.replay.gbps = 20;
  std::vector<double> closures;
  for (const TokenSpan& t : ledger.tokens())
    closures.push_back(static_cast<double>(t.recorded_ns) / static_cast<double>(t.wall_ns()));
  return {attribute(ledger, roofs).token, summarize(closures).p50};
}

TEST(TokenTime, ASleepThatNobodyRecordsIsUnattributed) {
  std::size_t asked = 0;
  const TimedTokens timed = time_tokens({}, [&] {
    ++asked;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return false;
  });
  const TokenReport& t = timed.report;
  // Asked as often in the tokens of the warm-up call together as in one of the measured ones.
  const double slept_ms = static_cast<double>(asked) / static_cast<double>(t.tokens + 1);
  ASSERT_GE(slept_ms, 2.0);
  EXPECT_GE(t.unattributed_ms, slept_ms);
  EXPECT_LT(t.split_ms(), t.wall_ms - slept_ms + 1e-6);
  EXPECT_LT(t.closure(), 0.98);
  EXPECT_LT(timed.typical_closure, 0.98);
  EXPECT_NEAR(t.split_ms() + t.unattributed_ms, t.wall_ms, 1e-9 * t.wall_ms);
}

TEST(TokenTime, EveryOpOfADecoderIsRecorded) {
  const TokenReport t = time_tokens({}, {}).report;
  EXPECT_EQ(t.dropped, 0u);
  EXPECT_LT(t.unattributed_ms, t.wall_ms / 2) << "of tokens of some tens of microseconds";
  EXPECT_GT(t.traffic.weights + t.traffic.scales, 400'000u);
}

// With matrices of some megabytes, as models of a billion weights have, what lies between two items is lost in them.
TEST(TokenTime, TheItemsMakeUpAToken) {
  const testing::TinyModel shape{.embedding = 1024, .feed_forward = 9216, .heads = 16, .kv_heads = 4, .head_dim = 64};
  const TimedTokens timed = time_tokens(shape, {});
  EXPECT_GT(timed.typical_closure, 0.98);
  EXPECT_LE(timed.typical_closure, 1.0) << "no time is counted twice";
}

}  // namespace
}  // namespace edgek
