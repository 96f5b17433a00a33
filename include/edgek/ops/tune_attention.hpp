#ifndef EDGEK_OPS_TUNE_ATTENTION_HPP_
#define EDGEK_OPS_TUNE_ATTENTION_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>

#include "edgek/core/status.hpp"
#include "edgek/detail/abi.hpp"
#include "edgek/measure/clock.hpp"
#include "edgek/ops/attention.hpp"
#include "edgek/ops/tune.hpp"
#include "edgek/runtime/arena.hpp"
#include "edgek/runtime/context.hpp"

namespace edgek {
inline namespace EDGEK_ABI {
namespace ops_detail {

/// Attention of one token over one stretch of memory after the other, read as if it were keys and values.
class TuneAttention {
 public:
  /// like: heads, kv_heads, head_dim and half_kv. Slices are whole chunks of positions: one, or as many as fit.
  TuneAttention(Context& ctx, const AttentionJob& like, std::span<const std::byte> memory,
                const TuneOptions& options) noexcept
      : ctx_(ctx), job_(like), memory_(memory.first(std::min(memory.size(), options.window_bytes))) {
    job_.layout.head_stride = kAttentionChunk * like.head_dim;
    job_.layout.chunk_stride = 2 * like.kv_heads * job_.layout.head_stride;
    chunk_bytes_ = job_.layout.chunk_stride * like.value_bytes();
    const std::size_t threads = std::max<std::size_t>(ctx.executor.threads(), 1);
    const std::size_t chunks = std::max<std::size_t>(options.slice_bytes / chunk_bytes_ * threads, 1);
    job_.capacity = chunks * kAttentionChunk;
    job_.first_position = job_.capacity - 1;
    job_.tokens = 1;
    job_.q_stride = like.heads * like.head_dim;
  }

  std::size_t slices() const noexcept { return memory_.size() / slice_bytes(); }

  /// Room for a query and its output.
  Status reserve() noexcept {
    const Status status = floats_.reset(Arena::bytes_for<float>(CheckedSize(2) * job_.q_stride));
    if (status != Status::kOk) return status;
    float* q = floats_.take<float>(2 * job_.q_stride);
    for (std::size_t i = 0; i < job_.q_stride; ++i) q[i] = static_cast<float>(i % 255) / 127.0f - 1.0f;
    job_.q = q;
    out_ = {q + job_.q_stride, 1, job_.q_stride, job_.q_stride};
    return Status::kOk;
  }

  /// Time of the next slice, in ns; infinite where it failed.
  double time(bool ask_ahead) noexcept {
    const std::byte* from = memory_.data() + next_ * slice_bytes();
    next_ = next_ + 1 == slices() ? 0 : next_ + 1;
    job_.k = from, job_.v = from + chunk_bytes_ / 2;  // a chunk's values follow its keys
    job_.ask_ahead = ask_ahead;
    const std::uint64_t start = now_ns();
    const Status done = attention(ctx_, job_, out_);
    const auto ns = static_cast<double>(now_ns() - start);
    return done == Status::kOk ? ns : std::numeric_limits<double>::infinity();
  }

 private:
  std::size_t slice_bytes() const noexcept { return chunk_bytes_ * (job_.capacity / kAttentionChunk); }

  Context& ctx_;
  AttentionJob job_;
  std::span<const std::byte> memory_;
  std::size_t chunk_bytes_ = 0, next_ = 0;
  Arena floats_;
  Rows out_{};
};

}  // namespace ops_detail

/// Finds whether attention of one token is faster if keys and values are asked for ahead, and keeps it in ctx.tuning.
/// Changes no result.
///   like:   heads, kv_heads, head_dim and half_kv of the attention to come; nothing else of it is looked at.
///   memory: any bytes, aligned as floats, read as if they were keys and values: a model's file, say. Less than four
///           slices leave the tuning as it is.
/// Takes   one pass over the window and 62 slices.
/// Returns kOk, kOutOfMemory, or kShapeMismatch for what attention() would refuse.
inline Status tune_attention(Context& ctx, const AttentionJob& like, std::span<const std::byte> memory,
                             const TuneOptions& options = {}) noexcept {
  const bool any_zero = like.heads == 0 || like.kv_heads == 0 || like.head_dim == 0;
  if (any_zero || like.heads % like.kv_heads != 0) return Status::kShapeMismatch;
  const CheckedSize chunk_floats = CheckedSize(2) * like.kv_heads * like.head_dim * kAttentionChunk;
  if (!(chunk_floats * sizeof(float)).ok()) return Status::kShapeMismatch;
  ops_detail::TuneAttention attention(ctx, like, memory, options);
  if (attention.slices() < 4) return Status::kOk;
  const Status reserved = attention.reserve();
  if (reserved != Status::kOk) return reserved;
  Ledger* const ledger = std::exchange(ctx.ledger, nullptr);
  const bool usual = std::exchange(ctx.tuning.kv_ahead, true);
  for (std::size_t i = 0; i < attention.slices(); ++i) attention.time(usual);  // brings the window's pages in
  const auto time = [&](bool other) { return attention.time(usual != other); };
  ctx.tuning.kv_ahead = usual != ops_detail::other_wins_by(options.margin, time);
  ctx.ledger = ledger;
  return Status::kOk;
}

}  // namespace EDGEK_ABI
}  // namespace edgek

#endif  // EDGEK_OPS_TUNE_ATTENTION_HPP_
