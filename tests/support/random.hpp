#ifndef EDGEK_TESTS_SUPPORT_RANDOM_HPP_
#define EDGEK_TESTS_SUPPORT_RANDOM_HPP_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace edgek::test {

/// The same numbers everywhere, unlike the standard distributions (splitmix64).
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t bits() {
    state_ += 0x9E3779B97F4A7C15u;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(bits() % n); }

  /// In [-1, 1), a multiple of 2^-23.
  float uniform() { return static_cast<float>(static_cast<std::int32_t>(bits() >> 40) - (1 << 23)) * 0x1p-23f; }

  /// About normal with deviation 1: the sum of twelve uniforms of variance 1/3, halved.
  float normal() {
    double sum = 0;
    for (int i = 0; i < 12; ++i) sum += static_cast<double>(uniform());
    return static_cast<float>(sum * 0.5);
  }

  std::vector<float> normals(std::size_t n, float deviation) {
    std::vector<float> v(n);
    for (float& x : v) x = normal() * deviation;
    return v;
  }
  std::vector<std::byte> bytes(std::size_t n) {
    std::vector<std::byte> v(n);
    for (std::byte& b : v) b = static_cast<std::byte>(bits());
    return v;
  }

 private:
  std::uint64_t state_;
};

}  // namespace edgek::test

#endif  // EDGEK_TESTS_SUPPORT_RANDOM_HPP_
