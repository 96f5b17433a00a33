#include "edgek/measure/percentiles.hpp"

#include <array>
#include <vector>

#include <gtest/gtest.h>

namespace edgek {
namespace {

TEST(Percentile, InterpolatesBetweenNearestRanks) {
  const std::array<double, 4> sorted = {10, 20, 30, 40};
  EXPECT_DOUBLE_EQ(percentile(sorted, 0.0), 10);
  EXPECT_DOUBLE_EQ(percentile(sorted, 0.5), 25);
  EXPECT_DOUBLE_EQ(percentile(sorted, 0.95), 38.5);
  EXPECT_DOUBLE_EQ(percentile(sorted, 1.0), 40);
}

TEST(Percentile, DefinedAtTheEdges) {
  EXPECT_EQ(percentile({}, 0.5), 0.0);
  const std::array<double, 1> one = {7};
  EXPECT_EQ(percentile(one, 0.99), 7.0);
  const std::array<double, 2> two = {1, 2};
  EXPECT_EQ(percentile(two, -1), 1.0);
  EXPECT_EQ(percentile(two, 2), 2.0);
}

TEST(Summarize, DescribesUnsortedSamples) {
  std::vector<double> samples = {4, 1, 3, 2, 5};
  const Summary s = summarize(samples);
  EXPECT_EQ(s.count, 5u);
  EXPECT_DOUBLE_EQ(s.mean, 3);
  EXPECT_DOUBLE_EQ(s.sd, std::sqrt(2.5));
  EXPECT_DOUBLE_EQ(s.min, 1);
  EXPECT_DOUBLE_EQ(s.p50, 3);
  EXPECT_DOUBLE_EQ(s.p95, 4.8);
  EXPECT_DOUBLE_EQ(s.max, 5);
}

TEST(Summarize, OneSampleHasNoSpread) {
  std::vector<double> one = {2.5};
  EXPECT_EQ(summarize(one).sd, 0.0);
  EXPECT_EQ(summarize(std::span<double>{}).count, 0u);
}

}  // namespace
}  // namespace edgek
