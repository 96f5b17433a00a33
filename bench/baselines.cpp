// What edgek's kernels are worth beside what a program would write without them: a plain loop over one row after the
// other, and the same with xsimd's batches, eight sums at once, both compiled for this CPU; one thread, one token.
//   FORMAT/{plain,xsimd,edgek}/{cache,dram}    FORMAT: F32, or Q8_0 (INT8, a half for 32 weights)
// Counters: GB/s of weights and GMAC/s. The plain loop's order of summation is the source's, as without -ffast-math.
// edgek's time includes what matvec() does to the activations.
#include <benchmark/benchmark.h>
#include <xsimd/xsimd.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "bench/counters.hpp"
#include "edgek/edgek.hpp"
#include "edgek/formats/q8_0.hpp"

namespace {

using namespace edgek;

constexpr std::size_t kCols = 4096, kRows = 64;
constexpr std::size_t kInMemory = std::size_t{512} << 20;

using Batch = xsimd::batch<float>;
constexpr std::size_t kSums = 8;  // to hide the latency of a multiply-add

float dot_plain(const float* w, const float* x) {
  float sum = 0;
  for (std::size_t k = 0; k < kCols; ++k) sum += w[k] * x[k];
  return sum;
}

float dot_plain(const BlockQ8_0* w, const float* x) {
  float sum = 0;
  for (std::size_t b = 0; b < kCols / 32; ++b) {
    float block = 0;
    for (std::size_t i = 0; i < 32; ++i) block += static_cast<float>(w[b].q[i]) * x[32 * b + i];
    sum += to_float(w[b].d) * block;
  }
  return sum;
}

float total(const std::array<Batch, kSums>& sums) {
  Batch sum(0.0f);
  for (const Batch& s : sums) sum += s;
  std::array<float, Batch::size> lanes;
  sum.store_unaligned(lanes.data());
  return std::accumulate(lanes.begin(), lanes.end(), 0.0f);
}

float dot_xsimd(const float* w, const float* x) {
  std::array<Batch, kSums> sums;
  sums.fill(Batch(0.0f));
  for (std::size_t k = 0; k < kCols; k += kSums * Batch::size) {
    for (std::size_t i = 0; i < kSums; ++i) {
      const std::size_t at = k + i * Batch::size;
      sums[i] = xsimd::fma(Batch::load_unaligned(w + at), Batch::load_unaligned(x + at), sums[i]);
    }
  }
  return total(sums);
}

float dot_xsimd(const BlockQ8_0* w, const float* x) {
  std::array<Batch, kSums> sums;
  sums.fill(Batch(0.0f));
  for (std::size_t b = 0; b < kCols / 32; ++b) {
    const Batch scale(to_float(w[b].d));
    for (std::size_t k = 0; k < 32; k += Batch::size) {
      const Batch weights = Batch::load_unaligned(w[b].q + k);
      Batch& sum = sums[k / Batch::size];
      sum = xsimd::fma(scale * weights, Batch::load_unaligned(x + 32 * b + k), sum);
    }
  }
  return total(sums);
}

enum class Way { kPlain, kXsimd, kEdgek };

/// Matrices of kRows rows, taken in turns from `footprint` bytes.
template <typename Block, Format kFormat>
void products(benchmark::State& state, Way way, std::size_t footprint) {
  const std::size_t bytes = kRows * row_bytes(kFormat, kCols);
  std::vector<std::byte> weights(footprint / bytes * bytes);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = static_cast<std::byte>(i * 7 & 0x3F);  // finite, small
  std::vector<float> x(kCols), y(kRows);
  for (std::size_t k = 0; k < kCols; ++k) x[k] = static_cast<float>(k * 37 % 255) / 127.0f - 1.0f;
  InlineExecutor one;
  Context ctx{.executor = one, .kernels = kernels()};
  std::size_t at = 0;
  for (auto _ : state) {
    const std::byte* matrix = weights.data() + at;
    const auto* blocks = reinterpret_cast<const Block*>(matrix);
    const std::size_t row = kCols / info(kFormat).block_weights;
    if (way == Way::kEdgek) {
      (void)matvec(ctx, {kFormat, matrix, kRows, kCols}, x.data(), y.data());
    } else {
      for (std::size_t r = 0; r < kRows; ++r)
        y[r] = way == Way::kPlain ? dot_plain(blocks + r * row, x.data()) : dot_xsimd(blocks + r * row, x.data());
    }
    benchmark::DoNotOptimize(y.data());
    benchmark::ClobberMemory();
    at = (at + bytes) % weights.size();
  }
  bench::count(state, matmul_traffic(kFormat, kRows, kCols, 1));
}

template <typename Block, Format kFormat>
void register_format() {
  for (const auto& [way, name] : {std::pair{Way::kPlain, "plain"}, {Way::kXsimd, "xsimd"}, {Way::kEdgek, "edgek"}}) {
    const std::size_t matrix = kRows * row_bytes(kFormat, kCols);
    const std::string label = std::string(info(kFormat).name) + "/" + name;
    benchmark::RegisterBenchmark((label + "/cache").c_str(), products<Block, kFormat>, way, matrix);
    benchmark::RegisterBenchmark((label + "/dram").c_str(), products<Block, kFormat>, way, kInMemory);
  }
}

}  // namespace

int main(int argc, char** argv) {
  register_format<float, Format::kF32>();
  register_format<BlockQ8_0, Format::kQ8_0>();
  benchmark::Initialize(&argc, argv);
  benchmark::AddCustomContext("kernels", kernels().name);
  benchmark::AddCustomContext("xsimd", Batch::arch_type::name());
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
