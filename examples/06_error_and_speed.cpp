// What fewer bits cost and what they bring: every format's error and speed on one matrix of normal-like weights.
#include <edgek/edgek.hpp>
#include <edgek/formats/bf16.hpp>
#include <edgek/formats/f16.hpp>
#include <edgek/formats/q4_0.hpp>
#include <edgek/formats/q4_1.hpp>
#include <edgek/formats/q4_k.hpp>
#include <edgek/formats/q5_0.hpp>
#include <edgek/formats/q5_1.hpp>
#include <edgek/formats/q5_k.hpp>
#include <edgek/formats/q6_k.hpp>
#include <edgek/formats/q8_0.hpp>

#include <cmath>
#include <cstdio>
#include <vector>

namespace {

constexpr std::size_t kRows = 256, kCols = 512;

/// Sums of twelve uniform numbers: nearly a normal distribution, the same on every machine.
std::vector<float> normal(std::size_t count, std::uint32_t state) {
  std::vector<float> values(count);
  for (float& v : values) {
    v = -6;
    for (int i = 0; i < 12; ++i) {
      state = state * 1664525u + 1013904223u;
      v += static_cast<float>(state >> 8) * 0x1p-24f;
    }
  }
  return values;
}

struct Problem {
  std::vector<float> w = normal(kRows * kCols, 1), x = normal(kCols, 2);
  std::vector<double> exact = std::vector<double>(kRows);
  Problem() {
    for (std::size_t i = 0; i < w.size(); ++i)
      exact[i / kCols] += static_cast<double>(w[i]) * static_cast<double>(x[i % kCols]);
  }
};

/// Packs, multiplies, prints a row of the table; returns the error, as a share of the results' size.
template <edgek::Format F>
double measure(edgek::Context& ctx, const Problem& p) {
  std::vector<std::byte> bytes(kRows * edgek::row_bytes(F, kCols));
  const edgek::MatrixView w{F, bytes.data(), kRows, kCols};
  for (std::size_t r = 0; r < kRows; ++r)
    edgek::reference::pack_row<F>(p.w.data() + r * kCols, kCols, bytes.data() + r * w.row_bytes());

  std::vector<float> y(kRows);
  std::vector<double> ns(51);
  for (double& sample : ns) {
    const std::uint64_t start = edgek::now_ns();
    (void)edgek::matvec(ctx, w, p.x.data(), y.data());
    sample = static_cast<double>(edgek::now_ns() - start);
  }
  double error = 0, size = 0;
  for (std::size_t r = 0; r < kRows; ++r) {
    error += std::pow(static_cast<double>(y[r]) - p.exact[r], 2);
    size += std::pow(p.exact[r], 2);
  }
  const double share = std::sqrt(error / size), time = edgek::summarize(ns).p50;
  std::printf("%-5s %8.4g %11.3f %% %10.2f %9.2f\n", edgek::info(F).name.data(), edgek::bits_per_weight(F),
              100 * share, static_cast<double>(kRows * kCols) / time, static_cast<double>(w.bytes()) / time);
  return share;
}

}  // namespace

int main() {
  using enum edgek::Format;
  edgek::InlineExecutor one_thread;
  edgek::Context ctx{.executor = one_thread, .kernels = edgek::kernels()};
  const Problem p;
  std::printf("format bits/w        error  weights/ns      GB/s   (in cache, %s)\n", ctx.kernels.name);
  const double f16 = measure<kF16>(ctx, p), bf16 = measure<kBF16>(ctx, p), q8 = measure<kQ8_0>(ctx, p);
  const double q6 = measure<kQ6_K>(ctx, p);
  measure<kQ5_1>(ctx, p), measure<kQ5_0>(ctx, p);
  const double q5 = measure<kQ5_K>(ctx, p);
  measure<kQ4_1>(ctx, p), measure<kQ4_0>(ctx, p);
  const double q4 = measure<kQ4_K>(ctx, p);
  return f16 < bf16 && bf16 < q8 && q8 < q6 && q6 < q5 && q5 < q4 && q4 < 0.2 ? 0 : 1;
}
