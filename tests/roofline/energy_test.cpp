// Where energy comes from on machines of several kinds, and that counters and power become the right joules.
#include "edgek/roofline/energy.hpp"

#include <gtest/gtest.h>

#include "support/recorded_tree.hpp"

namespace edgek {
namespace {

using test::RecordedTree;

constexpr std::uint64_t kSecond = 1'000'000'000;

TEST(EnergyMeter, AddsTheCountersOfAllPackagesAndSurvivesAWrap) {
  RecordedTree tree("x86_server");
  EnergyMeter meter(tree.root(), 0);
  tree.put("sys/class/powercap/intel-rapl:0/energy_uj", "3500000\n");
  tree.put("sys/class/powercap/intel-rapl:1/energy_uj", "671150\n");  // 1 J on: the counter ends at 262143.32885 J
  meter.sample(kSecond);
  const Energy e = meter.read(2 * kSecond);
  EXPECT_NEAR(e.joules, 2.5 + 1.0, 1e-9);
  EXPECT_EQ(e.source, "powercap package-0 + powercap package-1");
  EXPECT_EQ(e.domain, "CPU package");
}

TEST(EnergyMeter, TakesSocketsRatherThanCores) {
  RecordedTree tree("amd_server");
  EnergyMeter meter(tree.root(), 0);
  tree.put("sys/class/hwmon/hwmon1/energy1_input", "900000005\n");
  tree.put("sys/class/hwmon/hwmon1/energy2_input", "12000000\n");
  const Energy e = meter.read(kSecond);
  EXPECT_NEAR(e.joules, 4.0, 1e-9);
  EXPECT_EQ(e.source, "hwmon amd_energy Esocket0");
}

TEST(EnergyMeter, MultipliesVoltsAndAmperesOfTheWholeBoard) {
  RecordedTree tree("jetson_orin_nano");
  EnergyMeter meter(tree.root(), 0);  // 6 W
  tree.put("sys/class/hwmon/hwmon1/curr1_input", "2000\n");
  meter.sample(kSecond / 20);  // too soon: not read
  meter.sample(2 * kSecond);   // 10 W
  tree.put("sys/class/hwmon/hwmon1/in1_input", "4000\n");
  const Energy e = meter.read(3 * kSecond);  // 8 W
  EXPECT_NEAR(e.joules, 2 * 8.0 + 1 * 9.0, 1e-9) << "trapezoids";
  EXPECT_EQ(e.source, "hwmon ina3221 VDD_IN");
  EXPECT_EQ(e.domain, "whole board");
}

TEST(EnergyMeter, LeavesOutWhatHappensInAPause) {
  RecordedTree counters("amd_server");
  EnergyMeter counting(counters.root(), 0);
  const std::string socket = "sys/class/hwmon/hwmon1/energy2_input";
  counters.put(socket, "11000000\n");
  counting.pause(kSecond);
  counters.put(socket, "50000000\n");
  counting.resume(2 * kSecond);
  counters.put(socket, "52000000\n");
  EXPECT_NEAR(counting.read(3 * kSecond).joules, 3.0 + 2.0, 1e-9);

  RecordedTree board("jetson_orin_nano");
  EnergyMeter sampling(board.root(), 0);  // 6 W
  sampling.pause(kSecond);
  sampling.resume(9 * kSecond);
  EXPECT_NEAR(sampling.read(10 * kSecond).joules, 2 * 6.0, 1e-9);
}

TEST(EnergyMeter, TakesAMonitorThatComputesPower) {
  RecordedTree tree;
  tree.put("sys/class/hwmon/hwmon0/name", "ina219\n");
  tree.put("sys/class/hwmon/hwmon0/power1_input", "4200000\n");
  EnergyMeter meter(tree.root(), 0);
  const Energy e = meter.read(10 * kSecond);
  EXPECT_NEAR(e.joules, 42.0, 1e-9);
  EXPECT_EQ(e.source, "hwmon ina219");
}

TEST(EnergyMeter, FallsBackToABatteryInUse) {
  RecordedTree tree("laptop");
  EnergyMeter meter(tree.root(), 0);
  const Energy e = meter.read(4 * kSecond);
  EXPECT_NEAR(e.joules, 4 * 15.0, 1e-9);
  EXPECT_EQ(e.source, "battery BAT0");
  EXPECT_EQ(e.domain, "whole machine");
}

TEST(EnergyMeter, PrefersABatterysOwnPower) {
  RecordedTree tree("laptop");
  tree.put("sys/class/power_supply/BAT0/power_now", "14000000\n");
  EnergyMeter meter(tree.root(), 0);
  EXPECT_NEAR(meter.read(kSecond).joules, 14.0, 1e-9);
}

TEST(EnergyMeter, SaysWhyThereIsNothing) {
  const std::string nothing =
      "this machine shows no powercap (RAPL) counter, no hwmon sensor that edgek knows, no battery in use";
  RecordedTree pi("raspberry_pi_5");
  EXPECT_EQ(EnergyMeter(pi.root()).read().why, nothing);
  RecordedTree laptop("laptop");
  laptop.put("sys/class/power_supply/BAT0/status", "Charging\n");
  const Energy e = EnergyMeter(laptop.root()).read();
  EXPECT_TRUE(e.source.empty());
  EXPECT_EQ(e.why, "powercap package-0 is readable by root only");
}

TEST(EnergyMeter, SaysThatASensorWentAway) {
  RecordedTree tree("jetson_orin_nano");
  EnergyMeter meter(tree.root(), 0);
  tree.remove("sys/class/hwmon/hwmon1/curr1_input");
  meter.sample(kSecond);
  const Energy e = meter.read(2 * kSecond);
  EXPECT_TRUE(e.source.empty());
  EXPECT_EQ(e.why, "hwmon ina3221 VDD_IN could not be read any more");
}

}  // namespace
}  // namespace edgek
