#include "edgek/formats/q4_k.hpp"

#include "support/format_tests.hpp"

namespace edgek::test {
namespace {

double max_error(const float* x) {
  // The best code is within half a step; a step, and the minimum, were rounded to a 63rd of the widest.
  double step = 0, min = 0;
  for (std::size_t j = 0; j < 8; ++j) {
    const float* sub = x + 32 * j;
    step = std::max(step, std::max(width(sub, 32), widest(sub, 32)) / 15.0);
    min = std::max(min, -static_cast<double>(*std::min_element(sub, sub + 32)));
  }
  return 1.5 * step + min / 60.0 + half_rounding(step * 15.0 + min, 63.0 * 15.0);
}
using Case = testing::Types<FormatCase<Format::kQ4_K, max_error>>;

INSTANTIATE_TYPED_TEST_SUITE_P(Q4_K, FormatTest, Case);

TEST(Q4_KLayout, SixBitScalesRoundTrip) {
  Random random(9);
  for (int trial = 0; trial < 100; ++trial) {
    SixBitScales in;
    for (std::size_t j = 0; j < 8; ++j) {
      in.scale[j] = static_cast<std::uint8_t>(random.below(64));
      in.min[j] = static_cast<std::uint8_t>(random.below(64));
    }
    std::uint8_t bytes[12];
    pack_six_bit_scales(in, bytes);
    const SixBitScales out = unpack_six_bit_scales(bytes);
    for (std::size_t j = 0; j < 8; ++j) {
      EXPECT_EQ(out.scale[j], in.scale[j]);
      EXPECT_EQ(out.min[j], in.min[j]);
    }
  }
}

TEST(Q4_KDot, LargestSumsAreExact) {
  BlockQ4_K b{};
  std::memset(&b, 0xFF, sizeof(b));
  b.d = to_half(1.0f);
  b.dmin = to_half(0.0f);
  std::int8_t q[256];
  std::int16_t sum[16];
  std::fill(q, q + 256, std::int8_t{-127});
  std::fill(sum, sum + 16, std::int16_t{-127 * 16});
  const A256Block x{q, 1.0f, sum};
  EXPECT_EQ(FormatTraits<Format::kQ4_K>::add_dot(b, x, 0.0f), static_cast<float>(-127 * 256 * 63 * 15));
  b.d = to_half(0.0f);
  b.dmin = to_half(1.0f);
  EXPECT_EQ(FormatTraits<Format::kQ4_K>::add_dot(b, x, 0.0f), static_cast<float>(127 * 256 * 63));
}

}  // namespace
}  // namespace edgek::test
