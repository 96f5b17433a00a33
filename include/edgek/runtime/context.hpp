#ifndef EDGEK_RUNTIME_CONTEXT_HPP_
#define EDGEK_RUNTIME_CONTEXT_HPP_

#include <cstddef>

#include "edgek/kernels/kernel_set.hpp"
#include "edgek/measure/ledger.hpp"
#include "edgek/runtime/arena.hpp"
#include "edgek/runtime/executor.hpp"

namespace edgek {

/// How weights are read from memory. Changes speed, never a result.
struct StreamTuning {
  std::size_t prefetch = 1024;                    ///< bytes ahead of every stream; 0: none
  std::size_t streams = 0;                        ///< that a thread reads at once: 1, 2, 4, 8; 0: the kernel's choice
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

/// How a ledger names the weights of an op. Strings are kept by pointer.
struct OpLabel {
  const char* tensor = "";
  int layer = -1;
};

}  // namespace edgek

#endif  // EDGEK_RUNTIME_CONTEXT_HPP_
