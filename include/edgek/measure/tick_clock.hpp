#ifndef EDGEK_MEASURE_TICK_CLOCK_HPP_
#define EDGEK_MEASURE_TICK_CLOCK_HPP_

#include <cmath>
#include <cstdint>

#include "edgek/measure/clock.hpp"

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

namespace edgek {

namespace detail {

/// Whether the CPU has a counter that programs may read, which advances evenly and alike in all threads.
inline bool counter_is_even() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  constexpr unsigned kAdvancedPowerManagement = 0x80000007, kInvariantTsc = 1u << 8;  // Intel's and AMD's manuals
  return __get_cpuid(kAdvancedPowerManagement, &eax, &ebx, &ecx, &edx) != 0 && (edx & kInvariantTsc) != 0;
#elif defined(__aarch64__)
  return true;  // the generic timer: part of the architecture
#else
  return false;
#endif
}

inline std::uint64_t read_counter() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
  std::uint64_t ticks;
  __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
  return ticks;
#else
  return now_ns();
#endif
}

/// factor * value. Durations convert as signed integers, which takes one instruction each way.
inline double scaled(double factor, std::uint64_t value) noexcept {
  return factor * static_cast<double>(static_cast<std::int64_t>(value));
}
inline std::uint64_t scale_duration(double factor, std::uint64_t value) noexcept {
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(scaled(factor, value)));
}

}  // namespace detail

/// now_ns() by the CPU's own counter where it has an even one: 12 ns a call instead of 30 (Zen 3, virtual). A ledger
/// reads the time some thousand times a token.
class TickClock {
 public:
  /// Takes 50 us: it learns how long a tick is.
  TickClock() noexcept : even_(detail::counter_is_even()) { learn(); }

  /// Learns the length of a tick again, and meets now_ns() here. Times before and after differ by more than their
  /// distance: to be called between tokens, say. Where the counter ran on and the clock did not (a machine that slept),
  /// takes 50 us again.
  void anchor() noexcept {
    if (!even_) return;
    constexpr std::uint64_t kWindowNs = 1'000'000'000;
    const Reading now = read_both();
    const double ns_per_tick = length(first_, now);
    if (!(std::fabs(ns_per_tick / ns_per_tick_ - 1) < 0.01)) return learn();
    if (now.ns - first_.ns > kWindowNs) first_ = base_;
    base_ = now, ns_per_tick_ = ns_per_tick;
  }

  /// As now_ns().
  std::uint64_t now() const noexcept {
    if (!even_) return now_ns();
    return base_.ns + detail::scale_duration(ns_per_tick_, detail::read_counter() - base_.ticks);
  }

  /// What threads count their time in, and how long so many of them are.
  std::uint64_t ticks() const noexcept { return even_ ? detail::read_counter() : now_ns(); }
  std::uint64_t to_ns(std::uint64_t ticks) const noexcept {
    return even_ ? detail::scale_duration(ns_per_tick_, ticks) : ticks;
  }

 private:
  struct Reading {
    std::uint64_t ticks = 0, ns = 0;
  };

  static double length(const Reading& from, const Reading& to) noexcept {
    return static_cast<double>(to.ns - from.ns) / static_cast<double>(to.ticks - from.ticks);
  }

  void learn() noexcept {
    if (!even_) return;
    constexpr std::uint64_t kLearnNs = 50'000;
    first_ = base_ = read_both();
    while (base_.ns - first_.ns < kLearnNs) base_ = read_both();
    even_ = base_.ticks > first_.ticks;
    ns_per_tick_ = length(first_, base_);
  }

  /// Both at one time, as nearly as three tries give it.
  static Reading read_both() noexcept {
    Reading best;
    std::uint64_t least = ~std::uint64_t{0};
    for (int i = 0; i < 3; ++i) {
      const std::uint64_t before = detail::read_counter(), ns = now_ns(), took = detail::read_counter() - before;
      if (took < least) least = took, best = {before + took / 2, ns};
    }
    return best;
  }

  Reading first_, base_;
  double ns_per_tick_ = 0;
  bool even_;
};

}  // namespace edgek

#endif  // EDGEK_MEASURE_TICK_CLOCK_HPP_
