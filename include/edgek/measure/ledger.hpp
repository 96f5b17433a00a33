#ifndef EDGEK_MEASURE_LEDGER_HPP_
#define EDGEK_MEASURE_LEDGER_HPP_

#include <cstddef>
#include <cstdint>

#include "edgek/core/format.hpp"
#include "edgek/core/traffic.hpp"
#include "edgek/measure/tick_clock.hpp"

namespace edgek {

/// One op, as it ran. Strings live as long as the program or the model.
struct LedgerEntry {
  const char* op = "";        ///< "matvec", "matmul", "attention", "rmsnorm", ...
  const char* tensor = "";    ///< the weight tensor's name, or ""
  int layer = -1;             ///< decoder layer, -1 outside
  Format format = Format::kF32;
  const char* target = "";    ///< KernelSet::name
  std::size_t m = 0, k = 0, n = 0;  ///< rows, cols, tokens
  Traffic traffic;
  std::uint64_t start_ns = 0, end_ns = 0;  ///< Ledger::clock(), by the thread that called the op
  std::uint64_t busy_ns = 0;      ///< sum over threads of time spent in kernels
  std::uint64_t busy_max_ns = 0;  ///< of the busiest thread
  std::size_t threads = 0;
  const std::uint64_t* thread_busy_ns = nullptr;  ///< (threads): of each, as long as Ledger::record() runs
};

/// Receives what ops record. Ops with no ledger attached do not even read the clock.
/// Called by the thread that called the op, never from a worker.
class Ledger {
 public:
  virtual ~Ledger() = default;
  virtual void record(const LedgerEntry& entry) noexcept = 0;

  /// The clock of its entries.
  const TickClock& clock() const noexcept { return clock_; }

 protected:
  TickClock clock_;
};

}  // namespace edgek

#endif  // EDGEK_MEASURE_LEDGER_HPP_
