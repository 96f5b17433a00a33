#include "edgek/reference/rounding.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "edgek/reference/fma.hpp"
#include "support/random.hpp"

namespace edgek::test {
namespace {

TEST(Rounding, AgreesWithTheStandardLibrary) {
  Random random(1);
  for (int trial = 0; trial < 200000; ++trial) {
    const float v = random.uniform() * static_cast<float>(1 << (trial % 22));
    ASSERT_EQ(static_cast<float>(reference::round_to_even(v)), std::nearbyint(v)) << v;
    ASSERT_EQ(static_cast<float>(reference::round_half_away(v)), std::round(v)) << v;
  }
}

TEST(Rounding, TiesAndTheirNeighbours) {
  for (int i = -1000; i <= 1000; ++i) {
    const float tie = static_cast<float>(i) + 0.5f;
    for (const float v : {tie, std::nextafter(tie, -1e9f), std::nextafter(tie, 1e9f), static_cast<float>(i)}) {
      EXPECT_EQ(static_cast<float>(reference::round_to_even(v)), std::nearbyint(v)) << v;
      EXPECT_EQ(static_cast<float>(reference::round_half_away(v)), std::round(v)) << v;
    }
  }
  EXPECT_EQ(reference::round_to_even(1e-45f), 0);
  EXPECT_EQ(reference::round_to_even(-0.0f), 0);
  EXPECT_EQ(reference::round_to_even(8388607.0f), 8388607);
}

TEST(Rounding, FiniteMeansFinite) {
  EXPECT_TRUE(reference::is_finite(std::numeric_limits<float>::max()));
  EXPECT_TRUE(reference::is_finite(-1e-45f));
  EXPECT_FALSE(reference::is_finite(std::numeric_limits<float>::infinity()));
  EXPECT_FALSE(reference::is_finite(-std::numeric_limits<float>::infinity()));
  EXPECT_FALSE(reference::is_finite(std::numeric_limits<float>::quiet_NaN()));
}

TEST(Fma, RoundsOnce) {
  const float a = 1.0f + 0x1p-12f;
  EXPECT_EQ(Fma(a, a, -(1.0f + 0x1p-11f)), 0x1p-24f);
  const double b = 1.0 + 0x1p-30;
  EXPECT_EQ(Fma(b, b, -(1.0 + 0x1p-29)), 0x1p-60);
}

TEST(Fma, ARoundedProductIsNotFused) {
  // With volatile inputs the compiler cannot compute this itself; where the target has a fused multiply-add
  // it would use it here, were the product not hidden.
  volatile float a = 1.0f + 0x1p-12f, c = -(1.0f + 0x1p-11f);
  EXPECT_EQ(RoundedProduct(a, a) + c, 0.0f);
}

}  // namespace
}  // namespace edgek::test
