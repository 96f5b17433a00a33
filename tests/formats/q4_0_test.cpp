#include "edgek/formats/q4_0.hpp"

#include "support/format_tests.hpp"

namespace edgek::test {
namespace {

double max_error(const float* x) {
  return 1.001 * widest(x, 32) / 8.0 + half_rounding(widest(x, 32), 8.0);
}
using Case = testing::Types<FormatCase<Format::kQ4_0, max_error>>;

INSTANTIATE_TYPED_TEST_SUITE_P(Q4_0, FormatTest, Case);

TEST(Q4_0Layout, LowNibblesComeFirst) {
  BlockQ4_0 b{to_half(0.5f), {}};
  for (int j = 0; j < 16; ++j) b.q[j] = static_cast<std::uint8_t>(j | (15 - j) << 4);
  float y[32];
  FormatTraits<Format::kQ4_0>::unpack(b, y);
  for (int j = 0; j < 16; ++j) {
    EXPECT_EQ(y[j], 0.5f * static_cast<float>(j - 8));
    EXPECT_EQ(y[j + 16], 0.5f * static_cast<float>(7 - j));
  }
}

}  // namespace
}  // namespace edgek::test
