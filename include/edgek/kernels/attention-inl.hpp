// Attention over one chunk of a KV head's positions, for all heads of its group and some tokens: keys and
// values are read once, a tile of positions at a time, which stays in the first cache while every head uses
// it. reference/attention.hpp is the definition.
#if defined(EDGEK_KERNELS_ATTENTION_INL_HPP_) == defined(EDGEK_TARGET_TOGGLE)
#ifdef EDGEK_KERNELS_ATTENTION_INL_HPP_
#undef EDGEK_KERNELS_ATTENTION_INL_HPP_
#else
#define EDGEK_KERNELS_ATTENTION_INL_HPP_
#endif

#include "edgek/kernels/elementwise-inl.hpp"
#include "edgek/kernels/float-inl.hpp"

EDGEK_BEFORE_UNIT

/// Bytes of scratch for a tile of positions as floats; the rest holds scores.
inline constexpr std::size_t kKvTileBytes = 64 * 1024;
/// Bytes that a tile should have, to stay in the first cache.
inline constexpr std::size_t kKvTileTarget = 16 * 1024;
/// Heads (of all tokens) whose scores fit the scratch.
inline constexpr std::size_t kScoredHeads = (kKernelScratchBytes - kKvTileBytes) / (kAttentionChunk * sizeof(float));

/// One call's heads: query i is head i % group of token i / group.
struct ChunkQueries {
  const AttentionJob& job;
  std::size_t kv_head;
  std::size_t begin;        // the chunk's first position
  std::size_t token_begin;
  std::size_t group;

  const float* Query(std::size_t i) const {
    return job.q + (token_begin + i / group) * job.q_stride + (kv_head * group + i % group) * job.head_dim;
  }
  /// Positions of the chunk that query i sees.
  std::size_t Seen(std::size_t i) const {
    const std::size_t end = job.first_position + token_begin + i / group + 1;
    return end <= begin ? 0 : HWY_MIN(end - begin, kAttentionChunk);
  }
};

/// Positions [first, first + count) of the chunk in a cache of floats or halves: as floats, converted to `tile`
/// if need be.
HWY_INLINE const float* KvTile(const ChunkQueries& queries, const void* cache, std::size_t first, std::size_t count,
                               float* tile) {
  const AttentionJob& job = queries.job;
  const std::size_t at = (queries.kv_head * job.capacity + queries.begin + first) * job.head_dim;
  if (!job.half_kv) return static_cast<const float*>(cache) + at;
  FromHalf(static_cast<const Half*>(cache) + at, count * job.head_dim, tile);
  return tile;
}

/// What one query asks memory for while it works on a tile: `step` bytes for each of the tile's positions, so
/// that the next tile comes evenly, not in bursts.
struct KvAhead {
  const std::byte* from = nullptr;
  std::size_t step = 0;

  HWY_INLINE void Ask(std::size_t position) const {
    if (from == nullptr) return;
    for (std::size_t b = position * step; b < (position + 1) * step; b += 64) __builtin_prefetch(from + b);
  }
};

/// Query i's share of `count` positions from `first` on, if `parts` queries share them by whole cache lines.
HWY_INLINE KvAhead AheadOf(const ChunkQueries& queries, const void* cache, std::size_t first, std::size_t count,
                           std::size_t i, std::size_t parts) {
  const AttentionJob& job = queries.job;
  const std::size_t row_bytes = job.head_dim * (job.half_kv ? sizeof(Half) : sizeof(float));
  const std::size_t step = pad64(row_bytes / parts + 1);
  if (i * step >= row_bytes) return {};
  const std::size_t at = (queries.kv_head * job.capacity + queries.begin + first) * row_bytes;
  return {static_cast<const std::byte*>(cache) + at + i * step * count, step};
}

/// scores[j] = q . key j, for count keys, four at a time. Room for a multiple of four.
HWY_INLINE void ScoreKeys(const float* q, const float* keys, std::size_t head_dim, std::size_t count,
                          const KvAhead& ahead, float* scores) {
  HWY_ALIGN float lanes[kSumFloats];
  for (std::size_t j = 0; j < count; j += kSumRows) {
    for (std::size_t r = 0; r < kSumRows; ++r) ahead.Ask(j + r);
    const std::uint8_t* rows[kSumRows];  // the last key stands for missing ones
    for (std::size_t r = 0; r < kSumRows; ++r)
      rows[r] = reinterpret_cast<const std::uint8_t*>(keys + HWY_MIN(j + r, count - 1) * head_dim);
    AddRows<WeightsF32>(rows, 0, head_dim, q, true, lanes);
    SumRows(lanes, scores + j);
  }
}

/// Scores become weights e^(scale * score - max); returns their sum.
HWY_INLINE float WeighScores(float* scores, std::size_t count, float scale, float* max) {
  const DF d;
  for (std::size_t j = 0; j < count; j += hn::Lanes(d))
    StoreUpTo(RoundedProduct(LoadUpTo(d, scores + j, count - j), hn::Set(d, scale)), d, scores + j, count - j);
  *max = MaxOf(scores, count);
  return ExpAndSum(scores, count, *max);
}

/// out[i] = fma(weights[j], values[j][i], out[i]), for count values in order.
inline HWY_NOINLINE void AddValues(const float* weights, const float* values, std::size_t head_dim,
                                   std::size_t count, const KvAhead& ahead, float* HWY_RESTRICT out) {
  const DF d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + 4 * lanes <= head_dim; i += 4 * lanes) {
    auto a = hn::LoadU(d, out + i), b = hn::LoadU(d, out + i + lanes);
    auto c = hn::LoadU(d, out + i + 2 * lanes), e = hn::LoadU(d, out + i + 3 * lanes);
    const float* v = values + i;
    for (std::size_t j = 0; j < count; ++j, v += head_dim) {
      const auto w = hn::Set(d, weights[j]);
      if (i == 0) ahead.Ask(j);
      a = Fma(w, hn::LoadU(d, v), a);
      b = Fma(w, hn::LoadU(d, v + lanes), b);
      c = Fma(w, hn::LoadU(d, v + 2 * lanes), c);
      e = Fma(w, hn::LoadU(d, v + 3 * lanes), e);
    }
    hn::StoreU(a, d, out + i);
    hn::StoreU(b, d, out + i + lanes);
    hn::StoreU(c, d, out + i + 2 * lanes);
    hn::StoreU(e, d, out + i + 3 * lanes);
  }
  for (; i < head_dim; i += lanes) {
    auto a = LoadUpTo(d, out + i, head_dim - i);
    for (std::size_t j = 0; j < count; ++j)
      a = Fma(hn::Set(d, weights[j]), LoadUpTo(d, values + j * head_dim + i, head_dim - i), a);
    StoreUpTo(a, d, out + i, head_dim - i);
  }
}

/// The states of queries [first, last), at most kScoredHeads of them.
HWY_INLINE void ChunkStates(const ChunkQueries& queries, std::size_t first, std::size_t last, float* states,
                            std::byte* scratch) {
  const AttentionJob& job = queries.job;
  const std::size_t dim = job.head_dim, state_floats = attention_state_floats(dim);
  float* converted = reinterpret_cast<float*>(scratch);
  float* scores = converted + kKvTileBytes / sizeof(float);  // (queries, kAttentionChunk)
  const std::size_t fit = kKvTileTarget / (sizeof(float) * dim) / kSumRows * kSumRows;
  const std::size_t tile = HWY_MAX(fit, kSumRows);
  const std::size_t seen = queries.Seen(last - 1);  // later tokens see more
  const std::size_t queried = last - first;
  for (std::size_t j = 0; j < seen; j += tile) {
    const std::size_t count = HWY_MIN(tile, seen - j);
    const float* keys = KvTile(queries, job.k, j, count, converted);
    const bool is_last = j + count == seen;
    for (std::size_t i = first; i < last; ++i) {
      const std::size_t of_query = queries.Seen(i);
      if (of_query <= j) continue;
      const std::size_t share = i - first;
      const KvAhead ahead = is_last ? AheadOf(queries, job.v, 0, count, share, queried)
                                    : AheadOf(queries, job.k, j + count, count, share, queried);
      ScoreKeys(queries.Query(i), keys, dim, HWY_MIN(count, of_query - j), ahead,
                scores + (i - first) * kAttentionChunk + j);
    }
  }
  for (std::size_t i = first; i < last; ++i) {
    float* state = states + i * state_floats;
    __builtin_memset(state, 0, state_floats * sizeof(float));
    state[0] = -std::numeric_limits<float>::infinity();
    const std::size_t of_query = queries.Seen(i);
    if (of_query > 0) state[1] = WeighScores(scores + (i - first) * kAttentionChunk, of_query, job.scale, state);
  }
  for (std::size_t j = 0; j < seen; j += tile) {
    const std::size_t count = HWY_MIN(tile, seen - j);
    const float* values = KvTile(queries, job.v, j, count, converted);
    for (std::size_t i = first; i < last; ++i) {
      const std::size_t of_query = queries.Seen(i);
      if (of_query <= j) continue;
      const KvAhead ahead = AheadOf(queries, job.v, j + count, count, i - first, queried);
      AddValues(scores + (i - first) * kAttentionChunk + j, values, dim, HWY_MIN(count, of_query - j), ahead,
                states + i * state_floats + 2);
    }
  }
}

/// KernelSet::attention_chunk.
inline void AttentionChunk(const AttentionJob& job, std::size_t kv_head, std::size_t chunk, std::size_t token_begin,
                           std::size_t token_end, float* states, std::byte* scratch) noexcept {
  if (kSumRows * job.head_dim * sizeof(float) > kKvTileBytes) {  // heads of over 4096 values: no need for speed
    reference::attention_chunk(job, kv_head, chunk, token_begin, token_end, states, scratch);
    return;
  }
  const ChunkQueries queries{job, kv_head, chunk * kAttentionChunk, token_begin, job.heads / job.kv_heads};
  const std::size_t count = (token_end - token_begin) * queries.group;
  for (std::size_t first = 0; first < count; first += kScoredHeads)
    ChunkStates(queries, first, HWY_MIN(first + kScoredHeads, count), states, scratch);
}

/// KernelSet::attention_merge.
inline void AttentionMerge(float* into, const float* next, std::size_t count, std::size_t head_dim) noexcept {
  const DF d;
  const std::size_t floats = attention_state_floats(head_dim);
  for (std::size_t i = 0; i < count; ++i, into += floats, next += floats) {
    if (next[1] == 0.0f) continue;
    if (into[1] == 0.0f) {
      __builtin_memcpy(into, next, floats * sizeof(float));
      continue;
    }
    const float max = next[0] > into[0] ? next[0] : into[0];
    const auto a = hn::Set(d, reference::exp(into[0] - max));
    const auto b = hn::Set(d, reference::exp(next[0] - max));
    into[0] = max;
    for (std::size_t f = 1; f < floats; f += hn::Lanes(d)) {
      const std::size_t left = floats - f;
      StoreUpTo(Fma(LoadUpTo(d, next + f, left), b, hn::Mul(LoadUpTo(d, into + f, left), a)), d, into + f, left);
    }
  }
}

/// KernelSet::attention_finish.
inline void AttentionFinish(const float* state, std::size_t head_dim, float* out) noexcept {
  Divide(state + 2, head_dim, state[1], out);
}

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_ATTENTION_INL_HPP_
