// One token times rows of super-blocks of 256 weights, in 512-bit vectors (AVX3_DL): each row's halves of 128
// weights are two vectors, low and high, of 64 weights, in which a 128-bit block belongs to one sub-block. Four
// products give int32, pairs of vectors are packed to int16, which a 16-bit multiply-add scales: one instruction
// for 16 weights fewer than block256-inl.hpp's. What is particular to a format F is in its own file:
//   WideScale(half, block, high)      which sub-block a 128-bit block of a half's low or high vector is of
//   Decode(heads, scales, minimums)   with kMins: int16 tables from a row's head in every 128-bit block
//   kSubScales                        without: where the bytes of the sub-blocks' scales stand
//   WideHalf<half>(block, low, high)  the two vectors of the super-block that begins at `block`
#if defined(EDGEK_KERNELS_WIDE256_INL_HPP_) == defined(EDGEK_UNIT_TOGGLE)
#ifdef EDGEK_KERNELS_WIDE256_INL_HPP_
#undef EDGEK_KERNELS_WIDE256_INL_HPP_
#else
#define EDGEK_KERNELS_WIDE256_INL_HPP_
#endif

#include "edgek/kernels/rows-inl.hpp"
#include "edgek/kernels/wide32-inl.hpp"

#if HWY_TARGET == HWY_AVX3_DL

EDGEK_BEFORE_UNIT

using WideI16 = hn::Repartition<std::int16_t, WideU8>;
using WideV16 = hn::VFromD<WideI16>;

/// 128-bit blocks of two vectors: a.i, a.j, b.i, b.j.
template <int i, int j>
HWY_INLINE WideV32 BlocksOf(WideV32 a, WideV32 b) {
  return WideV32{_mm512_maskz_shuffle_i64x2(0xFF, a.raw, b.raw, i | j << 2 | i << 4 | j << 6)};
}

/// 128-bit block r: four lanes that sum to row r's sixteen.
HWY_INLINE WideV32 FoldRows(const WideV32* row) {
  const auto fold = [](WideV32 a, WideV32 b) EDGEK_UNIT_ATTR {
    return hn::Add(BlocksOf<0, 1>(a, b), BlocksOf<2, 3>(a, b));
  };
  const auto a = fold(row[0], row[1]), b = fold(row[2], row[3]);
  return hn::Add(BlocksOf<0, 2>(a, b), BlocksOf<1, 3>(a, b));
}

/// Lane r: the sum of row r's four lanes, which are block r of `lower` or block r - 4 of `upper`.
HWY_INLINE hn::VFromD<RowI32> SumBlocks(WideV32 lower, WideV32 upper) {
  const WideI32 d;
  const auto pairs = hn::Add(hn::InterleaveLower(d, lower, upper), hn::InterleaveUpper(d, lower, upper));
  const auto sums = hn::Add(pairs, hn::Shuffle1032(pairs));
  const auto order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 0, 0, 0, 0, 0, 0, 0, 0);
  return hn::LowerHalf(WideV32{_mm512_maskz_permutexvar_epi32(0xFFFF, order, sums.raw)});
}

/// The activations of a super-block in the order of the weights' vectors, (half, low or high), and what their
/// sums start from.
struct WideActivations {
  WideV8 x[4];
  WideV32 start[4];
};

/// With minimums, a half's low vector has sub-blocks 0 and 2, its high one 1 and 3. Without, weights are biased
/// by 32, which the sums start from.
template <class F>
HWY_INLINE WideActivations LoadWideActivations(const std::int8_t* q) {
  const WideU8 d;
  const WideI32 d32;
  WideActivations a;
  for (int half = 0; half < 2; ++half) {
    const auto* from = reinterpret_cast<const std::uint8_t*>(q) + 128 * half;
    const auto first = hn::BitCast(d32, hn::LoadU(d, from)), second = hn::BitCast(d32, hn::LoadU(d, from + 64));
    a.x[2 * half] = hn::BitCast(d, F::kMins ? BlocksOf<0, 1>(first, second) : first);
    a.x[2 * half + 1] = hn::BitCast(d, F::kMins ? BlocksOf<2, 3>(first, second) : second);
  }
  for (int v = 0; v < 4; ++v) {
    const auto zero = hn::Zero(d32);
    a.start[v] = zero;
    if constexpr (!F::kMins)
      a.start[v] = hn::Sub(zero, WideV32{_mm512_dpbusd_epi32(zero.raw, _mm512_set1_epi8(32), a.x[v].raw)});
  }
  return a;
}

/// The int16 scales of a half's packed products: four of the low vector's, four of the high one's in each block,
/// picked by byte from a row's table: of eight int16, or of sixteen bytes that are put into the upper bytes.
template <class F, int half>
struct WideScales {
  struct Table {
    alignas(64) std::uint8_t byte[64];
  };
  static constexpr Table kTable = [] {
    Table table{};
    for (int lane = 0; lane < 64; ++lane) {
      const int entry = F::WideScale(half, lane / 16, lane % 16 >= 8);
      table.byte[lane] = static_cast<std::uint8_t>(F::kMins ? 2 * entry + lane % 2 : lane % 2 ? entry : 0x80);
    }
    return table;
  }();

  static HWY_INLINE WideV16 Of(WideV8 row_table) {
    const auto v = hn::BitCast(WideI16(), hn::TableLookupBytesOr0(row_table, hn::Load(WideU8(), kTable.byte)));
    if constexpr (F::kMins) return v;
    return hn::ShiftRight<8>(v);
  }
};

/// acc + a half of a row's super-block.
template <class F, int half>
HWY_INLINE WideV32 AddWideHalf(const std::uint8_t* block, WideV8 row_table, const WideActivations& a, WideV32 acc) {
  WideV8 low, high;
  F::template WideHalf<half>(block, low, high);
  const auto dot = [&](WideV8 w, int v) EDGEK_UNIT_ATTR {
    return WideV32{_mm512_dpbusd_epi32(a.start[v].raw, w.raw, a.x[v].raw)};
  };
  const auto packed = hn::ReorderDemote2To(WideI16(), dot(low, 2 * half), dot(high, 2 * half + 1));  // they fit
  return WideV32{_mm512_dpwssd_epi32(acc.raw, packed.raw, WideScales<F, half>::Of(row_table).raw)};
}

/// 16 bytes at `offset` of the rows first .. first + 3.
HWY_INLINE WideV8 LoadFourRows(TilePointers p, std::size_t first, std::size_t offset) {
  const RowU8 d;
  const hn::Half<RowU8> half;
  const auto two = [&](std::size_t r) EDGEK_UNIT_ATTR {
    return hn::Combine(d, hn::LoadU(half, p[r + 1] + offset), hn::LoadU(half, p[r] + offset)).raw;
  };
  return WideV8{_mm512_maskz_inserti64x4(0xFF, _mm512_castsi256_si512(two(first)), two(first + 2), 1)};
}

/// Words 0 and 1 of every row's head: d of the eight rows, then dmin.
HWY_INLINE hn::VFromD<WideF32> LoadScalesAndMins(WideV8 lower, WideV8 upper) {
  const auto order = _mm512_castsi256_si512(
      _mm256_setr_epi16(0, 8, 16, 24, 32, 40, 48, 56, 1, 9, 17, 25, 33, 41, 49, 57));
  return FloatsOfHalves(LowerWords(WideV8{_mm512_permutex2var_epi16(lower.raw, order, upper.raw)}));
}

/// Four lanes for each row: its minimums times the sums of 32 activations.
HWY_INLINE WideV32 MinSums(WideV16 mins, const std::int16_t* sums) {
  const WideI16 d16;
  const WideI32 d32;
  const auto one = hn::Set(d16, 1);
  const auto first = hn::WidenMulPairwiseAdd(d32, hn::LoadDup128(d16, sums), one);
  const auto second = hn::WidenMulPairwiseAdd(d32, hn::LoadDup128(d16, sums + 8), one);
  return hn::WidenMulPairwiseAdd(d32, mins, hn::ReorderDemote2To(d16, first, second));
}

/// The integer part of a super-block, for all rows of a tile.
struct WideSums {
  WideV32 lower, upper;  // for SumBlocks()
  hn::VFromD<RowI32> msum;
  hn::VFromD<RowF32> scale, min;
};

/// Of the super-block `block`.
template <class F>
HWY_INLINE WideSums DotBlock256(TilePointers p, const PackedA256& token, std::size_t block) {
  const WideU8 d;
  const WideI32 d32;
  const std::size_t offset = block * info(F::kFormat).block_bytes;
  const WideActivations a = LoadWideActivations<F>(token.q + 256 * block);
  HWY_ALIGN std::int16_t scales[8 * kTileRows];  // (row, sub-block), for kMins
  WideSums sums;
  sums.min = hn::Zero(RowF32());
  sums.msum = hn::Zero(RowI32());
  if constexpr (F::kMins) {
    const WideV8 head[2] = {LoadFourRows(p, 0, offset), LoadFourRows(p, 4, offset)};
    WideV32 min_sums[2];
    for (std::size_t i = 0; i < 2; ++i) {
      WideV16 of_rows, mins;
      F::Decode(head[i], of_rows, mins);
      hn::Store(of_rows, WideI16(), scales + 32 * i);
      min_sums[i] = MinSums(mins, token.sum + 16 * block);
    }
    sums.msum = SumBlocks(min_sums[0], min_sums[1]);
    const auto both = LoadScalesAndMins(head[0], head[1]);
    sums.scale = hn::LowerHalf(both), sums.min = UpperFloats(both);
  } else {
    sums.scale = LoadRowHalves<true>(p, offset + F::kScaleOffset);
  }
  const auto row = [&](std::size_t r) EDGEK_UNIT_INLINE {
    const std::uint8_t* bytes = p[r] + offset;
    const std::uint8_t* table = nullptr;
    if constexpr (F::kMins) table = reinterpret_cast<const std::uint8_t*>(scales + 8 * r);
    if constexpr (!F::kMins) table = bytes + F::kSubScales;
    const WideV8 row_table = hn::LoadDup128(d, table);
    return AddWideHalf<F, 1>(bytes, row_table, a, AddWideHalf<F, 0>(bytes, row_table, a, hn::Zero(d32)));
  };
  const WideV32 lower[4] = {row(0), row(1), row(2), row(3)};
  sums.lower = FoldRows(lower);
  const WideV32 upper[4] = {row(4), row(5), row(6), row(7)};
  sums.upper = FoldRows(upper);
  return sums;
}

/// Its float steps.
template <bool kMins>
HWY_INLINE hn::VFromD<RowF32> AddWideSums(const WideSums& sums, float d_x, hn::VFromD<RowF32> acc) {
  const RowF32 df;
  const auto d = hn::Set(df, d_x);
  acc = Fma(hn::ConvertTo(df, SumBlocks(sums.lower, sums.upper)), hn::Mul(sums.scale, d), acc);
  return kMins ? Fma(hn::ConvertTo(df, sums.msum), hn::Neg(hn::Mul(sums.min, d)), acc) : acc;
}

EDGEK_AFTER_UNIT

#endif  // HWY_TARGET == HWY_AVX3_DL

#endif  // EDGEK_KERNELS_WIDE256_INL_HPP_
