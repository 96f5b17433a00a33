// Several tokens times rows of super-blocks of 256 weights. A tile's super-blocks are made quads, of which eight at a
// time stay in registers while every token meets them: a sum is a lane of its own and need not be folded, as one
// token's is in block256-inl.hpp.
#if defined(EDGEK_KERNELS_TOKENS256_INL_HPP_) == defined(EDGEK_UNIT_TOGGLE)
#ifdef EDGEK_KERNELS_TOKENS256_INL_HPP_
#undef EDGEK_KERNELS_TOKENS256_INL_HPP_
#else
#define EDGEK_KERNELS_TOKENS256_INL_HPP_
#endif

#include "edgek/kernels/block256-inl.hpp"
#include "edgek/kernels/head256-inl.hpp"

EDGEK_BEFORE_UNIT

/// isum + two steps of 16 weights, w0 to w3 and w4 to w7, times every token; isum: (tokens, kQuadRows). first, second:
/// where the steps' activations stand in q, a token's of the super-block. Every group calls this one copy: inlined,
/// four tokens are 3 % faster on a Zen 4, and every file that includes all formats compiles a second longer.
template <int kMaxWeight, int kStepsPerScale>
HWY_NOINLINE void AddTwoSteps(QuadV w0, QuadV w1, QuadV w2, QuadV w3, QuadV w4, QuadV w5, QuadV w6, QuadV w7,
                              const std::int32_t* scales, std::size_t first, std::size_t second,
                              const std::int8_t* const* q, std::size_t count, std::int32_t* HWY_RESTRICT isum) {
  constexpr std::size_t kRun = HWY_MIN(std::size_t{4 * kStepsPerScale}, kQuadsPerPartial<kMaxWeight>);
  const PartialTag<kMaxWeight, QuadI32> dp;
  const QuadI8 di8;
  const QuadI32 d32;
  const auto first_scale = hn::Load(d32, scales + first / 16 / kStepsPerScale * kQuadRows);
  const auto second_scale = hn::Load(d32, scales + second / 16 / kStepsPerScale * kQuadRows);
  for (std::size_t t = 0; t < count; ++t) {
    auto sum = hn::Load(d32, isum + t * kQuadRows);
    auto partial = hn::Zero(dp);
    const auto add = [&](QuadV w, auto index) EDGEK_UNIT_INLINE {
      constexpr int i = decltype(index)::value;
      AddQuad<kMaxWeight, i % 4>(partial, w, QuadActivations<i % 4>(di8, q[t] + (i < 4 ? first : second)));
      if ((i + 1) % kRun != 0) return;
      sum = AddScaled(sum, partial, i < 4 ? first_scale : second_scale);
      partial = hn::Zero(dp);
    };
    add(w0, QuadIndex<0>()), add(w1, QuadIndex<1>()), add(w2, QuadIndex<2>()), add(w3, QuadIndex<3>());
    add(w4, QuadIndex<4>()), add(w5, QuadIndex<5>()), add(w6, QuadIndex<6>()), add(w7, QuadIndex<7>());
    hn::Store(sum, d32, isum + t * kQuadRows);
  }
}

/// isum + two steps of group g, the first or the last, and all that follow.
template <class F, int g, int half>
HWY_INLINE void AddSteps(const TransposedQuants<F>& quants, const std::int32_t* scales, const std::int8_t* const* q,
                         std::size_t count, std::int32_t* HWY_RESTRICT isum) {
  const auto quad = [&](std::size_t i, QuadV& first, QuadV& second) EDGEK_UNIT_INLINE {
    QuadV other, another;
    if constexpr (half == 0) GroupQuads<F, g>(quants, i, first, second, other, another);
    if constexpr (half == 1) GroupQuads<F, g>(quants, i, other, another, first, second);
  };
  QuadV w0, w1, w2, w3, w4, w5, w6, w7;
  quad(0, w0, w4), quad(1, w1, w5), quad(2, w2, w6), quad(3, w3, w7);
  constexpr std::size_t kFirst = 16 * F::Step(g, 2 * half), kSecond = 16 * F::Step(g, 2 * half + 1);
  AddTwoSteps<F::kMaxWeight, F::kStepsPerScale>(w0, w1, w2, w3, w4, w5, w6, w7, scales, kFirst, kSecond, q, count,
                                                isum);
  if constexpr (half == 0) EDGEK_UNIT::AddSteps<F, g, 1>(quants, scales, q, count, isum);
  if constexpr (half == 1 && g < 3) EDGEK_UNIT::AddSteps<F, g + 1, 0>(quants, scales, q, count, isum);
}

/// acc + the super-blocks at `offset`, number `block` of their rows, times every token; acc: (tokens, kQuadRows).
template <class F>
HWY_INLINE void AddQuads256(TilePointers p, std::size_t offset, const PackedA256* tokens, std::size_t count,
                            std::size_t block, float* HWY_RESTRICT acc) {
  constexpr std::size_t kSubBlocks = SubBlocks(F::kMins);
  HWY_ALIGN std::byte head[HeadBytes(kSubBlocks) * kQuadRows];
  StoreHeads<F>(p, offset, {head, kQuadRows});
  HWY_ALIGN std::int32_t isum[kMaxRowTokens * kQuadRows];
  HWY_ALIGN std::int32_t msum[kMaxRowTokens * kQuadRows];
  const std::int8_t* q[kMaxRowTokens];
  for (std::size_t t = 0; t < count; ++t) {
    q[t] = tokens[t].q + 256 * block;
    const SubBlockSums<F::kMins> sums(tokens[t], block);
    StartSums(QuadI32(), head + PairsAt(kSubBlocks) * kQuadRows, kQuadRows, sums, isum + t * kQuadRows,
              msum + t * kQuadRows);
  }
  const TransposedQuants<F> quants(p, offset);
  EDGEK_UNIT::AddSteps<F, 0, 0>(quants, reinterpret_cast<const std::int32_t*>(head), q, count, isum);
  const auto* floats = reinterpret_cast<const float*>(head + FloatsAt(kSubBlocks) * kQuadRows);
  for (std::size_t t = 0; t < count; ++t) {
    const std::size_t at = t * kQuadRows;
    AddHeadFloats<F::kMins>(QuadF32(), isum + at, msum + at, floats, kQuadRows, tokens[t].d[block], acc + at);
  }
}

/// TileFn of several tokens.
template <class F>
void Tile256Tokens(const MatmulJob& job, TilePointers p, float* HWY_RESTRICT out, const void* /*context*/) {
  constexpr std::size_t kBytes = info(F::kFormat).block_bytes;
  PackedA256 tokens[kMaxRowTokens];
  for (std::size_t t = 0; t < job.tokens; ++t) tokens[t] = packed_a256(job.x + t * job.x_stride, job.cols);
  for (std::size_t i = 0; i < job.tokens * kQuadRows; ++i) out[i] = 0.0f;
  StreamPrefetch<kQuadRows> prefetch(p, job);
  for (std::size_t b = 0; b < job.cols / 256; ++b) {
    prefetch.Advance((b + 1) * kBytes);
    AddQuads256<F>(p, b * kBytes, tokens, job.tokens, b, out);
  }
}

/// RowsFn of a format with super-blocks of 256. SSE2 does without the loop for one token (see Rows32).
template <class F>
void Rows256(const MatmulJob& job, std::size_t begin, std::size_t end) noexcept {
  static_assert(F::kStepsPerScale == (F::kMins ? 2 : 1));
  if constexpr (HWY_TARGET != HWY_SSE2) {
    if (job.tokens == 1) return WalkTiles(job, begin, end, &Tile256One<F>, nullptr);
  }
  WalkTiles<kQuadRows>(job, begin, end, &Tile256Tokens<F>, nullptr);
}

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_TOKENS256_INL_HPP_
