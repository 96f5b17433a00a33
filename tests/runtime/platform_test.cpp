#include "edgek/runtime/platform.hpp"

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <span>
#include <sstream>
#include <string>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

#include "edgek/runtime/thread_pool.hpp"

namespace {

class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& content) : path_(testing::TempDir() + "edgek_platform_test.bin") {
    std::FILE* file = std::fopen(path_.c_str(), "wb");
    std::fwrite(content.data(), 1, content.size(), file);
    std::fclose(file);
  }
  ~TemporaryFile() { std::remove(path_.c_str()); }
  const char* path() const { return path_.c_str(); }

 private:
  std::string path_;
};

TEST(MappedFile, ShowsTheBytes) {
  const TemporaryFile file("edge of the kernel");
  edgek::MappedFile map;
  ASSERT_EQ(map.open(file.path()), 0);
  ASSERT_EQ(map.bytes().size(), 18u);
  EXPECT_EQ(std::memcmp(map.bytes().data(), "edge of the kernel", 18), 0);
  map.advise_needed();
  map.populate();
  edgek::MappedFile other = std::move(map);
  EXPECT_EQ(other.bytes().size(), 18u);
  EXPECT_TRUE(map.bytes().empty());
}

TEST(MappedFile, EmptyFileIsEmpty) {
  const TemporaryFile file("");
  edgek::MappedFile map;
  EXPECT_EQ(map.open(file.path()), 0);
  EXPECT_TRUE(map.bytes().empty());
  EXPECT_TRUE(map.populate());
}

/// Bytes of a mapping that this process reads without a fault. (mincore() tells of the file's pages, mapped or not.)
std::size_t resident_bytes(std::span<const std::byte> bytes) {
  std::ostringstream start;
  start << std::hex << reinterpret_cast<std::uintptr_t>(bytes.data()) << '-';
  std::ifstream maps("/proc/self/smaps");
  std::string line;
  while (std::getline(maps, line) && !line.starts_with(start.str())) {
  }
  while (std::getline(maps, line))
    if (line.starts_with("Rss:")) return std::stoul(line.substr(4)) * 1024;
  return 0;
}

TEST(BackgroundPopulation, BringsEverythingInAndStopsEarly) {
  const TemporaryFile file(std::string(20'000'001, 'e'));
  edgek::MappedFile map;
  ASSERT_EQ(map.open(file.path()), 0);
  const std::size_t before = resident_bytes(map.bytes());
  EXPECT_LT(before, map.bytes().size());
  const bool declined = !edgek::populate_pages(map.bytes().first(1));  // Linux before 5.14
  {
    edgek::BackgroundPopulation population(map.bytes());
    population.wait();
    population.wait();
  }
  EXPECT_TRUE(declined || resident_bytes(map.bytes()) >= map.bytes().size());
  for (int i = 0; i < 20; ++i) edgek::BackgroundPopulation stopped(map.bytes());
  edgek::BackgroundPopulation nothing({});
  nothing.wait();
}

TEST(MappedFile, SaysWhyNot) {
  edgek::MappedFile map;
  EXPECT_EQ(map.open("/nonexistent/file"), ENOENT);
  EXPECT_EQ(map.open("/"), EISDIR);
  EXPECT_EQ(map.open("/dev/null"), EINVAL);
}

TEST(PageBlock, IsZeroedAndRefusesTheImpossible) {
  edgek::PageBlock block;
  ASSERT_TRUE(block.allocate(100'000));
  EXPECT_EQ(block.bytes().size(), 100'000u);
  for (const std::byte b : block.bytes()) ASSERT_EQ(b, std::byte{0});
  EXPECT_FALSE(block.allocate(std::size_t{1} << 62));
  EXPECT_EQ(block.bytes().size(), 100'000u);
}

TEST(Platform, CountsCpusAndMemory) {
  EXPECT_GE(edgek::cpu_count(), 1u);
  EXPECT_GT(edgek::peak_rss_bytes(), std::size_t{100} << 10);
}

#if defined(__x86_64__) || defined(__aarch64__)
#ifdef __x86_64__
constexpr std::uint64_t kFlushAndRoundUp = 0x8040 | 0x4000;  // FTZ, DAZ, round up
#else
constexpr std::uint64_t kFlushAndRoundUp = (1u << 24) | (1u << 22);  // FZ, round up
#endif

float add(float a, float b) {
  const volatile float x = a, y = b;
  return x + y;
}

TEST(ScopedFloatControl, OverridesAndRestores) {
  constexpr float kSubnormal = 1e-40f;
  const std::uint64_t before = edgek::ScopedFloatControl::get();
  edgek::ScopedFloatControl::set(before | kFlushAndRoundUp);
  EXPECT_EQ(add(kSubnormal, 0), 0.0f);
  EXPECT_GT(add(1.0f, 1e-10f), 1.0f);
  {
    const edgek::ScopedFloatControl scope;
    EXPECT_EQ(add(kSubnormal, 0), kSubnormal);
    EXPECT_EQ(add(1.0f, 1e-10f), 1.0f);
  }
  EXPECT_EQ(add(kSubnormal, 0), 0.0f);
  edgek::ScopedFloatControl::set(before);
}

// A new thread inherits the setting of the thread that made it; the pool's own threads must not keep it.
TEST(ScopedFloatControl, WorkersIgnoreWhatTheirMakerHasSet) {
  const std::uint64_t before = edgek::ScopedFloatControl::get();
  edgek::ScopedFloatControl::set(before | kFlushAndRoundUp);
  std::atomic<int> by_workers{0}, wrong{0};
  {
    edgek::ThreadPool pool(3);
    const std::thread::id caller = std::this_thread::get_id();
    while (by_workers.load() < 100) {
      edgek::run_region(pool, 3, [&](std::size_t) {
        if (std::this_thread::get_id() == caller) return;
        by_workers.fetch_add(1);
        if (add(1.0f, 1e-10f) != 1.0f || add(1e-40f, 0) != 1e-40f) wrong.fetch_add(1);
      });
    }
  }
  edgek::ScopedFloatControl::set(before);
  EXPECT_EQ(wrong.load(), 0);
}
#endif

}  // namespace
