#ifndef EDGEK_RUNTIME_THREAD_POOL_HPP_
#define EDGEK_RUNTIME_THREAD_POOL_HPP_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>

#include "edgek/measure/clock.hpp"
#include "edgek/runtime/executor.hpp"
#include "edgek/runtime/platform.hpp"

namespace edgek {

/// How a pool's threads behave.
struct ThreadPoolOptions {
  bool pin = false;                     ///< bind thread i, the caller being 0, to the i-th allowed CPU
  std::uint64_t spin_ns = 50'000;       ///< an idle worker watches for work this long,
  std::uint64_t yield_ns = 2'000'000;   ///< then offers its CPU to others this long, then sleeps
};

/// Threads that share the items of a region; the thread that calls run() is one of them. run() allocates
/// nothing, and returns when every item is done, whether or not every worker has woken up: a worker
/// that the system keeps waiting delays only the item it holds. run() is called by one thread at a time.
class ThreadPool final : public Executor {
 public:
  /// A pool of `threads` threads, the caller included; 0: one for every CPU. Where the system gives fewer,
  /// threads() says so and the pool works with those.
  explicit ThreadPool(std::size_t threads = 0, const ThreadPoolOptions& options = {}) noexcept
      : options_(options),
        requested_(threads == 0 ? cpu_count() : std::min(threads, kMaxThreads)),
        workers_(new (std::nothrow) Worker[requested_ - 1]) {
    if (options_.pin) pin_this_thread(0);
    while (workers_ != nullptr && started_ < requested_ - 1 && start(workers_[started_])) ++started_;
  }
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool() override {
    stop_.store(true, std::memory_order_seq_cst);
    wake_workers();
    for (std::size_t i = 0; i < started_; ++i) workers_[i].thread.join();
    delete[] workers_;
  }

  std::size_t threads() const noexcept override { return started_ + 1; }
  std::size_t requested() const noexcept { return requested_; }  ///< what the constructor was asked for

  void run(std::size_t items, Body body, void* arg) noexcept override {
    for (std::size_t first = 0; first < items; first += kMaxItems)
      run_slice(first, std::min(items - first, kMaxItems), body, arg);
  }

 private:
  static constexpr std::size_t kMaxThreads = 1024;
  static constexpr std::size_t kMaxItems = std::size_t{1} << 31;

  struct Worker {
    ThreadPool* pool = nullptr;
    std::size_t index = 0;
    Thread thread;
  };

  /// Watches in three steps: spin, yield, sleep.
  class Patience {
   public:
    explicit Patience(const ThreadPoolOptions& options) noexcept : options_(options) {}
    /// Waits a moment; false when it is time to sleep.
    bool wait() noexcept {
      constexpr std::uint64_t kPausesPerClock = 16;
      if (step_++ % kPausesPerClock == 0) {
        const std::uint64_t now = now_ns();
        if (start_ == 0) start_ = now;
        waited_ = now - start_;
      }
      if (waited_ >= options_.spin_ns + options_.yield_ns) return false;
      if (waited_ < options_.spin_ns)
        pause_cpu();
      else
        yield_cpu();
      return true;
    }

    void restart() noexcept { start_ = waited_ = step_ = 0; }

   private:
    const ThreadPoolOptions& options_;
    std::uint64_t start_ = 0, waited_ = 0, step_ = 0;
  };

  bool start(Worker& worker) noexcept {
    worker.pool = this;
    worker.index = started_ + 1;
    return worker.thread.start(&ThreadPool::worker_main, &worker);
  }

  static void* worker_main(void* arg) {
    const Worker& worker = *static_cast<Worker*>(arg);
    if (worker.pool->options_.pin) pin_this_thread(worker.index);
    const ScopedFloatControl float_control;
    worker.pool->serve();
    return nullptr;
  }

  void serve() noexcept {
    Patience patience(options_);
    while (!stop_.load(std::memory_order_relaxed)) {
      if (take_items()) {
        patience.restart();
      } else if (!patience.wait()) {
        sleep();
        patience.restart();
      }
    }
  }

  // The caller keeps the first item to itself, or all of them where it is alone.
  void run_slice(std::size_t first, std::size_t items, Body body, void* arg) noexcept {
    const std::size_t others = started_ == 0 ? 0 : items - 1;
    if (others > 0) {
      region_.job = {body, arg, first + items};
      region_.pending.store(static_cast<std::uint32_t>(others), std::memory_order_relaxed);
      region_.ticket.exchange((++number_ << 32) | others, std::memory_order_seq_cst);
      if (sleepers_.load(std::memory_order_seq_cst) > 0) wake_workers();
    }
    for (std::size_t i = 0; i < items - others; ++i) body(arg, first + i);
    if (others == 0) return;
    take_items();
    wait_for_pending();
  }

  // The ticket holds the region's number and how many of its items nobody has claimed. Only a successful
  // exchange gives the right to read the job, and that does not change before the item is done: so a worker
  // that was asleep through several regions can do no harm.
  bool take_items() noexcept {
    bool took = false;
    std::uint64_t ticket = region_.ticket.load(std::memory_order_acquire);
    while (unclaimed(ticket) != 0) {
      if (!region_.ticket.compare_exchange_weak(ticket, ticket - 1, std::memory_order_acq_rel,
                                                std::memory_order_acquire))
        continue;
      took = true;
      region_.job.body(region_.job.arg, region_.job.end - unclaimed(ticket));
      if (region_.pending.fetch_sub(1, std::memory_order_acq_rel) == 1) region_.pending.notify_one();
      ticket = region_.ticket.load(std::memory_order_acquire);
    }
    return took;
  }

  static std::size_t unclaimed(std::uint64_t ticket) noexcept {
    return static_cast<std::size_t>(ticket & 0xFFFFFFFFu);
  }

  void wait_for_pending() noexcept {
    Patience patience(options_);
    for (;;) {
      const std::uint32_t left = region_.pending.load(std::memory_order_acquire);
      if (left == 0) return;
      if (!patience.wait()) region_.pending.wait(left, std::memory_order_acquire);
    }
  }

  // A worker that announces itself and then sees neither work nor the end may sleep: whoever brings either looks
  // for sleepers afterwards, and one of the two sees the other (all of it in one total order).
  void sleep() noexcept {
    sleepers_.fetch_add(1, std::memory_order_seq_cst);
    const std::uint32_t epoch = epoch_.load(std::memory_order_seq_cst);
    const bool idle = unclaimed(region_.ticket.load(std::memory_order_seq_cst)) == 0;
    if (idle && !stop_.load(std::memory_order_seq_cst)) epoch_.wait(epoch, std::memory_order_acquire);
    sleepers_.fetch_sub(1, std::memory_order_relaxed);
  }

  void wake_workers() noexcept {
    epoch_.fetch_add(1, std::memory_order_seq_cst);
    epoch_.notify_all();
  }

  struct Job {
    Body body = nullptr;
    void* arg = nullptr;
    std::size_t end = 0;  // one past the last item
  };

  /// All that a worker needs to begin and end, in one cache line: each line more would travel between the cores twice
  /// in every region.
  struct alignas(64) Region {
    std::atomic<std::uint64_t> ticket{0};
    std::atomic<std::uint32_t> pending{0};  // items that workers may claim and that are not done
    Job job;
  };

  const ThreadPoolOptions options_;
  const std::size_t requested_;
  Worker* const workers_;  // owned; not by a unique_ptr, because <memory> costs every including file 0.25 s
  std::size_t started_ = 0;
  std::uint64_t number_ = 0;  // of the region
  Region region_;
  // Read often and written rarely.
  alignas(64) std::atomic<std::uint32_t> sleepers_{0};
  std::atomic<bool> stop_{false};
  alignas(64) std::atomic<std::uint32_t> epoch_{0};  // what sleepers wait for
};

}  // namespace edgek

#endif  // EDGEK_RUNTIME_THREAD_POOL_HPP_
