#include "edgek/reference/attention.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "support/packed.hpp"
#include "support/random.hpp"

namespace edgek::test {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

struct Problem {
  std::size_t heads, kv_heads, head_dim, capacity, first_position, tokens;
  bool half;
  std::vector<float> q, k, v;  // k and v hold what the cache holds, rounded to half if it does
  std::vector<Half> half_k, half_v;

  Problem(std::size_t heads_, std::size_t kv_heads_, std::size_t head_dim_, std::size_t first, std::size_t tokens_,
          bool half_)
      : heads(heads_), kv_heads(kv_heads_), head_dim(head_dim_), capacity(first + tokens_ + 3), first_position(first),
        tokens(tokens_), half(half_) {
    Random random(first * 31 + tokens * 7 + head_dim);
    q = random.normals(tokens * heads * head_dim, 1.5f);
    k = random.normals(kv_heads * capacity * head_dim, 1.0f);
    v = random.normals(k.size(), 1.0f);
    if (half) round_to_half();
  }
  void round_to_half() {
    for (float& x : k) half_k.push_back(to_half(x)), x = to_float(half_k.back());
    for (float& x : v) half_v.push_back(to_half(x)), x = to_float(half_v.back());
  }
  AttentionJob job() const {
    return {.q = q.data(), .q_stride = heads * head_dim,
            .k = half ? static_cast<const void*>(half_k.data()) : k.data(),
            .v = half ? static_cast<const void*>(half_v.data()) : v.data(),
            .half_kv = half, .layout = kv_by_head(capacity, head_dim), .capacity = capacity,
            .heads = heads, .kv_heads = kv_heads, .head_dim = head_dim,
            .first_position = first_position, .tokens = tokens,
            .scale = 1.0f / std::sqrt(static_cast<float>(head_dim))};
  }

  /// Every head of every token, chunk by chunk: (tokens, heads, head_dim).
  std::vector<float> run() const {
    const std::size_t group = heads / kv_heads, floats = attention_state_floats(head_dim), count = tokens * group;
    std::vector<float> out(tokens * heads * head_dim);
    for (std::size_t h = 0; h < kv_heads; ++h) {
      std::vector<float> states(count * floats), next(count * floats);
      for (std::size_t c = 0; c * kAttentionChunk < first_position + tokens; ++c) {
        reference::attention_chunk(job(), h, c, 0, tokens, c == 0 ? states.data() : next.data(), nullptr);
        if (c != 0) reference::attention_merge(states.data(), next.data(), count, head_dim);
      }
      for (std::size_t t = 0; t < tokens; ++t)
        for (std::size_t g = 0; g < group; ++g)
          reference::attention_finish(states.data() + (t * group + g) * floats, head_dim,
                                      out.data() + (t * heads + h * group + g) * head_dim);
    }
    return out;
  }

  /// The same in double, without chunks.
  std::vector<double> truth() const {
    std::vector<double> out(tokens * heads * head_dim);
    for (std::size_t t = 0; t < tokens; ++t)
      for (std::size_t h = 0; h < heads; ++h) one_head(t, h, out.data() + (t * heads + h) * head_dim);
    return out;
  }
  void one_head(std::size_t t, std::size_t h, double* out) const {
    const std::size_t positions = first_position + t + 1;
    const float* kk = k.data() + h / (heads / kv_heads) * capacity * head_dim;
    const float* vv = v.data() + h / (heads / kv_heads) * capacity * head_dim;
    std::vector<double> p(positions);
    double max = -1e300, sum = 0;
    for (std::size_t j = 0; j < positions; ++j) {
      for (std::size_t d = 0; d < head_dim; ++d)
        p[j] += static_cast<double>(q[(t * heads + h) * head_dim + d]) * static_cast<double>(kk[j * head_dim + d]);
      p[j] *= static_cast<double>(job().scale);
      max = std::max(max, p[j]);
    }
    for (double& x : p) sum += x = std::exp(x - max);
    for (std::size_t j = 0; j < positions; ++j)
      for (std::size_t d = 0; d < head_dim; ++d) out[d] += p[j] / sum * static_cast<double>(vv[j * head_dim + d]);
  }
};

void expect_close(const Problem& problem) {
  const std::vector<float> got = problem.run();
  const std::vector<double> truth = problem.truth();
  for (std::size_t i = 0; i < got.size(); ++i)
    ASSERT_NEAR(static_cast<double>(got[i]), truth[i], 5e-6) << i % problem.head_dim << " of " << i / problem.head_dim;
}

TEST(Attention, AgreesWithADoubleSoftmax) {
  for (const bool half : {false, true}) {
    expect_close({1, 1, 1, 0, 1, half});
    expect_close({4, 2, 64, 0, 5, half});
    expect_close({6, 2, 40, 253, 7, half});   // a chunk ends among the tokens
    expect_close({3, 3, 17, 700, 2, half});   // several chunks, odd head size
    expect_close({8, 1, 32, 255, 1, half});   // exactly one chunk
    expect_close({8, 1, 32, 256, 1, half});   // and one position more
  }
}

TEST(Attention, BatchedTokensHaveTheBitsOfSingleOnes) {
  const Problem all(4, 2, 48, 250, 9, true);
  const std::vector<float> batched = all.run();
  for (std::size_t t = 0; t < all.tokens; ++t) {
    Problem one = all;
    one.first_position += t;
    one.tokens = 1;
    const std::size_t row = all.heads * all.head_dim;
    const float* q = all.q.data() + t * row;
    one.q.assign(q, q + row);
    const std::vector<float> single = one.run();
    for (std::size_t i = 0; i < row; ++i) ASSERT_EQ(single[i], batched[t * row + i]) << t;
  }
}

TEST(Attention, ATokenThatSeesNothingOfAChunkHasTheEmptyState) {
  const Problem p(2, 1, 8, 254, 4, false);  // positions 254..257: the last two see chunk 1
  std::vector<float> states(4 * 2 * 10, 7.0f);
  reference::attention_chunk(p.job(), 0, 1, 0, 4, states.data(), nullptr);
  for (std::size_t t = 0; t < 4; ++t) {
    for (std::size_t g = 0; g < 2; ++g) {
      const float* state = states.data() + (2 * t + g) * 10;
      EXPECT_EQ(state[0] == -kInf, t < 2);
      EXPECT_EQ(state[1] == 0.0f, t < 2);
      if (t >= 2) continue;
      for (std::size_t d = 0; d < 8; ++d) EXPECT_TRUE(same_bits(state[2 + d], 0.0f));
    }
  }
}

TEST(Attention, MergingAnEmptyStateChangesNothing) {
  const std::vector<float> empty = {-kInf, 0.0f, 0.0f, 0.0f}, some = {-2.0f, 1.5f, -0.0f, 3.0f};
  std::vector<float> into = some;
  reference::attention_merge(into.data(), empty.data(), 1, 2);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_TRUE(same_bits(into[i], some[i]));
  into = empty;
  reference::attention_merge(into.data(), some.data(), 1, 2);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_TRUE(same_bits(into[i], some[i]));
  into = empty;
  reference::attention_merge(into.data(), empty.data(), 1, 2);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_TRUE(same_bits(into[i], empty[i]));
}

TEST(Attention, ANanReachesTheResult) {
  for (const std::size_t at : {std::size_t{0}, std::size_t{300}}) {  // in the first and the last chunk
    Problem p(1, 1, 8, 299, 2, false);
    for (std::size_t d = 0; d < 8; ++d) p.k[at * 8 + d] = std::numeric_limits<float>::quiet_NaN();
    const std::vector<float> out = p.run();
    for (std::size_t d = 0; d < 8; ++d) {
      EXPECT_EQ(std::isnan(out[d]), at == 0) << "position 299 does not see position 300";
      EXPECT_TRUE(std::isnan(out[8 + d]));
    }
  }
}

TEST(Attention, ACacheByChunkGivesTheSameBits) {
  const Problem p(2, 2, 16, 600, 1, false);
  const KvLayout by_head = kv_by_head(p.capacity, 16), by_chunk{kAttentionChunk * 16, 5 * kAttentionChunk * 16};
  std::vector<float> k(by_chunk.offset(1, p.capacity - 1, 16) + 16), v(k.size());
  for (std::size_t head = 0; head < 2; ++head)
    for (std::size_t position = 0; position < p.capacity; ++position)
      for (std::size_t d = 0; d < 16; ++d) {
        const std::size_t from = by_head.offset(head, position, 16) + d, to = by_chunk.offset(head, position, 16) + d;
        EXPECT_EQ(from, (head * p.capacity + position) * 16 + d);
        k[to] = p.k[from], v[to] = p.v[from];
      }
  AttentionJob job = p.job();
  job.k = k.data(), job.v = v.data(), job.layout = by_chunk;
  for (std::size_t head = 0; head < 2; ++head)
    for (std::size_t chunk = 0; chunk < 3; ++chunk) {
      std::vector<float> expected(18), got(18);
      reference::attention_chunk(p.job(), head, chunk, 0, 1, expected.data(), nullptr);
      reference::attention_chunk(job, head, chunk, 0, 1, got.data(), nullptr);
      EXPECT_EQ(got, expected) << head << ", " << chunk;
    }
}

TEST(Attention, PositionsBeyondTheTokenAreNotRead) {
  Problem p(2, 1, 16, 10, 1, false);
  const std::vector<float> before = p.run();
  for (std::size_t j = 11; j < p.capacity; ++j)
    for (std::size_t d = 0; d < 16; ++d) p.k[j * 16 + d] = p.v[j * 16 + d] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(p.run(), before);
}

}  // namespace
}  // namespace edgek::test
