// Row and panel kernels of the integer formats, one thread, on every set this CPU runs.
//   rows/SET/FORMAT/dram/streams:S/prefetch:P  one token, weights rotate through 768 MiB (more than 4x the last
//                                              cache): GB/s, GMAC/s
//   rows/SET/FORMAT/cache           one token, 512 KiB of weights: the same, the compute ceiling
//   rows/SET/FORMAT/cache/tokens:N  N tokens, 4 MiB of weights: the same
//   rows/SET/FORMAT/dram/tokens:N   N tokens, weights rotate as above
//   panel/SET/FORMAT/cache/N        the panel kernel, the same
//   panel/SET/FORMAT/dram/N
// The roof for the first is what `edgek probe -t 1` reads.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "bench/counters.hpp"
#include "edgek/edgek.hpp"

namespace {

using namespace edgek;

constexpr std::size_t kCols = 4096;

/// 64-byte aligned bytes, touched.
struct Buffer {
  explicit Buffer(std::size_t bytes) : storage(bytes + 64) {}
  std::byte* data() {
    return storage.data() + (64 - reinterpret_cast<std::uintptr_t>(storage.data()) % 64) % 64;
  }
  std::vector<std::byte> storage;
};

/// Weights with harmless scales, for any integer format: bytes of a small repeating pattern.
Buffer& weights() {
  static Buffer buffer = [] {
    Buffer b(std::size_t{768} << 20);
    std::uint32_t state = 1;
    for (std::size_t i = 0; i < b.storage.size(); ++i) {
      state = state * 1664525u + 1013904223u;
      b.storage[i] = static_cast<std::byte>((state >> 24) & 0x3F);  // never an exponent of all ones
    }
    return b;
  }();
  return buffer;
}

Buffer pack_activations(Activation family, std::size_t tokens) {
  Buffer packed(packed_bytes(family, kCols) * tokens);
  std::vector<float> x(kCols);
  for (std::size_t t = 0; t < tokens; ++t) {
    for (std::size_t k = 0; k < kCols; ++k) x[k] = static_cast<float>((k * 37 + t * 11) % 255) / 127.0f - 1.0f;
    find_kernels("SCALAR")->pack[static_cast<std::size_t>(family)](x.data(), kCols, false,
                                                                   packed.data() + t * packed_bytes(family, kCols));
  }
  return packed;
}

void rows(benchmark::State& state, const KernelSet* set, Format format, std::size_t bytes, std::size_t tokens,
          std::size_t prefetch, std::size_t streams) {
  const MatmulKernels& k = set->by_format[index_of(format)];
  const std::size_t stride = row_bytes(format, kCols);
  const std::size_t chunk = std::min(bytes, std::size_t{1} << 20) / stride / 32 * 32;  // rows per call
  Buffer x = pack_activations(k.activation, tokens);
  std::vector<float> y(chunk * tokens);
  MatmulJob job{weights().data(), stride, kCols, x.data(), packed_bytes(k.activation, kCols), y.data(), chunk,
                tokens, prefetch, streams};
  std::size_t at = 0;
  for (auto _ : state) {
    job.weights = weights().data() + at;
    k.rows(job, 0, chunk);
    benchmark::DoNotOptimize(y.data());
    at += chunk * stride;
    if (at + chunk * stride > bytes) at = 0;
  }
  bench::count(state, matmul_traffic(format, chunk, kCols, tokens));
}

void panel(benchmark::State& state, const KernelSet* set, Format format, std::size_t bytes, std::size_t tokens) {
  const MatmulKernels& k = set->by_format[index_of(format)];
  const std::size_t stride = row_bytes(format, kCols);
  const std::size_t rows = (std::size_t{4} << 20) / stride / 32 * 32;
  Buffer x = pack_activations(k.activation, tokens);
  Buffer scratch(kKernelScratchBytes);
  std::vector<float> y(rows * tokens);
  MatmulJob job{weights().data(), stride, kCols, x.data(), packed_bytes(k.activation, kCols), y.data(), rows,
                tokens, 0, 0};
  std::size_t at = 0;
  for (auto _ : state) {
    job.weights = weights().data() + at;
    k.panel(job, 0, rows, scratch.data());
    benchmark::DoNotOptimize(y.data());
    at += rows * stride;
    if (at + rows * stride > bytes) at = 0;
  }
  bench::count(state, matmul_traffic(format, rows, kCols, tokens));
}

void register_all() {
  for (const KernelSet* set : all_kernels()) {
    if (std::string(set->name) == "SCALAR") continue;
    for (const FormatInfo& f : kFormats) {
      if (f.activation == Activation::kF32) continue;
      const std::string name = std::string(set->name) + "/" + std::string(f.name);
      for (const std::size_t streams : {1u, 2u, 4u, 8u})
        for (const std::size_t prefetch : {0u, 512u, 1024u})
          benchmark::RegisterBenchmark(("rows/" + name + "/dram/streams:" + std::to_string(streams) + "/prefetch:" +
                                        std::to_string(prefetch)).c_str(),
                                       rows, set, f.format, weights().storage.size() - 64, 1, prefetch, streams);
      benchmark::RegisterBenchmark(("rows/" + name + "/cache").c_str(), rows, set, f.format, std::size_t{1} << 19, 1, 0,
                                   0);
      for (const bool cached : {true, false}) {
        const std::string place = name + (cached ? "/cache/" : "/dram/");
        const std::size_t bytes = cached ? std::size_t{4} << 20 : weights().storage.size() - 64;
        for (const std::size_t tokens : {2u, 4u, 6u, 8u, 16u})
          if (tokens <= set->by_format[index_of(f.format)].max_row_tokens)
            benchmark::RegisterBenchmark(("rows/" + place + "tokens:" + std::to_string(tokens)).c_str(), rows, set,
                                         f.format, bytes, tokens, set->prefetch, 0);
        for (const std::size_t tokens : {4u, 8u, 16u, 64u, 256u})
          benchmark::RegisterBenchmark(("panel/" + place + std::to_string(tokens)).c_str(), panel, set, f.format, bytes,
                                       tokens);
      }
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  register_all();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
