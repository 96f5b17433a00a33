#include "edgek/reference/softmax.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "support/random.hpp"

namespace edgek::test {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(Softmax, AgreesWithDouble) {
  Random random(1);
  for (const std::size_t n : {1u, 2u, 16u, 33u, 1000u}) {
    for (const float deviation : {0.1f, 3.0f, 40.0f}) {
      std::vector<float> x = random.normals(n, deviation);
      std::vector<double> truth(n);
      double max = -1e300, sum = 0;
      for (const float v : x) max = std::max(max, static_cast<double>(v));
      for (std::size_t i = 0; i < n; ++i) sum += truth[i] = std::exp(static_cast<double>(x[i]) - max);
      reference::softmax(x.data(), n);
      double total = 0;
      // The difference x - max rounds, which costs as much of the exponent; then exp, sum and quotient.
      for (std::size_t i = 0; i < n; ++i) {
        const double t = truth[i] / sum;
        const double relative = (std::abs(std::log(truth[i])) + static_cast<double>(n) / 16 + 10) * 0x1p-24;
        ASSERT_LT(relative, 1e-3);
        EXPECT_NEAR(static_cast<double>(x[i]), t, t * relative + 0x1p-126) << n << ", " << i;
        total += static_cast<double>(x[i]);
      }
      EXPECT_NEAR(total, 1.0, 1e-4);
    }
  }
}

TEST(Softmax, ShiftedInputsGiveTheSame) {
  std::vector<float> a = {1.0f, 2.0f, 3.0f}, b = {1e4f + 1, 1e4f + 2, 1e4f + 3};
  reference::softmax(a.data(), 3);
  reference::softmax(b.data(), 3);
  EXPECT_EQ(a, b);
}

TEST(Softmax, MaskedAndBadValues) {
  std::vector<float> x = {-kInf, 0.0f, 0.0f};
  reference::softmax(x.data(), 3);
  EXPECT_EQ(x, (std::vector<float>{0.0f, 0.5f, 0.5f}));
  for (const std::vector<float>& bad : {std::vector<float>{1.0f, kNan, 2.0f}, {kInf, 1.0f}, {-kInf, -kInf}}) {
    std::vector<float> y = bad;
    reference::softmax(y.data(), y.size());
    EXPECT_TRUE(std::isnan(y[0]));
  }
}

TEST(Argmax, TiesGoLowAndNansNeverWin) {
  const auto argmax = [](std::vector<float> x) { return reference::argmax(x.data(), x.size()); };
  EXPECT_EQ(argmax({1.0f, 3.0f, 3.0f, 2.0f}), 1u);
  EXPECT_EQ(argmax({kNan, -5.0f, kNan, -4.0f, kNan}), 3u);
  EXPECT_EQ(argmax({kNan, -kInf}), 1u);
  EXPECT_EQ(argmax({-0.0f, 0.0f}), 0u);
  EXPECT_EQ(argmax({kNan, kNan}), 0u);
  EXPECT_EQ(argmax({}), 0u);
  EXPECT_EQ(argmax({1.0f, kInf}), 1u);
}

}  // namespace
}  // namespace edgek::test
