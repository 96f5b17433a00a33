#include "edgek/reference/norm.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "support/random.hpp"

namespace edgek::test {
namespace {

TEST(RmsNorm, AgreesWithDouble) {
  Random random(1);
  for (const std::size_t n : {1u, 15u, 16u, 17u, 576u, 4099u}) {
    for (const float deviation : {1e-3f, 1.0f, 1e3f}) {
      const std::vector<float> x = random.normals(n, deviation), w = random.normals(n, 1.0f);
      std::vector<float> y(n);
      reference::rmsnorm(x.data(), w.data(), 1e-5f, n, y.data());
      double squares = 0;
      for (const float v : x) squares += static_cast<double>(v) * static_cast<double>(v);
      const double scale = 1.0 / std::sqrt(squares / static_cast<double>(n) + static_cast<double>(1e-5f));
      // Each lane rounds once per 16 elements, the root halves what that costs; then a few roundings more.
      const double relative = (static_cast<double>(n) / 32 + 8) * 0x1p-24;
      ASSERT_LT(relative, 1e-4);
      for (std::size_t i = 0; i < n; ++i) {
        const double truth = static_cast<double>(x[i]) * scale * static_cast<double>(w[i]);
        ASSERT_NEAR(static_cast<double>(y[i]), truth, std::abs(truth) * relative + 1e-40) << n << ", " << i;
      }
      std::vector<float> in_place = x;
      reference::rmsnorm(in_place.data(), w.data(), 1e-5f, n, in_place.data());
      EXPECT_EQ(in_place, y);
    }
  }
}

TEST(RmsNorm, ZerosStayZero) {
  std::vector<float> x(20, 0.0f), w(20, 1.0f);
  reference::rmsnorm(x.data(), w.data(), 1e-6f, 20, x.data());
  for (const float v : x) EXPECT_EQ(v, 0.0f);
}

TEST(Lanes, TheTreeJoinsEightFourTwoOne) {
  // 2^24 in lane 0 swallows a lone 1. Pairs that meet before they reach it are 2 and count.
  const auto sum = [](std::size_t a, std::size_t b) {
    reference::Lanes lanes;
    lanes.add(0, 0x1p24f);
    lanes.add(a, 1.0f);
    lanes.add(b, 1.0f);
    return lanes.sum() - 0x1p24f;
  };
  EXPECT_EQ(sum(1, 9), 2.0f);    // meet in lane 1 at the first step
  EXPECT_EQ(sum(4, 12), 2.0f);   // meet in lane 4 at the first step
  EXPECT_EQ(sum(2, 6), 2.0f);    // meet in lane 2 at the second step
  EXPECT_EQ(sum(1, 3), 2.0f);    // meet in lane 1 at the third step
  EXPECT_EQ(sum(8, 4), 0.0f);    // each joins lane 0 by itself
  EXPECT_EQ(sum(2, 1), 0.0f);
  EXPECT_EQ(sum(16, 32), 0.0f);  // both in lane 0 from the start
  EXPECT_EQ(sum(17, 33), 2.0f);  // both in lane 1 from the start
}

TEST(Lanes, ThereAreSixteen) {
  reference::Lanes lanes;  // with eight, 2^24 would stand between the ones and swallow both
  lanes.add(0, 1.0f);
  lanes.add(8, 0x1p24f);
  lanes.add(16, 1.0f);
  EXPECT_EQ(lanes.sum(), 0x1p24f + 2.0f);
}

TEST(Add, AddsInPlace) {
  std::vector<float> x = {1.0f, 2.0f, -3.0f}, y = {0.5f, 0.25f, 3.0f};
  reference::add(x.data(), 3, y.data());
  EXPECT_EQ(y, (std::vector<float>{1.5f, 2.25f, 0.0f}));
}

}  // namespace
}  // namespace edgek::test
