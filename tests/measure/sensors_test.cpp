// Temperatures and clocks of recorded machines.
#include "edgek/measure/sensors.hpp"

#include <gtest/gtest.h>

#include "support/recorded_tree.hpp"

namespace edgek {
namespace {

using test::RecordedTree;

TEST(Sensors, ReadsABoardWithOneZone) {
  RecordedTree tree("raspberry_pi_5");
  const std::vector<Temperature> zones = read_temperatures(tree.root());
  ASSERT_EQ(zones.size(), 1u);
  EXPECT_EQ(zones[0].zone, "cpu-thermal");
  EXPECT_DOUBLE_EQ(zones[0].celsius, 48.75);
  const CpuClock clock = read_cpu_clock(tree.root());
  EXPECT_DOUBLE_EQ(clock.mhz, 1950) << "two of four CPUs are slowed down; the folder cpufreq is no CPU";
  EXPECT_DOUBLE_EQ(clock.max_mhz, 2400);
}

TEST(Sensors, SkipsZonesThatCannotBeReadAndKeepsTheirOrder) {
  RecordedTree tree("jetson_orin_nano");
  const std::vector<Temperature> zones = read_temperatures(tree.root());
  ASSERT_EQ(zones.size(), 3u) << "gpu-thermal sleeps and has no temperature";
  EXPECT_EQ(zones[0].zone, "cpu-thermal");
  EXPECT_EQ(zones[1].zone, "soc0-thermal");
  EXPECT_EQ(zones[2].zone, "tj-thermal");
}

TEST(Sensors, AreEmptyWhereTheMachineShowsNone) {
  RecordedTree tree;
  EXPECT_TRUE(read_temperatures(tree.root()).empty());
  EXPECT_EQ(read_cpu_clock(tree.root()).mhz, 0);
  tree.put("sys/class/thermal/thermal_zone0/temp", "-4500\n");
  ASSERT_EQ(read_temperatures(tree.root()).size(), 1u);
  EXPECT_EQ(read_temperatures(tree.root())[0].zone, "thermal_zone0");
  EXPECT_DOUBLE_EQ(read_temperatures(tree.root())[0].celsius, -4.5);
}

}  // namespace
}  // namespace edgek
