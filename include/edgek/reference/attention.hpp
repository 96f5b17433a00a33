#ifndef EDGEK_REFERENCE_ATTENTION_HPP_
#define EDGEK_REFERENCE_ATTENTION_HPP_

#include <algorithm>
#include <cstddef>
#include <limits>

#include "edgek/core/half.hpp"
#include "edgek/kernels/kernel_set.hpp"
#include "edgek/reference/exp.hpp"
#include "edgek/reference/fma.hpp"
#include "edgek/reference/lanes.hpp"
#include "edgek/reference/softmax.hpp"

// A head's state after some positions: [0] the largest score m, [1] the sum l of exp(score - m), then
// head_dim values o, each the sum of exp(score - m) * v. A state that has seen no position is empty:
// (-infinity, 0, zeros). l is 0 in an empty state only: else some term is exp(0) = 1, or NaN.

namespace edgek::reference {

/// A float of a key or value, exactly.
inline float kv_float(const void* kv, bool half, std::size_t i) noexcept {
  return half ? to_float(static_cast<const Half*>(kv)[i]) : static_cast<const float*>(kv)[i];
}

/// q.k in Lanes' order, times scale, rounded before anything is subtracted from it.
inline float attention_score(const AttentionJob& job, const float* q, std::size_t kv_offset) noexcept {
  Lanes lanes;
  for (std::size_t d = 0; d < job.head_dim; ++d)
    lanes.add_product(d, q[d], kv_float(job.k, job.half_kv, kv_offset + d));
  return RoundedProduct(lanes.sum(), job.scale);
}

/// The state of one head of one token over positions [begin, end) of its KV head, at most kAttentionChunk
/// of them: scores, m, p = exp(score - m), l = sum of p in Lanes' order counted from `begin`, and
/// o = fma(p, v, o) in order of positions.
inline void attention_state(const AttentionJob& job, const float* q, std::size_t kv_head, std::size_t begin,
                            std::size_t end, float* state) noexcept {
  float p[kAttentionChunk];
  const std::size_t count = end - begin;
  const std::size_t first = job.layout.offset(kv_head, begin, job.head_dim);
  for (std::size_t j = 0; j < count; ++j) p[j] = attention_score(job, q, first + j * job.head_dim);
  const float max = max_of(p, count);
  Lanes sum;
  for (std::size_t j = 0; j < count; ++j) {
    p[j] = exp(p[j] - max);
    sum.add(j, p[j]);
  }
  state[0] = max;
  state[1] = sum.sum();
  float* o = state + 2;
  std::fill_n(o, job.head_dim, 0.0f);
  for (std::size_t j = 0; j < count; ++j)
    for (std::size_t d = 0; d < job.head_dim; ++d)
      o[d] = Fma(p[j], kv_float(job.v, job.half_kv, first + j * job.head_dim + d), o[d]);
}

/// KernelSet::attention_chunk. Positions beyond a token's own are skipped, never added as zeros.
inline void attention_chunk(const AttentionJob& job, std::size_t kv_head, std::size_t chunk, std::size_t token_begin,
                            std::size_t token_end, float* states, std::byte* /*scratch*/) noexcept {
  const std::size_t group = job.heads / job.kv_heads;
  const std::size_t begin = chunk * kAttentionChunk;
  for (std::size_t t = token_begin; t < token_end; ++t) {
    const std::size_t seen = std::min(job.first_position + t + 1, begin + kAttentionChunk);
    for (std::size_t g = 0; g < group; ++g) {
      const float* q = job.q + t * job.q_stride + (kv_head * group + g) * job.head_dim;
      attention_state(job, q, kv_head, begin, std::max(seen, begin), states);
      states += attention_state_floats(job.head_dim);
    }
  }
}

/// KernelSet::attention_merge: for each of `count` states, with M = max(m1, m2), a = exp(m1 - M) and
/// b = exp(m2 - M): l = fma(l2, b, l1 * a), o = fma(o2, b, o1 * a). An empty state changes nothing: the
/// other one is the result, bit for bit.
inline void attention_merge(float* into, const float* next, std::size_t count, std::size_t head_dim) noexcept {
  const std::size_t floats = attention_state_floats(head_dim);
  for (std::size_t i = 0; i < count; ++i, into += floats, next += floats) {
    if (next[1] == 0.0f) continue;
    if (into[1] == 0.0f) {
      std::copy_n(next, floats, into);
      continue;
    }
    const float max = next[0] > into[0] ? next[0] : into[0];
    const float a = exp(into[0] - max);
    const float b = exp(next[0] - max);
    into[0] = max;
    for (std::size_t d = 1; d < floats; ++d) into[d] = Fma(next[d], b, into[d] * a);
  }
}

/// KernelSet::attention_finish: out[d] = o[d] / l.
inline void attention_finish(const float* state, std::size_t head_dim, float* out) noexcept {
  for (std::size_t d = 0; d < head_dim; ++d) out[d] = state[2 + d] / state[1];
}

}  // namespace edgek::reference

#endif  // EDGEK_REFERENCE_ATTENTION_HPP_
