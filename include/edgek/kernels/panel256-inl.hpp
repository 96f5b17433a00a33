// Panels of formats with super-blocks of 256 weights. A super-block of a panel: 64 quads; a scale per sub-block, in
// every row's dword; int16 pairs of what meets the sums of the activations (minimums, or without them the scales, for
// the weights' bias); d and dmin. There are 8 sub-blocks with minimums, or 16 without.
#if defined(EDGEK_KERNELS_PANEL256_INL_HPP_) == defined(EDGEK_UNIT_TOGGLE)
#ifdef EDGEK_KERNELS_PANEL256_INL_HPP_
#undef EDGEK_KERNELS_PANEL256_INL_HPP_
#else
#define EDGEK_KERNELS_PANEL256_INL_HPP_
#endif

#include "edgek/kernels/block256-inl.hpp"
#include "edgek/kernels/panel-inl.hpp"

EDGEK_BEFORE_UNIT

constexpr std::size_t SubBlocks(bool mins) { return mins ? 8 : 16; }

/// Where the parts of an unpacked super-block begin, in bytes per row.
inline constexpr std::size_t kScalesAt = 256;
constexpr std::size_t PairsAt(std::size_t sub_blocks) { return kScalesAt + 4 * sub_blocks; }
constexpr std::size_t FloatsAt(std::size_t sub_blocks) { return PairsAt(sub_blocks) + 2 * sub_blocks; }
constexpr std::size_t PanelBytes256(std::size_t sub_blocks) { return FloatsAt(sub_blocks) + 8; }

/// Whether the partial sums of sub-blocks, whose weights are at most 63, are int32.
inline constexpr bool kWideSums = kWidePartials<63>;

/// Splits vectors of int16 pairs, one pair per row, into vectors with one scale per row's dword: as int32
/// where the sum it multiplies is int32, else twice as int16.
HWY_INLINE void SpreadScales(const std::byte* pairs, std::size_t count, std::size_t rows, std::byte* to) {
  const RowI32 d32;
  const auto lower = hn::Set(d32, 0xFFFF);
  for (std::size_t j = 0; j < count; ++j) {
    const auto v = hn::Load(d32, reinterpret_cast<const std::int32_t*>(pairs + j * kRowVectorBytes));
    auto even = hn::ShiftRight<16>(hn::ShiftLeft<16>(v)), odd = hn::ShiftRight<16>(v);
    if constexpr (!kWideSums) {
      even = hn::Or(hn::ShiftLeft<16>(v), hn::And(v, lower));
      odd = hn::Or(hn::And(odd, lower), hn::AndNot(lower, v));
    }
    hn::StoreU(even, d32, reinterpret_cast<std::int32_t*>(to + 4 * rows * (2 * j)));
    hn::StoreU(odd, d32, reinterpret_cast<std::int32_t*>(to + 4 * rows * (2 * j + 1)));
  }
}

/// Stores the dwords of the rows' tables, 8 int16 entries each, as four vectors over all rows.
HWY_INLINE void TransposeTables(const std::int16_t* tables, std::byte* to) {
  const RowI32 d;
  const auto* v = reinterpret_cast<const std::int32_t*>(tables);
  TransposeFour(d, hn::Load(d, v), hn::Load(d, v + kTileRows), hn::Load(d, v + 2 * kTileRows),
                hn::Load(d, v + 3 * kTileRows), [&](auto pair, std::size_t i) EDGEK_UNIT_ATTR {
                  hn::Store(pair, d, reinterpret_cast<std::int32_t*>(to + i * kRowVectorBytes));
                });
}

/// Puts a super-block's head into its place of a panel.
inline HWY_NOINLINE void StoreHead(const Head256& head, bool mins, PanelPlace place) {
  const std::size_t sub_blocks = SubBlocks(mins);
  HWY_ALIGN std::byte pairs[8 * kRowVectorBytes];  // scales (0, 1), (2, 3), ... of every row
  TransposeTables(head.a, pairs);
  TransposeTables(head.b, pairs + 4 * kRowVectorBytes);
  SpreadScales(pairs, sub_blocks / 2, place.rows, place.to + kScalesAt * place.rows);
  const std::byte* with_sums = pairs + (mins ? 4 * kRowVectorBytes : 0);  // the minimums, or all scales
  for (std::size_t j = 0; j < sub_blocks / 2; ++j) {
    __builtin_memcpy(place.to + (PairsAt(sub_blocks) + 4 * j) * place.rows, with_sums + j * kRowVectorBytes,
                     kRowVectorBytes);
  }
  std::byte* floats = place.to + FloatsAt(sub_blocks) * place.rows;
  __builtin_memcpy(floats, head.scale, sizeof head.scale);
  __builtin_memcpy(floats + 4 * place.rows, head.min, sizeof head.min);
}

/// PanelKind::unpack.
template <class F>
void UnpackPanel256(TilePointers p, std::size_t offset, PanelPlace place) {
  Head256 head;
  UnpackQuads256<F>(p, offset, place, head);
  EDGEK_UNIT::StoreHead(head, F::kMins, place);  // Head256 brings the first unit's copy too
}

template <int kMaxWeight>
struct PanelTile256 {
  static HWY_INLINE void Add(const PanelKind& kind, const std::byte* panel, const std::byte* const* x,
                             std::size_t cols, std::size_t block, float* HWY_RESTRICT acc) {
    const PanelI32 d32;
    const std::size_t lanes = hn::Lanes(d32);
    const std::size_t rows = 2 * lanes;
    const std::size_t sub_blocks = SubBlocks(kind.mins);
    const PackedA256 tokens[kTileTokens] = {packed_a256(x[0], cols), packed_a256(x[1], cols), packed_a256(x[2], cols),
                                            packed_a256(x[3], cols)};
    const std::int8_t* q[kTileTokens];
    for (std::size_t t = 0; t < kTileTokens; ++t) q[t] = tokens[t].q;
    HWY_ALIGN std::int32_t isum[kTileTokens * kMaxPanelRows];  // (token, vector, lane)
    HWY_ALIGN std::int32_t msum[kTileTokens * kMaxPanelRows];
    AddSumsOfActivations(kind, panel + PairsAt(sub_blocks) * rows, tokens, block, isum, msum);
    const std::size_t quads = 64 / sub_blocks;
    const std::size_t run = HWY_MIN(kQuadsPerPartial<kMaxWeight>, 4) == 2 ? 2 : kind.run;
    for (std::size_t sub = 0; sub < sub_blocks; ++sub) {
      const std::int32_t* scale = reinterpret_cast<const std::int32_t*>(panel + (kScalesAt + 4 * sub) * rows);
      for (std::size_t quad = sub * quads; quad < (sub + 1) * quads; quad += run) {
        TilePartials<kMaxWeight> partials;
        TileQuads<kMaxWeight>(panel + 4 * quad * rows, q, 256 * block + 4 * quad, run, partials);
        HWY_UNROLL(8)
        for (std::size_t i = 0; i < 2 * kTileTokens; ++i) {
          std::int32_t* sum = isum + i * lanes;
          hn::Store(AddScaled(hn::Load(d32, sum), partials.At(i), hn::Load(d32, scale + i % 2 * lanes)), d32, sum);
        }
      }
    }
    AddFloats(kind, reinterpret_cast<const float*>(panel + FloatsAt(sub_blocks) * rows), tokens, block, isum, msum,
              acc);
  }

  template <class V32, class V>
  static HWY_INLINE V32 AddScaled(V32 sum, V partial, V32 scale) {
    if constexpr (kWideSums) {
      return hn::MulAdd(partial, scale, sum);
    } else {
      return AddPairProducts(PanelI32(), sum, partial, hn::BitCast(PanelI16(), scale));
    }
  }

  /// msum: the sums of the minimums, with isum starting from 0; or isum starts from what the bias takes away.
  static HWY_INLINE void AddSumsOfActivations(const PanelKind& kind, const std::byte* pairs, const PackedA256* tokens,
                                              std::size_t block, std::int32_t* isum, std::int32_t* msum) {
    const PanelI32 d32;
    const PanelI16 d16;
    const std::size_t lanes = hn::Lanes(d32);
    for (std::size_t t = 0; t < kTileTokens; ++t) {
      const std::int16_t* sums = tokens[t].sum + 16 * block;
      std::int16_t of32[8];
      for (std::size_t j = 0; j < 8; ++j) of32[j] = static_cast<std::int16_t>(sums[2 * j] + sums[2 * j + 1]);
      for (std::size_t v = 0; v < 2; ++v) {
        auto sum = hn::Zero(d32);
        for (std::size_t j = 0; j < SubBlocks(kind.mins) / 2; ++j) {
          std::int32_t dword;
          __builtin_memcpy(&dword, (kind.mins ? of32 : sums) + 2 * j, sizeof dword);
          const auto w = hn::Load(d32, reinterpret_cast<const std::int32_t*>(pairs) + (2 * j + v) * lanes);
          sum = AddPairProducts(d32, sum, hn::BitCast(d16, w), hn::BitCast(d16, hn::Set(d32, dword)));
        }
        hn::Store(sum, d32, msum + (2 * t + v) * lanes);
        hn::Store(kind.mins ? hn::Zero(d32) : hn::Neg(hn::ShiftLeft<5>(sum)), d32, isum + (2 * t + v) * lanes);
      }
    }
  }

  static HWY_INLINE void AddFloats(const PanelKind& kind, const float* floats, const PackedA256* tokens,
                                   std::size_t block, const std::int32_t* isum, const std::int32_t* msum,
                                   float* HWY_RESTRICT acc) {
    const PanelI32 d32;
    const PanelF32 df;
    const std::size_t lanes = hn::Lanes(d32);
    for (std::size_t t = 0; t < kTileTokens; ++t) {
      const auto d_x = hn::Set(df, tokens[t].d[block]);
      for (std::size_t v = 0; v < 2; ++v) {
        const std::size_t at = (2 * t + v) * lanes;
        auto y = Fma(hn::ConvertTo(df, hn::Load(d32, isum + at)), hn::Mul(hn::Load(df, floats + v * lanes), d_x),
                     hn::Load(df, acc + at));
        if (kind.mins) {
          const auto min = hn::Neg(hn::Mul(hn::Load(df, floats + (2 + v) * lanes), d_x));
          y = Fma(hn::ConvertTo(df, hn::Load(d32, msum + at)), min, y);
        }
        hn::Store(y, df, acc + at);
      }
    }
  }
};

template <class F>
inline constexpr PanelKind kPanelKind256 = {
    256, info(F::kFormat).block_bytes, PanelBytes256(SubBlocks(F::kMins)), &UnpackPanel256<F>,
    &MultiplyPanel<PanelTile256<kPanelClass<F>>>,
    HWY_MIN(std::size_t{F::kMins ? 8 : 4}, kQuadsPerPartial<kWeightClass<F>>),
    0, F::kMins};

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_PANEL256_INL_HPP_
