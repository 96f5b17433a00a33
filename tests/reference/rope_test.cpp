#include "edgek/reference/rope.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "support/random.hpp"

namespace edgek::test {
namespace {

using reference::RopeParameters;

std::vector<double> frequencies(const RopeParameters& p) {
  std::vector<double> f(p.pairs);
  reference::rope_frequencies(p, f.data());
  return f;
}

TEST(RopeFrequencies, ArePowersOfTheBase) {
  for (const double base : {10000.0, 500000.0, 1e6}) {
    for (const std::size_t pairs : {32u, 64u, 48u}) {
      const std::vector<double> f = frequencies({pairs, base, 1.0, nullptr});
      EXPECT_EQ(f[0], 1.0);
      for (std::size_t i = 0; i < pairs; ++i) {
        const long double truth = std::pow(static_cast<long double>(base), -static_cast<long double>(i) / pairs);
        EXPECT_NEAR(static_cast<double>(static_cast<long double>(f[i]) / truth), 1.0, 5e-15) << i;
      }
    }
  }
}

TEST(RopeFrequencies, ScalingIsLinearOrPerPair) {
  const std::vector<double> plain = frequencies({4, 10000.0, 1.0, nullptr});
  const std::vector<double> quarter = frequencies({4, 10000.0, 0.25, nullptr});
  const float divisors[4] = {1.0f, 2.0f, 8.0f, 32.0f};
  const std::vector<double> divided = frequencies({4, 10000.0, 1.0, divisors});
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(quarter[i], plain[i] * 0.25);
    EXPECT_EQ(divided[i], plain[i] / static_cast<double>(divisors[i]));
  }
}

TEST(RopeTable, IsTheRoundedCosineAndSine) {
  const std::size_t pairs = 32;
  const std::vector<double> f = frequencies({pairs, 10000.0, 1.0, nullptr});
  std::vector<float> table(2 * pairs);
  for (const std::size_t position : {0u, 1u, 77u, 8191u, 131071u, 1000003u}) {
    reference::rope_table(f.data(), pairs, position, table.data());
    for (std::size_t i = 0; i < pairs; ++i) {
      const long double angle =
          static_cast<long double>(position) * std::pow(10000.0L, -static_cast<long double>(i) / pairs);
      // Half a unit in the last place, and what 1e-15 of the angle turns.
      const double bound = 0x1p-25 + 2e-15 * static_cast<double>(angle);
      EXPECT_NEAR(static_cast<double>(table[i]), static_cast<double>(std::cos(angle)), bound);
      EXPECT_NEAR(static_cast<double>(table[pairs + i]), static_cast<double>(std::sin(angle)), bound);
    }
  }
}

TEST(RopeTable, HostileDivisorsGiveNansNotTraps) {
  const float divisors[3] = {0.0f, 1e-38f, -1.0f};
  const std::vector<double> f = frequencies({3, 10000.0, 1.0, divisors});
  float table[6];
  reference::rope_table(f.data(), 3, 5, table);
  EXPECT_TRUE(std::isnan(table[0]));
  EXPECT_TRUE(std::isnan(table[1]));
  EXPECT_FALSE(std::isnan(table[2]));
}

TEST(Rope, TurnsPairsOfBothKinds) {
  const std::size_t head_dim = 10, heads = 3, pairs = 4;
  Random random(1);
  std::vector<float> table(2 * pairs);
  const std::vector<double> f = frequencies({pairs, 100.0, 1.0, nullptr});
  reference::rope_table(f.data(), pairs, 3, table.data());
  for (const bool adjacent : {true, false}) {
    const std::vector<float> before = random.normals(heads * head_dim, 1.0f);
    std::vector<float> after = before;
    reference::rope(after.data(), heads, head_dim, table.data(), pairs, adjacent);
    for (std::size_t h = 0; h < heads; ++h) {
      for (std::size_t i = 0; i < pairs; ++i) {
        const std::size_t a = h * head_dim + (adjacent ? 2 * i : i);
        const std::size_t b = h * head_dim + (adjacent ? 2 * i + 1 : i + pairs);
        const double angle = 3 * std::pow(100.0, -static_cast<double>(i) / pairs);
        const double x = static_cast<double>(before[a]), y = static_cast<double>(before[b]);
        EXPECT_NEAR(static_cast<double>(after[a]), x * std::cos(angle) - y * std::sin(angle), 1e-6);
        EXPECT_NEAR(static_cast<double>(after[b]), x * std::sin(angle) + y * std::cos(angle), 1e-6);
      }
      for (std::size_t d = 2 * pairs; d < head_dim; ++d) EXPECT_EQ(after[h * head_dim + d], before[h * head_dim + d]);
    }
  }
}

}  // namespace
}  // namespace edgek::test
