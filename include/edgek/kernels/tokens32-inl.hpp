// Several tokens times rows of blocks of 32 weights. A tile's blocks are made quads, which stay in registers while
// every token meets them: a sum is a lane of its own and need not be folded, as one token's is in block32-inl.hpp.
#if defined(EDGEK_KERNELS_TOKENS32_INL_HPP_) == defined(EDGEK_UNIT_TOGGLE)
#ifdef EDGEK_KERNELS_TOKENS32_INL_HPP_
#undef EDGEK_KERNELS_TOKENS32_INL_HPP_
#else
#define EDGEK_KERNELS_TOKENS32_INL_HPP_
#endif

#include "edgek/kernels/block32-inl.hpp"
#include "edgek/kernels/quads-inl.hpp"

EDGEK_BEFORE_UNIT

/// acc + the block at `offset`, number `block` of its row, times every token; acc: (tokens, kQuadRows).
template <class F>
HWY_INLINE void AddQuads32(TilePointers p, std::size_t offset, const PackedA32* tokens, std::size_t count,
                           std::size_t block, float* HWY_RESTRICT acc) {
  constexpr int kMaxWeight = F::kMaxWeight;
  const PartialTag<kMaxWeight, QuadI32> dp;
  const QuadI8 di8;
  const QuadI32 d32;
  const QuadF32 df;
  hn::VFromD<QuadF32> scale, min;
  QuadV w0, w1, w2, w3, w4, w5, w6, w7;
  LoadQuads32<F>(p, offset, scale, min, w0, w1, w2, w3, w4, w5, w6, w7);
  for (std::size_t t = 0; t < count; ++t) {
    const PackedA32& token = tokens[t];
    const std::int8_t* q = token.q + 32 * block;
    auto even = hn::Zero(dp), odd = hn::Zero(dp);
    const auto add = [&](auto& partial, auto w, auto index) EDGEK_UNIT_INLINE {
      constexpr int i = decltype(index)::value;
      AddQuad<kMaxWeight, i>(partial, w, QuadActivations<i>(di8, q));
    };
    add(even, w0, QuadIndex<0>()), add(odd, w1, QuadIndex<1>()), add(even, w2, QuadIndex<2>());
    add(odd, w3, QuadIndex<3>()), add(even, w4, QuadIndex<4>()), add(odd, w5, QuadIndex<5>());
    add(even, w6, QuadIndex<6>()), add(odd, w7, QuadIndex<7>());
    auto isum = hn::Zero(d32);
    if constexpr (kQuadsPerPartial<kMaxWeight> >= 8) {
      isum = WidePartial<kMaxWeight>(d32, hn::Add(even, odd));
    } else {
      isum = hn::Add(WidePartial<kMaxWeight>(d32, even), WidePartial<kMaxWeight>(d32, odd));
    }
    float* to = acc + t * kQuadRows;
    auto y = AddBlock32(F::kBias, isum, scale, token.d[block], token.sum[block], hn::Load(df, to));
    if constexpr (F::kMin) y = AddMin32(min, token.d[block], token.sum[block], y);
    hn::Store(y, df, to);
  }
}

/// The `blocks` blocks from `offset` on.
template <class F>
HWY_NOINLINE void AddQuads32(TilePointers p, std::size_t offset, std::size_t blocks, const PackedA32* tokens,
                             std::size_t count, std::size_t block, float* HWY_RESTRICT acc) {
  for (std::size_t b = 0; b < blocks; ++b)
    AddQuads32<F>(p, offset + b * info(F::kFormat).block_bytes, tokens, count, block + b, acc);
}

/// TileFn of several tokens.
template <class F>
void Tile32Tokens(const MatmulJob& job, TilePointers p, float* HWY_RESTRICT out, const void* /*context*/) {
  constexpr std::size_t kBytes = info(F::kFormat).block_bytes;
  constexpr std::size_t kStep = 4;  // blocks between prefetches
  const std::size_t blocks = job.cols / 32;
  PackedA32 tokens[kMaxRowTokens];
  for (std::size_t t = 0; t < job.tokens; ++t) tokens[t] = packed_a32(job.x + t * job.x_stride, job.cols);
  for (std::size_t i = 0; i < job.tokens * kQuadRows; ++i) out[i] = 0.0f;
  StreamPrefetch<kQuadRows> prefetch(p, job);
  for (std::size_t b = 0; b < blocks; b += kStep) {
    prefetch.Advance((b + kStep) * kBytes);
    AddQuads32<F>(p, b * kBytes, HWY_MIN(kStep, blocks - b), tokens, job.tokens, b, out);
  }
  if (job.rest == nullptr) return;
  for (std::size_t t = 0; t < job.tokens; ++t) {
    for (std::size_t i = 0; i < job.rest[t].count; ++i) {
      HWY_ALIGN float sum[kQuadRows] = {};
      const PackedA32 token = packed_a32(job.rest[t].packed[i], 32);
      AddQuads32<F>(p, job.rest[t].block[i] * kBytes, 1, &token, 1, 0, sum);
      for (std::size_t r = 0; r < kQuadRows; ++r) out[t * kQuadRows + r] += sum[r];
    }
  }
}

/// RowsFn of a format with blocks of 32. SSE2, a fallback for CPUs from before 2013, does without the loop for one
/// token, to spare every including file the time of compiling it.
template <class F>
void Rows32(const MatmulJob& job, std::size_t begin, std::size_t end) noexcept {
  if constexpr (HWY_TARGET != HWY_SSE2) {
    if (job.tokens == 1) return WalkTiles(job, begin, end, &Tile32One<F>, nullptr);
  }
  WalkTiles<kQuadRows>(job, begin, end, &Tile32Tokens<F>, nullptr);
}

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_TOKENS32_INL_HPP_
