#include "edgek/formats/q5_1.hpp"

#include "support/format_tests.hpp"

namespace edgek::test {
namespace {

double max_error(const float* x) {
  return 0.501 * width(x, 32) / 31.0 + half_rounding(width(x, 32), 31.0) + half_rounding(widest(x, 32), 1.0);
}
using Case = testing::Types<FormatCase<Format::kQ5_1, max_error>>;

INSTANTIATE_TYPED_TEST_SUITE_P(Q5_1, FormatTest, Case);

TEST(Q5_1Dot, LargestSumsAreExact) {
  BlockQ5_1 b{to_half(1.0f), to_half(2.0f), {255, 255, 255, 255}, {}};
  std::fill(b.q, b.q + 16, std::uint8_t{255});
  std::int8_t q[32];
  std::fill(q, q + 32, std::int8_t{-127});
  const A32Block x{q, 1.0f, -127 * 32};
  EXPECT_EQ(FormatTraits<Format::kQ5_1>::add_dot(b, x, 0.0f), -127.0f * 32 * 33);
}

}  // namespace
}  // namespace edgek::test
