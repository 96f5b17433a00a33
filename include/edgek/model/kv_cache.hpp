#ifndef EDGEK_MODEL_KV_CACHE_HPP_
#define EDGEK_MODEL_KV_CACHE_HPP_

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

#include "edgek/core/half.hpp"
#include "edgek/core/matrix_view.hpp"
#include "edgek/kernels/kernel_set.hpp"
#include "edgek/model/error.hpp"
#include "edgek/runtime/arena.hpp"
#include "edgek/runtime/platform.hpp"

namespace edgek {

/// How keys and values are stored.
enum class KvFormat { kF16, kF32 };

constexpr const char* to_string(KvFormat f) noexcept { return f == KvFormat::kF16 ? "f16" : "f32"; }
constexpr std::size_t kv_value_bytes(KvFormat f) noexcept { return f == KvFormat::kF16 ? sizeof(Half) : sizeof(float); }

/// Keys and values of all layers for a fixed number of positions: (chunks, layers, keys and values, kv_heads, positions
/// of a chunk, head_dim). So the cache grows from one end to the other, and what a token touches lies in few pages. The
/// memory is taken from the system as positions are written, in huge pages where a chunk fills one.
class KvCache {
 public:
  struct Shape {
    std::size_t layers = 0, kv_heads = 0, capacity = 0, head_dim = 0;
    KvFormat format = KvFormat::kF16;

    constexpr std::size_t chunk_positions() const noexcept { return std::min(capacity, kAttentionChunk); }
    CheckedSize array_values() const noexcept { return CheckedSize(kv_heads) * chunk_positions() * head_dim; }
    CheckedSize chunk_bytes() const noexcept { return array_values() * kv_value_bytes(format) * 2 * layers; }
    CheckedSize bytes() const noexcept { return chunk_bytes() * attention_chunks(capacity); }
  };

  /// Throws edgek::Error, about the model's `file`, when the system has no such amount of memory to give.
  explicit KvCache(const Shape& shape, std::string_view file = {}) : shape_(shape) {
    const CheckedSize bytes = shape.bytes();
    if (!bytes.ok() || !memory_.allocate(bytes.value()))
      throw Error(file, "context", std::to_string(shape.capacity) + " positions",
                  "the system has no memory for their keys and values");
    if (shape.chunk_bytes().value() >= kHugePageBytes) advise_huge_pages(memory_.bytes());
  }

  const Shape& shape() const noexcept { return shape_; }
  /// What the first `positions` take.
  std::size_t bytes_of(std::size_t positions) const noexcept {
    return shape_.chunk_bytes().value() * attention_chunks(positions);
  }

  const void* keys(std::size_t layer) const noexcept { return array(2 * layer); }
  const void* values(std::size_t layer) const noexcept { return array(2 * layer + 1); }
  /// Of each of them.
  KvLayout layout() const noexcept {
    const std::size_t array_values = shape_.array_values().value();
    return {shape_.chunk_positions() * shape_.head_dim, 2 * shape_.layers * array_values};
  }

  /// Writes one position.   k, v: (kv_heads * head_dim).   Needs layer and position within the shape.
  void write(const KernelSet& kernels, std::size_t layer, std::size_t position, const float* k,
             const float* v) noexcept {
    for (const std::size_t index : {2 * layer, 2 * layer + 1}) ask_for_array(index, position);
    write_array(kernels, 2 * layer, position, k);
    write_array(kernels, 2 * layer + 1, position, v);
  }

  /// Fills the positions from `used` to `end` with those before them, over and over.   Needs 0 < used, and end within
  /// the shape.
  void repeat(std::size_t used, std::size_t end) noexcept {
    for (std::size_t index = 0; index < 2 * shape_.layers; ++index)
      for (std::size_t h = 0; h < shape_.kv_heads; ++h)
        for (std::size_t p = used; p < end; ++p) std::memcpy(row(index, h, p), row(index, h, p - used), row_bytes());
  }

 private:
  std::size_t row_bytes() const noexcept { return shape_.head_dim * kv_value_bytes(shape_.format); }

  /// A layer's keys (even indices) or values, at the first position.
  std::byte* array(std::size_t index) const noexcept {
    return memory_.bytes().data() + index * shape_.array_values().value() * kv_value_bytes(shape_.format);
  }
  std::byte* row(std::size_t index, std::size_t kv_head, std::size_t position) const noexcept {
    return array(index) + layout().offset(kv_head, position, shape_.head_dim) * kv_value_bytes(shape_.format);
  }

  // Every head's row is far from the others, and nothing has touched it yet: one wait for all of them, not one each.
  void ask_for_array(std::size_t index, std::size_t position) const noexcept {
    for (std::size_t h = 0; h < shape_.kv_heads; ++h) {
      const std::byte* to = row(index, h, position);
      for (std::size_t i = 0; i < row_bytes(); i += 64) __builtin_prefetch(to + i, 1);
    }
  }

  void write_array(const KernelSet& kernels, std::size_t index, std::size_t position, const float* x) const noexcept {
    const std::size_t dim = shape_.head_dim;
    for (std::size_t h = 0; h < shape_.kv_heads; ++h) {
      std::byte* to = row(index, h, position);
      if (shape_.format == KvFormat::kF16)
        kernels.to_half(x + h * dim, dim, reinterpret_cast<Half*>(to));
      else
        std::memcpy(to, x + h * dim, row_bytes());
    }
  }

  Shape shape_;
  PageBlock memory_;
};

}  // namespace edgek

#endif  // EDGEK_MODEL_KV_CACHE_HPP_
