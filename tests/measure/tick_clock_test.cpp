// The ledger's clock against the steady clock that it stands for.
#include "edgek/measure/tick_clock.hpp"

#include <cmath>
#include <cstdint>

#include <gtest/gtest.h>

namespace edgek {
namespace {

void wait_ns(std::uint64_t ns) {
  const std::uint64_t start = now_ns();
  while (now_ns() - start < ns) {
  }
}

/// How far a stretch by `clock` is from the same one by now_ns(), as a share of it: the least of some tries, because a
/// thread may be stopped between two readings.
template <typename Stretch>
double least_error(const Stretch& stretch) {
  double least = 1e9;
  for (int i = 0; i < 50 && least > 0.01; ++i) {
    const std::uint64_t start = now_ns();
    const std::uint64_t measured = stretch();
    const auto actual = static_cast<double>(now_ns() - start);
    least = std::fmin(least, std::fabs(static_cast<double>(measured) - actual) / actual);
  }
  return least;
}

TEST(TickClock, MeasuresAStretchAsTheSteadyClockDoes) {
  const TickClock clock;
  EXPECT_LT(least_error([&] {
    const std::uint64_t start = clock.now();
    wait_ns(2'000'000);
    return clock.now() - start;
  }), 0.05);
}

TEST(TickClock, TicksOfAStretchBecomeItsNanoseconds) {
  const TickClock clock;
  EXPECT_LT(least_error([&] {
    const std::uint64_t start = clock.ticks();
    wait_ns(2'000'000);
    return clock.to_ns(clock.ticks() - start);
  }), 0.05);
}

TEST(TickClock, MeetsTheSteadyClockWhereItIsAnchored) {
  TickClock clock;
  for (int i = 0; i < 4; ++i) {  // more than the window that the length of a tick is learned from
    wait_ns(400'000'000);
    clock.anchor();
  }
  EXPECT_LT(least_error([&] {
    const std::uint64_t start = now_ns();
    clock.anchor();
    wait_ns(1'000'000);
    return clock.now() - start;
  }), 0.05);
}

TEST(TickClock, NeverGoesBackBetweenAnchors) {
  const TickClock clock;
  std::uint64_t last = clock.now();
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t now = clock.now();
    ASSERT_GE(now, last);
    last = now;
  }
}

}  // namespace
}  // namespace edgek
