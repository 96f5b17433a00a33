#ifndef EDGEK_ROOFLINE_REPLAY_HPP_
#define EDGEK_ROOFLINE_REPLAY_HPP_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "edgek/kernels/kernel_set.hpp"
#include "edgek/roofline/read_loops.hpp"
#include "edgek/runtime/executor.hpp"

namespace edgek {

/// The replay roof: how fast these very bytes can be read, in this order, by these threads.
struct Replay {
  double gbps = 0;         ///< of the best loop, median over its passes
  ReadLoop loop;           ///< the best one
  std::uint64_t bytes = 0; ///< one pass
};

/// Reads `spans` (a model's weights in the order in which a token needs them, say) with every loop of the
/// battery, and measures the best one longer. The bytes are only read; each of them, at full width. What
/// is not yet in memory (a file mapped and not touched) is paged in by the first pass, which is not timed.
inline Replay measure_replay(const KernelSet& kernels, Executor& executor, std::span<const ByteSpan> spans,
                             const ProbeOptions& options = {}) {
  Replay best;
  for (const ByteSpan& s : spans) best.bytes += s.size();
  if (best.bytes == 0) return best;
  std::vector<ByteSpan> chunks;
  const auto gbps_of = [&](const ReadLoop& loop, const ProbeOptions& how) {
    chunks = detail::cut_into_chunks(spans, loop.streams);
    const double ns =
        detail::median_ns(how, [&] { return detail::read_chunks(kernels, executor, chunks, loop); });
    return static_cast<double>(best.bytes) / ns;
  };
  ProbeOptions quick = options;
  quick.passes = 3;
  for (const ReadLoop& loop : kReadLoops) {
    const double gbps = gbps_of(loop, quick);
    if (gbps > best.gbps) best.gbps = gbps, best.loop = loop;
  }
  ProbeOptions longer = options;
  longer.passes = 3 * options.passes;
  best.gbps = gbps_of(best.loop, longer);
  return best;
}

}  // namespace edgek

#endif  // EDGEK_ROOFLINE_REPLAY_HPP_
