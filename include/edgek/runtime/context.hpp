#ifndef EDGEK_RUNTIME_CONTEXT_HPP_
#define EDGEK_RUNTIME_CONTEXT_HPP_

#include <array>
#include <cstddef>

#include "edgek/core/format.hpp"
#include "edgek/kernels/kernel_set.hpp"
#include "edgek/measure/ledger.hpp"
#include "edgek/runtime/arena.hpp"
#include "edgek/runtime/executor.hpp"

namespace edgek {

/// How one thread reads weights.
struct ReadPattern {
  static constexpr std::size_t kUsual = ~std::size_t{0};
  std::size_t streams = 0;        ///< contiguous ones at once: 1, 2, 4, 8; 0: as many as the kernel's tile has rows
  std::size_t prefetch = kUsual;  ///< bytes ahead of every stream; 0: none; kUsual: KernelSet::prefetch
  friend bool operator==(const ReadPattern&, const ReadPattern&) = default;
};

/// How weights, keys and values are read from memory. Changes speed, never a result. tune_streams() and
/// tune_attention() find what suits a machine.
struct StreamTuning {
  std::array<ReadPattern, kFormatCount> read{};   ///< by format (index_of())
  bool kv_ahead = true;                           ///< keys and values are asked for ahead (AttentionJob::ask_ahead)
  std::size_t max_chunk = std::size_t{1} << 20;   ///< bytes of weights that a thread takes at once, at most
  std::size_t min_chunk = std::size_t{64} << 10;  ///< and at least, unless less is left
};

/// What every op needs. Belongs to one thread; the executor's threads work for it inside a call.
///
///   edgek::ThreadPool pool(4);
///   edgek::Context ctx{.executor = pool, .kernels = edgek::kernels()};
struct Context {
  Executor& executor;
  const KernelSet& kernels;
  Ledger* ledger = nullptr;  ///< where ops record what they did; nothing is timed without one
  bool exact = false;        ///< multiply weights unpacked to float with float activations
  StreamTuning tuning{};
  Arena scratch{};           ///< grows to what the largest op needs, then stays
};

}  // namespace edgek

#endif  // EDGEK_RUNTIME_CONTEXT_HPP_
