#include "edgek/roofline/read_loops.hpp"

#include <cstring>
#include <mutex>
#include <numeric>

#include <gtest/gtest.h>

#include "edgek/roofline/probe.hpp"
#include "edgek/roofline/replay.hpp"

namespace edgek {
namespace {

// A null kernel that marks what it was asked to read, one count per byte.
const std::byte* g_base = nullptr;
std::vector<int> g_reads;
std::mutex g_mutex;

std::uint64_t counting_stream(const std::byte* begin, const std::byte* end, std::size_t, std::size_t) noexcept {
  const std::scoped_lock lock(g_mutex);
  for (const std::byte* p = begin; p < end; ++p) ++g_reads[static_cast<std::size_t>(p - g_base)];
  return 1;
}

// Really reads, at a speed that a test can rely on: one byte per step.
std::uint64_t plain_stream(const std::byte* begin, const std::byte* end, std::size_t, std::size_t) noexcept {
  std::uint64_t sum = 0;
  for (const std::byte* p = begin; p < end; ++p) sum += static_cast<std::uint64_t>(*p);
  return sum;
}

KernelSet set_with(decltype(KernelSet::stream) stream) {
  KernelSet set{};
  set.name = "TEST";
  set.stream = stream;
  return set;
}

TEST(ReadChunks, ReadsEveryByteOfEverySpanOnce) {
  std::vector<std::byte> memory(3 * detail::kBandBytes + 12345);
  g_base = memory.data();
  g_reads.assign(memory.size(), 0);
  const ByteSpan all(memory);
  // Two spans that touch, a hole of 100 bytes, an empty span, the rest.
  const std::vector<ByteSpan> spans = {all.subspan(0, 70), all.subspan(70, 30), all.subspan(200, 0), all.subspan(200)};
  const KernelSet set = set_with(counting_stream);
  InlineExecutor executor;
  for (const std::size_t streams : {1u, 2u, 8u}) {
    std::fill(g_reads.begin(), g_reads.end(), 0);
    const std::vector<ByteSpan> chunks = detail::cut_into_chunks(spans, streams);
    detail::read_chunks(set, executor, chunks, {streams, 0});
    for (std::size_t i = 0; i < g_reads.size(); ++i) ASSERT_EQ(g_reads[i], i < 100 || i >= 200 ? 1 : 0) << i;
  }
}

TEST(CutIntoChunks, MergesSpansThatTouch) {
  std::vector<std::byte> memory(1000);
  const ByteSpan all(memory);
  const std::vector<ByteSpan> touching = {all.subspan(0, 400), all.subspan(400, 600)};
  EXPECT_EQ(detail::cut_into_chunks(touching, 1).size(), 1u);
  const std::vector<ByteSpan> apart = {all.subspan(0, 400), all.subspan(401, 599)};
  EXPECT_EQ(detail::cut_into_chunks(apart, 1).size(), 2u);
}

TEST(Replay, CountsBytesAndFindsALoopOfTheBattery) {
  std::vector<std::byte> memory(200'000, std::byte{3});
  const std::vector<ByteSpan> spans = {ByteSpan(memory).subspan(0, 50'000), ByteSpan(memory).subspan(60'000)};
  const KernelSet set = set_with(plain_stream);
  InlineExecutor executor;
  ProbeOptions options;
  options.passes = 3;
  const Replay replay = measure_replay(set, executor, spans, options);
  EXPECT_EQ(replay.bytes, 190'000u);
  EXPECT_GT(replay.gbps, 0.0);
  EXPECT_NE(std::find(kReadLoops.begin(), kReadLoops.end(), replay.loop), kReadLoops.end());
}

TEST(Replay, TakesTurnsWithItsUser) {
  std::vector<std::byte> memory(100'000, std::byte{3});
  const ByteSpan bytes(memory);
  const KernelSet set = set_with(plain_stream);
  InlineExecutor executor;
  Replayer replayer(set, executor, {&bytes, 1}, {.passes = 1});
  EXPECT_EQ(replayer.result().passes, 0u);
  EXPECT_EQ(replayer.result().gbps, 0.0);
  for (std::size_t i = 0; i < ProbeOptions::kMaxPasses + 3; ++i) replayer.pass();
  const Replay replay = replayer.result();
  EXPECT_EQ(replay.passes, ProbeOptions::kMaxPasses) << "those beyond are not kept";
  EXPECT_EQ(replay.bytes, memory.size());
  EXPECT_GT(replay.min_gbps, 0.0);
  EXPECT_LE(replay.min_gbps, replay.gbps);
  EXPECT_LE(replay.gbps, replay.max_gbps);
}

TEST(Replay, OfNothingIsZero) {
  const KernelSet set = set_with(plain_stream);
  InlineExecutor executor;
  EXPECT_EQ(measure_replay(set, executor, {}).gbps, 0.0);
}

TEST(Probe, MeasuresEveryLoopOfTheBattery) {
  const KernelSet set = set_with(plain_stream);
  InlineExecutor executor;
  ProbeOptions options;
  options.passes = 1, options.min_pass_ns = 10'000;
  const std::vector<ReadRate> rates = probe_reads(set, executor, 16384, options);
  ASSERT_EQ(rates.size(), kReadLoops.size());
  for (const ReadRate& r : rates) {
    EXPECT_GT(r.gbps, 0.0);
    EXPECT_EQ(r.threads, 1u);
    EXPECT_GE(best_of(rates).gbps, r.gbps);
  }
}

TEST(Probe, WithoutMemoryIsEmpty) {
  const KernelSet set = set_with(plain_stream);
  InlineExecutor executor;
  EXPECT_TRUE(probe_reads(set, executor, 0).empty());
  EXPECT_EQ(best_of({}).gbps, 0.0);
}

TEST(MemoryLevels, AreNestedAndSmallerThanTheCacheTheyProbe) {
  Machine m;
  m.l1d_bytes = 32 << 10, m.l2_bytes = 1 << 20, m.l3_bytes = 32 << 20, m.memory_bytes = 16ull << 30;
  const std::vector<MemoryLevel> levels = memory_levels(m, 2);
  ASSERT_EQ(levels.size(), 4u);
  EXPECT_EQ(levels[0].footprint, 32u << 10);  // half of each core's
  EXPECT_EQ(levels[1].footprint, 1u << 20);
  EXPECT_EQ(levels[2].footprint, 16u << 20);
  EXPECT_GE(levels[3].footprint, 4 * m.l3_bytes);
  EXPECT_STREQ(level_of(1 << 20, m, 2), "l2");
  EXPECT_STREQ(level_of(20 << 20, m, 2), "l3");
  EXPECT_STREQ(level_of(98 << 20, m, 2), "dram");
}

TEST(MemoryLevels, OfAnUnknownMachineIsDramAlone) {
  const std::vector<MemoryLevel> levels = memory_levels(Machine{}, 4);
  ASSERT_EQ(levels.size(), 1u);
  EXPECT_STREQ(levels[0].name, "dram");
}

}  // namespace
}  // namespace edgek
