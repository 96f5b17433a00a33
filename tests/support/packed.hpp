#ifndef EDGEK_TESTS_SUPPORT_PACKED_HPP_
#define EDGEK_TESTS_SUPPORT_PACKED_HPP_

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "edgek/core/packed_activations.hpp"
#include "edgek/reference/activations.hpp"

namespace edgek::test {

/// Bytes at a multiple of 64, filled with 0xA5.
class AlignedBytes {
 public:
  explicit AlignedBytes(std::size_t n) : size_(n), data_(new (std::align_val_t{64}) std::byte[n == 0 ? 1 : n]) {
    std::memset(data_.get(), 0xA5, n);  // a loop took nine tenths of float_test where nothing is optimized
  }
  std::byte* data() { return data_.get(); }
  const std::byte* data() const { return data_.get(); }
  std::size_t size() const { return size_; }

 private:
  struct Delete {
    void operator()(std::byte* p) const { ::operator delete[](p, std::align_val_t{64}); }
  };
  std::size_t size_;
  std::unique_ptr<std::byte[], Delete> data_;
};

/// x packed for a family by the reference.
inline AlignedBytes pack(Activation family, const std::vector<float>& x) {
  AlignedBytes out(packed_bytes(family, x.size()));
  if (family == Activation::kF32) reference::pack_f32(x.data(), x.size(), out.data());
  if (family == Activation::kA32) reference::pack_a32(x.data(), x.size(), out.data());
  if (family == Activation::kA256) reference::pack_a256(x.data(), x.size(), out.data());
  return out;
}

/// What packed activations stand for, in double.
inline std::vector<double> unpacked(Activation family, const AlignedBytes& packed, std::size_t cols) {
  std::vector<double> x(cols);
  for (std::size_t k = 0; k < cols; ++k) {
    if (family == Activation::kF32) {
      x[k] = static_cast<double>(reinterpret_cast<const float*>(packed.data())[k]);
    } else if (family == Activation::kA32) {
      const PackedA32 p = packed_a32(packed.data(), cols);
      x[k] = static_cast<double>(p.d[k / 32]) * p.q[k];
    } else {
      const PackedA256 p = packed_a256(packed.data(), cols);
      x[k] = static_cast<double>(p.d[k / 256]) * p.q[k];
    }
  }
  return x;
}

/// Equal bits; a NaN equals a NaN.
inline bool same_bits(float a, float b) {
  return (std::isnan(a) && std::isnan(b)) || std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
}

}  // namespace edgek::test

#endif  // EDGEK_TESTS_SUPPORT_PACKED_HPP_
