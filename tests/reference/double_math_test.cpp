#include "edgek/reference/double_math.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace edgek::test {
namespace {

using reference::exp_double;
using reference::log_double;
using reference::sin_cos;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

void expect_close(double got, long double truth, long double bound, double at) {
  ASSERT_LE(std::abs(static_cast<long double>(got) - truth), bound) << "at " << at;
}

TEST(LogDouble, AgreesWithLongDouble) {
  const auto check = [](double x) {
    const long double truth = std::log(static_cast<long double>(x));
    expect_close(log_double(x), truth, 5e-16L * std::abs(truth), x);
  };
  for (double x = 1e-300; x < 1e300; x *= 1.037) check(x);
  for (double x = 0.5; x < 2.0; x += 0.0001237) check(x);
  EXPECT_EQ(log_double(1.0), 0.0);
}

TEST(LogDouble, OutsideItsDomainIsNan) {
  for (const double x : {0.0, -0.0, -1.0, kInf, -kInf, kNan, 1e-310}) EXPECT_TRUE(std::isnan(log_double(x))) << x;
}

TEST(ExpDouble, AgreesWithLongDouble) {
  for (double x = -700.0; x <= 700.0; x += 0.01733) {
    const long double truth = std::exp(static_cast<long double>(x));
    expect_close(exp_double(x), truth, 3e-16L * truth, x);
  }
  EXPECT_EQ(exp_double(0.0), 1.0);
  for (const double x : {700.1, -700.1, kInf, -kInf, kNan}) EXPECT_TRUE(std::isnan(exp_double(x))) << x;
}

TEST(SinCos, AgreesWithLongDouble) {
  const auto check = [](double a) {
    const reference::SinCos got = sin_cos(a);
    expect_close(got.sine, std::sin(static_cast<long double>(a)), 3e-16L, a);
    expect_close(got.cosine, std::cos(static_cast<long double>(a)), 3e-16L, a);
  };
  for (double a = 0.0; a < 20.0; a += 0.000371) check(a);
  for (double a = 1.0; a < 0x1p31; a *= 1.000937) {
    check(a);
    check(-a);
  }
}

TEST(SinCos, NearMultiplesOfAQuarterTurn) {
  for (int n = 1; n < 100000; n += 7) {
    const double a = static_cast<double>(std::acos(-1.0L) / 2 * n);
    const reference::SinCos got = sin_cos(a);
    const auto precise = static_cast<long double>(a);
    if (n % 2 == 0) {
      expect_close(got.sine, std::sin(precise), 1e-16L, a);
    } else {
      expect_close(got.cosine, std::cos(precise), 1e-16L, a);
    }
  }
}

TEST(SinCos, OutsideItsDomainIsNan) {
  for (const double a : {0x1p32, -0x1p32, kInf, -kInf, kNan}) {
    EXPECT_TRUE(std::isnan(sin_cos(a).sine)) << a;
    EXPECT_TRUE(std::isnan(sin_cos(a).cosine)) << a;
  }
  EXPECT_EQ(sin_cos(0.0).sine, 0.0);
  EXPECT_EQ(sin_cos(0.0).cosine, 1.0);
}

}  // namespace
}  // namespace edgek::test
