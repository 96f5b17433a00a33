#include "edgek/formats/q6_k.hpp"

#include "support/format_tests.hpp"

namespace edgek::test {
namespace {

double max_error(const float* x) {
  // The best code is within half a step, one at the end that lacks a code; a step was rounded to a 128th of
  // the widest.
  double step = 0;
  for (std::size_t j = 0; j < 16; ++j) step = std::max(step, widest(x + 16 * j, 16) / 31.0);
  return 1.3 * step + half_rounding(step * 32.0, 128.0 * 32.0);
}
using Case = testing::Types<FormatCase<Format::kQ6_K, max_error>>;

INSTANTIATE_TYPED_TEST_SUITE_P(Q6_K, FormatTest, Case);

TEST(Q6_KLayout, EveryCodeHasItsPlace) {
  for (std::size_t k = 0; k < 256; ++k) {
    float x[256] = {};
    x[k] = 31.0f;
    BlockQ6_K b;
    FormatTraits<Format::kQ6_K>::pack(x, b);
    float y[256];
    FormatTraits<Format::kQ6_K>::unpack(b, y);
    for (std::size_t i = 0; i < 256; ++i) EXPECT_NEAR(y[i], x[i], 0.02f) << k << ", " << i;
  }
}

TEST(Q6_KDot, LargestSumIsExact) {
  BlockQ6_K b{};  // every code is -32
  b.d = to_half(1.0f);
  std::fill(b.scale, b.scale + 16, std::int8_t{-128});
  std::int8_t q[256];
  std::int16_t sum[16] = {};
  std::fill(q, q + 256, std::int8_t{-127});
  const float dot = FormatTraits<Format::kQ6_K>::add_dot(b, A256Block{q, 1.0f, sum}, 0.0f);
  EXPECT_EQ(dot, static_cast<float>(-127 * 256 * 32 * 128));
}

}  // namespace
}  // namespace edgek::test
