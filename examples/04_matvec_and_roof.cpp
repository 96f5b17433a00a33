// How close a matrix times a vector comes to the roof: the rate at which this machine reads as many bytes.
//   04_matvec_and_roof [MEGABYTES [THREADS]]   try more megabytes than the last cache holds
#include <edgek/edgek.hpp>
#include <edgek/roofline/probe.hpp>

#include <cstdio>
#include <cstdlib>
#include <vector>

int main(int argc, char** argv) {
  const std::size_t megabytes = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 8;
  const std::size_t threads = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 2;
  constexpr std::size_t kCols = 2048;
  const std::size_t rows = (megabytes << 20) / edgek::row_bytes(edgek::Format::kQ4_0, kCols) + 1;

  std::vector<std::byte> bytes(rows * edgek::row_bytes(edgek::Format::kQ4_0, kCols), std::byte{0x21});
  std::vector<float> x(kCols, 1.0f), y(rows);
  const edgek::MatrixView w{edgek::Format::kQ4_0, bytes.data(), rows, kCols};
  edgek::ThreadPool pool(threads);
  edgek::Context ctx{.executor = pool, .kernels = edgek::kernels()};

  std::vector<double> ns;
  for (int i = 0; i < 21; ++i) {
    const std::uint64_t start = edgek::now_ns();
    if (edgek::matvec(ctx, w, x.data(), y.data()) != edgek::Status::kOk) return 1;
    ns.push_back(static_cast<double>(edgek::now_ns() - start));
  }
  const double gbps = static_cast<double>(w.bytes()) / edgek::summarize(ns).p50;

  const auto rates = edgek::probe_reads(ctx.kernels, pool, w.bytes(), {.passes = 3});
  const edgek::ReadRate roof = edgek::best_of(rates);
  std::printf("%zu MB of Q4_0, %zu threads, kernels %s\n", w.bytes() >> 20, pool.threads(), ctx.kernels.name);
  std::printf("matvec   %6.1f GB/s, %.1f thousand million weights a second\n", gbps, gbps * 32 / 18);
  std::printf("roof     %6.1f GB/s, by reading in %s\n", roof.gbps, edgek::to_string(roof.loop).c_str());
  if (roof.gbps > 0) std::printf("reached  %6.0f %%\n", 100 * gbps / roof.gbps);
  return y[0] == y[rows - 1] ? 0 : 1;
}
