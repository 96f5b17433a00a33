// Panels of formats with blocks of 32 weights. A block of a panel: 8 quads, scales, minimums.
#if defined(EDGEK_KERNELS_PANEL32_INL_HPP_) == defined(EDGEK_UNIT_TOGGLE)
#ifdef EDGEK_KERNELS_PANEL32_INL_HPP_
#undef EDGEK_KERNELS_PANEL32_INL_HPP_
#else
#define EDGEK_KERNELS_PANEL32_INL_HPP_
#endif

#include "edgek/kernels/block32-inl.hpp"
#include "edgek/kernels/panel-inl.hpp"

EDGEK_BEFORE_UNIT

template <int kMaxWeight>
struct PanelTile32 {
  static constexpr std::size_t kQuads = 8;

  static HWY_INLINE void Add(const PanelKind& kind, const std::byte* panel, const std::byte* const* x,
                             std::size_t cols, std::size_t block, float* HWY_RESTRICT acc) {
    const std::size_t lanes = hn::Lanes(PanelI32());
    const PackedA32 tokens[kTileTokens] = {packed_a32(x[0], cols), packed_a32(x[1], cols), packed_a32(x[2], cols),
                                           packed_a32(x[3], cols)};
    const std::int8_t* q[kTileTokens];
    for (std::size_t t = 0; t < kTileTokens; ++t) q[t] = tokens[t].q;
    TilePartials<kMaxWeight> first, second;
    if (kWidePartials<kMaxWeight> || kind.run == kQuads) {
      TileQuads<kMaxWeight>(panel, q, 32 * block, kQuads, first);
    } else {
      constexpr std::size_t kHalf = kQuads / 2;
      TileQuads<kMaxWeight>(panel, q, 32 * block, kHalf, first);
      TileQuads<kMaxWeight>(panel + 8 * kHalf * lanes, q, 32 * block + 4 * kHalf, kHalf, second);
    }
    const float* scales = reinterpret_cast<const float*>(panel + 8 * kQuads * lanes);
    if (kind.mins) {
      AddFloats<true>(kind, first, second, scales, tokens, block, acc);
    } else {
      AddFloats<false>(kind, first, second, scales, tokens, block, acc);
    }
  }

  /// The float step of one block for the whole tile. `scales`: scales, then minimums, of the panel's rows.
  template <bool kMin>
  static HWY_INLINE void AddFloats(const PanelKind& kind, const TilePartials<kMaxWeight>& first,
                                   const TilePartials<kMaxWeight>& second, const float* scales,
                                   const PackedA32* tokens, std::size_t block, float* HWY_RESTRICT acc) {
    const PanelF32 df;
    const std::size_t lanes = OpaqueLanes(df);
    const bool halves = !kWidePartials<kMaxWeight> && kind.run != kQuads;
    HWY_UNROLL(4)
    for (std::size_t t = 0; t < kTileTokens; ++t) {
      const float d_x = tokens[t].d[block];
      const std::int32_t sum_x = tokens[t].sum[block];
      HWY_UNROLL(2)
      for (std::size_t v = 0; v < 2; ++v) {
        const std::size_t i = 2 * t + v;
        auto isum = WidePartial<kMaxWeight>(PanelI32(), first.At(i));
        if (halves) isum = hn::Add(isum, WidePartial<kMaxWeight>(PanelI32(), second.At(i)));
        auto y = AddBlock32(kind.bias, isum, hn::Load(df, scales + v * lanes), d_x, sum_x,
                            hn::Load(df, acc + i * lanes));
        if constexpr (kMin) y = AddMin32(hn::Load(df, scales + (2 + v) * lanes), d_x, sum_x, y);
        hn::Store(y, df, acc + i * lanes);
      }
    }
  }
};

template <class F>
inline constexpr PanelKind kPanelKind32 = {
    32, info(F::kFormat).block_bytes, 40, &UnpackPanel32<F>,
    &MultiplyPanel<PanelTile32<kPanelClass<F>>>, HWY_MIN(std::size_t{8}, kQuadsPerPartial<F::kMaxWeight>),
    F::kBias, F::kMin};

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_PANEL32_INL_HPP_
