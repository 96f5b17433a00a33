#include "edgek/measure/machine.hpp"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace edgek {
namespace {

class RecordedTree : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = std::filesystem::path(::testing::TempDir()) /
            ("edgek_machine_" + std::string(::testing::UnitTest::GetInstance()->current_test_info()->name()));
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void put(const std::string& path, const std::string& text) {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  std::filesystem::path root_;
};

TEST_F(RecordedTree, ReadsAnX86Server) {
  put("proc/cpuinfo", "processor\t: 0\nmodel\t\t: 17\nmodel name\t: AMD EPYC 9354\n");
  put("proc/meminfo", "MemTotal:       24563196 kB\nMemFree:  1 kB\n");
  put("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n");
  put("proc/sys/kernel/osrelease", "6.1.0-50-amd64\n");
  const char* const caches[4][3] = {{"1", "Data", "32K"}, {"1", "Instruction", "64K"}, {"2", "Unified", "1024K"},
                                    {"3", "Unified", "32M"}};
  for (int i = 0; i < 4; ++i) {
    const std::string folder = "sys/devices/system/cpu/cpu0/cache/index" + std::to_string(i) + "/";
    put(folder + "level", std::string(caches[i][0]) + "\n");
    put(folder + "type", std::string(caches[i][1]) + "\n");
    put(folder + "size", std::string(caches[i][2]) + "\n");
  }
  const Machine m = describe_machine(root_.string());
  EXPECT_EQ(m.cpu, "AMD EPYC 9354");
  EXPECT_EQ(m.governor, "performance");
  EXPECT_EQ(m.kernel, "6.1.0-50-amd64");
  EXPECT_EQ(m.memory_bytes, 24563196ull * 1024);
  EXPECT_EQ(m.l1d_bytes, 32u << 10);
  EXPECT_EQ(m.l2_bytes, 1u << 20);
  EXPECT_EQ(m.l3_bytes, 32u << 20);
}

TEST_F(RecordedTree, ReadsAnArmBoard) {
  put("proc/cpuinfo", "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd0b\n");
  put("proc/device-tree/model", std::string("Raspberry Pi 5 Model B Rev 1.0\0", 31));
  EXPECT_EQ(describe_machine(root_.string()).cpu, "Raspberry Pi 5 Model B Rev 1.0, CPU part 0xd0b");
}

TEST_F(RecordedTree, MissingFactsStayEmpty) {
  const Machine m = describe_machine(root_.string());
  EXPECT_EQ(m.cpu, "unknown");
  EXPECT_EQ(m.governor, "not reported");
  EXPECT_EQ(m.memory_bytes + m.l1d_bytes + m.l2_bytes + m.l3_bytes, 0u);
}

TEST(Memory, PeakIsNotBelowNow) {
  const MemoryUse use = memory_use();
  EXPECT_GT(use.now, 0u);
  EXPECT_GE(use.peak, use.now);
}

}  // namespace
}  // namespace edgek
