#include "edgek/formats/f16.hpp"

#include "support/format_tests.hpp"

namespace edgek::test {
namespace {

double max_error(const float* x) {
  return half_rounding(widest(x, 1), 1.0);
}
using Case = testing::Types<FormatCase<Format::kF16, max_error>>;

INSTANTIATE_TYPED_TEST_SUITE_P(F16, FormatTest, Case);

TEST(F16Pack, OverflowIsInfinityAndSubnormalsAreKept) {
  const float x[4] = {70000.0f, -70000.0f, 0x1p-24f, 0x1p-26f};
  float y[4];
  std::byte row[8];
  reference::pack_row<Format::kF16>(x, 4, row);
  reference::unpack_row<Format::kF16>(row, 4, y);
  EXPECT_EQ(y[0], std::numeric_limits<float>::infinity());
  EXPECT_EQ(y[1], -std::numeric_limits<float>::infinity());
  EXPECT_EQ(y[2], 0x1p-24f);
  EXPECT_EQ(y[3], 0.0f);
}

}  // namespace
}  // namespace edgek::test
