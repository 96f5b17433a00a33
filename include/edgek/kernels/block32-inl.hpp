// Row kernels of the formats with blocks of 32 weights: Q8_0, Q4_0, Q4_1, Q5_0, Q5_1. What differs between
// them is a small class F in the format's own file:
//   kFormat      the format
//   kBias        what is to be subtracted from the loaded weights
//   kMin         whether a minimum follows the scale
//   kMaxWeight   largest loaded weight; 255 says that they are bytes of all values, signed but for kFlip
//   kQuants      where the block's 16 bytes of nibbles, or 32 bytes, begin
//   kFifthBits   where 32 fifth bits begin, or 0
//   Load(p, i, offset, low, high)   weights 0..15 and 16..31 of the block at `offset` of rows i, i + 4, ...
// acc = fma(float(isum), d_w * d_x, acc), then for kMin acc = fma(float(sum_x), m_w * d_x, acc), block by
// block: lanes are rows, so every target has the bits of the scalar loop.
#if defined(EDGEK_KERNELS_BLOCK32_INL_HPP_) == defined(EDGEK_UNIT_TOGGLE)
#ifdef EDGEK_KERNELS_BLOCK32_INL_HPP_
#undef EDGEK_KERNELS_BLOCK32_INL_HPP_
#else
#define EDGEK_KERNELS_BLOCK32_INL_HPP_
#endif

#include "edgek/kernels/integer_dot-inl.hpp"
#include "edgek/kernels/rows-inl.hpp"
#include "edgek/kernels/wide32-inl.hpp"

EDGEK_BEFORE_UNIT

/// Partial sums of one vector of rows with one token's 32 activations.
template <int kMaxWeight, class V8, class VX>
HWY_INLINE auto BlockPartial(V8 low, V8 high, VX x_low, VX x_high) {
  const RowI8 di8;
  const RowI16 d16;
  const RowI32 d32;
  (void)di8, (void)d16, (void)d32;
#if EDGEK_UNIT_DOT
  return AddQuads(d32, AddQuads(d32, hn::Zero(d32), low, x_low), high, x_high);
#else
  if constexpr (kMaxWeight == 255) {  // two pair sums would not fit int16
    const auto one = hn::Set(d16, 1);
    const auto a = hn::WidenMulPairwiseAdd(d32, SignedPairs(d16, hn::BitCast(di8, low), x_low), one);
    return AddPairProducts(d32, a, SignedPairs(d16, hn::BitCast(di8, high), x_high), one);
  } else {
    return hn::Add(Pairs(d16, low, x_low), Pairs(d16, high, x_high));
  }
#endif
}

/// Lane r: the integer sum of row r, from the partial sums of its four vectors: partial(0) to partial(3). Two are
/// folded before the next are made: all four at once, and their constants, would not fit 16 registers.
template <int kMaxWeight, class Fn>
HWY_INLINE hn::VFromD<RowI32> BlockSum(const Fn& partial) {
  if constexpr (EDGEK_UNIT_DOT || kMaxWeight == 255) {
    const auto a = FoldPair(partial(0), partial(1));
    const auto b = FoldPair(partial(2), partial(3));
    return FoldRows(a, b);
  } else {
    static_assert(kMaxWeight * 127 * 8 <= 32767);
    const auto a = FoldSmallPair(partial(0), partial(1));
    const auto b = FoldSmallPair(partial(2), partial(3));
    if constexpr (kMaxWeight * 127 * 16 <= 32767) return FoldSmall(a, b);
    return FoldMedium(a, b);
  }
}

/// The float step of one block.
template <class V32, class VF>
HWY_INLINE VF AddBlock32(std::int32_t bias, V32 isum, VF scale, float d_x, std::int32_t sum_x, VF acc) {
  const hn::DFromV<VF> df;
  const VF d = hn::Set(df, d_x);
  isum = hn::Sub(isum, hn::Set(hn::DFromV<V32>(), bias * sum_x));
  return Fma(hn::ConvertTo(df, isum), hn::Mul(scale, d), acc);
}

/// What follows it in a format with minimums.
template <class VF>
HWY_INLINE VF AddMin32(VF min, float d_x, std::int32_t sum_x, VF acc) {
  const hn::DFromV<VF> df;
  const hn::RebindToSigned<hn::DFromV<VF>> d32;
  return Fma(hn::ConvertTo(df, hn::Set(d32, sum_x)), hn::Mul(min, hn::Set(df, d_x)), acc);
}

// ---- one token: everything stays in registers

template <class F, class VF>
HWY_INLINE VF AddBlock32One(TilePointers p, std::size_t offset, const PackedA32& token, std::size_t block, VF acc) {
  const RowI8 di8;
  const auto x_low = hn::LoadDup128(di8, token.q + 32 * block);
  const auto x_high = hn::LoadDup128(di8, token.q + 32 * block + 16);
  const auto partial = [&](std::size_t i) EDGEK_UNIT_ATTR {
    hn::VFromD<RowU8> low, high;
    F::Load(p, i, offset, low, high);
    return BlockPartial<F::kMaxWeight>(low, high, x_low, x_high);
  };
  const auto isum = BlockSum<F::kMaxWeight>(partial);
  VF scale, min;
  LoadScales<F::kMin>(p, offset, scale, min);
  acc = AddBlock32(F::kBias, isum, scale, token.d[block], token.sum[block], acc);
  return F::kMin ? AddMin32(min, token.d[block], token.sum[block], acc) : acc;
}

template <class F>
void Tile32One(const MatmulJob& job, TilePointers p, float* HWY_RESTRICT out, const void* /*context*/) {
  constexpr std::size_t kBytes = info(F::kFormat).block_bytes;
  constexpr std::size_t kStep = 4;  // blocks between prefetches
  const RowF32 df;
  const std::size_t pieces = 1 + (job.rest == nullptr ? 0 : job.rest->count);
  StreamPrefetch prefetch(p, job);
  auto sum = hn::Zero(df);
  // The row, then the blocks that have a rest, in one loop: every including file compiles what is inside.
  for (std::size_t piece = 0; piece < pieces; ++piece) {
    const bool is_row = piece == 0;
    const std::size_t first = is_row ? 0 : job.rest->block[piece - 1];
    const std::size_t blocks = is_row ? job.cols / 32 : 1;
    const PackedA32 token = packed_a32(is_row ? job.x : job.rest->packed[piece - 1], 32 * blocks);
    auto acc = hn::Zero(df);
    std::size_t b = 0;
#if HWY_TARGET == HWY_AVX3_DL
    constexpr std::size_t kBlocks = Step32<F>::kBlocks;
    const auto dot = [&](std::size_t step) EDGEK_UNIT_INLINE {
      prefetch.Advance((step + 1) * kBlocks * kBytes);
      return DotStepOfTile<F>(p, token, kBlocks * step);
    };
    AddOneLate(blocks / kBlocks, dot, [&](const StepSums& sums, std::size_t step) EDGEK_UNIT_INLINE {
      acc = AddStep32<F>(sums, token, kBlocks * step, acc);
    });
    b = blocks / kBlocks * kBlocks;
#endif
    for (; b < blocks; ++b) {
      if (b % kStep == 0) prefetch.Advance((b + kStep) * kBytes);
      acc = AddBlock32One<F>(p, (first + b) * kBytes, token, b, acc);
    }
    sum = is_row ? acc : hn::Add(sum, acc);
  }
  hn::Store(sum, df, out);
}

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_BLOCK32_INL_HPP_
