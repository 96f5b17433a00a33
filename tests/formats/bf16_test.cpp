#include "edgek/formats/bf16.hpp"

#include "support/format_tests.hpp"

namespace edgek::test {
namespace {

double max_error(const float* x) {
  return widest(x, 1) * 0x1p-8;
}
using Case = testing::Types<FormatCase<Format::kBF16, max_error>>;

INSTANTIATE_TYPED_TEST_SUITE_P(BF16, FormatTest, Case);

TEST(BF16Pack, TiesGoToEven) {
  const float x[3] = {1.0f + 0x1p-8f, 1.0f + 0x3p-8f, 1.0f + 0x1p-8f + 0x1p-20f};
  float y[3];
  std::byte row[6];
  reference::pack_row<Format::kBF16>(x, 3, row);
  reference::unpack_row<Format::kBF16>(row, 3, y);
  EXPECT_EQ(y[0], 1.0f);
  EXPECT_EQ(y[1], 1.0f + 0x1p-6f);
  EXPECT_EQ(y[2], 1.0f + 0x1p-7f);
}

}  // namespace
}  // namespace edgek::test
