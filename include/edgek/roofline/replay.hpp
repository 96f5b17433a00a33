#ifndef EDGEK_ROOFLINE_REPLAY_HPP_
#define EDGEK_ROOFLINE_REPLAY_HPP_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "edgek/kernels/kernel_set.hpp"
#include "edgek/measure/percentiles.hpp"
#include "edgek/roofline/read_loops.hpp"
#include "edgek/runtime/executor.hpp"

namespace edgek {

/// The replay roof: how fast these very bytes can be read, in this order, by these threads.
struct Replay {
  double gbps = 0;          ///< of the best loop, median over its passes
  double min_gbps = 0, max_gbps = 0;  ///< its slowest and fastest pass
  std::size_t passes = 0;   ///< that these are of
  ReadLoop loop;            ///< the best one
  std::uint64_t bytes = 0;  ///< one pass
};

/// Reads spans (a model's weights in the order in which a token needs them, say), a pass at a time, so that passes can
/// take turns with what is compared with them: where others use the same memory, rates a few seconds apart differ
/// by more than a kernel and its roof. The bytes are only read; each of them, at full width.
class Replayer {
 public:
  /// Chooses the best loop of the battery. What is not yet in memory (a file mapped and not touched) is paged in
  /// by the first pass, which is not timed. `kernels`, `executor` and the bytes outlive it.
  Replayer(const KernelSet& kernels, Executor& executor, std::span<const ByteSpan> spans,
           const ProbeOptions& options = {})
      : kernels_(kernels), executor_(executor) {
    for (const ByteSpan& s : spans) replay_.bytes += s.size();
    ProbeOptions quick = options;
    quick.passes = 3;
    double best_ns = 0;
    for (const ReadLoop& loop : kReadLoops) {
      std::vector<ByteSpan> chunks = detail::cut_into_chunks(spans, loop.streams);
      const double ns =
          detail::median_ns(quick, [&] { return detail::read_chunks(kernels, executor, chunks, loop); });
      if (!chunks_.empty() && ns >= best_ns) continue;
      best_ns = ns, replay_.loop = loop, chunks_ = std::move(chunks);
    }
  }

  /// Reads everything once and keeps the time, of the first kMaxPasses calls.
  void pass() noexcept {
    if (passes_ == ns_.size() || replay_.bytes == 0) return;
    ns_[passes_++] = static_cast<double>(detail::read_chunks(kernels_, executor_, chunks_, replay_.loop));
  }

  /// Of all passes until now.
  Replay result() const noexcept {
    Replay r = replay_;
    r.passes = passes_;
    if (passes_ == 0) return r;
    auto sorted = ns_;
    const Summary ns = summarize(std::span(sorted).first(passes_));
    const double bytes = static_cast<double>(r.bytes);
    r.gbps = bytes / ns.p50, r.min_gbps = bytes / ns.max, r.max_gbps = bytes / ns.min;
    return r;
  }

 private:
  const KernelSet& kernels_;
  Executor& executor_;
  std::vector<ByteSpan> chunks_;
  Replay replay_;
  std::array<double, ProbeOptions::kMaxPasses> ns_{};
  std::size_t passes_ = 0;
};

/// The replay roof by itself: three times options.passes passes, one after another.
inline Replay measure_replay(const KernelSet& kernels, Executor& executor, std::span<const ByteSpan> spans,
                             const ProbeOptions& options = {}) {
  Replayer replayer(kernels, executor, spans, options);
  for (std::size_t i = 0; i < 3 * options.passes; ++i) replayer.pass();
  return replayer.result();
}

}  // namespace edgek

#endif  // EDGEK_ROOFLINE_REPLAY_HPP_
