#include "edgek/ops/elementwise.hpp"

#include <cmath>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "edgek/edgek.hpp"
#include "edgek/reference/scalar_set.hpp"
#include "ops/op_test_support.hpp"

namespace {

using namespace edgek;
using edgek::testing::BackwardsExecutor;
using edgek::testing::random_floats;
using edgek::testing::same_bits;

constexpr std::size_t kTokens = 130, kCols = 96;  // enough for several threads

/// Runs op(ctx) with SCALAR in one thread, then with every set and executor: the outputs must be the same bits.
template <typename Op>
void expect_one_answer(const char* name, const Op& op) {
  InlineExecutor one;
  Context scalar{.executor = one, .kernels = scalar_kernels()};
  const std::vector<float> wanted = op(scalar);
  ThreadPool two(2);
  BackwardsExecutor three(3);
  for (const KernelSet* set : test::wanted_sets()) {
    for (Executor* executor : std::initializer_list<Executor*>{&one, &two, &three}) {
      Context ctx{.executor = *executor, .kernels = *set};
      EXPECT_TRUE(same_bits(op(ctx), wanted)) << name << " " << set->name << " threads " << executor->threads();
    }
  }
}

TEST(Elementwise, OneAnswer) {
  const std::vector<float> x = random_floats(kTokens * kCols, 1), z = random_floats(kTokens * kCols, 2);
  const ConstRows in(x.data(), kTokens, kCols), other(z.data(), kTokens, kCols);
  const auto run = [&](const char* name, auto op) {
    expect_one_answer(name, [&](Context& ctx) {
      std::vector<float> y = z;
      EXPECT_EQ(op(ctx, Rows(y.data(), kTokens, kCols)), Status::kOk);
      return y;
    });
  };
  run("rmsnorm", [&](Context& ctx, Rows y) { return rmsnorm(ctx, in, z.data(), 1e-5f, y); });
  run("rmsnorm in place", [&](Context& ctx, Rows y) { return rmsnorm(ctx, y, x.data(), 1e-5f, y); });
  run("add", [&](Context& ctx, Rows y) { return add(ctx, in, y); });
  run("add_rmsnorm", [&](Context& ctx, Rows residual) {
    std::vector<float> y(kTokens * kCols);
    const Status status = add_rmsnorm(ctx, in, residual, x.data(), 1e-5f, Rows(y.data(), kTokens, kCols));
    std::vector<float> sum = z, wanted = y;  // what the two ops give, one after the other
    const Rows sum_rows(sum.data(), kTokens, kCols), wanted_rows(wanted.data(), kTokens, kCols);
    EXPECT_EQ(add(ctx, in, sum_rows), Status::kOk);
    EXPECT_EQ(rmsnorm(ctx, sum_rows, x.data(), 1e-5f, wanted_rows), Status::kOk);
    EXPECT_TRUE(same_bits(y, wanted) && same_bits({residual.data, residual.data + kTokens * kCols}, sum));
    return status;
  });
  run("add_rmsnorm in place", [&](Context& ctx, Rows y) {
    std::vector<float> residual = x;
    return add_rmsnorm(ctx, y, Rows(residual.data(), kTokens, kCols), x.data(), 1e-5f, y);
  });
  run("silu_mul", [&](Context& ctx, Rows y) { return silu_mul(ctx, in, other, y); });
  run("gelu_mul in place", [&](Context& ctx, Rows y) { return gelu_mul(ctx, y, in, y); });
  run("softmax", [&](Context& ctx, Rows y) { return softmax(ctx, y); });
  const std::vector<float> angles = random_floats(kTokens * 24, 3);
  for (const bool adjacent : {false, true})
    run("rope", [&](Context& ctx, Rows y) { return rope(ctx, y, 32, {angles.data(), 12, adjacent}); });
}

TEST(Elementwise, SoftmaxRowsSumToOne) {
  InlineExecutor one;
  Context ctx{.executor = one, .kernels = kernels()};
  std::vector<float> x = random_floats(5 * 33, 1);
  ASSERT_EQ(softmax(ctx, Rows(x.data(), 5, 33)), Status::kOk);
  for (std::size_t t = 0; t < 5; ++t) {
    double sum = 0;
    for (std::size_t i = 0; i < 33; ++i) sum += static_cast<double>(x[t * 33 + i]);
    EXPECT_NEAR(sum, 1.0, 1e-5);
  }
}

TEST(Elementwise, RotationKeepsLengthsAndTheRest) {
  InlineExecutor one;
  Context ctx{.executor = one, .kernels = kernels()};
  const std::vector<float> before = random_floats(16, 1);
  std::vector<float> x = before;
  const float angles[] = {0.6f, 0.0f, 0.8f, 1.0f};  // (cos, cos, sin, sin)
  ASSERT_EQ(rope(ctx, Rows(x.data(), 1, 16), 8, {angles, 2, true}), Status::kOk);
  for (const std::size_t head : {std::size_t{0}, std::size_t{8}}) {
    EXPECT_NEAR(x[head], before[head] * 0.6f - before[head + 1] * 0.8f, 1e-5f);
    EXPECT_NEAR(x[head + 1], before[head] * 0.8f + before[head + 1] * 0.6f, 1e-5f);
    EXPECT_NEAR(x[head + 2], -before[head + 3], 1e-6f);
    for (std::size_t i = 4; i < 8; ++i) EXPECT_EQ(x[head + i], before[head + i]);
  }
}

TEST(Elementwise, RefusesWhatDoesNotFit) {
  InlineExecutor one;
  Context ctx{.executor = one, .kernels = kernels()};
  std::vector<float> x(64, 2.0f);
  const Rows four(x.data(), 4, 16), three(x.data(), 3, 16), narrow(x.data(), 4, 8), none(nullptr, 4, 16);
  EXPECT_EQ(add(ctx, three, four), Status::kShapeMismatch);
  EXPECT_EQ(add(ctx, narrow, four), Status::kShapeMismatch);
  EXPECT_EQ(add(ctx, none, four), Status::kNullData);
  EXPECT_EQ(rmsnorm(ctx, four, nullptr, 0.1f, four), Status::kNullData);
  EXPECT_EQ(add_rmsnorm(ctx, three, four, x.data(), 0.1f, four), Status::kShapeMismatch);
  EXPECT_EQ(add_rmsnorm(ctx, four, four, x.data(), 0.1f, narrow), Status::kShapeMismatch);
  EXPECT_EQ(add_rmsnorm(ctx, four, none, x.data(), 0.1f, four), Status::kNullData);
  EXPECT_EQ(add_rmsnorm(ctx, four, four, nullptr, 0.1f, four), Status::kNullData);
  EXPECT_EQ(silu_mul(ctx, four, three, four), Status::kShapeMismatch);
  EXPECT_EQ(softmax(ctx, none), Status::kNullData);
  EXPECT_EQ(softmax(ctx, Rows(x.data(), 4, 16, 15)), Status::kShapeMismatch);
  EXPECT_EQ(rope(ctx, four, 5, {x.data(), 2, true}), Status::kShapeMismatch);   // 16 is not heads of 5
  EXPECT_EQ(rope(ctx, four, 8, {x.data(), 5, true}), Status::kShapeMismatch);   // more pairs than a head has
  EXPECT_EQ(rope(ctx, four, 8, {nullptr, 2, true}), Status::kNullData);
  EXPECT_EQ(add(ctx, Rows(nullptr, 0, 16), Rows(nullptr, 0, 16)), Status::kOk);
  EXPECT_EQ(x, std::vector<float>(64, 2.0f));
}

class CountingLedger final : public Ledger {
 public:
  void record(const LedgerEntry& e) noexcept override {
    ++entries;
    bytes += e.traffic.bytes();
    EXPECT_GE(e.end_ns, e.start_ns);
  }
  std::size_t entries = 0;
  std::uint64_t bytes = 0;
};

TEST(Elementwise, RecordsOneEntryAnOp) {
  ThreadPool pool(2);
  CountingLedger ledger;
  Context ctx{.executor = pool, .kernels = kernels(), .ledger = &ledger};
  std::vector<float> x(4 * 16, 1.0f);
  ASSERT_EQ(softmax(ctx, Rows(x.data(), 4, 16)), Status::kOk);
  ASSERT_EQ(add(ctx, Rows(x.data(), 1, 16), Rows(x.data() + 16, 1, 16)), Status::kOk);
  EXPECT_EQ(ledger.entries, 2u);
  EXPECT_EQ(ledger.bytes, 4u * 16 * 2 * 4 + 16u * 3 * 4);
}

}  // namespace
