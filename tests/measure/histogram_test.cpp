#include "edgek/measure/histogram.hpp"

#include <numeric>
#include <vector>

#include <gtest/gtest.h>

namespace edgek {
namespace {

TEST(Histogram, CountsEverySampleOnce) {
  const std::vector<double> samples = {4, 1, 2, 2.5, 3, 2, 5};
  const Histogram h = histogram(samples, 4);
  EXPECT_EQ(h.from, 1.0);
  EXPECT_EQ(h.width, 1.0);  // to 5, which is twice the median
  EXPECT_EQ(h.counts, (std::vector<std::size_t>{1, 3, 1, 2}));
  EXPECT_EQ(h.above, 0u);
}

TEST(Histogram, OneSlowSampleDoesNotFlattenTheRest) {
  const std::vector<double> samples = {1, 1.2, 1.4, 1.6, 100};
  const Histogram h = histogram(samples, 10);
  EXPECT_EQ(h.above, 1u);
  EXPECT_EQ(std::accumulate(h.counts.begin(), h.counts.end(), std::size_t{0}), 4u);
  EXPECT_LT(h.width, 0.2);
}

TEST(Histogram, EqualSamplesAreOneBin) {
  const std::vector<double> samples = {2, 2, 2};
  EXPECT_EQ(histogram(samples).counts, (std::vector<std::size_t>{3}));
}

TEST(Histogram, NothingGivesNothing) { EXPECT_TRUE(histogram({}).counts.empty()); }

}  // namespace
}  // namespace edgek
