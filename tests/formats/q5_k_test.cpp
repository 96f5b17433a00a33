#include "edgek/formats/q5_k.hpp"

#include "support/format_tests.hpp"

namespace edgek::test {
namespace {

double max_error(const float* x) {
  // The best code is within half a step; a step, and the minimum, were rounded to a 63rd of the widest.
  double step = 0, min = 0;
  for (std::size_t j = 0; j < 8; ++j) {
    const float* sub = x + 32 * j;
    step = std::max(step, std::max(width(sub, 32), widest(sub, 32)) / 31.0);
    min = std::max(min, -static_cast<double>(*std::min_element(sub, sub + 32)));
  }
  return 1.5 * step + min / 60.0 + half_rounding(step * 31.0 + min, 63.0 * 31.0);
}
using Case = testing::Types<FormatCase<Format::kQ5_K, max_error>>;

INSTANTIATE_TYPED_TEST_SUITE_P(Q5_K, FormatTest, Case);

TEST(Q5_KLayout, FifthBitsBelongToTheirSubBlock) {
  for (std::size_t j = 0; j < 8; ++j) {
    BlockQ5_K b{};
    b.d = to_half(1.0f);
    std::fill(b.scales, b.scales + 4, std::uint8_t{1});
    std::fill(b.scales + 8, b.scales + 12, std::uint8_t{1});
    b.h[5] = static_cast<std::uint8_t>(1u << j);
    float y[256];
    FormatTraits<Format::kQ5_K>::unpack(b, y);
    for (std::size_t i = 0; i < 256; ++i) EXPECT_EQ(y[i], i == 32 * j + 5 ? 16.0f : 0.0f) << i;
  }
}

TEST(Q5_KDot, LargestSumsAreExact) {
  BlockQ5_K b{};
  std::memset(&b, 0xFF, sizeof(b));
  b.d = to_half(1.0f);
  b.dmin = to_half(0.0f);
  std::int8_t q[256];
  std::int16_t sum[16];
  std::fill(q, q + 256, std::int8_t{-127});
  std::fill(sum, sum + 16, std::int16_t{-127 * 16});
  const A256Block x{q, 1.0f, sum};
  EXPECT_EQ(FormatTraits<Format::kQ5_K>::add_dot(b, x, 0.0f), static_cast<float>(-127 * 256 * 63 * 31));
  b.d = to_half(0.0f);
  b.dmin = to_half(1.0f);
  EXPECT_EQ(FormatTraits<Format::kQ5_K>::add_dot(b, x, 0.0f), static_cast<float>(127 * 256 * 63));
}

}  // namespace
}  // namespace edgek::test
