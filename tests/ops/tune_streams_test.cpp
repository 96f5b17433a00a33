// tune_streams(): what it may choose, what it must leave alone, and that it changes no bit.
#include <vector>

#include "op_test_support.hpp"

namespace edgek::testing {
namespace {

constexpr TuneOptions kQuick{.budget_ns = 0, .window_bytes = 1 << 16, .slice_bytes = 4096};

/// Matrices of several formats, with the bytes they live in.
struct Weights {
  std::vector<std::vector<std::byte>> bytes;
  std::vector<MatrixView> views;

  void add(Format format, std::size_t rows, std::size_t cols) {
    bytes.emplace_back(rows * row_bytes(format, cols), std::byte{0x21});
    views.push_back({format, bytes.back().data(), rows, cols});
  }
};

Weights some_weights() {
  Weights w;
  w.add(Format::kQ4_0, 256, 256);
  w.add(Format::kF16, 7, 512);  // 7 KB: too little
  w.add(Format::kQ8_0, 0, 256);
  w.add(Format::kQ8_0, 513, 96);
  w.add(Format::kQ4_0, 3, 2048);
  w.add(Format::kQ4_K, 40, 1024);
  return w;
}

bool is_offered(const ReadPattern& read) {
  const bool streams = read.streams == 1 || read.streams == 2 || read.streams == 4 || read.streams == 8;
  return read == ReadPattern() || (streams && read.prefetch <= 2048);
}

TEST(TuneStreams, ChoosesFromWhatThereIsAndLeavesTheRest) {
  const Weights w = some_weights();
  ThreadPool pool(2);
  for (const KernelSet* set : test::wanted_sets()) {
    Context ctx{.executor = pool, .kernels = *set};
    const ReadPattern mine{2, 96};
    ctx.tuning.read[index_of(Format::kF16)] = mine;
    ctx.tuning.read[index_of(Format::kQ6_K)] = mine;
    ASSERT_EQ(tune_streams(ctx, w.views, kQuick), Status::kOk);
    EXPECT_EQ(ctx.tuning.read[index_of(Format::kF16)], mine) << "too few bytes to tune";
    EXPECT_EQ(ctx.tuning.read[index_of(Format::kQ6_K)], mine) << "not among the matrices";
    for (const Format f : {Format::kQ4_0, Format::kQ8_0, Format::kQ4_K})
      EXPECT_TRUE(is_offered(ctx.tuning.read[index_of(f)])) << set->name << " " << info(f).name;
  }
}

TEST(TuneStreams, KeepsWhatWasWhereNothingIsFastEnough) {
  const Weights w = some_weights();
  InlineExecutor one;
  Context ctx{.executor = one, .kernels = kernels()};
  const ReadPattern mine{4, 192};
  ctx.tuning.read.fill(mine);
  TuneOptions options = kQuick;
  options.margin = 1.0;  // nothing takes no time at all
  ASSERT_EQ(tune_streams(ctx, w.views, options), Status::kOk);
  for (const ReadPattern& read : ctx.tuning.read) EXPECT_EQ(read, mine);
}

TEST(TuneStreams, TakesTheFasterOne) {
  const Weights w = some_weights();
  InlineExecutor one;
  Context ctx{.executor = one, .kernels = kernels()};
  TuneOptions options = kQuick;
  options.margin = -1e9;  // anything is fast enough
  ASSERT_EQ(tune_streams(ctx, w.views, options), Status::kOk);
  EXPECT_NE(ctx.tuning.read[index_of(Format::kQ4_0)], ReadPattern());
}

TEST(TuneStreams, IsNotRecorded) {
  const Weights w = some_weights();
  std::vector<KernelTotals> totals(8);
  std::vector<TokenSpan> spans(1);
  RecordingLedger ledger(totals, spans);
  InlineExecutor one;
  Context ctx{.executor = one, .kernels = kernels(), .ledger = &ledger};
  ASSERT_EQ(tune_streams(ctx, w.views, kQuick), Status::kOk);
  EXPECT_EQ(ctx.ledger, &ledger);
  EXPECT_EQ(ledger.kernels().size(), 0u);
}

TEST(TuneStreams, PassesOverWhatCannotBeMultiplied) {
  Weights w = some_weights();
  w.views.insert(w.views.begin(), {Format::kQ4_0, nullptr, 100, 256});
  w.views.push_back({Format::kQ4_0, w.bytes[0].data(), 100, 20});   // less than a block: rows of no bytes
  w.views.push_back({Format::kQ4_K, w.bytes[0].data(), 100, 300});  // not whole blocks
  InlineExecutor one;
  Context ctx{.executor = one, .kernels = kernels()};
  ASSERT_EQ(tune_streams(ctx, w.views, kQuick), Status::kOk);
  EXPECT_TRUE(is_offered(ctx.tuning.read[index_of(Format::kQ4_0)]));
}

TEST(TuneStreams, PassesOverFormatsThatTheSetLacks) {
  const Weights w = some_weights();
  KernelSet fewer = kernels();
  for (const MatrixView& m : w.views) fewer.by_format[index_of(m.format)] = {};
  InlineExecutor one;
  Context ctx{.executor = one, .kernels = fewer};
  ASSERT_EQ(tune_streams(ctx, w.views, kQuick), Status::kOk);
  for (const MatrixView& m : w.views) EXPECT_EQ(ctx.tuning.read[index_of(m.format)], ReadPattern());
}

TEST(TuneStreams, DoesWithoutMatrices) {
  InlineExecutor one;
  Context ctx{.executor = one, .kernels = kernels()};
  EXPECT_EQ(tune_streams(ctx, {}, kQuick), Status::kOk);
  EXPECT_EQ(ctx.tuning.read[0], ReadPattern());
}

TEST(TuneStreams, EveryPatternGivesTheSameBits) {
  const std::size_t rows = 77, cols = 512;
  const std::vector<float> x = random_floats(cols, 5);
  for (const KernelSet* set : test::wanted_sets()) {
    for (const Format f : {Format::kF16, Format::kBF16, Format::kQ4_0, Format::kQ5_1, Format::kQ6_K}) {
      std::vector<std::byte> bytes(rows * row_bytes(f, cols));
      for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 7 % 64);
      InlineExecutor one;
      Context ctx{.executor = one, .kernels = *set};
      std::vector<float> usual(rows), y(rows);
      ASSERT_EQ(matvec(ctx, {f, bytes.data(), rows, cols}, x.data(), usual.data()), Status::kOk);
      for (const std::size_t streams : {0u, 1u, 2u, 4u, 8u}) {
        for (const std::size_t prefetch : {std::size_t{0}, std::size_t{100}, std::size_t{4096}}) {
          ctx.tuning.read.fill({streams, prefetch});
          ASSERT_EQ(matvec(ctx, {f, bytes.data(), rows, cols}, x.data(), y.data()), Status::kOk);
          EXPECT_EQ(std::memcmp(usual.data(), y.data(), rows * sizeof(float)), 0) << set->name << " " << info(f).name;
        }
      }
    }
  }
}

}  // namespace
}  // namespace edgek::testing
