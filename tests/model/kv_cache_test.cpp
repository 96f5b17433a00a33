#include "edgek/model/kv_cache.hpp"

#include <cstddef>
#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include "edgek/edgek.hpp"
#include "edgek/model/error.hpp"

namespace {

using namespace edgek;

constexpr std::size_t kHeads = 3, kDim = 8;

KvCache::Shape shape_for(std::size_t capacity, KvFormat format) {
  return {.layers = 2, .kv_heads = kHeads, .capacity = capacity, .head_dim = kDim, .format = format};
}

/// A value of its own for every one that is written, exact as a half.
float value_at(std::size_t layer, bool is_key, std::size_t head, std::size_t position) {
  return static_cast<float>(((position * kHeads + head) * 2 + layer) % 1024) * (is_key ? 1.0f : -1.0f);
}

void write_all(KvCache& cache, std::size_t end) {
  std::vector<float> k(kHeads * kDim), v(kHeads * kDim);
  for (std::size_t p = 0; p < end; ++p)
    for (std::size_t layer = 0; layer < 2; ++layer) {
      for (std::size_t i = 0; i < k.size(); ++i) {
        k[i] = value_at(layer, true, i / kDim, p);
        v[i] = value_at(layer, false, i / kDim, p);
      }
      cache.write(kernels(), layer, p, k.data(), v.data());
    }
}

float read(const KvCache& cache, const void* array, std::size_t head, std::size_t position, std::size_t d) {
  const std::size_t at = cache.layout().offset(head, position, kDim) + d;
  if (cache.shape().format == KvFormat::kF16) return to_float(static_cast<const Half*>(array)[at]);
  return static_cast<const float*>(array)[at];
}

TEST(KvCache, EveryRowHasItsPlace) {
  for (const KvFormat format : {KvFormat::kF16, KvFormat::kF32})
    for (const std::size_t capacity : {1, 100, 256, 257, 600}) {
      KvCache cache(shape_for(capacity, format));
      write_all(cache, capacity);
      for (std::size_t layer = 0; layer < 2; ++layer)
        for (std::size_t head = 0; head < kHeads; ++head)
          for (std::size_t p = 0; p < capacity; ++p)
            for (const std::size_t d : {std::size_t{0}, kDim - 1}) {
              ASSERT_EQ(read(cache, cache.keys(layer), head, p, d), value_at(layer, true, head, p)) << capacity;
              ASSERT_EQ(read(cache, cache.values(layer), head, p, d), value_at(layer, false, head, p)) << capacity;
            }
    }
}

TEST(KvCache, RepeatsAcrossChunks) {
  KvCache cache(shape_for(600, KvFormat::kF16));
  write_all(cache, 250);
  cache.repeat(250, 600);
  for (std::size_t head = 0; head < kHeads; ++head)
    for (std::size_t p = 0; p < 600; ++p)
      ASSERT_EQ(read(cache, cache.values(1), head, p, 3), value_at(1, false, head, p % 250)) << p;
}

TEST(KvCache, TakesWholeChunks) {
  const KvCache cache(shape_for(600, KvFormat::kF32));
  const std::size_t chunk = 2 * 2 * kHeads * kAttentionChunk * kDim * sizeof(float);  // layers, keys and values
  EXPECT_EQ(cache.bytes_of(0), 0u);
  EXPECT_EQ(cache.bytes_of(1), chunk);
  EXPECT_EQ(cache.bytes_of(256), chunk);
  EXPECT_EQ(cache.bytes_of(600), 3 * chunk);
  const KvCache small(shape_for(10, KvFormat::kF32));
  EXPECT_EQ(small.bytes_of(10), 2 * 2 * kHeads * 10 * kDim * sizeof(float));
}

TEST(KvCache, TakesMemoryAsItGrows) {
  constexpr std::size_t kMiB = std::size_t{1} << 20;
  const KvCache::Shape shape{.layers = 4, .kv_heads = 8, .capacity = 64 * kAttentionChunk, .head_dim = 128};
  ASSERT_EQ(shape.chunk_bytes().value(), 4 * kMiB);
  const std::size_t before = peak_rss_bytes();
  KvCache cache(shape);
  const std::vector<float> row(8 * 128, 1.0f);
  for (std::size_t layer = 0; layer < 4; ++layer) cache.write(kernels(), layer, 0, row.data(), row.data());
  EXPECT_LT(peak_rss_bytes() - before, 32 * kMiB) << "of 256 MiB, with huge pages or without";
}

TEST(KvCache, RefusesWhatNoMachineHas) {
  for (const std::size_t capacity : {~std::size_t{0}, ~std::size_t{0} / kAttentionChunk, std::size_t{1} << 58})
    EXPECT_THROW(KvCache(shape_for(capacity, KvFormat::kF16)), Error) << capacity;
}

}  // namespace
