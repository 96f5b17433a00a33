// Row kernels of the formats with super-blocks of 256 weights: Q4_K, Q5_K, Q6_K. What differs between them
// is a small class F in the format's own file. It sees a super-block as 4 groups of 4 steps of 16 weights:
//   kFormat           the format
//   kMins             whether the sub-blocks have minimums; without them, 32 is subtracted from every weight
//                     and the super-block's own scale ends it
//   kMaxWeight        largest loaded weight
//   kStepsPerScale    2 for sub-blocks of 32 weights, 1 for sub-blocks of 16
//   kScaleOffset      where the super-block's own scale stands
//   kQuants, kQuantBytes            where the bytes stand that Group loads, and how many
//   Step(g, v)        which 16 weights step v of group g are
//   Header(p, i, offset, a, b)      int16 tables per row: sub-block scales 0..7 and, in b, minimums 0..7 or
//                                   scales 8..15
//   Group<g>(load, w0..w3)          the steps' weights, from load(place in the super-block): 16 bytes of some rows
// isum = sum of scale * dot over sub-blocks, exact in int32; acc = fma(float(isum), d * d_x, acc), then for
// kMins acc = fma(float(msum), -(dmin * d_x), acc), super-block by super-block; lanes are rows.
#if defined(EDGEK_KERNELS_BLOCK256_INL_HPP_) == defined(EDGEK_UNIT_TOGGLE)
#ifdef EDGEK_KERNELS_BLOCK256_INL_HPP_
#undef EDGEK_KERNELS_BLOCK256_INL_HPP_
#else
#define EDGEK_KERNELS_BLOCK256_INL_HPP_
#endif

#include "edgek/kernels/integer_dot-inl.hpp"
#include "edgek/kernels/rows-inl.hpp"
#include "edgek/kernels/wide256-inl.hpp"

EDGEK_BEFORE_UNIT

/// Entry j of each row's int16 table, in all lanes of the row's 128-bit block.
template <class V16>
HWY_INLINE V16 BroadcastEntry(V16 table, std::size_t j) {
  const RowU16 d16;
  const auto bytes = static_cast<std::uint16_t>((2 * j) | (2 * j + 1) << 8);
  return hn::TableLookupBytes(table, hn::BitCast(RowI16(), hn::Set(d16, bytes)));
}

/// acc + scale * (w_a . x_a + w_b . x_b), by 128-bit block; the second product is left out for kSteps == 1.
/// Arm's four-way products give int32 at once; elsewhere a 16-bit multiply-add applies the scale and widens,
/// one instruction less on x86 than a four-way product and a 32-bit multiply.
template <int kSteps, class V32, class V16, class V8, class VX>
HWY_INLINE V32 AddScaledSteps(V32 acc, V16 scale, V8 w_a, VX x_a, V8 w_b, VX x_b) {
  const RowI16 d16;
  const RowI32 d32;
  (void)d16;
#if EDGEK_UNIT_DOT && HWY_ARCH_ARM
  V32 dot = AddQuads(d32, hn::Zero(d32), w_a, x_a);
  if constexpr (kSteps == 2) dot = AddQuads(d32, dot, w_b, x_b);
  return hn::MulAdd(dot, hn::ShiftRight<16>(hn::BitCast(d32, scale)), acc);
#else
  auto dot = Pairs(d16, w_a, x_a);
  if constexpr (kSteps == 2) dot = hn::Add(dot, Pairs(d16, w_b, x_b));
  return InOrder(AddPairProducts(d32, acc, dot, scale));
#endif
}

/// The sum of the minimums with the sums of the activations (kMins), or what the weights' bias of 32 adds to
/// the integer sum, for one vector of rows.
template <bool kMins, class V16>
HWY_INLINE hn::VFromD<RowI32> SumsOfActivations(V16 a, V16 b, const std::int16_t* sums) {
  const RowI16 d16;
  const RowI32 d32;
  const auto low = hn::LoadDup128(d16, sums), high = hn::LoadDup128(d16, sums + 8);  // of 16 values each
  if constexpr (kMins) {
    const auto one = hn::Set(d16, 1);
    const auto first = hn::WidenMulPairwiseAdd(d32, low, one), second = hn::WidenMulPairwiseAdd(d32, high, one);
    if constexpr (kRowVectorBytes == 32) {  // x86 narrows by 128-bit block, which is the order wanted here
      return hn::WidenMulPairwiseAdd(d32, b, hn::ReorderDemote2To(d16, first, second));
    } else {
      return hn::WidenMulPairwiseAdd(d32, b, hn::OrderedDemote2To(d16, first, second));
    }
  } else {
    const auto sum = AddPairProducts(d32, hn::WidenMulPairwiseAdd(d32, a, low), b, high);
    return hn::Neg(hn::ShiftLeft<5>(sum));
  }
}

/// The float steps of one super-block. `isum` and `msum`: int32 (4 vectors of rows, lanes).
template <bool kMins, class VF>
HWY_INLINE VF AddBlock256(const std::int32_t* isum, const std::int32_t* msum, VF scale, VF min, float d_x, VF acc) {
  const RowF32 df;
  const RowI32 d32;
  const auto rows = [&](const std::int32_t* v) EDGEK_UNIT_ATTR {
    return hn::ConvertTo(df, RowTree(hn::Load(d32, v), hn::Load(d32, v + kTileRows), hn::Load(d32, v + 2 * kTileRows),
                                     hn::Load(d32, v + 3 * kTileRows)));
  };
  const auto d = hn::Set(df, d_x);
  acc = Fma(rows(isum), hn::Mul(scale, d), acc);
  return kMins ? Fma(rows(msum), hn::Neg(hn::Mul(min, d)), acc) : acc;
}

// ---- one token: a vector of rows stays in registers

/// Group g of one vector of rows, added to acc. AVX-512 has wide256-inl.hpp instead.
template <class F, int g, class V16, class V32>
HWY_INLINE V32 AddGroup(TilePointers p, std::size_t i, std::size_t offset, V16 a, V16 b, const std::int8_t* q, V32 acc) {
  const RowI8 di8;
  hn::VFromD<RowU8> w0, w1, w2, w3;
  F::template Group<g>(RowsLoader{p, i, offset}, w0, w1, w2, w3);
  const auto x = [&](int v) EDGEK_UNIT_ATTR { return hn::LoadDup128(di8, q + 16 * F::Step(g, v)); };
  const auto scale = [&](int v) EDGEK_UNIT_ATTR {
    const int j = F::Step(g, v) / F::kStepsPerScale;
    return BroadcastEntry(j < 8 ? a : b, static_cast<std::size_t>(j % 8));
  };
  if constexpr (F::kStepsPerScale == 2) {
    acc = AddScaledSteps<2>(acc, scale(0), w0, x(0), w1, x(1));
    return AddScaledSteps<2>(acc, scale(2), w2, x(2), w3, x(3));
  } else {
    acc = AddScaledSteps<1>(acc, scale(0), w0, x(0), w0, x(0));
    acc = AddScaledSteps<1>(acc, scale(1), w1, x(1), w1, x(1));
    acc = AddScaledSteps<1>(acc, scale(2), w2, x(2), w2, x(2));
    return AddScaledSteps<1>(acc, scale(3), w3, x(3), w3, x(3));
  }
}

#if HWY_TARGET != HWY_AVX3_DL

/// Adds the super-block `block` of a tile's rows.
template <class F>
HWY_INLINE hn::VFromD<RowF32> AddBlock256One(TilePointers p, const PackedA256& token, std::size_t block,
                                             hn::VFromD<RowF32> sum) {
  const RowI32 d32;
  const std::size_t offset = block * info(F::kFormat).block_bytes;
  HWY_ALIGN std::int32_t isum[4 * kTileRows];
  HWY_ALIGN std::int32_t msum[4 * kTileRows];
  for (std::size_t i = 0; i < 4; ++i) {
    hn::VFromD<RowI16> a, b;
    F::Header(p, i, offset, a, b);
    const auto of_x = SumsOfActivations<F::kMins>(a, b, token.sum + 16 * block);
    if constexpr (F::kMins) hn::Store(of_x, d32, msum + i * kTileRows);
    auto acc = F::kMins ? hn::Zero(d32) : of_x;
    acc = AddGroup<F, 0>(p, i, offset, a, b, token.q + 256 * block, acc);
    acc = AddGroup<F, 1>(p, i, offset, a, b, token.q + 256 * block, acc);
    acc = AddGroup<F, 2>(p, i, offset, a, b, token.q + 256 * block, acc);
    acc = AddGroup<F, 3>(p, i, offset, a, b, token.q + 256 * block, acc);
    hn::Store(acc, d32, isum + i * kTileRows);
  }
  hn::VFromD<RowF32> scale, min;
  LoadScales<F::kMins, !F::kMins>(p, offset + F::kScaleOffset, scale, min);
  return AddBlock256<F::kMins>(isum, msum, scale, min, token.d[block], sum);
}

#endif

template <class F>
void Tile256One(const MatmulJob& job, TilePointers p, float* HWY_RESTRICT out, const void* /*context*/) {
  constexpr std::size_t kBytes = info(F::kFormat).block_bytes;
  const RowF32 df;
  const PackedA256 token = packed_a256(job.x, job.cols);
  const std::size_t blocks = job.cols / 256;
  StreamPrefetch prefetch(p, job);
  auto sum = hn::Zero(df);
#if HWY_TARGET == HWY_AVX3_DL
  const auto dot = [&](std::size_t block) EDGEK_UNIT_INLINE {
    prefetch.Advance((block + 1) * kBytes);
    return DotBlock256<F>(p, token, block);
  };
  AddOneLate(blocks, dot, [&](const WideSums& sums, std::size_t block) EDGEK_UNIT_INLINE {
    sum = AddWideSums<F::kMins>(sums, token.d[block], sum);
  });
#else
  for (std::size_t block = 0; block < blocks; ++block) {
    prefetch.Advance((block + 1) * kBytes);
    sum = AddBlock256One<F>(p, token, block, sum);
  }
#endif
  hn::Store(sum, df, out);
}

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_BLOCK256_INL_HPP_
