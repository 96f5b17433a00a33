#include "edgek/reference/activation_functions.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "edgek/reference/half_rows.hpp"
#include "support/random.hpp"

namespace edgek::test {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

double true_gelu(double x) { return x / (1 + std::exp(-2 * std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x))); }

TEST(Silu, AgreesWithDouble) {
  for (float x = -80.0f; x < 80.0f; x += 0.0137f) {
    const double truth = static_cast<double>(x) / (1 + std::exp(-static_cast<double>(x)));
    EXPECT_NEAR(static_cast<double>(reference::silu(x)), truth, std::abs(truth) * 4e-7) << x;
  }
  EXPECT_EQ(reference::silu(0.0f), 0.0f);
  EXPECT_EQ(reference::silu(1000.0f), 1000.0f);
  EXPECT_EQ(reference::silu(-1000.0f), 0.0f);
  EXPECT_EQ(reference::silu(kInf), kInf);
  EXPECT_TRUE(std::isnan(reference::silu(-kInf)));
}

TEST(Gelu, AgreesWithDouble) {
  for (float x = -12.0f; x < 40.0f; x += 0.0137f) {
    const double truth = true_gelu(static_cast<double>(x));
    // The exponent's own rounding turns into a relative error as large as the exponent.
    const double exponent = 1.6 * std::abs(static_cast<double>(x)) * (1 + 0.045 * static_cast<double>(x * x));
    const double relative = std::min(4e-7 + exponent * 0x1p-22, 1e-4);
    EXPECT_NEAR(static_cast<double>(reference::gelu(x)), truth, std::abs(truth) * relative + 1e-36) << x;
  }
  EXPECT_EQ(reference::gelu(0.0f), 0.0f);
  EXPECT_EQ(reference::gelu(1e30f), 1e30f);
  EXPECT_EQ(reference::gelu(-1e30f), 0.0f);
}

TEST(Gated, MultiplyAndMayWorkInPlace) {
  Random random(1);
  const std::vector<float> gate = random.normals(100, 3.0f), up = random.normals(100, 1.0f);
  for (const auto f : {&reference::silu_mul, &reference::gelu_mul}) {
    std::vector<float> y(100), in_place = gate;
    f(gate.data(), up.data(), 100, y.data());
    f(in_place.data(), up.data(), 100, in_place.data());
    EXPECT_EQ(y, in_place);
    for (std::size_t i = 0; i < 100; ++i) {
      const float activated = f == &reference::silu_mul ? reference::silu(gate[i]) : reference::gelu(gate[i]);
      EXPECT_EQ(y[i], activated * up[i]);
    }
  }
}

TEST(HalfRows, RoundTripEveryHalf) {
  std::vector<Half> halves(0x7C00 + 1), back(halves.size());
  for (std::size_t i = 0; i < halves.size(); ++i) halves[i] = Half{static_cast<std::uint16_t>(i)};
  std::vector<float> floats(halves.size());
  reference::from_half_row(halves.data(), halves.size(), floats.data());
  reference::to_half_row(floats.data(), floats.size(), back.data());
  for (std::size_t i = 0; i < halves.size(); ++i) ASSERT_EQ(back[i].bits, halves[i].bits);
  for (std::size_t i = 0; i < 0x7BFF; ++i) {  // half way between two neighbours: the even one
    const float middle = (floats[i] + floats[i + 1]) / 2;
    ASSERT_EQ(to_half(middle).bits, (i + 1) & ~std::size_t{1});
    ASSERT_EQ(to_half(std::nextafter(middle, 1e9f)).bits, i + 1);
    ASSERT_EQ(to_half(std::nextafter(middle, 0.0f)).bits, i);
  }
}

}  // namespace
}  // namespace edgek::test
