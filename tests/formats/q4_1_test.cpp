#include "edgek/formats/q4_1.hpp"

#include "support/format_tests.hpp"

namespace edgek::test {
namespace {

double max_error(const float* x) {
  return 0.501 * width(x, 32) / 15.0 + half_rounding(width(x, 32), 15.0) + half_rounding(widest(x, 32), 1.0);
}
using Case = testing::Types<FormatCase<Format::kQ4_1, max_error>>;

INSTANTIATE_TYPED_TEST_SUITE_P(Q4_1, FormatTest, Case);

TEST(Q4_1Dot, MinimumIsAddedAfterTheCodes) {
  // (2^24 + 1) rounds to 2^24 when the codes come first and the minimum after; the other order keeps it.
  BlockQ4_1 b{to_half(1.0f), to_half(-1.0f), {}};
  b.q[0] = 1;
  std::int8_t q[32] = {1};
  const float acc = FormatTraits<Format::kQ4_1>::add_dot(b, A32Block{q, 1.0f, 1}, 0x1p24f);
  EXPECT_EQ(acc, 0x1p24f - 1.0f);
}

}  // namespace
}  // namespace edgek::test
