// From a loop that anyone would write to the roof, a rung at a time, on one thread: the same matrix, the same product.
//   05_ladder [MEGABYTES]   more megabytes than the last cache holds show what streams and prefetch are for
#include <edgek/edgek.hpp>
#include <edgek/formats/q4_0.hpp>

#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

constexpr edgek::Format kFormat = edgek::Format::kQ4_0;
constexpr std::size_t kCols = 2048;

/// Unpacks every row to floats, then multiplies: what a first version does.
void naive(const edgek::MatrixView& w, const float* x, float* y) {
  std::vector<float> row(w.cols);
  for (std::size_t r = 0; r < w.rows; ++r) {
    edgek::reference::unpack_row<kFormat>(w.row(r), w.cols, row.data());
    float sum = 0;
    for (std::size_t k = 0; k < w.cols; ++k) sum += row[k] * x[k];
    y[r] = sum;
  }
}

/// The median rate of some calls, in GB/s of weights.
template <typename Fn>
double rate(const edgek::MatrixView& w, Fn&& fn) {
  std::vector<double> ns(7);
  for (double& sample : ns) {
    const std::uint64_t start = edgek::now_ns();
    fn();
    sample = static_cast<double>(edgek::now_ns() - start);
  }
  return static_cast<double>(w.bytes()) / edgek::summarize(ns).p50;
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t megabytes = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 4;
  const std::size_t rows = (megabytes << 20) / edgek::row_bytes(kFormat, kCols) + 1;
  std::vector<std::byte> bytes(rows * edgek::row_bytes(kFormat, kCols), std::byte{0x21});
  std::vector<float> x(kCols, 1.0f), y(rows), expected(rows);
  const edgek::MatrixView w{kFormat, bytes.data(), rows, kCols};

  edgek::InlineExecutor one_thread;
  const auto with = [&](const edgek::KernelSet& kernels, std::size_t streams, std::size_t prefetch) {
    edgek::Context ctx{.executor = one_thread, .kernels = kernels};
    ctx.tuning.read.fill({streams, prefetch});
    return rate(w, [&] { (void)edgek::matvec(ctx, w, x.data(), y.data()); });
  };
  const edgek::KernelSet& scalar = *edgek::find_kernels("SCALAR");
  const edgek::KernelSet& best = edgek::kernels();

  std::printf("%zu MB of Q4_0, one thread, GB/s of weights\n", w.bytes() >> 20);
  std::printf("naive: rows to floats, then a sum       %7.2f\n", rate(w, [&] { naive(w, x.data(), y.data()); }));
  std::printf("integers: SCALAR, the definition        %7.2f\n", with(scalar, 1, 0));
  expected = y;
  std::printf("vectors: %-9s one stream of memory %7.2f\n", best.name, with(best, 1, 0));
  std::printf("streams: eight, side by side            %7.2f\n", with(best, 8, 0));
  std::printf("prefetch: a kilobyte ahead of each      %7.2f\n", with(best, 8, 1024));
  std::printf("null: reads the bytes, does nothing     %7.2f\n", rate(w, [&] {
                volatile std::uint64_t sum = best.stream(bytes.data(), bytes.data() + bytes.size(), 8, 1024);
                (void)sum;
              }));
  return y == expected ? 0 : 1;  // every rung but the naive one has the same bits
}
