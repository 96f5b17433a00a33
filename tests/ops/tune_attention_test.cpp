// tune_attention(): what it may choose, what it must leave alone, and that it changes no bit.
#include <limits>
#include <vector>

#include "op_test_support.hpp"

namespace edgek::testing {
namespace {

constexpr TuneOptions kQuick{.budget_ns = 0, .window_bytes = 1 << 20, .slice_bytes = 4096};  // a slice: one chunk

/// Bytes of every value, so NaN and Inf, too, as halves and as floats.
std::vector<std::byte> any_bytes(std::size_t n) {
  std::vector<std::byte> bytes(n);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 2654435761u >> 13);
  return bytes;
}

AttentionJob like(std::size_t heads, std::size_t kv_heads, std::size_t head_dim, bool half) {
  AttentionJob job{};
  job.heads = heads, job.kv_heads = kv_heads, job.head_dim = head_dim, job.half_kv = half;
  return job;
}

TEST(TuneAttention, RunsOnAnyBytesAndShape) {
  const std::vector<std::byte> bytes = any_bytes(1 << 20);
  ThreadPool pool(2);
  for (const KernelSet* set : test::wanted_sets()) {
    for (const AttentionJob& job : {like(1, 1, 64, true), like(6, 2, 20, true), like(4, 1, 16, false)}) {
      Context ctx{.executor = pool, .kernels = *set};
      EXPECT_EQ(tune_attention(ctx, job, bytes, kQuick), Status::kOk) << set->name;
    }
  }
}

TEST(TuneAttention, TakesTheOtherWayIfItSavesTheMargin) {
  const std::vector<std::byte> bytes = any_bytes(1 << 20);
  InlineExecutor one;
  for (const bool before : {false, true}) {
    for (const bool anything_does : {false, true}) {  // as nothing takes no time at all
      TuneOptions options = kQuick;
      options.margin = anything_does ? -1e9 : 1.0;
      Context ctx{.executor = one, .kernels = kernels()};
      ctx.tuning.kv_ahead = before;
      ASSERT_EQ(tune_attention(ctx, like(1, 1, 64, true), bytes, options), Status::kOk);
      EXPECT_EQ(ctx.tuning.kv_ahead, before != anything_does);
    }
  }
}

TEST(TuneAttention, LeavesTheTuningWhereThereIsTooLittleMemory) {
  const std::size_t slice = 2 * kAttentionChunk * 64 * sizeof(Half);
  InlineExecutor one;
  TuneOptions options = kQuick;
  options.margin = -1e9;
  const std::vector<std::byte> bytes = any_bytes(4 * slice);
  for (const std::size_t size : {std::size_t{0}, 4 * slice - 1, 4 * slice}) {
    Context ctx{.executor = one, .kernels = kernels()};
    ASSERT_EQ(tune_attention(ctx, like(1, 1, 64, true), std::span(bytes).first(size), options), Status::kOk);
    EXPECT_EQ(ctx.tuning.kv_ahead, size < 4 * slice) << size;
  }
}

TEST(TuneAttention, IsNotRecorded) {
  const std::vector<std::byte> bytes = any_bytes(1 << 20);
  std::vector<KernelTotals> totals(8);
  std::vector<TokenSpan> spans(1);
  RecordingLedger ledger(totals, spans);
  InlineExecutor one;
  Context ctx{.executor = one, .kernels = kernels(), .ledger = &ledger};
  ASSERT_EQ(tune_attention(ctx, like(1, 1, 64, true), bytes, kQuick), Status::kOk);
  EXPECT_EQ(ctx.ledger, &ledger);
  EXPECT_EQ(ledger.kernels().size(), 0u);
}

TEST(TuneAttention, RefusesShapesThatAttentionRefuses) {
  const std::vector<std::byte> bytes = any_bytes(1 << 20);
  constexpr std::size_t kHuge = std::numeric_limits<std::size_t>::max() / 2;
  InlineExecutor one;
  Context ctx{.executor = one, .kernels = kernels()};
  for (const AttentionJob& job : {like(1, 0, 64, true), like(0, 1, 64, true), like(3, 2, 64, true), like(1, 1, 0, true),
                                  like(kHuge, kHuge, 64, true), like(1, 1, kHuge, false)})
    EXPECT_EQ(tune_attention(ctx, job, bytes, kQuick), Status::kShapeMismatch);
  EXPECT_TRUE(ctx.tuning.kv_ahead);
}

TEST(TuneAttention, ItsChoiceChangesNoBit) {
  const std::size_t dim = 40, positions = 2 * kAttentionChunk + 9, kv_heads = 2, heads = 6;
  const std::vector<float> k = random_floats(kv_heads * positions * dim, 3), q = random_floats(2 * heads * dim, 4);
  ThreadPool pool(2);
  for (const KernelSet* set : test::wanted_sets()) {
    std::vector<std::vector<float>> out(2, std::vector<float>(2 * heads * dim));
    for (const bool ahead : {false, true}) {
      Context ctx{.executor = pool, .kernels = *set};
      ctx.tuning.kv_ahead = ahead;
      AttentionJob job = like(heads, kv_heads, dim, false);
      job.q = q.data(), job.q_stride = heads * dim, job.k = job.v = k.data();
      job.layout = kv_by_head(positions, dim), job.capacity = positions;
      job.first_position = positions - 2, job.tokens = 2, job.scale = 0.2f;
      ASSERT_EQ(attention(ctx, job, Rows(out[ahead].data(), 2, heads * dim)), Status::kOk);
    }
    EXPECT_TRUE(same_bits(out[0], out[1])) << set->name;
  }
}

}  // namespace
}  // namespace edgek::testing
