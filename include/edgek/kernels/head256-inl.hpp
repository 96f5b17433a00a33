// The head of super-blocks of 256 weights, for kernels whose lanes are rows: a scale per sub-block, in every row's
// dword; int16 pairs of what meets the sums of the activations (minimums, or without them the scales, for the weights'
// bias); d and dmin. There are 8 sub-blocks with minimums, or 16 without.
#if defined(EDGEK_KERNELS_HEAD256_INL_HPP_) == defined(EDGEK_UNIT_TOGGLE)
#ifdef EDGEK_KERNELS_HEAD256_INL_HPP_
#undef EDGEK_KERNELS_HEAD256_INL_HPP_
#else
#define EDGEK_KERNELS_HEAD256_INL_HPP_
#endif

#include "edgek/kernels/integer_dot-inl.hpp"
#include "edgek/kernels/quads-inl.hpp"

EDGEK_BEFORE_UNIT

constexpr std::size_t SubBlocks(bool mins) { return mins ? 8 : 16; }

/// Where the parts of a head begin, in bytes per row: the scales first.
constexpr std::size_t PairsAt(std::size_t sub_blocks) { return 4 * sub_blocks; }
constexpr std::size_t FloatsAt(std::size_t sub_blocks) { return PairsAt(sub_blocks) + 2 * sub_blocks; }
constexpr std::size_t HeadBytes(std::size_t sub_blocks) { return FloatsAt(sub_blocks) + 8; }

/// Whether the partial sums of sub-blocks, whose weights are at most 63, are int32. If not, a row's scale is int16 and
/// stands twice in its dword.
inline constexpr bool kWideSums = kWidePartials<63>;

/// Bytes i and j of every dword, as int16.
template <class V32>
HWY_INLINE V32 PairOfBytes(V32 bytes, int i, int j) {
  const hn::DFromV<V32> d32;
  const hn::Repartition<std::uint8_t, decltype(d32)> d8;
  const hn::Repartition<std::int16_t, decltype(d32)> d16;
#if HWY_TARGET == HWY_SSE2  // shuffles of bytes would be emulated
  const auto lower = hn::And(hn::ShiftRightSame(bytes, 8 * i), hn::Set(d32, 0xFF));
  const auto upper = hn::ShiftLeft<24>(hn::ShiftRightSame(bytes, 8 * j));
  const auto twice = hn::BitCast(d8, hn::Or(hn::ShiftLeft<8>(lower), upper));
#else
  const auto dword = hn::Dup128VecFromValues(d32, 0, 0x04040404, 0x08080808, 0x0C0C0C0C);
  const auto from = hn::BitCast(d8, hn::Add(dword, hn::Set(d32, i * 0x0101 + j * 0x01010000)));
  const auto twice = hn::TableLookupBytes(hn::BitCast(d8, bytes), from);
#endif
  return hn::BitCast(d32, hn::ShiftRight<8>(hn::BitCast(d16, twice)));
}

/// Byte i of every dword, as the scale of the sums of sub-blocks.
template <class V32>
HWY_INLINE V32 ScaleOfByte(V32 bytes, int i) {
  if constexpr (!kWideSums) return PairOfBytes(bytes, i, i);
  return hn::ShiftRight<24>(hn::ShiftLeftSame(bytes, 24 - 8 * i));
}

/// Puts the heads of the super-blocks at `offset` into their place.
template <class F>
HWY_NOINLINE void StoreHeads(TilePointers p, std::size_t offset, QuadPlace place) {
  constexpr std::size_t kSubBlocks = SubBlocks(F::kMins);
  const QuadPlace pairs{place.to + PairsAt(kSubBlocks) * place.rows, place.rows};
  const QuadPlace floats{place.to + FloatsAt(kSubBlocks) * place.rows, place.rows};
  QuadV e0, e1, e2, e3;
  hn::VFromD<QuadF32> scale, min;
  LoadHeads<F>(p, offset, e0, e1, e2, e3, scale, min);
  // Entries 4 * i to 4 * i + 3.
  const auto store_scales = [&](QuadV entries, std::size_t i) EDGEK_UNIT_ATTR {
    const auto bytes = hn::BitCast(QuadI32(), entries);
    for (int j = 0; j < 4; ++j) place.Store(ScaleOfByte(bytes, j), 4 * i + static_cast<std::size_t>(j));
  };
  const auto store_pairs = [&](QuadV entries, std::size_t i) EDGEK_UNIT_ATTR {
    const auto bytes = hn::BitCast(QuadI32(), entries);
    pairs.Store(PairOfBytes(bytes, 0, 1), 2 * i);
    pairs.Store(PairOfBytes(bytes, 2, 3), 2 * i + 1);
  };
  store_scales(e0, 0), store_scales(e1, 1);
  if constexpr (F::kMins) {
    store_pairs(e2, 0), store_pairs(e3, 1);
  } else {
    store_scales(e2, 2), store_scales(e3, 3);
    store_pairs(e0, 0), store_pairs(e1, 1), store_pairs(e2, 2), store_pairs(e3, 3);
  }
  floats.Store(scale, 0);
  floats.Store(min, 1);
}

// ---- a vector of rows (of D's lanes) and one token

/// What the heads' pairs meet: the sums of the activations of each sub-block, 8 or 16.
template <bool kMins>
struct SubBlockSums {
  std::int16_t of[SubBlocks(kMins)];

  HWY_INLINE SubBlockSums(const PackedA256& token, std::size_t block) {
    const std::int16_t* of16 = token.sum + 16 * block;
    for (std::size_t j = 0; j < SubBlocks(kMins); ++j)
      of[j] = kMins ? static_cast<std::int16_t>(of16[2 * j] + of16[2 * j + 1]) : of16[j];
  }
};

/// What the sums start from: msum is the sums of the minimums, with isum 0, or isum is what the bias takes away.
/// `pairs`: the first of `rows` rows.
template <bool kMins, class D32>
HWY_INLINE void StartSums(D32 d32, const std::byte* pairs, std::size_t rows, const SubBlockSums<kMins>& sums,
                          std::int32_t* isum, std::int32_t* msum) {
  const hn::Repartition<std::int16_t, D32> d16;
  auto sum = hn::Zero(d32);
  for (std::size_t j = 0; j < SubBlocks(kMins) / 2; ++j) {
    const auto w = hn::Load(d32, reinterpret_cast<const std::int32_t*>(pairs) + j * rows);
    sum = AddPairProducts(d32, sum, hn::BitCast(d16, w), hn::BitCast(d16, BroadcastDword(d32, sums.of + 2 * j)));
  }
  hn::Store(sum, d32, msum);
  hn::Store(kMins ? hn::Zero(d32) : hn::Neg(hn::ShiftLeft<5>(sum)), d32, isum);
}

/// sum + scale * a partial sum of its sub-block.
template <class V32, class V>
HWY_INLINE V32 AddScaled(V32 sum, V partial, V32 scale) {
  if constexpr (kWideSums) {
    return hn::MulAdd(partial, scale, sum);
  } else {
    return AddPairProducts(hn::DFromV<V32>(), sum, partial, hn::BitCast(hn::DFromV<V>(), scale));
  }
}

/// The float step; `floats`: d of the first of `rows` rows, and dmin `rows` further.
template <bool kMins, class DF>
HWY_INLINE void AddHeadFloats(DF df, const std::int32_t* isum, const std::int32_t* msum, const float* floats,
                              std::size_t rows, float d_x, float* HWY_RESTRICT acc) {
  const hn::RebindToSigned<DF> d32;
  const auto d = hn::Set(df, d_x);
  auto y = Fma(hn::ConvertTo(df, hn::Load(d32, isum)), hn::Mul(hn::Load(df, floats), d), hn::Load(df, acc));
  if constexpr (kMins)
    y = Fma(hn::ConvertTo(df, hn::Load(d32, msum)), hn::Neg(hn::Mul(hn::Load(df, floats + rows), d)), y);
  hn::Store(y, df, acc);
}

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_HEAD256_INL_HPP_
