#include "edgek/reference/exp.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace edgek::test {
namespace {

/// Distance of `got` from the true e^x in units of the last place of a float of that size.
double ulps_off(float x, float got) {
  const long double truth = std::exp(static_cast<long double>(x));
  const float near = static_cast<float>(truth);
  const float ulp = std::nextafter(near, std::numeric_limits<float>::infinity()) - near;
  return static_cast<double>(std::abs(static_cast<long double>(got) - truth) / static_cast<long double>(ulp));
}

TEST(Exp, IsWithinOneUnitInTheLastPlace) {
  double worst = 0;
  for (float x = -87.33f; x <= 88.72f; x += 0.000731f) worst = std::max(worst, ulps_off(x, reference::exp(x)));
  EXPECT_LT(worst, 1.0);
  EXPECT_GT(worst, 0.5) << "nothing rounds better than that: the measure is broken";
}

TEST(Exp, SmallArguments) {
  for (float x = 1e-38f; x < 1.0f; x *= 1.01f) {
    EXPECT_LT(ulps_off(x, reference::exp(x)), 1.0) << x;
    EXPECT_LT(ulps_off(-x, reference::exp(-x)), 1.0) << -x;
  }
  EXPECT_EQ(reference::exp(0.0f), 1.0f);
  EXPECT_EQ(reference::exp(-0.0f), 1.0f);
}

TEST(Exp, TheEndsOfTheRange) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  using K = reference::ExpConstants;
  EXPECT_LT(ulps_off(K::kOverflowAbove, reference::exp(K::kOverflowAbove)), 1.0);
  EXPECT_EQ(reference::exp(std::nextafter(K::kOverflowAbove, kInf)), kInf);
  EXPECT_GE(reference::exp(K::kUnderflowBelow), std::numeric_limits<float>::min());
  EXPECT_LT(ulps_off(K::kUnderflowBelow, reference::exp(K::kUnderflowBelow)), 1.0);
  EXPECT_EQ(reference::exp(std::nextafter(K::kUnderflowBelow, -kInf)), 0.0f);
  EXPECT_EQ(reference::exp(kInf), kInf);
  EXPECT_EQ(reference::exp(-kInf), 0.0f);
  EXPECT_EQ(reference::exp(std::numeric_limits<float>::max()), kInf);
  EXPECT_EQ(reference::exp(std::numeric_limits<float>::lowest()), 0.0f);
  EXPECT_TRUE(std::isnan(reference::exp(std::numeric_limits<float>::quiet_NaN())));
}

TEST(Exp, NeverDecreases) {
  float last = 0;
  for (float x = -87.33f; x < 88.7f; x = std::nextafter(x + 0.0001f, 1e9f)) {
    const float y = reference::exp(x);
    ASSERT_GE(y, last) << x;
    last = y;
  }
}

}  // namespace
}  // namespace edgek::test
