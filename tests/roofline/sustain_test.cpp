// The knee of a long run: found where there is one, and only there.
#include "edgek/roofline/sustain.hpp"

#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace edgek {
namespace {

/// `count` windows around `rate`, scattered by `noise` of it.
void add(std::vector<double>& rates, std::size_t count, double rate, double noise, std::uint32_t seed = 1) {
  std::mt19937 random(seed);
  for (std::size_t i = 0; i < count; ++i)
    rates.push_back(rate * (1 + noise * (static_cast<double>(random() % 2001) - 1000) / 1000));
}

TEST(Knee, IsWhereTheMachineThrottles) {
  std::vector<double> rates;
  add(rates, 37, 20, 0.04);
  add(rates, 83, 15, 0.04, 2);
  const Knee knee = find_knee(rates);
  ASSERT_TRUE(knee.found);
  EXPECT_EQ(knee.at, 37u);
  EXPECT_NEAR(knee.before, 20, 0.4);
  EXPECT_NEAR(knee.after, 15, 0.3);
  EXPECT_NEAR(knee.drop(), 0.25, 0.03);
}

TEST(Knee, LiesWithinASlowDecline) {
  std::vector<double> rates;
  add(rates, 30, 20, 0.01);
  for (int i = 0; i < 20; ++i) rates.push_back(20 - 0.25 * i);
  add(rates, 30, 15, 0.01, 3);
  const Knee knee = find_knee(rates);
  ASSERT_TRUE(knee.found);
  EXPECT_GE(knee.at, 35u);
  EXPECT_LE(knee.at, 45u);
}

TEST(Knee, IsNotFoundInASteadyRun) {
  for (std::uint32_t seed = 1; seed <= 50; ++seed) {
    std::vector<double> rates;
    add(rates, 100, 20, 0.3, seed);
    EXPECT_FALSE(find_knee(rates).found) << seed;
  }
}

TEST(Knee, IsNotASlowWindowNorASmallNorARisingStep) {
  std::vector<double> slow_window(60, 20.0);
  slow_window[30] = 2;
  EXPECT_FALSE(find_knee(slow_window).found);
  std::vector<double> pause(60, 20.0);
  for (std::size_t i = 20; i < 30; ++i) pause[i] = 10;
  EXPECT_FALSE(find_knee(pause).found) << "a neighbour that came and went";
  std::vector<double> small(30, 20.0);
  small.resize(60, 19.2);
  EXPECT_FALSE(find_knee(small).found) << "4 %";
  std::vector<double> rising(30, 15.0);
  rising.resize(60, 20.0);
  EXPECT_FALSE(find_knee(rising).found);
}

TEST(Knee, NeedsEnoughWindows) {
  EXPECT_FALSE(find_knee({}).found);
  EXPECT_FALSE(find_knee(std::vector<double>{20, 20, 20, 20, 10, 10, 10}).found);
  const Knee knee = find_knee(std::vector<double>{20, 20, 20, 20, 10, 10, 10, 10});
  EXPECT_TRUE(knee.found) << "without any scatter";
  EXPECT_EQ(knee.at, 4u);
}

}  // namespace
}  // namespace edgek
