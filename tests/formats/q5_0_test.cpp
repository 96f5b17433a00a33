#include "edgek/formats/q5_0.hpp"

#include "support/format_tests.hpp"

namespace edgek::test {
namespace {

double max_error(const float* x) {
  return 1.001 * widest(x, 32) / 16.0 + half_rounding(widest(x, 32), 16.0);
}
using Case = testing::Types<FormatCase<Format::kQ5_0, max_error>>;

INSTANTIATE_TYPED_TEST_SUITE_P(Q5_0, FormatTest, Case);

TEST(Q5_0Layout, FifthBitsAreInWeightOrder) {
  for (std::size_t set = 0; set < 32; ++set) {
    BlockQ5_0 b{to_half(1.0f), {}, {}};
    b.h[set / 8] = static_cast<std::uint8_t>(1u << (set % 8));
    float y[32];
    FormatTraits<Format::kQ5_0>::unpack(b, y);
    for (std::size_t i = 0; i < 32; ++i) EXPECT_EQ(y[i], i == set ? 0.0f : -16.0f);
  }
}

}  // namespace
}  // namespace edgek::test
