#include "edgek/formats/q8_0.hpp"

#include "support/format_tests.hpp"

namespace edgek::test {
namespace {

double max_error(const float* x) {
  return 0.501 * widest(x, 32) / 127.0 + half_rounding(widest(x, 32), 127.0);
}
using Case = testing::Types<FormatCase<Format::kQ8_0, max_error>>;

INSTANTIATE_TYPED_TEST_SUITE_P(Q8_0, FormatTest, Case);

TEST(Q8_0Pack, TiesGoAwayFromZero) {
  float x[32] = {127.0f, 0.5f, -0.5f, 1.5f, 2.5f, -2.5f, 0.49999997f};
  BlockQ8_0 b;
  FormatTraits<Format::kQ8_0>::pack(x, b);
  EXPECT_EQ(to_float(b.d), 1.0f);
  const int expected[7] = {127, 1, -1, 2, 3, -3, 0};
  for (std::size_t i = 0; i < 7; ++i) EXPECT_EQ(b.q[i], expected[i]) << i;
}

TEST(Q8_0Dot, LargestSumIsExact) {
  BlockQ8_0 b{to_half(1.0f), {}};
  std::int8_t q[32];
  std::fill(b.q, b.q + 32, std::int8_t{-128});
  std::fill(q, q + 32, std::int8_t{-127});
  EXPECT_EQ(FormatTraits<Format::kQ8_0>::add_dot(b, A32Block{q, 0.5f, -127 * 32}, 1.0f), 128.0f * 127 * 32 / 2 + 1);
}

}  // namespace
}  // namespace edgek::test
