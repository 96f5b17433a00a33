#include "edgek/roofline/energy.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace edgek {
namespace {

class Powercap : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = std::filesystem::path(::testing::TempDir()) /
            ("edgek_energy_" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
    std::filesystem::create_directories(zone());
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  std::filesystem::path zone() const { return root_ / "sys/class/powercap/intel-rapl:0"; }
  void put(const char* file, const std::string& text) { std::ofstream(zone() / file, std::ios::trunc) << text; }
  std::filesystem::path root_;
};

TEST_F(Powercap, SubtractsTheCounter) {
  put("name", "package-0\n"), put("max_energy_range_uj", "262143328850\n"), put("energy_uj", "1000000\n");
  const EnergyMeter meter(root_.string());
  put("energy_uj", "3500000\n");
  const Energy e = meter.read();
  EXPECT_DOUBLE_EQ(e.joules, 2.5);
  EXPECT_EQ(e.source, "powercap package-0");
}

TEST_F(Powercap, SurvivesAWrap) {
  put("name", "package-0\n"), put("max_energy_range_uj", "10000000\n"), put("energy_uj", "9000000\n");
  const EnergyMeter meter(root_.string());
  put("energy_uj", "500000\n");
  EXPECT_DOUBLE_EQ(meter.read().joules, 1.5);
}

TEST_F(Powercap, SaysWhyThereIsNothing) {
  EXPECT_EQ(EnergyMeter(root_.string()).read().why, "this machine shows no powercap (RAPL) counter");
  put("name", "package-0\n");
  const Energy e = EnergyMeter(root_.string()).read();
  EXPECT_TRUE(e.source.empty());
  EXPECT_EQ(e.why, "the powercap counter is readable by root only");
}

}  // namespace
}  // namespace edgek
