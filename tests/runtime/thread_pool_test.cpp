#include "edgek/runtime/thread_pool.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "edgek/runtime/platform.hpp"

namespace {

using edgek::run_region;
using edgek::ThreadPool;
using edgek::ThreadPoolOptions;

void expect_each_item_once(edgek::Executor& executor, std::size_t items) {
  std::vector<std::atomic<int>> calls(items);
  run_region(executor, items, [&](std::size_t i) { calls[i].fetch_add(1, std::memory_order_relaxed); });
  for (std::size_t i = 0; i < items; ++i) ASSERT_EQ(calls[i].load(), 1) << "item " << i << " of " << items;
}

TEST(ThreadPool, RunsEachItemOnce) {
  for (const std::size_t threads : {1u, 2u, 3u, 4u, 9u}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), threads);
    for (const std::size_t items : {0u, 1u, 2u, 3u, 7u, 64u, 1000u}) expect_each_item_once(pool, items);
  }
}

TEST(ThreadPool, ZeroMeansOneThreadPerCpu) {
  const ThreadPool pool;
  EXPECT_EQ(pool.requested(), edgek::cpu_count());
}

// Regions follow one another as fast as they can, and each reads what the one before wrote: an item
// run late, twice or not at all shows in the sums.
TEST(ThreadPool, ManyShortRegionsSeeEachOthersWrites) {
  ThreadPool pool(4);
  constexpr std::size_t kItems = 5, kRegions = 20'000;
  std::vector<std::uint64_t> now(kItems, 1), next(kItems, 0);
  for (std::size_t r = 0; r < kRegions; ++r) {
    run_region(pool, kItems, [&](std::size_t i) { next[i] = now[i] + now[(i + 1) % kItems] * 3; });
    now.swap(next);
  }
  std::uint64_t expected = 1;  // all entries stay equal: each region multiplies by 4
  for (std::size_t r = 0; r < kRegions; ++r) expected *= 4;
  for (const std::uint64_t value : now) EXPECT_EQ(value, expected);
}

TEST(ThreadPool, WorksAfterItsThreadsHaveGoneToSleep) {
  ThreadPool pool(3, ThreadPoolOptions{.pin = false, .spin_ns = 0, .yield_ns = 0});
  for (int round = 0; round < 20; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(round % 4));
    expect_each_item_once(pool, 3);
  }
}

TEST(ThreadPool, CallerWaitsForASlowItem) {
  ThreadPool pool(2, ThreadPoolOptions{.pin = false, .spin_ns = 1000, .yield_ns = 1000});
  std::atomic<int> done{0};
  run_region(pool, 2, [&](std::size_t) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    done.fetch_add(1);
  });
  EXPECT_EQ(done.load(), 2);
}

TEST(ThreadPool, SeveralPoolsAtOnce) {
  std::vector<std::thread> callers;
  std::atomic<std::size_t> total{0};
  for (int c = 0; c < 3; ++c) {
    callers.emplace_back([&] {
      ThreadPool pool(3);
      for (int r = 0; r < 500; ++r) run_region(pool, 7, [&](std::size_t i) { total.fetch_add(i + 1); });
    });
  }
  for (std::thread& t : callers) t.join();
  EXPECT_EQ(total.load(), 3u * 500u * 28u);
}

TEST(ThreadPool, PinnedThreadsRun) {
  std::thread([] {  // in a thread of its own: pinning the caller lasts
    ThreadPool pool(2, ThreadPoolOptions{.pin = true});
    expect_each_item_once(pool, 100);
  }).join();
}

// Any order and any number of threads will do for whoever lends an executor.
class BackwardsExecutor final : public edgek::Executor {
 public:
  std::size_t threads() const noexcept override { return 3; }
  void run(std::size_t items, Body body, void* arg) noexcept override {
    for (std::size_t i = items; i-- > 0;) body(arg, i);
  }
};

TEST(Executor, CallersOwnAndInline) {
  BackwardsExecutor backwards;
  expect_each_item_once(backwards, 17);
  edgek::InlineExecutor inline_executor;
  expect_each_item_once(inline_executor, 17);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST(ThreadPool, SaysWhenItGetsFewerThreads) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_AS, &before), 0);
  rlimit tight = before;
  tight.rlim_cur = rlim_t{256} << 20;  // room for a few stacks
  ASSERT_EQ(setrlimit(RLIMIT_AS, &tight), 0);
  {
    ThreadPool pool(200);
    ASSERT_EQ(setrlimit(RLIMIT_AS, &before), 0);
    EXPECT_EQ(pool.requested(), 200u);
    EXPECT_LT(pool.threads(), 200u);
    EXPECT_GE(pool.threads(), 1u);
    expect_each_item_once(pool, 300);
  }
}
#endif

}  // namespace
