#include "edgek/formats/f32.hpp"

#include "support/format_tests.hpp"

namespace edgek::test {
namespace {

double max_error(const float*) { return 0.0; }
using Case = testing::Types<FormatCase<Format::kF32, max_error>>;

INSTANTIATE_TYPED_TEST_SUITE_P(F32, FormatTest, Case);

TEST(F32Dot, SumsInSixteenLanesAndOneTree) {
  // Lane 0 takes elements 0 and 16: 2^24 + 1 rounds to 2^24. Lane 8 holds 1 and joins lane 0 first: lost
  // again. Lane 1 holds 3 and lane 9 holds 1: they meet as 4 before they join, which is not lost.
  std::vector<float> w(17, 0.0f);
  w[0] = 0x1p24f;
  w[16] = 1.0f;
  w[8] = 1.0f;
  w[1] = 3.0f;
  w[9] = 1.0f;
  const std::vector<float> ones(17, 1.0f);
  const auto* row = reinterpret_cast<const std::byte*>(w.data());
  EXPECT_EQ(reference::dot_float_row<Format::kF32>(row, 17, ones.data()), 0x1p24f + 4.0f);
}

TEST(F32Dot, ProductsAreFused) {
  // (1 + 2^-12)^2 - 1 - 2^-11 = 2^-24, which an unfused product rounds away. Both in lane 0.
  std::vector<float> w(17, 0.0f), x(17, 0.0f);
  w[0] = -(1.0f + 0x1p-11f);
  x[0] = 1.0f;
  w[16] = x[16] = 1.0f + 0x1p-12f;
  const auto* row = reinterpret_cast<const std::byte*>(w.data());
  EXPECT_EQ(reference::dot_float_row<Format::kF32>(row, 17, x.data()), 0x1p-24f);
}

TEST(F32Dot, ATailGoesOnInItsLane) {
  for (std::size_t n = 0; n < 40; ++n) {
    std::vector<float> w(n, 0.0f);
    const std::vector<float> ones(n, 1.0f);
    for (std::size_t i = 0; i < n; ++i) w[i] = static_cast<float>(1u << (i % 20));
    float expected = 0;
    for (const float v : w) expected += v;  // exact in any order
    const auto* row = reinterpret_cast<const std::byte*>(w.data());
    EXPECT_EQ(reference::dot_float_row<Format::kF32>(row, n, ones.data()), expected) << n;
  }
}

}  // namespace
}  // namespace edgek::test
