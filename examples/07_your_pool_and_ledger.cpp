// An engine that has threads and statistics of its own lends them to edgek: two small classes.
#include <edgek/edgek.hpp>

#include <atomic>
#include <cstdio>
#include <thread>
#include <vector>

namespace {

/// Threads made for every region: the simplest pool that works, not a fast one. Items never wait for each other, so
/// any pool that calls them all will do; results do not depend on which thread takes which.
class Pool final : public edgek::Executor {
 public:
  explicit Pool(std::size_t threads) : threads_(threads) {}
  std::size_t threads() const noexcept override { return threads_; }

  void run(std::size_t items, Body body, void* arg) noexcept override {
    std::atomic<std::size_t> next{0};
    const auto work = [&] {
      for (std::size_t i = next++; i < items; i = next++) body(arg, i);
    };
    std::vector<std::thread> helpers;
    for (std::size_t t = 1; t < threads_; ++t) helpers.emplace_back(work);
    work();
    for (std::thread& helper : helpers) helper.join();
  }

 private:
  std::size_t threads_;
};

/// Prints every op: what it was, what it moved, how long it took. Called between ops, never by a worker.
class Printer final : public edgek::Ledger {
 public:
  void record(const edgek::LedgerEntry& e) noexcept override {
    ++entries_;
    std::printf("%-8s %-9s %-5s %-8s %5zu x %-5zu %8.1f us %7.2f GB/s on %zu threads\n", e.op, e.tensor,
                edgek::info(e.format).name.data(), e.target, e.m, e.k,
                static_cast<double>(e.end_ns - e.start_ns) * 1e-3,
                edgek::to_gbps(e.traffic.bytes(), e.end_ns - e.start_ns), e.threads);
    for (std::size_t i = 0; i < e.threads; ++i)
      std::printf("%s thread %zu %.1f us%s", i == 0 ? "  busy:" : ",", i, static_cast<double>(e.thread_busy_ns[i]) * 1e-3,
                  i + 1 == e.threads ? "\n" : "");
  }
  std::size_t entries() const { return entries_; }

 private:
  std::size_t entries_ = 0;
};

/// A layer's worth of ops.
std::vector<float> run(edgek::Executor& executor, edgek::Ledger* ledger) {
  constexpr std::size_t kCols = 1024, kRows = 4096;
  static const std::vector<std::byte> bytes(kRows * edgek::row_bytes(edgek::Format::kQ8_0, kCols), std::byte{0x21});
  std::vector<float> x(kCols), weight(kCols, 1.0f), y(kRows);
  for (std::size_t k = 0; k < kCols; ++k) x[k] = static_cast<float>(k % 17) - 8;

  edgek::Context ctx{.executor = executor, .kernels = edgek::kernels(), .ledger = ledger};
  const edgek::Rows row(x.data(), 1, kCols);
  (void)edgek::rmsnorm(ctx, row, weight.data(), 1e-5f, row, {.tensor = "ffn_norm", .layer = 0});
  (void)edgek::matvec(ctx, {edgek::Format::kQ8_0, bytes.data(), kRows, kCols}, x.data(), y.data(),
                      {.tensor = "ffn_up", .layer = 0});
  return y;
}

}  // namespace

int main() {
  Pool pool(2);
  edgek::InlineExecutor one_thread;
  Printer printer;
  const std::vector<float> with_pool = run(pool, &printer);
  const bool same = with_pool == run(one_thread, nullptr);
  std::printf("the same bits on one thread: %s\n", same ? "yes" : "no");
  return same && printer.entries() >= 2 ? 0 : 1;
}
