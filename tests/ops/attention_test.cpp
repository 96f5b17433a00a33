#include "edgek/ops/attention.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "edgek/edgek.hpp"
#include "edgek/reference/attention.hpp"
#include "ops/op_test_support.hpp"

namespace {

using namespace edgek;
using edgek::testing::BackwardsExecutor;
using edgek::testing::random_floats;
using edgek::testing::same_bits;

struct Problem {
  std::size_t heads, kv_heads, head_dim, capacity;
  bool half;
  std::vector<float> k, v;
  std::vector<Half> half_k, half_v;

  Problem(std::size_t h, std::size_t kv, std::size_t dim, std::size_t positions, bool f16)
      : heads(h), kv_heads(kv), head_dim(dim), capacity(positions), half(f16) {
    k = random_floats(kv * positions * dim, 3);
    v = random_floats(kv * positions * dim, 4);
    for (const float x : k) half_k.push_back(to_half(x));
    for (const float x : v) half_v.push_back(to_half(x));
  }

  AttentionJob job(const std::vector<float>& q, std::size_t first, std::size_t tokens) const {
    return {.q = q.data(), .q_stride = heads * head_dim,
            .k = half ? static_cast<const void*>(half_k.data()) : k.data(),
            .v = half ? static_cast<const void*>(half_v.data()) : v.data(),
            .half_kv = half, .layout = kv_by_head(capacity, head_dim), .capacity = capacity,
            .heads = heads, .kv_heads = kv_heads, .head_dim = head_dim,
            .first_position = first, .tokens = tokens, .scale = 0.125f};
  }

  std::vector<float> run(Context& ctx, const std::vector<float>& q, std::size_t first, std::size_t tokens) const {
    std::vector<float> out(tokens * heads * head_dim, -1.0f);
    EXPECT_EQ(attention(ctx, job(q, first, tokens), Rows(out.data(), tokens, heads * head_dim)), Status::kOk);
    return out;
  }
};

/// One token after the other, chunk after chunk, by the reference alone.
std::vector<float> expected(const Problem& p, const std::vector<float>& q, std::size_t first, std::size_t tokens) {
  const std::size_t group = p.heads / p.kv_heads, floats = attention_state_floats(p.head_dim);
  const AttentionJob job = p.job(q, first, tokens);
  std::vector<float> out(tokens * p.heads * p.head_dim), running(group * floats), next(group * floats);
  for (std::size_t t = 0; t < tokens; ++t) {
    for (std::size_t kv = 0; kv < p.kv_heads; ++kv) {
      reference::attention_chunk(job, kv, 0, t, t + 1, running.data(), nullptr);
      for (std::size_t c = 1; c * kAttentionChunk <= first + t; ++c) {
        reference::attention_chunk(job, kv, c, t, t + 1, next.data(), nullptr);
        reference::attention_merge(running.data(), next.data(), group, p.head_dim);
      }
      for (std::size_t g = 0; g < group; ++g)
        reference::attention_finish(&running[g * floats], p.head_dim,
                                    &out[(t * p.heads + kv * group + g) * p.head_dim]);
    }
  }
  return out;
}

TEST(Attention, OneAnswerForEverySetThreadCountAndNumberOfTokens) {
  ThreadPool two(2);
  BackwardsExecutor three(3);
  InlineExecutor one;
  for (const bool half : {false, true}) {
    const Problem p(6, 2, 32, 600, half);
    for (const auto& [first, tokens] : std::initializer_list<std::pair<std::size_t, std::size_t>>{
             {0, 1}, {255, 1}, {256, 1}, {599, 1}, {250, 8}, {0, 40}, {230, 70}, {500, 100}}) {
      const std::vector<float> q = random_floats(tokens * p.heads * p.head_dim, 5);
      const std::vector<float> wanted = expected(p, q, first, tokens);
      for (const KernelSet* set : test::wanted_sets()) {
        for (Executor* executor : std::initializer_list<Executor*>{&one, &two, &three}) {
          Context ctx{.executor = *executor, .kernels = *set};
          EXPECT_TRUE(same_bits(p.run(ctx, q, first, tokens), wanted))
              << set->name << " threads " << executor->threads() << " first " << first << " tokens " << tokens;
        }
      }
    }
  }
}

// So many chunks that a thread takes several at once, and a last time fewer.
TEST(Attention, ChunksInRunsGiveTheSameAnswer) {
  ThreadPool two(2);
  InlineExecutor one;
  const Problem p(30, 15, 16, 5 * kAttentionChunk, true);
  for (const auto& [first, tokens] : std::initializer_list<std::pair<std::size_t, std::size_t>>{{1279, 1}, {1275, 4}}) {
    const std::vector<float> q = random_floats(tokens * p.heads * p.head_dim, 7);
    const std::vector<float> wanted = expected(p, q, first, tokens);
    for (Executor* executor : std::initializer_list<Executor*>{&one, &two}) {
      Context ctx{.executor = *executor, .kernels = kernels()};
      EXPECT_TRUE(same_bits(p.run(ctx, q, first, tokens), wanted)) << "threads " << executor->threads();
    }
  }
}

TEST(Attention, OneTokenOfManyIsTheTokenAlone) {
  InlineExecutor one;
  Context ctx{.executor = one, .kernels = kernels()};
  const Problem p(4, 4, 64, 400, true);
  const std::vector<float> q = random_floats(90 * p.heads * p.head_dim, 6);
  const std::vector<float> many = p.run(ctx, q, 300, 90);
  const std::size_t width = p.heads * p.head_dim;
  for (const std::size_t t : {std::size_t{0}, std::size_t{31}, std::size_t{32}, std::size_t{89}}) {
    const auto at = [&](const std::vector<float>& all) {
      const auto begin = all.begin() + static_cast<std::ptrdiff_t>(t * width);
      return std::vector<float>(begin, begin + static_cast<std::ptrdiff_t>(width));
    };
    EXPECT_TRUE(same_bits(p.run(ctx, at(q), 300 + t, 1), at(many))) << t;
  }
}

TEST(Attention, IsASoftmaxAverage) {
  InlineExecutor one;
  Context ctx{.executor = one, .kernels = kernels()};
  const Problem p(2, 1, 16, 300, false);
  const std::vector<float> q = random_floats(2 * 16, 8);
  const std::vector<float> ours = p.run(ctx, q, 280, 1);
  for (std::size_t h = 0; h < 2; ++h) {
    std::vector<double> out(16);
    double sum = 0;
    for (std::size_t position = 0; position <= 280; ++position) {
      double score = 0;
      for (std::size_t d = 0; d < 16; ++d)
        score += static_cast<double>(q[h * 16 + d]) * static_cast<double>(p.k[position * 16 + d]);
      const double weight = std::exp(score * 0.125);
      sum += weight;
      for (std::size_t d = 0; d < 16; ++d) out[d] += weight * static_cast<double>(p.v[position * 16 + d]);
    }
    for (std::size_t d = 0; d < 16; ++d) EXPECT_NEAR(static_cast<double>(ours[h * 16 + d]), out[d] / sum, 2e-6);
  }
}

TEST(Attention, RefusesWhatDoesNotFit) {
  InlineExecutor one;
  Context ctx{.executor = one, .kernels = kernels()};
  const Problem p(4, 2, 16, 20, false);
  const std::vector<float> q(4 * 4 * 16);
  std::vector<float> y(4 * 64, 5.0f);
  const Rows out(y.data(), 4, 64);
  EXPECT_EQ(attention(ctx, p.job(q, 17, 4), out), Status::kShapeMismatch);  // beyond the capacity
  EXPECT_EQ(attention(ctx, p.job(q, 0, 3), out), Status::kShapeMismatch);
  EXPECT_EQ(attention(ctx, p.job(q, 0, 4), Rows(y.data(), 4, 63)), Status::kShapeMismatch);
  AttentionJob job = p.job(q, 0, 4);
  job.kv_heads = 3;
  EXPECT_EQ(attention(ctx, job, out), Status::kShapeMismatch);
  job = p.job(q, 0, 4);
  job.k = nullptr;
  EXPECT_EQ(attention(ctx, job, out), Status::kNullData);
  EXPECT_EQ(attention(ctx, p.job(q, 20, 0), Rows(nullptr, 0, 64)), Status::kOk);
  EXPECT_EQ(y, std::vector<float>(4 * 64, 5.0f));
}

TEST(Attention, ReserveMakesRoomForTheWholeCache) {
  BackwardsExecutor two(2);
  Context ctx{.executor = two, .kernels = kernels()};
  const Problem p(4, 2, 32, 2000, true);
  const std::vector<float> q = random_floats(p.heads * p.head_dim, 5);
  ASSERT_EQ(reserve_attention(ctx, p.job(q, 0, 1)), Status::kOk);
  const std::size_t capacity = ctx.scratch.capacity();
  for (const std::size_t position : {std::size_t{0}, std::size_t{700}, std::size_t{1999}}) p.run(ctx, q, position, 1);
  EXPECT_EQ(ctx.scratch.capacity(), capacity);
}

}  // namespace
