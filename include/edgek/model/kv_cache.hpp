#ifndef EDGEK_MODEL_KV_CACHE_HPP_
#define EDGEK_MODEL_KV_CACHE_HPP_

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

/// Keys and values of all layers for a fixed number of positions. For every layer two arrays, keys and
/// values, each (kv_heads, capacity, head_dim). The memory is taken from the system page by page as
/// positions are written.
class KvCache {
 public:
  struct Shape {
    std::size_t layers = 0, kv_heads = 0, capacity = 0, head_dim = 0;
    KvFormat format = KvFormat::kF16;

    CheckedSize floats_per_array() const noexcept { return CheckedSize(kv_heads) * capacity * head_dim; }
    CheckedSize bytes() const noexcept { return floats_per_array() * kv_value_bytes(format) * 2 * layers; }
  };

  /// Throws edgek::Error, about the model's `file`, when the system has no such amount of memory to give.
  explicit KvCache(const Shape& shape, std::string_view file = {}) : shape_(shape) {
    const CheckedSize bytes = shape.bytes();
    if (!bytes.ok() || !memory_.allocate(bytes.value()))
      throw Error(file, "context", std::to_string(shape.capacity) + " positions",
                  "the system has no memory for their keys and values");
  }

  const Shape& shape() const noexcept { return shape_; }
  std::size_t bytes() const noexcept { return memory_.bytes().size(); }

  const void* keys(std::size_t layer) const noexcept { return array(2 * layer); }
  const void* values(std::size_t layer) const noexcept { return array(2 * layer + 1); }

  /// Writes one position.   k, v: (kv_heads * head_dim).   Needs layer and position within the shape.
  void write(const KernelSet& kernels, std::size_t layer, std::size_t position, const float* k,
             const float* v) noexcept {
    for (const std::size_t index : {2 * layer, 2 * layer + 1}) ask_for_array(array(index), position);
    write_array(kernels, array(2 * layer), position, k);
    write_array(kernels, array(2 * layer + 1), position, v);
  }

  /// Fills the positions from `used` to `end` with those before them, over and over.   Needs 0 < used, and end within
  /// the shape.
  void repeat(std::size_t used, std::size_t end) noexcept {
    const std::size_t row = shape_.head_dim * kv_value_bytes(shape_.format);
    for (std::size_t index = 0; index < 2 * shape_.layers * shape_.kv_heads; ++index) {
      std::byte* head = memory_.bytes().data() + index * shape_.capacity * row;
      for (std::size_t p = used; p < end; ++p) std::memcpy(head + p * row, head + (p - used) * row, row);
    }
  }

 private:
  std::byte* array(std::size_t index) const noexcept {
    return memory_.bytes().data() + index * shape_.floats_per_array().value() * kv_value_bytes(shape_.format);
  }

  // Every head's row lies in a page of its own, and nothing has touched it yet: one wait for all of them, not one each.
  void ask_for_array(const std::byte* out, std::size_t position) const noexcept {
    const std::size_t row = shape_.head_dim * kv_value_bytes(shape_.format);
    for (std::size_t h = 0; h < shape_.kv_heads; ++h) {
      const std::byte* to = out + (h * shape_.capacity + position) * row;
      for (std::size_t i = 0; i < row; i += 64) __builtin_prefetch(to + i, 1);
    }
  }

  void write_array(const KernelSet& kernels, std::byte* out, std::size_t position, const float* x) const noexcept {
    const std::size_t dim = shape_.head_dim;
    for (std::size_t h = 0; h < shape_.kv_heads; ++h) {
      const std::size_t at = (h * shape_.capacity + position) * dim;
      if (shape_.format == KvFormat::kF16)
        kernels.to_half(x + h * dim, dim, reinterpret_cast<Half*>(out) + at);
      else
        std::memcpy(out + at * sizeof(float), x + h * dim, dim * sizeof(float));
    }
  }

  Shape shape_;
  PageBlock memory_;
};

}  // namespace edgek

#endif  // EDGEK_MODEL_KV_CACHE_HPP_
