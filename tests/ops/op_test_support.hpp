#ifndef EDGEK_TESTS_OPS_OP_TEST_SUPPORT_HPP_
#define EDGEK_TESTS_OPS_OP_TEST_SUPPORT_HPP_

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "edgek/edgek.hpp"
#include "edgek/formats/bf16.hpp"
#include "edgek/formats/f16.hpp"
#include "edgek/formats/f32.hpp"
#include "edgek/formats/q4_0.hpp"
#include "edgek/formats/q4_1.hpp"
#include "edgek/formats/q4_k.hpp"
#include "edgek/formats/q5_0.hpp"
#include "edgek/formats/q5_1.hpp"
#include "edgek/formats/q5_k.hpp"
#include "edgek/formats/q6_k.hpp"
#include "edgek/formats/q8_0.hpp"
#include "edgek/reference/activations.hpp"
#include "support/wanted_sets.hpp"

namespace edgek::testing {

/// Runs items in an order of its own, last first: ops must not mind.
class BackwardsExecutor final : public Executor {
 public:
  explicit BackwardsExecutor(std::size_t threads) : threads_(threads) {}
  std::size_t threads() const noexcept override { return threads_; }
  void run(std::size_t items, Body body, void* arg) noexcept override {
    for (std::size_t i = items; i-- > 0;) body(arg, i);
  }

 private:
  std::size_t threads_;
};

/// Calls fn with an integral constant of every format.
template <typename Fn, std::size_t... I>
void for_format_sequence(Fn&& fn, std::index_sequence<I...>) {
  (fn(std::integral_constant<Format, static_cast<Format>(I)>{}), ...);
}
template <typename Fn>
void for_each_format(Fn&& fn) {
  for_format_sequence(fn, std::make_index_sequence<kFormatCount>{});
}

inline std::vector<float> random_floats(std::size_t count, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<float> out(count);
  for (float& x : out) x = static_cast<float>(static_cast<std::int32_t>(random()) >> 8) * 0x1p-22f;
  return out;
}

/// Rows of random weights, packed by the format's reference.
inline std::vector<std::byte> random_weights(Format format, std::size_t rows, std::size_t cols, std::uint32_t seed) {
  std::vector<std::byte> out(rows * row_bytes(format, cols));
  const std::vector<float> x = random_floats(rows * cols, seed);
  for_each_format([&](auto f) {
    if (f.value != format) return;
    for (std::size_t r = 0; r < rows; ++r)
      reference::pack_row<f.value>(x.data() + r * cols, cols, out.data() + r * row_bytes(format, cols));
  });
  return out;
}

/// Bits of floats, every NaN alike.
inline std::vector<std::uint32_t> bits(const std::vector<float>& x) {
  std::vector<std::uint32_t> out(x.size());
  for (std::size_t i = 0; i < x.size(); ++i)
    out[i] = std::isnan(x[i]) ? 0x7FC00000u : std::bit_cast<std::uint32_t>(x[i]);
  return out;
}

inline ::testing::AssertionResult same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  const auto x = bits(a), y = bits(b);
  if (x.size() != y.size()) return ::testing::AssertionFailure() << x.size() << " and " << y.size() << " values";
  for (std::size_t i = 0; i < x.size(); ++i)
    if (x[i] != y[i]) return ::testing::AssertionFailure() << "index " << i << ": " << a[i] << " and " << b[i];
  return ::testing::AssertionSuccess();
}

}  // namespace edgek::testing

#endif  // EDGEK_TESTS_OPS_OP_TEST_SUPPORT_HPP_
