#include "edgek/ops/matmul.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "edgek/edgek.hpp"
#include "ops/op_test_support.hpp"

namespace {

using namespace edgek;
using edgek::testing::BackwardsExecutor;
using edgek::testing::random_floats;
using edgek::testing::random_weights;
using edgek::testing::same_bits;

struct Problem {
  Format format;
  std::size_t rows, cols, tokens;
  std::vector<std::byte> weights;
  std::vector<float> x;

  Problem(Format f, std::size_t r, std::size_t c, std::size_t t)
      : format(f), rows(r), cols(c), tokens(t), weights(random_weights(f, r, c, 1)), x(random_floats(t * c, 2)) {
    for (std::size_t i = 5; i < x.size(); i += 97) x[i] *= 300.0f;  // outliers, as a language model has them
  }
  MatrixView view() const { return {format, weights.data(), rows, cols}; }

  std::vector<float> multiply(Context& ctx) const {
    std::vector<float> y(tokens * rows, -1.0f);
    EXPECT_EQ(matmul(ctx, view(), ConstRows(x.data(), tokens, cols), Rows(y.data(), tokens, rows)), Status::kOk);
    return y;
  }
};

/// The definition, written out: the format's dot product, and for int8 activations in blocks of 32 the
/// second look at the two blocks of largest scale.
template <Format F>
std::vector<float> expected(const Problem& p, bool exact) {
  std::vector<float> y;
  constexpr Activation kFamily = info(F).activation;
  std::vector<std::byte> storage(packed_bytes(kFamily, p.cols) + 64), rest_storage(packed_bytes(kFamily, 256) + 64);
  const auto aligned = [](std::vector<std::byte>& s) {
    return s.data() + (64 - reinterpret_cast<std::uintptr_t>(s.data()) % 64) % 64;
  };
  std::byte* packed = aligned(storage);
  std::byte* packed_rest = aligned(rest_storage);
  for (std::size_t t = 0; t < p.tokens; ++t) {
    const float* x = p.x.data() + t * p.cols;
    if (kFamily == Activation::kF32) reference::pack_f32(x, p.cols, packed);
    if (kFamily == Activation::kA32) reference::pack_a32(x, p.cols, packed);
    if (kFamily == Activation::kA256) reference::pack_a256(x, p.cols, packed);
    for (std::size_t r = 0; r < p.rows; ++r) {
      const std::byte* row = p.view().row(r);
      if (exact) {
        y.push_back(reference::dot_float_row<F>(row, p.cols, x));
        continue;
      }
      float sum = reference::dot_row<F>(row, p.cols, packed);
      if constexpr (kFamily == Activation::kA32) {
        const PackedA32 q = packed_a32(packed, p.cols);
        std::vector<std::size_t> order(p.cols / 32);
        for (std::size_t b = 0; b < order.size(); ++b) order[b] = b;
        const auto coarser = [&](std::size_t a, std::size_t b) {
          return q.d[a] > q.d[b] || (q.d[a] == q.d[b] && a < b);
        };
        std::sort(order.begin(), order.end(), coarser);
        if (order.size() > 2) order.erase(order.begin() + 2, order.end());
        std::sort(order.begin(), order.end());
        for (const std::size_t b : order) {
          float rest[32];
          for (std::size_t i = 0; i < 32; ++i) {
            const volatile float product = q.d[b] * static_cast<float>(q.q[32 * b + i]);
            rest[i] = x[32 * b + i] - product;
          }
          reference::pack_a32(rest, 32, packed_rest);
          sum += reference::dot_row<F>(row + b * info(F).block_bytes, 32, packed_rest);
        }
      }
      y.push_back(sum);
    }
  }
  return y;
}

std::vector<float> expected_of(const Problem& p, bool exact) {
  std::vector<float> out;
  edgek::testing::for_each_format([&](auto f) {
    if (f.value == p.format) out = expected<f.value>(p, exact);
  });
  return out;
}

TEST(Matmul, IsTheDefinitionForEverySetThreadCountAndChunk) {
  ThreadPool two(2), four(4);
  BackwardsExecutor three(3);
  InlineExecutor one;
  for (const FormatInfo& f : kFormats) {
    for (const std::size_t tokens : {std::size_t{1}, std::size_t{3}, std::size_t{70}}) {
      const Problem p(f.format, 83, 512, tokens);
      for (const bool exact : {false, true}) {
        const std::vector<float> wanted = expected_of(p, exact);
        for (const KernelSet* set : test::wanted_sets()) {
          if (tokens == 70 && set == all_kernels().back()) continue;  // SCALAR has no panels
          for (Executor* executor : std::initializer_list<Executor*>{&one, &two, &three, &four}) {
            Context ctx{.executor = *executor, .kernels = *set, .exact = exact};
            ctx.tuning.min_chunk = executor == &one ? 65536 : 1024;
            ctx.tuning.max_chunk = executor == &four ? 4096 : 1 << 20;
            EXPECT_TRUE(same_bits(p.multiply(ctx), wanted))
                << f.name << " " << set->name << " tokens " << tokens << " exact " << exact << " threads "
                << executor->threads();
          }
        }
      }
    }
  }
}

TEST(Matmul, AnyBatchGivesTheBitsOfOneToken) {
  ThreadPool pool(2);
  for (const Format format : {Format::kQ4_0, Format::kQ8_0, Format::kQ6_K, Format::kF16}) {
    Context ctx{.executor = pool, .kernels = kernels()};
    // So wide and so many that activations are cut into several blocks of tokens.
    const Problem p(format, 40, 16384, 150);
    const std::vector<float> together = p.multiply(ctx);
    for (std::size_t t = 0; t < p.tokens; t += 29) {
      std::vector<float> y(p.rows);
      ASSERT_EQ(matvec(ctx, p.view(), p.x.data() + t * p.cols, y.data()), Status::kOk);
      const auto at = together.begin() + static_cast<std::ptrdiff_t>(t * p.rows);
      EXPECT_TRUE(same_bits(y, std::vector<float>(at, at + static_cast<std::ptrdiff_t>(p.rows)))) << t;
    }
  }
}

TEST(Matmul, SeveralMatricesOfOneInputEqualEachAlone) {
  ThreadPool pool(3);
  Context ctx{.executor = pool, .kernels = kernels()};
  for (const std::size_t tokens : {1u, 5u, 40u}) {
    std::vector<Problem> problems;
    for (const FormatInfo& f : kFormats) problems.emplace_back(f.format, 9 + 8 * problems.size(), 256, tokens);
    std::vector<std::vector<float>> outputs;
    std::vector<MatrixView> views;
    std::vector<Rows> rows;
    for (const Problem& p : problems) outputs.emplace_back(p.rows * tokens);
    for (std::size_t i = 0; i < problems.size(); ++i) {
      views.push_back(problems[i].view());
      rows.emplace_back(outputs[i].data(), tokens, problems[i].rows);
    }
    const ConstRows x(problems[0].x.data(), tokens, 256);
    ASSERT_EQ(matmul(ctx, views, x, rows), Status::kOk);
    for (std::size_t i = 0; i < problems.size(); ++i)
      EXPECT_TRUE(same_bits(outputs[i], problems[i].multiply(ctx))) << i << " tokens " << tokens;
  }
}

TEST(Matmul, GatedEqualsItsParts) {
  ThreadPool pool(2);
  for (const KernelSet* set : test::wanted_sets()) {
    Context ctx{.executor = pool, .kernels = *set};
    for (const std::size_t tokens : {1u, 5u, 7u, 200u}) {
      if (tokens == 200 && set != all_kernels().front()) continue;
      for (const Format up_format : {Format::kQ4_0, Format::kQ6_K, Format::kF16}) {
        // 8192 columns: the families cut 200 tokens into blocks of different lengths.
        const std::size_t cols = tokens == 200 ? 8192 : 256, rows = 75;
        const Problem gate(Format::kQ4_0, rows, cols, tokens), up(up_format, rows, cols, tokens);
        std::vector<float> y(rows * tokens), parts = gate.multiply(ctx);
        const std::vector<float> opened = up.multiply(ctx);
        for (std::size_t t = 0; t < tokens; ++t)
          set->silu_mul(&parts[t * rows], &opened[t * rows], rows, &parts[t * rows]);
        ASSERT_EQ(matmul_silu(ctx, gate.view(), up.view(), ConstRows(gate.x.data(), tokens, cols),
                              Rows(y.data(), tokens, rows)),
                  Status::kOk);
        EXPECT_TRUE(same_bits(y, parts)) << set->name << " tokens " << tokens;
      }
    }
  }
}

TEST(Matmul, ReadsAndWritesRowsAtTheirStride) {
  InlineExecutor one;
  Context ctx{.executor = one, .kernels = kernels()};
  const Problem p(Format::kQ8_0, 10, 64, 3);
  std::vector<float> x(3 * 100, NAN), y(3 * 20, 7.0f);
  for (std::size_t t = 0; t < 3; ++t) std::copy_n(p.x.data() + t * 64, 64, &x[t * 100]);
  ASSERT_EQ(matmul(ctx, p.view(), ConstRows(x.data(), 3, 64, 100), Rows(y.data(), 3, 10, 20)), Status::kOk);
  const std::vector<float> plain = p.multiply(ctx);
  for (std::size_t t = 0; t < 3; ++t)
    for (std::size_t r = 0; r < 20; ++r) EXPECT_EQ(y[t * 20 + r], r < 10 ? plain[t * 10 + r] : 7.0f);
}

// The second look is there for a purpose: it must bring the result nearer to the exact product.
TEST(Matmul, SecondLookHalvesTheErrorOfOutliers) {
  InlineExecutor one;
  Context ctx{.executor = one, .kernels = kernels()};
  Problem p(Format::kQ8_0, 64, 1024, 1);
  p.x = random_floats(1024, 9);
  p.x[700] = 500.0f;
  const std::vector<float> ours = p.multiply(ctx);
  ctx.exact = true;
  const std::vector<float> exact = p.multiply(ctx);
  KernelSet blind = kernels();  // the second look sees nothing: rests are packed as zeros
  blind.pack[static_cast<std::size_t>(Activation::kA32)] = [](const float* x, std::size_t cols, bool,
                                                              std::byte* out) noexcept {
    const std::vector<float> zeros(32, 0.0f);
    reference::pack_a32(cols == 32 ? zeros.data() : x, cols, out);
  };
  Context plain{.executor = one, .kernels = blind};
  const std::vector<float> without = p.multiply(plain);
  double with_error = 0, without_error = 0;
  for (std::size_t r = 0; r < p.rows; ++r) {
    with_error += std::pow(static_cast<double>(ours[r]) - static_cast<double>(exact[r]), 2);
    without_error += std::pow(static_cast<double>(without[r]) - static_cast<double>(exact[r]), 2);
  }
  EXPECT_LT(with_error, without_error / 4);
  EXPECT_GT(with_error, 0);
}

TEST(Matmul, NotFiniteInputsStayNotFinite) {
  InlineExecutor one;
  for (const KernelSet* set : test::wanted_sets()) {
    Context ctx{.executor = one, .kernels = *set};
    Problem p(Format::kQ4_0, 8, 128, 2);
    p.x[3] = std::numeric_limits<float>::infinity();
    p.x[90] = NAN;
    const std::vector<float> y = p.multiply(ctx);
    EXPECT_TRUE(same_bits(y, expected_of(p, false))) << set->name;
    EXPECT_TRUE(std::isnan(y[0]));
    EXPECT_FALSE(std::isnan(y[8]));  // the other token
  }
}

TEST(Matmul, RefusesWhatDoesNotFit) {
  InlineExecutor one;
  Context ctx{.executor = one, .kernels = kernels()};
  const Problem p(Format::kQ4_0, 4, 64, 2);
  std::vector<float> y(8, 5.0f);
  const ConstRows x(p.x.data(), 2, 64);
  const Rows out(y.data(), 2, 4);
  MatrixView w = p.view();
  w.format = static_cast<Format>(99);
  EXPECT_EQ(matmul(ctx, w, x, out), Status::kUnsupportedFormat);
  w = p.view();
  w.cols = 63;
  EXPECT_EQ(matmul(ctx, w, ConstRows(p.x.data(), 2, 63), out), Status::kRowNotWholeBlocks);
  w = p.view();
  EXPECT_EQ(matmul(ctx, w, ConstRows(p.x.data(), 2, 32), out), Status::kShapeMismatch);
  EXPECT_EQ(matmul(ctx, w, ConstRows(p.x.data(), 1, 64), out), Status::kShapeMismatch);
  EXPECT_EQ(matmul(ctx, w, x, Rows(y.data(), 2, 3)), Status::kShapeMismatch);
  EXPECT_EQ(matmul(ctx, w, x, Rows(y.data(), 2, 4, 3)), Status::kShapeMismatch);
  EXPECT_EQ(matmul(ctx, w, ConstRows(nullptr, 2, 64), out), Status::kNullData);
  EXPECT_EQ(matmul(ctx, w, x, Rows(nullptr, 2, 4)), Status::kNullData);
  w.data = nullptr;
  EXPECT_EQ(matmul(ctx, w, x, out), Status::kNullData);
  w = p.view();
  w.rows = std::numeric_limits<std::size_t>::max() / 64;
  EXPECT_EQ(matmul(ctx, w, x, Rows(y.data(), 2, w.rows)), Status::kShapeMismatch);
  EXPECT_EQ(matmul(ctx, {p.view(), p.view()}, x, {out}), Status::kShapeMismatch);
  EXPECT_EQ(y, std::vector<float>(8, 5.0f));  // nothing was written
}

TEST(Matmul, EmptyIsNothing) {
  InlineExecutor one;
  Context ctx{.executor = one, .kernels = kernels()};
  EXPECT_EQ(matmul(ctx, {Format::kQ4_0, nullptr, 0, 32}, ConstRows(nullptr, 3, 32), Rows(nullptr, 3, 0)), Status::kOk);
  EXPECT_EQ(matmul(ctx, {Format::kQ4_0, nullptr, 4, 32}, ConstRows(nullptr, 0, 32), Rows(nullptr, 0, 4)), Status::kOk);
  float y[4] = {1, 2, 3, 4};  // the sum of nothing is zero
  EXPECT_EQ(matvec(ctx, {Format::kQ4_0, nullptr, 4, 0}, nullptr, y), Status::kOk);
  for (const float v : y) EXPECT_EQ(v, 0.0f);
}

class ListLedger final : public Ledger {
 public:
  void record(const LedgerEntry& e) noexcept override {
    entries.push_back(e);
    entries.back().thread_busy_ns = nullptr;
    busy.emplace_back(e.thread_busy_ns, e.thread_busy_ns + e.threads);
  }
  std::vector<LedgerEntry> entries;
  std::vector<std::vector<std::uint64_t>> busy;  // of each entry's threads
};

TEST(Matmul, RecordsWhatItMovesAndWhen) {
  ThreadPool pool(2);
  ListLedger ledger;
  Context ctx{.executor = pool, .kernels = kernels(), .ledger = &ledger};
  const Problem a(Format::kQ4_0, 512, 512, 1), b(Format::kQ6_K, 256, 512, 1);
  std::vector<float> ya(512), yb(256);
  ASSERT_EQ(matmul(ctx, {a.view(), b.view()}, ConstRows(a.x.data(), 1, 512),
                   {Rows(ya.data(), 1, 512), Rows(yb.data(), 1, 256)}, {{"a", 3}, {"b", 3}}),
            Status::kOk);
  std::vector<LedgerEntry> products;
  std::uint64_t last = 0;
  for (const LedgerEntry& e : ledger.entries) {
    // One item begins where the last one ended: their times may be added, and nothing of the region is left out.
    EXPECT_EQ(e.start_ns, last == 0 ? e.start_ns : last) << e.op;
    EXPECT_GE(e.end_ns, e.start_ns);
    EXPECT_LE(e.busy_max_ns, e.busy_ns);
    EXPECT_STREQ(e.target, kernels().name);
    last = e.end_ns;
    if (std::string(e.op) == "matvec") products.push_back(e);
  }
  for (std::size_t i = 0; i < ledger.entries.size(); ++i) {
    const LedgerEntry& e = ledger.entries[i];
    EXPECT_EQ(ledger.busy[i].size(), e.threads) << e.op;
    EXPECT_EQ(std::accumulate(ledger.busy[i].begin(), ledger.busy[i].end(), std::uint64_t{0}), e.busy_ns) << e.op;
  }
  EXPECT_STREQ(ledger.entries.front().op, "quantize");
  ASSERT_EQ(products.size(), 2u);
  EXPECT_STREQ(products[0].tensor, "a");
  EXPECT_EQ(products[0].layer, 3);
  EXPECT_EQ(products[0].traffic, matmul_traffic(Format::kQ4_0, 512, 512, 1));
  EXPECT_EQ(products[1].format, Format::kQ6_K);
  EXPECT_EQ(products[1].traffic, matmul_traffic(Format::kQ6_K, 256, 512, 1));
}

// A compiler that fused the product into the difference would hardly show in the products: the rest is small.
TEST(Refinement, TheProductIsRoundedBeforeItIsSubtracted) {
  const std::vector<float> x = random_floats(32 * 64, 5);
  for (std::size_t block = 0; block < x.size(); block += 32) {
    const float d = x[block] / 127.0f;
    std::int8_t q[32];
    for (int i = 0; i < 32; ++i) q[i] = static_cast<std::int8_t>(3 * i - 40);
    float rest[32];
    ops_detail::rest_of_block(&x[block], q, d, rest);
    for (std::size_t i = 0; i < 32; ++i) {
      const auto product = static_cast<float>(static_cast<double>(d) * static_cast<double>(q[i]));
      EXPECT_EQ(rest[i], static_cast<float>(static_cast<double>(x[block + i]) - static_cast<double>(product)));
    }
  }
}

}  // namespace
