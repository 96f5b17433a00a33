// What is read of /proc/self/smaps, from a recorded one and from this process's own.
#include "edgek/measure/pages.hpp"

#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include "edgek/runtime/platform.hpp"
#include "support/recorded_tree.hpp"

namespace edgek {
namespace {

std::span<const std::byte> bytes_at(std::uintptr_t address, std::size_t count) {
  return {reinterpret_cast<const std::byte*>(address), count};
}

TEST(PageReport, TellsTheFileFromWhatWasAllocated) {
  test::RecordedTree tree;
  tree.put("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n");
  tree.put("proc/self/smaps",
           "00400000-00500000 r-xp 00000000 fe:00 77 /usr/bin/edgek\n"
           "Size:               1024 kB\nRss:                 900 kB\nAnonHugePages:         0 kB\n"
           "7f0000000000-7f0000400000 rw-p 00000000 00:00 0 \n"
           "Size:               4096 kB\nRss:                3000 kB\nPss_Dirty:           11 kB\n"
           "AnonHugePages:      2048 kB\nVmFlags: rd wr mr\n"
           "7f1000000000-7f1000a00000 r--p 00000000 fe:00 12 /models/a model.gguf\n"
           "Size:              10240 kB\nRss:               10000 kB\nFilePmdMapped:      4096 kB\n"
           "7f2000000000-7f2000001000 rw-p 00000000 00:00 0          [stack]\n"
           "Rss:                   4 kB\n");
  const PageReport report = page_report(bytes_at(0x7f1000000000, (10u << 20) - 5), tree.root());
  EXPECT_EQ(report.file.mapped, 10u << 20);
  EXPECT_EQ(report.file.resident, 10000u << 10);
  EXPECT_EQ(report.file.huge, 4096u << 10);
  EXPECT_EQ(report.allocated.mapped, (4u << 20) + 4096);
  EXPECT_EQ(report.allocated.resident, 3004u << 10);
  EXPECT_EQ(report.allocated.huge, 2048u << 10);
  EXPECT_EQ(report.policy, "madvise");
}

TEST(PageReport, IsEmptyWhereTheSystemSaysNothing) {
  const test::RecordedTree tree;
  const PageReport report = page_report({}, tree.root());
  EXPECT_FALSE(report.known());
  EXPECT_EQ(report.policy, "");
}

TEST(PageReport, CountsWhatThisProcessTouches) {
  constexpr std::size_t kBytes = 8u << 20;
  PageBlock block;
  ASSERT_TRUE(block.allocate(kBytes));
  const PageReport before = page_report(block.bytes());
  if (!before.known()) GTEST_SKIP() << "NOT CHECKED: no /proc/self/smaps here";
  EXPECT_EQ(before.file.resident, 0u);
  std::memset(block.bytes().data(), 1, kBytes / 2);
  const PageReport after = page_report(block.bytes());
  EXPECT_GE(after.file.mapped, kBytes);
  EXPECT_GE(after.file.resident, kBytes / 2);
  EXPECT_LE(after.file.huge, after.file.resident);
}

}  // namespace
}  // namespace edgek
