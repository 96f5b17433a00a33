// Float kernels, one thread, on every set this CPU runs.
//   stream/SET/STREAMS/PREFETCH       the null kernel over 512 MiB: GB/s, the roof of what follows
//   rows/SET/FORMAT/dram/STREAMS/PF   one token, weights rotate through 512 MiB: GB/s, GMAC/s
//   rows/SET/FORMAT/cache/TOKENS      256 KiB of weights: GMAC/s, the compute ceiling
//   panel/SET/FORMAT/TOKENS           4 MiB of weights: GB/s, GMAC/s; formats with blocks in exact mode
//   attention/SET/DIM/HEADS/TOKENS/.. a chunk of 256 positions in halves, heads on one KV head: GB/s, GMAC/s; asked for
//                                     ahead, or left to the CPU
//   pack/SET/FAMILY, OP/SET           a row of 4096 floats: Gfloat/s
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/counters.hpp"
#include "edgek/edgek.hpp"

namespace {

using namespace edgek;
using bench::count;

constexpr std::size_t kCols = 4096;
constexpr std::size_t kPool = std::size_t{512} << 20;

/// Bytes at a multiple of 64, touched; as weights they are small finite numbers in every format.
class Buffer {
 public:
  explicit Buffer(std::size_t bytes) : storage_(bytes + 64) {
    std::uint32_t state = 1;
    for (std::byte& b : storage_) {
      state = state * 1664525u + 1013904223u;
      b = static_cast<std::byte>((state >> 24) & 0x3F);
    }
  }
  std::byte* data() { return storage_.data() + (64 - reinterpret_cast<std::uintptr_t>(storage_.data()) % 64) % 64; }

 private:
  std::vector<std::byte> storage_;
};

Buffer& pool() {
  static Buffer buffer(kPool);
  return buffer;
}

std::vector<float> wave(std::size_t n) {
  std::vector<float> x(n);
  for (std::size_t i = 0; i < n; ++i) x[i] = static_cast<float>(i * 37 % 255) / 127.0f - 1.0f;
  return x;
}

Buffer packed(const KernelSet& set, bool panel, std::size_t tokens) {
  const std::size_t bytes = packed_bytes(Activation::kF32, kCols);
  Buffer out(bytes * tokens);
  const std::vector<float> x = wave(kCols);
  for (std::size_t t = 0; t < tokens; ++t)
    set.pack[static_cast<std::size_t>(Activation::kF32)](x.data(), kCols, panel, out.data() + t * bytes);
  return out;
}

void stream(benchmark::State& state, const KernelSet* set, std::size_t streams, std::size_t prefetch) {
  constexpr std::size_t kChunk = std::size_t{1} << 20;
  std::size_t at = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(set->stream(pool().data() + at, pool().data() + at + kChunk, streams, prefetch));
    at = (at + kChunk) % kPool;
  }
  count(state, "GB/s", kChunk);
}

void rows(benchmark::State& state, const KernelSet* set, Format format, std::size_t footprint, std::size_t tokens,
          std::size_t streams, std::size_t prefetch) {
  const MatmulKernels& kernels = set->exact[index_of(format)];
  const std::size_t stride = row_bytes(format, kCols);
  const std::size_t chunk = std::min(footprint, std::size_t{1} << 20) / stride / 8 * 8;
  Buffer x = packed(*set, false, tokens);
  std::vector<float> y(chunk * tokens);
  MatmulJob job{pool().data(), stride, kCols, x.data(), packed_bytes(Activation::kF32, kCols), y.data(), chunk,
                tokens, prefetch, streams};
  std::size_t at = 0;
  for (auto _ : state) {
    job.weights = pool().data() + at;
    kernels.rows(job, 0, chunk);
    benchmark::DoNotOptimize(y.data());
    at += chunk * stride;
    if (at + chunk * stride > footprint) at = 0;
  }
  count(state, matmul_traffic(format, chunk, kCols, tokens));
}

void panel(benchmark::State& state, const KernelSet* set, Format format, std::size_t tokens) {
  const std::size_t stride = row_bytes(format, kCols);
  const std::size_t n = (std::size_t{4} << 20) / stride / 32 * 32;
  Buffer x = packed(*set, true, tokens), scratch(kKernelScratchBytes);
  std::vector<float> y(n * tokens);
  const MatmulJob job{pool().data(), stride, kCols, x.data(), packed_bytes(Activation::kF32, kCols), y.data(), n,
                      tokens, 0, 0};
  for (auto _ : state) {
    set->exact[index_of(format)].panel(job, 0, n, scratch.data());
    benchmark::DoNotOptimize(y.data());
  }
  count(state, matmul_traffic(format, n, kCols, tokens));
}

void attention(benchmark::State& state, const KernelSet* set, std::size_t dim, std::size_t heads, std::size_t tokens,
               bool ask_ahead) {
  const std::size_t capacity = kAttentionChunk, chunk_bytes = capacity * dim * sizeof(Half);
  const std::vector<float> q = wave(tokens * heads * dim);
  std::vector<float> states(tokens * heads * attention_state_floats(dim));
  Buffer scratch(kKernelScratchBytes);
  AttentionJob job{.q = q.data(), .q_stride = heads * dim, .k = nullptr, .v = nullptr, .half_kv = true,
                   .layout = kv_by_head(capacity, dim), .capacity = capacity, .heads = heads, .kv_heads = 1,
                   .head_dim = dim, .first_position = capacity - tokens, .tokens = tokens, .scale = 0.1f,
                   .ask_ahead = ask_ahead};
  std::size_t at = 0;
  for (auto _ : state) {
    job.k = pool().data() + at, job.v = pool().data() + at + chunk_bytes;
    set->attention_chunk(job, 0, 0, 0, tokens, states.data(), scratch.data());
    benchmark::DoNotOptimize(states.data());
    if (tokens == 1) at = (at + 2 * chunk_bytes) % (kPool / 2);
  }
  count(state, attention_traffic(job));
}

void pack(benchmark::State& state, const KernelSet* set, Activation family, bool for_panel) {
  const std::vector<float> x = wave(kCols);
  Buffer out(packed_bytes(family, kCols));
  for (auto _ : state) {
    set->pack[static_cast<std::size_t>(family)](x.data(), kCols, for_panel, out.data());
    benchmark::DoNotOptimize(out.data());
  }
  count(state, "Gfloat/s", kCols);
}

template <typename Op>
void elementwise(benchmark::State& state, Op op) {
  std::vector<float> x = wave(kCols), y = wave(kCols);
  for (auto _ : state) {
    op(x.data(), y.data());
    benchmark::DoNotOptimize(y.data());
  }
  count(state, "Gfloat/s", kCols);
}

std::string label(std::initializer_list<std::string> parts) {
  std::string name;
  for (const std::string& part : parts) name += (name.empty() ? "" : "/") + part;
  return name;
}
std::string text(std::size_t n) { return std::to_string(n); }

void register_set(const KernelSet* set) {
  const auto add = [](const std::string& name, auto fn, auto... args) {
    benchmark::RegisterBenchmark(name.c_str(), fn, args...);
  };
  for (const std::size_t streams : {1u, 2u, 4u, 8u})
    for (const std::size_t prefetch : {0u, 512u, 2048u})
      add(label({"stream", set->name, text(streams), text(prefetch)}), stream, set, streams, prefetch);
  for (const FormatInfo& f : kFormats) {
    const std::string format(f.name);
    for (const std::size_t streams : {1u, 2u, 4u, 8u})
      for (const std::size_t prefetch : {0u, 512u})
        add(label({"rows", set->name, format, "dram", text(streams), text(prefetch)}), rows, set, f.format, kPool,
            std::size_t{1}, streams, prefetch);
    for (const std::size_t tokens : {1u, 2u, 4u, 8u})
      add(label({"rows", set->name, format, "cache", text(tokens)}), rows, set, f.format, std::size_t{256} << 10,
          tokens, std::size_t{8}, std::size_t{0});
    for (const std::size_t tokens : {4u, 8u, 12u, 64u, 256u})
      add(label({"panel", set->name, format, text(tokens)}), panel, set, f.format, tokens);
  }
  for (const std::size_t dim : {64u, 128u})
    for (const std::size_t heads : {1u, 4u})
      for (const std::size_t tokens : {1u, 32u})
        for (const bool ask_ahead : {true, false})
          add(label({"attention", set->name, text(dim), text(heads), text(tokens), ask_ahead ? "ahead" : "left"}),
              attention, set, dim, heads, tokens, ask_ahead);
  add(label({"pack", set->name, "F32"}), pack, set, Activation::kF32, false);
  add(label({"pack", set->name, "F32 panel"}), pack, set, Activation::kF32, true);
  add(label({"pack", set->name, "A32"}), pack, set, Activation::kA32, false);
  add(label({"pack", set->name, "A256"}), pack, set, Activation::kA256, false);
  const auto op = [&](const char* name, auto fn) {
    add(label({name, set->name}), [fn](benchmark::State& state) { elementwise(state, fn); });
  };
  op("rmsnorm", [set](const float* x, float* y) { set->rmsnorm(x, x, 1e-5f, kCols, y); });
  op("add", [set](const float* x, float* y) { set->add(x, kCols, y); });
  op("silu_mul", [set](const float* x, float* y) { set->silu_mul(x, x, kCols, y); });
  op("softmax", [set](const float*, float* y) { set->softmax(y, kCols); });
  op("argmax", [set](const float* x, float*) { benchmark::DoNotOptimize(set->argmax(x, kCols)); });
}

}  // namespace

int main(int argc, char** argv) {
  pool();  // filled before anything is timed
  for (const KernelSet* set : all_kernels())
    if (std::string(set->name) != "SCALAR") register_set(set);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
