// Attention over one chunk of a KV head's positions, for all heads of its group and some tokens: keys and
// values are read from memory once, a tile of positions at a time, which stays in the first cache while every head
// uses it, two at once where there are two. reference/attention.hpp is the definition.
// Whether the next tile should be asked for meanwhile differs by CPU (StreamTuning::kv_ahead): a Zen 4 reads one
// token's keys and values a quarter faster without, whatever the distance.
#if defined(EDGEK_KERNELS_ATTENTION_INL_HPP_) == defined(EDGEK_TARGET_TOGGLE)
#ifdef EDGEK_KERNELS_ATTENTION_INL_HPP_
#undef EDGEK_KERNELS_ATTENTION_INL_HPP_
#else
#define EDGEK_KERNELS_ATTENTION_INL_HPP_
#endif

#include "edgek/kernels/elementwise-inl.hpp"
#include "edgek/kernels/float-inl.hpp"

EDGEK_BEFORE_UNIT

/// Bytes of scratch for a tile of positions made floats; the rest holds scores.
inline constexpr std::size_t kKvTileBytes = 64 * 1024;
/// Bytes that a tile should have, to stay in the first cache.
inline constexpr std::size_t kKvTileTarget = 16 * 1024;
/// Heads (of all tokens) whose scores fit the scratch.
inline constexpr std::size_t kScoredHeads = (kKernelScratchBytes - kKvTileBytes) / (kAttentionChunk * sizeof(float));

/// The row of a position, in a cache of keys or values.
HWY_INLINE const std::uint8_t* KvRow(const AttentionJob& job, const void* cache, std::size_t kv_head,
                                     std::size_t position) {
  const std::size_t at = job.layout.offset(kv_head, position, job.head_dim);
  return static_cast<const std::uint8_t*>(cache) + at * job.value_bytes();
}

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
  /// The key or value of the chunk's j-th position.
  const std::uint8_t* Row(const void* cache, std::size_t j) const { return KvRow(job, cache, kv_head, begin + j); }
};

/// Keys or values of some positions.
struct KvRows {
  const std::uint8_t* first;
  std::size_t row_bytes;
  bool half;
};

/// Queries from which on halves are made floats first, once for all of them; fewer read them as they are. Zen 3
/// converts beside its multiply-adds, for nothing; Intel's CPUs on the same ports; SSE2 in a dozen instructions.
inline constexpr std::size_t kConvertFor = HWY_TARGET == HWY_AVX2   ? std::numeric_limits<std::size_t>::max()
                                           : HWY_TARGET == HWY_SSE2 ? 1
                                                                    : 8;
/// Whether kernels read halves as they are at all.
inline constexpr bool kReadsHalves = kConvertFor > 1;

/// Positions [first, first + count) of the chunk, converted to `tile` if that pays for `queried` queries.
HWY_INLINE KvRows KvTile(const ChunkQueries& queries, const void* cache, std::size_t first, std::size_t count,
                         std::size_t queried, float* tile) {
  const AttentionJob& job = queries.job;
  const std::uint8_t* from = queries.Row(cache, first);
  if (!job.half_kv || queried < kConvertFor) return {from, job.row_bytes(), job.half_kv};
  FromHalf(reinterpret_cast<const Half*>(from), count * job.head_dim, tile);
  return {reinterpret_cast<const std::uint8_t*>(tile), job.head_dim * sizeof(float), false};
}

/// What a call asks memory for while it works on a tile: `step` bytes for each of the tile's positions, so
/// that the next tile comes evenly, not in bursts.
struct KvAhead {
  const std::uint8_t* from = nullptr;
  std::size_t step = 0;

  /// For `count` positions.
  HWY_INLINE void Ask(std::size_t position, std::size_t count = 1) const {
    if (from == nullptr) return;
    for (std::size_t b = position * step; b < (position + count) * step; b += 64) __builtin_prefetch(from + b);
  }
};

/// Share i of the `count` rows at `from` (nullptr: none), if `parts` calls share them by whole cache lines.
HWY_INLINE KvAhead AheadOf(const AttentionJob& job, const std::uint8_t* from, std::size_t count, std::size_t i,
                           std::size_t parts) {
  const std::size_t row_bytes = job.row_bytes(), step = pad64((row_bytes + parts - 1) / parts);
  if (!job.ask_ahead || from == nullptr || i * step >= row_bytes) return {};
  return {from + i * step * count, step};
}

/// The keys that the calling thread will most likely want after this chunk (see kAttentionFewTokens).
HWY_INLINE const std::uint8_t* KeysAfter(const ChunkQueries& queries) {
  const AttentionJob& job = queries.job;
  const std::size_t head = queries.kv_head, next = queries.begin + kAttentionChunk;
  const bool last_head = head + 1 == job.kv_heads, last_chunk = next >= job.first_position + job.tokens;
  if (last_head && last_chunk) return nullptr;
  if (job.tokens <= kAttentionFewTokens)
    return last_head ? KvRow(job, job.k, 0, next) : KvRow(job, job.k, head + 1, queries.begin);
  return last_chunk ? KvRow(job, job.k, head + 1, 0) : KvRow(job, job.k, head, next);
}

/// Lanes s0, s1, ... of one sum, kParts vectors of them, as FoldLanes() has them.
template <std::size_t kParts, class V>
HWY_INLINE hn::VFromD<DF4> FoldParts(V s0, V s1, V s2, V s3) {
  if constexpr (HWY_HAVE_SCALABLE) {
    HWY_ALIGN float lanes[16];
    StoreLanes<kParts>(s0, s1, s2, s3, lanes);
    return FoldLanes(lanes);
  } else if constexpr (kParts == 4) {
    return hn::Add(hn::Add(s0, s2), hn::Add(s1, s3));
  } else if constexpr (kParts == 2) {
    const auto eight = hn::Add(s0, s1);
    return hn::Add(hn::LowerHalf(eight), hn::UpperHalf(DF4(), eight));
  } else {
    const hn::CappedTag<float, 8> d8;
    const auto eight = hn::Add(hn::LowerHalf(s0), hn::UpperHalf(d8, s0));
    return hn::Add(hn::LowerHalf(eight), hn::UpperHalf(DF4(), eight));
  }
}

/// AddSixteen() for the last `left` values of a head, fewer than 16. Lanes without a value stay as they are, even -0.
template <std::size_t kParts, class W, class V>
HWY_INLINE void AddSome(const std::uint8_t* row, const float* x, std::size_t k, std::size_t left, V& s0, V& s1, V& s2,
                        V& s3) {
  const PartTag<kParts> d;
  constexpr std::size_t kPart = 16 / kParts;
  const auto add = [&](std::size_t at, V& s) EDGEK_UNIT_ATTR {
    if (at >= left) return;
    const auto sum = Fma(W::LoadSome(d, row, k + at, left - at), LoadUpTo(d, x + k + at, left - at), s);
    s = hn::IfThenElse(hn::FirstN(d, left - at), sum, s);
  };
  add(0, s0);
  if constexpr (kParts >= 2) add(kPart, s1);
  if constexpr (kParts == 4) add(2 * kPart, s2), add(3 * kPart, s3);
}

/// Queries that a kernel takes at once, for each of which a key or value need not be read again. SSE2 takes one, to
/// spare every including file the time of compiling more.
inline constexpr std::size_t kMaxQueries = HWY_TARGET == HWY_SSE2 ? 1 : 2;

/// Four dot products: of one query with four keys, or of two queries with two keys, those of the first one first.
template <std::size_t kQueries, std::size_t kParts, class W>
HWY_INLINE hn::VFromD<DF4> ScoreFour(const float* const* q, const std::uint8_t* const* keys, std::size_t head_dim) {
  constexpr bool kTwo = kQueries == 2;
  const auto zero = hn::Zero(PartTag<kParts>());
  auto a0 = zero, a1 = zero, a2 = zero, a3 = zero, b0 = zero, b1 = zero, b2 = zero, b3 = zero;
  auto c0 = zero, c1 = zero, c2 = zero, c3 = zero, e0 = zero, e1 = zero, e2 = zero, e3 = zero;
  auto x0 = zero, x1 = zero, x2 = zero, x3 = zero, y0 = zero, y1 = zero, y2 = zero, y3 = zero;
  const float *x = q[0], *y = q[kQueries - 1];
  const std::uint8_t *first = keys[0], *second = keys[1], *third = keys[kTwo ? 0 : 2], *fourth = keys[kTwo ? 1 : 3];
  std::size_t k = 0;
  for (; k + 16 <= head_dim; k += 16) {
    LoadLanes<kParts>(x + k, x0, x1, x2, x3);
    AddSixteen<kParts, W>(first, k, x0, x1, x2, x3, a0, a1, a2, a3);
    AddSixteen<kParts, W>(second, k, x0, x1, x2, x3, b0, b1, b2, b3);
    LoadLanes<kParts>(y + k, y0, y1, y2, y3);
    AddSixteen<kParts, W>(third, k, y0, y1, y2, y3, c0, c1, c2, c3);
    AddSixteen<kParts, W>(fourth, k, y0, y1, y2, y3, e0, e1, e2, e3);
  }
  if (k < head_dim) {
    AddSome<kParts, W>(first, x, k, head_dim - k, a0, a1, a2, a3);
    AddSome<kParts, W>(second, x, k, head_dim - k, b0, b1, b2, b3);
    AddSome<kParts, W>(third, y, k, head_dim - k, c0, c1, c2, c3);
    AddSome<kParts, W>(fourth, y, k, head_dim - k, e0, e1, e2, e3);
  }
  return SumFour(FoldParts<kParts>(a0, a1, a2, a3), FoldParts<kParts>(b0, b1, b2, b3),
                 FoldParts<kParts>(c0, c1, c2, c3), FoldParts<kParts>(e0, e1, e2, e3));
}

/// scores[t][j] = q[t] . key j, for `count` keys. Room for a multiple of four.
template <std::size_t kQueries, class W>
HWY_NOINLINE void ScoreKeys(const float* const* q, const KvRows& keys, std::size_t head_dim, std::size_t count,
                            const KvAhead& ahead, float* const* scores) {
  constexpr std::size_t kKeys = 4 / kQueries;
  HWY_ALIGN float out[4];
  // Copies, as stores might change what is referred to: where nothing is asked for ahead, the fewer instructions a key
  // takes, the more keys the core itself sees ahead.
  const KvAhead next = ahead;
  const std::size_t row_bytes = keys.row_bytes;
  const std::uint8_t* key = keys.first;
  for (std::size_t j = 0; j < count; j += kKeys, key += kKeys * row_bytes) {
    next.Ask(j, kKeys);
    const std::uint8_t* rows[kKeys];
    for (std::size_t r = 0; r < kKeys; ++r) rows[r] = key + r * row_bytes;
    if (count - j < kKeys)  // the last key stands for missing ones
      for (std::size_t r = 1; r < kKeys; ++r) rows[r] = key + HWY_MIN(r, count - j - 1) * row_bytes;
    WithParts([&](auto parts) EDGEK_UNIT_ATTR {
      hn::Store(ScoreFour<kQueries, decltype(parts)::value, W>(q, rows, head_dim), DF4(), out);
    });
    for (std::size_t t = 0; t < kQueries; ++t)
      __builtin_memcpy(scores[t] + j, out + t * kKeys, kKeys * sizeof(float));
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

/// out[t][i] = fma(weights[t][j], values[j][i], out[t][i]), for `count` values in order.
template <std::size_t kQueries, class W>
HWY_NOINLINE void AddValues(const float* const* weights, const KvRows& values, std::size_t head_dim, std::size_t count,
                            const KvAhead& ahead, float* const* out) {
  const DF d;
  const std::size_t lanes = hn::Lanes(d);
  const auto load = [=](const float* o, auto& a, auto& b, auto& c, auto& e) EDGEK_UNIT_ATTR {
    a = hn::LoadU(d, o), b = hn::LoadU(d, o + lanes), c = hn::LoadU(d, o + 2 * lanes), e = hn::LoadU(d, o + 3 * lanes);
  };
  const auto store = [=](auto a, auto b, auto c, auto e, float* o) EDGEK_UNIT_ATTR {
    hn::StoreU(a, d, o), hn::StoreU(b, d, o + lanes), hn::StoreU(c, d, o + 2 * lanes), hn::StoreU(e, d, o + 3 * lanes);
  };
  const auto zero = hn::Zero(d);
  auto a0 = zero, b0 = zero, c0 = zero, e0 = zero, a1 = zero, b1 = zero, c1 = zero, e1 = zero;
  const std::size_t four = 4 * lanes, row_bytes = values.row_bytes;
  std::size_t i = 0;
  // Four vectors of columns: of two queries, or of one, and then four more where there are so many: all of a head of 64
  // at once, so that what is ahead is asked for evenly.
  while (i + four <= head_dim) {
    const bool eight = kQueries == 1 && i + 2 * four <= head_dim;
    float* const second = kQueries == 2 ? out[1] + i : out[0] + i + four;
    load(out[0] + i, a0, b0, c0, e0);
    if (kQueries == 2 || eight) load(second, a1, b1, c1, e1);
    const std::uint8_t* v = values.first;
    const KvAhead next = i == 0 ? ahead : KvAhead{};
    for (std::size_t j = 0; j < count; ++j, v += row_bytes) {
      next.Ask(j);
      const auto va = W::Load(d, v, i), vb = W::Load(d, v, i + lanes);
      const auto vc = W::Load(d, v, i + 2 * lanes), ve = W::Load(d, v, i + 3 * lanes);
      const auto w = hn::Set(d, weights[0][j]);
      a0 = Fma(w, va, a0), b0 = Fma(w, vb, b0), c0 = Fma(w, vc, c0), e0 = Fma(w, ve, e0);
      if constexpr (kQueries == 2) {
        const auto u = hn::Set(d, weights[1][j]);
        a1 = Fma(u, va, a1), b1 = Fma(u, vb, b1), c1 = Fma(u, vc, c1), e1 = Fma(u, ve, e1);
      } else if (eight) {
        a1 = Fma(w, W::Load(d, v, i + four), a1), b1 = Fma(w, W::Load(d, v, i + four + lanes), b1);
        c1 = Fma(w, W::Load(d, v, i + four + 2 * lanes), c1), e1 = Fma(w, W::Load(d, v, i + four + 3 * lanes), e1);
      }
    }
    store(a0, b0, c0, e0, out[0] + i);
    if (kQueries == 2 || eight) store(a1, b1, c1, e1, second);
    i += eight ? 2 * four : four;
  }
  for (; i < head_dim; i += lanes) {
    for (std::size_t t = 0; t < kQueries; ++t) {
      auto a = LoadUpTo(d, out[t] + i, head_dim - i);
      for (std::size_t j = 0; j < count; ++j)
        a = Fma(hn::Set(d, weights[t][j]), W::LoadSome(d, values.first + j * values.row_bytes, i, head_dim - i), a);
      StoreUpTo(a, d, out[t] + i, head_dim - i);
    }
  }
}

/// ScoreKeys() or AddValues(), for a number of queries and a kind of rows.
using KvFn = void (*)(const float* const* of_queries, const KvRows& rows, std::size_t head_dim, std::size_t count,
                      const KvAhead& ahead, float* const* out);
template <class W>
HWY_INLINE KvFn ScoreFnOf(std::size_t queries) {
  return queries == kMaxQueries ? &ScoreKeys<kMaxQueries, W> : &ScoreKeys<1, W>;
}
template <class W>
HWY_INLINE KvFn ValuesFnOf(std::size_t queries) {
  return queries == kMaxQueries ? &AddValues<kMaxQueries, W> : &AddValues<1, W>;
}
HWY_INLINE KvFn ScoreFn(std::size_t queries, bool half) {
  if constexpr (kReadsHalves) {
    if (half) return ScoreFnOf<WeightsF16>(queries);
  }
  return ScoreFnOf<WeightsF32>(queries);
}
HWY_INLINE KvFn ValuesFn(std::size_t queries, bool half) {
  if constexpr (kReadsHalves) {
    if (half) return ValuesFnOf<WeightsF16>(queries);
  }
  return ValuesFnOf<WeightsF32>(queries);
}

/// The states of queries [first, last), at most kScoredHeads of them.
HWY_INLINE void ChunkStates(const ChunkQueries& queries, std::size_t first, std::size_t last, float* states,
                            std::byte* scratch) {
  const AttentionJob& job = queries.job;
  const std::size_t dim = job.head_dim, state_floats = attention_state_floats(dim);
  float* converted = reinterpret_cast<float*>(scratch);
  float* scores = converted + kKvTileBytes / sizeof(float);  // (queries, kAttentionChunk)
  const std::size_t fit = kKvTileTarget / (sizeof(float) * dim) / 4 * 4;
  const std::size_t tile = HWY_MAX(fit, std::size_t{4});
  const std::size_t seen = queries.Seen(last - 1);  // later tokens see more
  const std::size_t queried = last - first, calls = (queried + kMaxQueries - 1) / kMaxQueries;
  const auto scores_of = [=](std::size_t i) EDGEK_UNIT_ATTR { return scores + (i - first) * kAttentionChunk; };
  for (std::size_t j = 0; j < seen; j += tile) {
    const std::size_t count = HWY_MIN(tile, seen - j);
    const KvRows keys = KvTile(queries, job.k, j, count, queried, converted);
    const std::uint8_t* ahead = j + count == seen ? queries.Row(job.v, 0) : queries.Row(job.k, j + count);
    for (std::size_t i = first, call = 0; i < last; i += kMaxQueries, ++call) {
      const std::size_t taken = HWY_MIN(kMaxQueries, last - i), end = i + taken - 1;
      if (queries.Seen(end) <= j) continue;  // what the other query does not see of it, is not weighed
      const float* q[] = {queries.Query(i), queries.Query(end)};
      float* to[] = {scores_of(i) + j, scores_of(end) + j};
      ScoreFn(taken, keys.half)(q, keys, dim, HWY_MIN(count, queries.Seen(end) - j),
                                AheadOf(job, ahead, count, call, calls), to);
    }
  }
  // The first tile of values is on its way; scores are weighed without asking for anything, so ask for the second now.
  if (seen > tile) {
    const std::size_t count = HWY_MIN(tile, seen - tile);
    const KvAhead second = AheadOf(job, queries.Row(job.v, tile), count, 0, 1);
    second.Ask(0, count);
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
    const KvRows values = KvTile(queries, job.v, j, count, queried, converted);
    const std::uint8_t* ahead = j + count == seen ? KeysAfter(queries) : queries.Row(job.v, j + count);
    const auto seen_here = [&](std::size_t i) EDGEK_UNIT_ATTR {
      const std::size_t of_query = queries.Seen(i);
      return of_query <= j ? 0 : HWY_MIN(count, of_query - j);
    };
    for (std::size_t i = first, call = 0; i < last; i += kMaxQueries, ++call) {
      const std::size_t taken = HWY_MIN(kMaxQueries, last - i), end = i + taken - 1;
      const std::size_t both = seen_here(i), all = seen_here(end);
      const float* weights[] = {scores_of(i) + j, scores_of(end) + j};
      float* to[] = {states + i * state_floats + 2, states + end * state_floats + 2};
      if (both > 0)
        ValuesFn(taken, values.half)(weights, values, dim, both, AheadOf(job, ahead, count, call, calls), to);
      if (both == all) continue;
      const float* more_weights = weights[1] + both;
      const KvRows more = {values.first + both * values.row_bytes, values.row_bytes, values.half};
      ValuesFn(1, values.half)(&more_weights, more, dim, all - both, {}, &to[1]);
    }
  }
}

/// KernelSet::attention_chunk.
inline void AttentionChunk(const AttentionJob& job, std::size_t kv_head, std::size_t chunk, std::size_t token_begin,
                           std::size_t token_end, float* states, std::byte* scratch) noexcept {
  if (4 * job.head_dim * sizeof(float) > kKvTileBytes) {  // heads of over 4096 values: no need for speed
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
