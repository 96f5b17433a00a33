#ifndef EDGEK_TESTS_MODEL_SHA256_HPP_
#define EDGEK_TESTS_MODEL_SHA256_HPP_

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace edgek::testing {

/// SHA-256 (FIPS 180-4) of some bytes, in hexadecimal.
class Sha256 {
 public:
  static std::string of(std::span<const std::byte> bytes) {
    Sha256 hash;
    std::vector<std::byte> padded(bytes.begin(), bytes.end());
    padded.push_back(std::byte{0x80});
    while (padded.size() % 64 != 56) padded.push_back(std::byte{0});
    const std::uint64_t bits = bytes.size() * 8;
    for (int shift = 56; shift >= 0; shift -= 8) padded.push_back(static_cast<std::byte>(bits >> shift & 0xFF));
    for (std::size_t at = 0; at < padded.size(); at += 64) hash.add_block(&padded[at]);
    return hash.hex();
  }

 private:
  /// The first 32 bits of the fractional part of the root-th root of the n-th prime, found by integers alone.
  static std::uint32_t fraction_of_root(std::uint32_t prime, int root) {
    // The largest x with x^root <= prime * 2^(32 * root); its low 32 bits are the fraction.
    std::uint64_t x = 0;
    for (std::uint64_t bit = std::uint64_t{1} << 36; bit != 0; bit >>= 1)
      if (power_is_at_most(x | bit, root, prime)) x |= bit;
    return static_cast<std::uint32_t>(x);
  }
  static bool power_is_at_most(std::uint64_t x, int root, std::uint32_t prime) {
    __extension__ using Wide = unsigned __int128;
    const Wide square = static_cast<Wide>(x) * x;
    if (root == 2) return square <= static_cast<Wide>(prime) << 64;
    const Wide limit = static_cast<Wide>(prime) << 96;
    return square <= limit / x;
  }

  static const std::array<std::uint32_t, 72>& constants() {
    static const std::array<std::uint32_t, 72> table = [] {
      std::array<std::uint32_t, 72> out{};
      std::size_t count = 0;
      for (std::uint32_t n = 2; count < 64; ++n) {
        bool prime = true;
        for (std::uint32_t d = 2; d * d <= n; ++d) prime = prime && n % d != 0;
        if (!prime) continue;
        if (count < 8) out[64 + count] = fraction_of_root(n, 2);
        out[count++] = fraction_of_root(n, 3);
      }
      return out;
    }();
    return table;
  }

  Sha256() { std::copy_n(constants().begin() + 64, 8, state_.begin()); }

  void add_block(const std::byte* block) {
    std::array<std::uint32_t, 64> w{};
    for (std::size_t i = 0; i < 64; ++i) w[i / 4] = w[i / 4] << 8 | std::to_integer<std::uint32_t>(block[i]);
    for (std::size_t i = 16; i < 64; ++i) {
      const std::uint32_t a = w[i - 15], b = w[i - 2];
      w[i] = w[i - 16] + w[i - 7] + (std::rotr(a, 7) ^ std::rotr(a, 18) ^ a >> 3) +
             (std::rotr(b, 17) ^ std::rotr(b, 19) ^ b >> 10);
    }
    auto [a, b, c, d, e, f, g, h] = state_;
    for (std::size_t i = 0; i < 64; ++i) {
      const std::uint32_t t1 = h + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) + ((e & f) ^ (~e & g)) +
                               constants()[i] + w[i];
      const std::uint32_t t2 =
          (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
    }
    const std::array<std::uint32_t, 8> sum = {a, b, c, d, e, f, g, h};
    for (std::size_t i = 0; i < 8; ++i) state_[i] += sum[i];
  }

  std::string hex() const {
    std::string out;
    for (const std::uint32_t word : state_)
      for (int shift = 28; shift >= 0; shift -= 4) out += "0123456789abcdef"[word >> shift & 15];
    return out;
  }

  std::array<std::uint32_t, 8> state_{};
};

}  // namespace edgek::testing

#endif  // EDGEK_TESTS_MODEL_SHA256_HPP_
