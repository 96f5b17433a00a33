#ifndef EDGEK_RUNTIME_EXECUTOR_HPP_
#define EDGEK_RUNTIME_EXECUTOR_HPP_

#include <cstddef>
#include <type_traits>

namespace edgek {

/// What edgek asks of a thread pool, so that a program can lend its own. An op calls run() a few times;
/// items never wait for each other, so any order and any number of threads, even one, will do.
class Executor {
 public:
  /// One item of a region. Does not throw.
  using Body = void (*)(void* arg, std::size_t item) noexcept;

  virtual ~Executor() = default;

  /// How many items are worth making: the number of threads that run() uses, at least 1.
  virtual std::size_t threads() const noexcept = 0;

  /// Calls body(arg, i) once for every i in [0, items), then returns. Called by one thread at a time.
  virtual void run(std::size_t items, Body body, void* arg) noexcept = 0;

 protected:
  Executor() = default;
  Executor(const Executor&) = default;
  Executor& operator=(const Executor&) = default;
};

/// Runs everything in the calling thread.
class InlineExecutor final : public Executor {
 public:
  std::size_t threads() const noexcept override { return 1; }
  void run(std::size_t items, Body body, void* arg) noexcept override {
    for (std::size_t i = 0; i < items; ++i) body(arg, i);
  }
};

/// Runs a callable, fn(item), as one region.
template <typename Fn>
void run_region(Executor& executor, std::size_t items, Fn&& fn) noexcept {
  using F = std::remove_reference_t<Fn>;
  executor.run(
      items, [](void* arg, std::size_t item) noexcept { (*static_cast<F*>(arg))(item); },
      const_cast<void*>(static_cast<const void*>(&fn)));
}

}  // namespace edgek

#endif  // EDGEK_RUNTIME_EXECUTOR_HPP_
