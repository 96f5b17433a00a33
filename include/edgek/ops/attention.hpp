#ifndef EDGEK_OPS_ATTENTION_HPP_
#define EDGEK_OPS_ATTENTION_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "edgek/core/matrix_view.hpp"
#include "edgek/core/status.hpp"
#include "edgek/core/traffic.hpp"
#include "edgek/detail/abi.hpp"
#include "edgek/kernels/kernel_set.hpp"
#include "edgek/ops/region.hpp"
#include "edgek/runtime/context.hpp"

namespace edgek {
inline namespace EDGEK_ABI {

/// Traffic of one call of attention(): keys, values, queries and outputs once; two multiply-adds for every
/// visible value.
constexpr Traffic attention_traffic(const AttentionJob& job) noexcept {
  const std::uint64_t end = job.first_position + job.tokens;
  const std::uint64_t visible = job.tokens * (job.first_position + 1 + end) / 2;
  Traffic t;
  t.kv_read = 2 * end * job.kv_heads * job.row_bytes();
  t.activations = 2 * sizeof(float) * job.tokens * job.heads * job.head_dim;
  t.flops = 4 * visible * job.heads * job.head_dim;
  return t;
}

namespace ops_detail {

/// Softmax over fixed chunks of positions, each chunk's state merged into the running one in order.
/// How the work is cut decides only who computes a state, never what it is.
class AttentionRegion {
 public:
  AttentionRegion(Context& ctx, const AttentionJob& job, Rows out, const OpLabel& label) noexcept
      : ctx_(ctx), job_(job), out_(out), label_(label), threads_(threads_for(ctx, work())) {
    job_.ask_ahead = job.ask_ahead && ctx.tuning.kv_ahead;
  }

  /// Grows the scratch to what any call with as many tokens needs at any position: run() allocates nothing then.
  static Status reserve(Context& ctx, const AttentionJob& job) noexcept {
    const std::size_t tokens = std::min(job.tokens, kAttentionFewTokens);
    const std::size_t chunks = attention_chunks(job.capacity);
    const std::size_t threads = std::max<std::size_t>(ctx.executor.threads(), 1);
    const std::size_t state = attention_state_floats(job.head_dim);
    const CheckedSize few = Arena::bytes_for<float>(CheckedSize(chunks) * job.heads * tokens * state);
    const CheckedSize many =
        Arena::bytes_for<float>(CheckedSize(2) * threads * kTokenBlock * (job.heads / job.kv_heads) * state);
    return ctx.scratch.reset(few + many + Arena::bytes_for<std::byte>(CheckedSize(threads) * kKernelScratchBytes));
  }

  Status run() noexcept { return job_.tokens <= kAttentionFewTokens ? run_chunks() : run_token_blocks(); }

 private:
  static constexpr std::size_t kRunsPerThread = 16;  // of chunks, one after the other: the next one is asked for ahead
  static constexpr std::size_t kTokenBlock = 32;  // queries that share a chunk of keys while it is in cache

  std::size_t work() const noexcept {
    const Traffic t = attention_traffic(job_);
    return static_cast<std::size_t>(t.bytes() + t.flops / 2);
  }
  std::size_t group() const noexcept { return job_.heads / job_.kv_heads; }
  std::size_t state_floats() const noexcept { return attention_state_floats(job_.head_dim); }
  /// Chunks that token t sees something of.
  std::size_t chunks_of(std::size_t t) const noexcept { return (job_.first_position + t) / kAttentionChunk + 1; }
  /// The first token that sees something of a chunk.
  std::size_t first_token(std::size_t chunk) const noexcept {
    const std::size_t start = chunk * kAttentionChunk;
    return start > job_.first_position ? start - job_.first_position : 0;
  }

  LedgerEntry entry(const char* op) const noexcept {
    LedgerEntry e = start_entry(ctx_, op);
    e.format = job_.half_kv ? Format::kF16 : Format::kF32;
    e.m = job_.heads, e.k = job_.first_position + job_.tokens, e.n = job_.tokens;
    return e;
  }

  // Few tokens: an item is a run of KV heads' chunks, all heads of a chunk and then those of the next, so that a long
  // context keeps all threads busy.
  Status run_chunks() noexcept {
    LedgerEntry partials = entry("attention");
    partials.traffic = attention_traffic(job_);
    const std::size_t chunks = chunks_of(job_.tokens - 1), heads = job_.tokens * group();
    const std::size_t items = chunks * job_.kv_heads, item_floats = heads * state_floats();
    const std::size_t threads = std::min(threads_, items);
    const Status grown = ctx_.scratch.reset(Arena::bytes_for<float>(CheckedSize(items) * item_floats) +
                                            Arena::bytes_for<std::byte>(CheckedSize(threads) * kKernelScratchBytes));
    if (grown != Status::kOk) return grown;
    float* states = ctx_.scratch.take<float>(items * item_floats);  // (kv_heads, chunks, tokens, group, state)
    std::byte* scratch = ctx_.scratch.take<std::byte>(threads * kKernelScratchBytes);
    const std::size_t run = std::max<std::size_t>(items / (kRunsPerThread * threads), 1);
    run_recorded(ctx_, (items + run - 1) / run, threads, partials, label_, [&](std::size_t r, std::size_t slot) {
      for (std::size_t i = r * run; i < std::min(items, (r + 1) * run); ++i) {
        const std::size_t chunk = i / job_.kv_heads, kv_head = i % job_.kv_heads, token = first_token(chunk);
        float* out = states + (kv_head * chunks + chunk) * item_floats + token * group() * state_floats();
        ctx_.kernels.attention_chunk(job_, kv_head, chunk, token, job_.tokens, out,
                                     scratch + slot * kKernelScratchBytes);
        if (chunks == 1) finish(kv_head, 0, job_.tokens, out);
      }
    });
    if (chunks > 1) combine_chunks(states, chunks);
    return Status::kOk;
  }

  // states: (kv_heads, chunks, tokens, group, state).
  void combine_chunks(float* states, std::size_t chunks) noexcept {
    const std::size_t heads = job_.tokens * group(), item_floats = heads * state_floats();
    const std::size_t items = chunks * job_.kv_heads;
    LedgerEntry combine = entry("attention_combine");
    combine.format = Format::kF32;
    combine.traffic.activations = sizeof(float) * (items * item_floats + job_.tokens * job_.heads * job_.head_dim);
    run_over(ctx_, job_.kv_heads, combine, label_, [&](std::size_t kv_head) {
      float* running = states + kv_head * chunks * item_floats;
      for (std::size_t c = 1; c < chunks; ++c) {
        const std::size_t skip = first_token(c) * group();
        ctx_.kernels.attention_merge(running + skip * state_floats(),
                                     running + c * item_floats + skip * state_floats(), heads - skip, job_.head_dim);
      }
      finish(kv_head, 0, job_.tokens, running);
    });
  }

  // A prompt: an item is one block of tokens of one KV head, over all the chunks it sees; the last
  // blocks, which see most, come first.
  Status run_token_blocks() noexcept {
    LedgerEntry all = entry("attention");
    all.traffic = attention_traffic(job_);
    const std::size_t blocks = (job_.tokens + kTokenBlock - 1) / kTokenBlock;
    const std::size_t block_floats = kTokenBlock * group() * state_floats();
    const std::size_t items = blocks * job_.kv_heads, threads = std::min(threads_, items);
    const Status grown = ctx_.scratch.reset(Arena::bytes_for<float>(CheckedSize(2) * threads * block_floats) +
                                            Arena::bytes_for<std::byte>(CheckedSize(threads) * kKernelScratchBytes));
    if (grown != Status::kOk) return grown;
    float* states = ctx_.scratch.take<float>(2 * threads * block_floats);
    std::byte* scratch = ctx_.scratch.take<std::byte>(threads * kKernelScratchBytes);
    run_recorded(ctx_, items, threads, all, label_, [&](std::size_t i, std::size_t slot) {
      const std::size_t block = blocks - 1 - i / job_.kv_heads;
      float* running = states + 2 * slot * block_floats;
      run_block(i % job_.kv_heads, block * kTokenBlock, running, running + block_floats,
                scratch + slot * kKernelScratchBytes);
    });
    return Status::kOk;
  }

  void run_block(std::size_t kv_head, std::size_t begin, float* running, float* next, std::byte* scratch) noexcept {
    const std::size_t end = std::min(begin + kTokenBlock, job_.tokens);
    ctx_.kernels.attention_chunk(job_, kv_head, 0, begin, end, running, scratch);
    for (std::size_t c = 1; c < chunks_of(end - 1); ++c) {
      const std::size_t first = std::max(begin, first_token(c));
      ctx_.kernels.attention_chunk(job_, kv_head, c, first, end, next, scratch);
      ctx_.kernels.attention_merge(running + (first - begin) * group() * state_floats(), next, (end - first) * group(),
                                   job_.head_dim);
    }
    finish(kv_head, begin, end, running);
  }

  void finish(std::size_t kv_head, std::size_t begin, std::size_t end, const float* states) noexcept {
    for (std::size_t t = begin; t < end; ++t) {
      for (std::size_t g = 0; g < group(); ++g) {
        const float* state = states + ((t - begin) * group() + g) * state_floats();
        ctx_.kernels.attention_finish(state, job_.head_dim, out_.row(t) + (kv_head * group() + g) * job_.head_dim);
      }
    }
  }

  Context& ctx_;
  AttentionJob job_;
  const Rows out_;
  const OpLabel& label_;
  const std::size_t threads_;
};

inline Status check_attention(const AttentionJob& job, Rows out) noexcept {
  if (job.heads == 0 || job.kv_heads == 0 || job.heads % job.kv_heads != 0) return Status::kShapeMismatch;
  if (job.head_dim == 0 || out.count != job.tokens) return Status::kShapeMismatch;
  const CheckedSize cols = CheckedSize(job.heads) * job.head_dim;
  const CheckedSize end = CheckedSize(job.first_position) + job.tokens;
  if (!cols.ok() || !end.ok() || out.cols != cols.value() || end.value() > job.capacity) return Status::kShapeMismatch;
  if (job.tokens > 1 && (out.stride < out.cols || job.q_stride < out.cols)) return Status::kShapeMismatch;
  if (job.tokens == 0) return Status::kOk;
  const bool any_null = job.q == nullptr || job.k == nullptr || job.v == nullptr || out.data == nullptr;
  return any_null ? Status::kNullData : Status::kOk;
}

}  // namespace ops_detail

/// out[t, h] = sum over visible positions p of softmax(scale * q[t, h] . k[p]) * v[p], causal, with grouped heads
/// (see AttentionJob).   out: (tokens, heads * head_dim).
/// Needs   keys and values of all positions up to the last token's in the cache; out overlaps nothing.
/// Splits  by chunks of positions (few tokens) or blocks of tokens (prompts); the bits are the same.
/// Moves   the visible part of the cache once, for a prompt once every 32 tokens, mostly from cache.
inline Status attention(Context& ctx, const AttentionJob& job, Rows out, const OpLabel& label = {}) noexcept {
  const Status checked = ops_detail::check_attention(job, out);
  if (checked != Status::kOk || job.tokens == 0) return checked;
  return ops_detail::AttentionRegion(ctx, job, out, label).run();
}

/// Makes room for every call of attention() like this one, wherever in the cache its tokens stand (q, k, v and
/// first_position are not looked at), so that a growing context never allocates.
inline Status reserve_attention(Context& ctx, const AttentionJob& job) noexcept {
  if (job.kv_heads == 0) return Status::kShapeMismatch;
  return ops_detail::AttentionRegion::reserve(ctx, job);
}

}  // namespace EDGEK_ABI
}  // namespace edgek

#endif  // EDGEK_OPS_ATTENTION_HPP_
