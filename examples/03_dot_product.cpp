// A dot product of quantized weights with quantized activations, spelled out: in blocks of 32 an integer sum, which is
// exact, then one fused multiply-add. Every kernel of edgek returns the bits of this loop.
#include <edgek/edgek.hpp>
#include <edgek/formats/q4_0.hpp>
#include <edgek/reference/activations.hpp>

#include <cmath>
#include <cstdio>
#include <vector>

namespace {

constexpr std::size_t kCols = 1024;

/// w.x of one row. A byte of q holds weight i in its lower half and weight i + 16 in its upper half, plus 8.
float dot(const edgek::BlockQ4_0* w, const edgek::PackedA32& x) {
  float sum = 0;
  for (std::size_t b = 0; b < kCols / 32; ++b) {
    std::int32_t isum = 0;
    for (std::size_t i = 0; i < 16; ++i) {
      isum += ((w[b].q[i] & 15) - 8) * x.q[32 * b + i];
      isum += ((w[b].q[i] >> 4) - 8) * x.q[32 * b + 16 + i];
    }
    sum = std::fma(static_cast<float>(isum), to_float(w[b].d) * x.d[b], sum);
  }
  return sum;
}

}  // namespace

int main() {
  std::vector<float> w(kCols), x(kCols);
  double exact = 0;
  for (std::size_t k = 0; k < kCols; ++k) {
    w[k] = std::sin(static_cast<float>(k));
    x[k] = std::cos(3 * static_cast<float>(k)) + w[k] / 4;
    exact += static_cast<double>(w[k]) * static_cast<double>(x[k]);
  }

  std::vector<edgek::BlockQ4_0> row(kCols / 32);  // 18 bytes for 32 weights
  auto* row_bytes = reinterpret_cast<std::byte*>(row.data());
  edgek::reference::pack_row<edgek::Format::kQ4_0>(w.data(), kCols, row_bytes);
  std::vector<std::byte> packed(edgek::packed_bytes(edgek::Activation::kA32, kCols));  // int8, a scale for 32 of them
  edgek::reference::pack_a32(x.data(), kCols, packed.data());

  const float ours = dot(row.data(), edgek::packed_a32(packed.data(), kCols));
  const float reference = edgek::reference::dot_row<edgek::Format::kQ4_0>(row_bytes, kCols, packed.data());

  float kernel = 0;
  const edgek::KernelSet& kernels = edgek::kernels();
  const edgek::MatmulJob job{.weights = row_bytes, .row_bytes = row.size() * sizeof(row[0]), .cols = kCols,
                             .x = packed.data(), .x_stride = packed.size(), .y = &kernel, .y_stride = 1,
                             .tokens = 1, .prefetch = 0, .streams = 0};
  kernels.by_format[edgek::index_of(edgek::Format::kQ4_0)].rows(job, 0, 1);

  std::printf("in double, before quantization  %.6f\n", exact);
  std::printf("this loop                       %.9g\n", static_cast<double>(ours));
  std::printf("edgek's definition              %.9g\n", static_cast<double>(reference));
  std::printf("%-31s %.9g\n", kernels.name, static_cast<double>(kernel));
  return ours == reference && ours == kernel ? 0 : 1;
}
