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
    stop_.store(true, std::memory_order_relaxed);
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
      const std::uint32_t epoch = epoch_.load(std::memory_order_acquire);
      if (take_items()) {
        patience.restart();
      } else if (!patience.wait()) {
        if (!stop_.load(std::memory_order_relaxed)) epoch_.wait(epoch, std::memory_order_acquire);
        patience.restart();
      }
    }
  }

  void run_slice(std::size_t first, std::size_t items, Body body, void* arg) noexcept {
    if (started_ == 0 || items == 1) {
      for (std::size_t i = 0; i < items; ++i) body(arg, first + i);
      return;
    }
    job_ = {body, arg, first + items};
    pending_.store(static_cast<std::uint32_t>(items), std::memory_order_relaxed);
    ++region_;
    ticket_.store((region_ << 32) | items, std::memory_order_release);
    wake_workers();
    take_items();
    wait_for_pending();
  }

  // The ticket holds the region's number and how many of its items nobody has claimed. Only a successful
  // exchange gives the right to read job_, and job_ does not change before that item is done: so a worker
  // that was asleep through several regions can do no harm.
  bool take_items() noexcept {
    bool took = false;
    std::uint64_t ticket = ticket_.load(std::memory_order_acquire);
    while ((ticket & 0xFFFFFFFFu) != 0) {
      if (!ticket_.compare_exchange_weak(ticket, ticket - 1, std::memory_order_acq_rel, std::memory_order_acquire))
        continue;
      took = true;
      job_.body(job_.arg, job_.end - static_cast<std::size_t>(ticket & 0xFFFFFFFFu));
      if (pending_.fetch_sub(1, std::memory_order_acq_rel) == 1) pending_.notify_one();
      ticket = ticket_.load(std::memory_order_acquire);
    }
    return took;
  }

  void wait_for_pending() noexcept {
    Patience patience(options_);
    for (;;) {
      const std::uint32_t left = pending_.load(std::memory_order_acquire);
      if (left == 0) return;
      if (!patience.wait()) pending_.wait(left, std::memory_order_acquire);
    }
  }

  void wake_workers() noexcept {
    epoch_.fetch_add(1, std::memory_order_seq_cst);
    epoch_.notify_all();  // a system call only when somebody sleeps
  }

  struct Job {
    Body body = nullptr;
    void* arg = nullptr;
    std::size_t end = 0;  // one past the last item
  };

  const ThreadPoolOptions options_;
  const std::size_t requested_;
  Worker* const workers_;  // owned; not by a unique_ptr, because <memory> costs every including file 0.25 s
  std::size_t started_ = 0;
  std::uint64_t region_ = 0;
  Job job_;
  // Each on its own cache line: the first is fought over, the second is watched, the third rarely moves.
  alignas(64) std::atomic<std::uint64_t> ticket_{0};
  alignas(64) std::atomic<std::uint32_t> pending_{0};
  alignas(64) std::atomic<std::uint32_t> epoch_{0};
  std::atomic<bool> stop_{false};
};

}  // namespace edgek

#endif  // EDGEK_RUNTIME_THREAD_POOL_HPP_
