// One token times matrices that lie in memory, as the library runs it (matvec, its plan, its threads), against the
// null kernel that reads the same bytes with the same threads. Both are timed in turns, so that a clock that drifts
// or a neighbour meets both; percentages are medians of such pairs.
//   decode/FORMAT/ROWSxCOLS/threads:N                       tuned by tune_streams(), as the label says
//   tune/FORMAT/threads:N/streams:S/prefetch:P              8192x2048, another tuning (not in the default filter)
// Counters: GB/s of the kernel, w/cycle: its weights in a cycle of one thread's core; roof_GB/s of the null kernel;
// %roof; %probe (of the best loop of the probe battery, measured once for each number of threads); cache_GB/s and
// cache_w/cycle: of one thread whose weights lie in its caches, the kernel's compute ceiling; cold: 1 if the matrices
// exceed 4 times the last cache.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bench/counters.hpp"
#include "edgek/edgek.hpp"
#include "edgek/roofline.hpp"

namespace {

using namespace edgek;

struct Shape {
  std::size_t rows, cols;
};

/// The matrices of a decoder with 1.7 billion weights, and a smaller one's.
constexpr Shape kShapes[] = {{8192, 2048}, {2048, 8192}, {2048, 2048}, {1536, 576}};

const Machine& machine() {
  static const Machine m = describe_machine();
  return m;
}

/// Bytes that no cache holds: the matrices of all cases lie here, one after the other. As weights they are small finite
/// numbers in every format.
std::span<const std::byte> memory() {
  static const std::vector<std::byte> bytes = [] {
    std::vector<std::byte> b(static_cast<std::size_t>(memory_levels(machine(), 1).back().footprint));
    std::uint32_t state = 1;
    for (std::byte& byte : b) {
      state = state * 1664525u + 1013904223u;
      byte = static_cast<std::byte>((state >> 24) & 0x3F);
    }
    return b;
  }();
  return bytes;
}

ThreadPool& pool(std::size_t threads) {
  static std::map<std::size_t, ThreadPool> pools;
  return pools.try_emplace(threads, threads).first->second;
}

const ReadRate& best_probe(std::size_t threads) {
  static std::map<std::size_t, ReadRate> rates;
  const auto found = rates.find(threads);
  if (found != rates.end()) return found->second;
  const std::vector<ReadRate> all = probe_reads(kernels(), pool(threads), memory().size());
  return rates.emplace(threads, best_of(all)).first->second;
}

/// Matrices of one shape, taken from memory() in turns.
class Matrices {
 public:
  Matrices(Format format, Shape shape) : format_(format), shape_(shape), x_(shape.cols), y_(shape.rows) {
    for (std::size_t i = 0; i < x_.size(); ++i) x_[i] = static_cast<float>(i * 37 % 255) / 127.0f - 1.0f;
    const std::size_t bytes = shape.rows * row_bytes(format, shape.cols);
    count_ = memory().size() / bytes;
    in_pass_ = std::clamp<std::size_t>((std::size_t{32} << 20) / bytes, 1, count_ / 2);
  }

  bool ok() const { return status_ == Status::kOk; }
  MatrixView matrix(std::size_t i) const {
    return {format_, memory().data() + i * matrix_bytes(), shape_.rows, shape_.cols};
  }
  std::size_t count() const { return count_; }
  /// Of a pass over the matrices, as reports count it.
  Traffic traffic() const {
    Traffic sum;
    for (std::size_t i = 0; i < in_pass_; ++i) sum += matmul_traffic(format_, shape_.rows, shape_.cols, 1);
    return sum;
  }

  /// Nanoseconds of one pass over the next matrices.
  std::uint64_t multiply(Context& ctx) {
    const std::size_t first = take();
    return detail::time_ns([&] {
      for (std::size_t i = first; i < first + in_pass_; ++i)
        status_ = std::max(status_, matvec(ctx, matrix(i), x_.data(), y_.data()));
    });
  }

  /// Weights a nanosecond of one thread that multiplies the same few rows again and again: they stay in its caches.
  double cached_rate() {
    constexpr std::size_t kBytes = std::size_t{256} << 10;
    constexpr std::size_t kTries = 50;
    InlineExecutor one;
    Context ctx{.executor = one, .kernels = kernels()};
    ctx.tuning.read.fill({0, 0});
    MatrixView few = matrix(0);
    few.rows = std::clamp<std::size_t>(kBytes / few.row_bytes() / 8 * 8, 8, few.rows);
    std::uint64_t best = ~std::uint64_t{0};
    for (std::size_t i = 0; i < kTries; ++i) {
      Status status = Status::kOk;
      best = std::min(best, detail::time_ns([&] { status = matvec(ctx, few, x_.data(), y_.data()); }));
      status_ = std::max(status_, status);
    }
    return static_cast<double>(few.rows * few.cols) / static_cast<double>(best);
  }

  /// The same bytes read and not multiplied.
  std::uint64_t read(Executor& executor, const ReadLoop& loop) {
    const ByteSpan all = memory().subspan(take() * matrix_bytes(), in_pass_ * matrix_bytes());
    const std::vector<ByteSpan> chunks = detail::cut_into_chunks({&all, 1}, loop.streams);
    return detail::read_chunks(kernels(), executor, chunks, loop);
  }

 private:
  std::size_t matrix_bytes() const { return shape_.rows * row_bytes(format_, shape_.cols); }
  std::size_t take() {
    if (next_ + in_pass_ > count_) next_ = 0;
    return std::exchange(next_, next_ + in_pass_);
  }

  Format format_;
  Shape shape_;
  std::vector<float> x_, y_;
  Status status_ = Status::kOk;
  std::size_t count_, in_pass_, next_ = 0;
};

/// What `ctx` reads fastest: tune_streams() on the matrices themselves.
Status tune(Context& ctx, const Matrices& matrices) {
  std::vector<MatrixView> views;
  for (std::size_t i = 0; i < matrices.count(); ++i) views.push_back(matrices.matrix(i));
  return tune_streams(ctx, views, {.window_bytes = memory().size()});
}

/// What a Context's tuning means for a format, in words.
ReadLoop pattern_of(const Context& ctx, Format format) {
  const ReadPattern& read = ctx.tuning.read[index_of(format)];
  return {read.streams == 0 ? ctx.kernels.by_format[index_of(format)].row_tile : read.streams,
          read.prefetch == ReadPattern::kUsual ? ctx.kernels.prefetch : read.prefetch};
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

/// read: how; none: as tune_streams() finds best.
void decode(benchmark::State& state, Format format, Shape shape, std::size_t threads, std::optional<ReadPattern> read) {
  Executor& executor = pool(threads);
  const ReadRate& probe = best_probe(threads);
  Matrices matrices(format, shape);
  Context ctx{.executor = executor, .kernels = kernels()};
  if (read) ctx.tuning.read.fill(*read);
  else if (tune(ctx, matrices) != Status::kOk) return state.SkipWithError("no memory for tuning");
  matrices.multiply(ctx);
  std::vector<double> ratios, rates, roofs, clocks;
  const Traffic traffic = matrices.traffic();
  const double bytes = static_cast<double>(streamed_bytes(traffic));
  for (auto _ : state) {
    const std::uint64_t kernel_ns = matrices.multiply(ctx);
    const std::uint64_t null_ns = matrices.read(executor, probe.loop);
    state.SetIterationTime(static_cast<double>(kernel_ns) * 1e-9);
    rates.push_back(bytes / static_cast<double>(kernel_ns));
    roofs.push_back(bytes / static_cast<double>(null_ns));
    ratios.push_back(100.0 * rates.back() / roofs.back());
    clocks.push_back(bench::clock_ghz());
  }
  if (!matrices.ok()) return state.SkipWithError("the product failed");
  const double rate = median(rates), clock = median(clocks);
  const double weights_per_byte = static_cast<double>(traffic.flops / 2) / bytes;
  const double cached = matrices.cached_rate();
  state.SetLabel(to_string(pattern_of(ctx, format)));
  state.counters["GB/s"] = rate;
  state.counters["w/cycle"] = rate * weights_per_byte / clock / static_cast<double>(threads);
  state.counters["cache_GB/s"] = cached / weights_per_byte;
  state.counters["cache_w/cycle"] = cached / clock;
  state.counters["roof_GB/s"] = median(roofs);
  state.counters["%roof"] = median(ratios);
  state.counters["%probe"] = 100.0 * rate / probe.gbps;
  state.counters["cold"] = memory().size() >= 4 * std::max(machine().l3_bytes, machine().l2_bytes);
}

std::string name_of(Format f) { return std::string(info(f).name); }

void register_all() {
  const std::size_t cpus = std::max<std::size_t>(machine().cores, 1);
  for (std::size_t threads = 1; threads <= cpus; threads *= 2) {
    const std::string with_threads = "/threads:" + std::to_string(threads);
    for (const FormatInfo& f : kFormats) {
      for (const Shape& s : kShapes) {
        if (s.cols % f.block_weights != 0) continue;
        const std::string shape = std::to_string(s.rows) + "x" + std::to_string(s.cols);
        benchmark::RegisterBenchmark(("decode/" + name_of(f.format) + "/" + shape + with_threads).c_str(), decode,
                                     f.format, s, threads, std::nullopt)
            ->UseManualTime();
      }
      for (const ReadPattern& read : ops_detail::kTriedPatterns) {
        const std::string pattern =
            "/streams:" + std::to_string(read.streams) + "/prefetch:" + std::to_string(read.prefetch);
        benchmark::RegisterBenchmark(("tune/" + name_of(f.format) + with_threads + pattern).c_str(), decode, f.format,
                                     kShapes[0], threads, read)
            ->UseManualTime();
      }
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  register_all();
  benchmark::Initialize(&argc, argv);
  benchmark::SetBenchmarkFilter(benchmark::GetBenchmarkFilter().empty() ? "decode/" : benchmark::GetBenchmarkFilter());
  for (std::size_t threads = 1; threads <= machine().cores; threads *= 2) {
    const ReadRate& probe = best_probe(threads);
    benchmark::AddCustomContext("probe, threads " + std::to_string(threads),
                                to_string(probe.loop) + ", " + std::to_string(probe.gbps) + " GB/s");
  }
  benchmark::AddCustomContext("kernels", kernels().name);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
