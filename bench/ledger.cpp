// What a ledger costs. Tokens of a decoder run in turns without one and with a RecordingLedger attached:
//   ledger/SHAPE/FORMAT/threads:N      SHAPE: a layer's, of models with so many weights
// Counters: detached_us and attached_us of a token (medians), cost_% of the second over the first (median of pairs),
// entries of a token, and sum_us, which summing them takes between tokens.
//   detached/rmsnorm/WIDTH             the shortest op with its null ledger, and its kernel called directly
// Counters: op_ns, kernel_ns. The difference is all that an op adds: checks of shapes, float control, and the tests for
// a ledger.
#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "edgek/edgek.hpp"
#include "edgek/measure/percentiles.hpp"
#include "edgek/measure/recording_ledger.hpp"
#include "edgek/model/decoder.hpp"
#include "tests/model/tiny_model.hpp"

namespace {

using namespace edgek;

struct Shape {
  const char* name;
  testing::TinyModel model;
};

/// SmolLM2's; of the larger one few layers, because a ledger's cost is that of each, and a vocabulary that does not
/// outweigh them.
const Shape kShapes[] = {
    {"135M", {.embedding = 576, .feed_forward = 1536, .layers = 30, .heads = 9, .kv_heads = 3, .vocabulary = 49152,
              .head_dim = 64}},
    {"1.7B", {.embedding = 2048, .feed_forward = 8192, .layers = 6, .heads = 32, .kv_heads = 32, .head_dim = 64}},
};

/// A decoder in the middle of a context, whose next token is written over and over.
class OneToken {
 public:
  OneToken(const Shape& shape, Format format, std::size_t threads) : pool_(threads) {
    testing::TinyModel model = shape.model;
    model.format = format;
    bytes_ = model.bytes();
    model_ = std::make_unique<Model>(bytes_, shape.name);
    decoder_ = std::make_unique<Decoder>(*model_);
    const std::vector<TokenId> prompt(kContext, 1);
    decoder_->evaluate(ctx_, prompt);
    run(nullptr);
  }

  /// Nanoseconds.
  double run(Ledger* ledger) {
    constexpr TokenId kToken = 2;
    decoder_->rewind(kContext);
    ctx_.ledger = ledger;
    const std::uint64_t start = now_ns();
    decoder_->evaluate(ctx_, {&kToken, 1});
    return static_cast<double>(now_ns() - start);
  }

 private:
  static constexpr std::size_t kContext = 32;
  std::vector<std::byte> bytes_;
  ThreadPool pool_;
  Context ctx_{.executor = pool_, .kernels = kernels()};
  std::unique_ptr<Model> model_;
  std::unique_ptr<Decoder> decoder_;
};

class Watch {
 public:
  Ledger& ledger() { return ledger_; }
  /// Between tokens, as a program does: what they recorded is summed.
  double entries() {
    double calls = 0;
    for (const KernelTotals& k : ledger_.kernels()) calls += static_cast<double>(k.calls);
    ledger_.clear();
    return calls;
  }

 private:
  std::vector<KernelTotals> totals_ = std::vector<KernelTotals>(64);
  std::vector<TokenSpan> spans_ = std::vector<TokenSpan>(1);
  std::vector<LedgerEntry> entries_ = std::vector<LedgerEntry>(1 << 12);
  std::vector<ProductRegion> products_ = std::vector<ProductRegion>(1 << 10);
  std::vector<ThreadTicks> ticks_ = std::vector<ThreadTicks>(1 << 11);
  RecordingLedger ledger_{totals_, spans_, {entries_, products_, ticks_}};
};

double median(std::vector<double>& values) { return summarize(values).p50; }

void ledger_cost(benchmark::State& state, const Shape& shape, Format format, std::size_t threads) {
  OneToken token(shape, format, threads);
  Watch watch;
  std::vector<double> detached, attached, cost, sum;
  double entries = 0;
  for (auto _ : state) {
    const bool swap = detached.size() % 2 == 1;  // so that neither always comes second
    if (swap) attached.push_back(token.run(&watch.ledger()));
    detached.push_back(token.run(nullptr));
    if (!swap) attached.push_back(token.run(&watch.ledger()));
    const std::uint64_t start = now_ns();
    entries = watch.entries();
    sum.push_back(static_cast<double>(now_ns() - start));
    cost.push_back(attached.back() / detached.back());
  }
  state.counters["detached_us"] = 1e-3 * median(detached);
  state.counters["attached_us"] = 1e-3 * median(attached);
  state.counters["cost_%"] = 100 * (median(cost) - 1);
  state.counters["entries"] = entries;
  state.counters["sum_us"] = 1e-3 * median(sum);
}

void detached_op(benchmark::State& state) {
  const auto width = static_cast<std::size_t>(state.range(0));
  const std::vector<float> x(width, 0.5f), weight(width, 1.0f);
  std::vector<float> y(width);
  InlineExecutor executor;
  Context ctx{.executor = executor, .kernels = kernels()};
  constexpr int kCalls = 64;
  std::vector<double> op, kernel;
  for (auto _ : state) {
    const std::uint64_t start = now_ns();
    for (int i = 0; i < kCalls; ++i) {
      if (rmsnorm(ctx, {x.data(), 1, width}, weight.data(), 1e-5f, {y.data(), 1, width}) != Status::kOk)
        return state.SkipWithError("rmsnorm");
      benchmark::ClobberMemory();
    }
    const std::uint64_t middle = now_ns();
    for (int i = 0; i < kCalls; ++i) {
      ctx.kernels.rmsnorm(x.data(), weight.data(), 1e-5f, width, y.data());
      benchmark::ClobberMemory();
    }
    op.push_back(static_cast<double>(middle - start) / kCalls);
    kernel.push_back(static_cast<double>(now_ns() - middle) / kCalls);
  }
  state.counters["op_ns"] = median(op);
  state.counters["kernel_ns"] = median(kernel);
}

void add_cases() {
  for (const Shape& shape : kShapes)
    for (const Format format : {Format::kQ4_0, Format::kQ8_0})
      for (const std::size_t threads : {std::size_t{1}, std::size_t{2}})
        benchmark::RegisterBenchmark(
            ("ledger/" + std::string(shape.name) + "/" + std::string(info(format).name) + "/threads:" +
             std::to_string(threads)).c_str(),
            [&shape, format, threads](benchmark::State& state) { ledger_cost(state, shape, format, threads); })
            ->MinTime(8.0)  // long: the medians of shorter runs scatter by more than a ledger costs
            ->UseRealTime()
            ->Unit(benchmark::kMicrosecond);
  benchmark::RegisterBenchmark("detached/rmsnorm", detached_op)->Arg(576)->Arg(2048);
}

}  // namespace

int main(int argc, char** argv) {
  add_cases();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
