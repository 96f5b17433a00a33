// Panels of formats with super-blocks of 256 weights. A super-block of a panel: 64 quads, then its head
// (head256-inl.hpp).
#if defined(EDGEK_KERNELS_PANEL256_INL_HPP_) == defined(EDGEK_UNIT_TOGGLE)
#ifdef EDGEK_KERNELS_PANEL256_INL_HPP_
#undef EDGEK_KERNELS_PANEL256_INL_HPP_
#else
#define EDGEK_KERNELS_PANEL256_INL_HPP_
#endif

#include "edgek/kernels/head256-inl.hpp"
#include "edgek/kernels/panel-inl.hpp"

EDGEK_BEFORE_UNIT

/// Where the head of an unpacked super-block begins, in bytes per row.
inline constexpr std::size_t kPanelHeadAt = 256;

/// PanelKind::unpack.
template <class F>
void UnpackPanel256(TilePointers p, std::size_t offset, QuadPlace place) {
  UnpackQuads256<F>(p, offset, place);
  StoreHeads<F>(p, offset, {place.to + kPanelHeadAt * place.rows, place.rows});
}

/// What the sums of a register tile start from.
template <bool kMins>
HWY_INLINE void StartTile(const std::byte* pairs, const PackedA256* tokens, std::size_t block,
                          std::int32_t* isum, std::int32_t* msum) {
  const PanelI32 d32;
  const std::size_t lanes = OpaqueLanes(d32);
  for (std::size_t t = 0; t < kTileTokens; ++t) {
    const SubBlockSums<kMins> sums(tokens[t], block);
    for (std::size_t v = 0; v < 2; ++v) {
      const std::size_t at = (2 * t + v) * lanes;
      StartSums(d32, pairs + 4 * v * lanes, 2 * lanes, sums, isum + at, msum + at);
    }
  }
}

/// The float steps of a register tile.
template <bool kMins>
HWY_INLINE void AddFloats(const float* floats, const PackedA256* tokens, std::size_t block,
                          const std::int32_t* isum, const std::int32_t* msum, float* HWY_RESTRICT acc) {
  const PanelF32 df;
  const std::size_t lanes = OpaqueLanes(df);
  HWY_UNROLL(4)  // if not, g++-12 crashes on SVE, see OpaqueLanes()
  for (std::size_t t = 0; t < kTileTokens; ++t) {
    HWY_UNROLL(2)
    for (std::size_t v = 0; v < 2; ++v) {
      const std::size_t at = (2 * t + v) * lanes;
      AddHeadFloats<kMins>(df, isum + at, msum + at, floats + v * lanes, 2 * lanes, tokens[t].d[block], acc + at);
    }
  }
}

template <int kMaxWeight>
struct PanelTile256 {
  static HWY_INLINE void Add(const PanelKind& kind, const std::byte* panel, const std::byte* const* x,
                             std::size_t cols, std::size_t block, float* HWY_RESTRICT acc) {
    const PanelI32 d32;
    const std::size_t lanes = OpaqueLanes(d32);
    const std::size_t rows = 2 * lanes;
    const std::size_t sub_blocks = SubBlocks(kind.mins);
    const std::byte* head = panel + kPanelHeadAt * rows;
    const PackedA256 tokens[kTileTokens] = {packed_a256(x[0], cols), packed_a256(x[1], cols), packed_a256(x[2], cols),
                                            packed_a256(x[3], cols)};
    const std::int8_t* q[kTileTokens];
    for (std::size_t t = 0; t < kTileTokens; ++t) q[t] = tokens[t].q;
    HWY_ALIGN std::int32_t isum[kTileTokens * kMaxPanelRows];  // (token, vector, lane)
    HWY_ALIGN std::int32_t msum[kTileTokens * kMaxPanelRows];
    const std::byte* pairs = head + PairsAt(sub_blocks) * rows;
    if (kind.mins) {
      StartTile<true>(pairs, tokens, block, isum, msum);
    } else {
      StartTile<false>(pairs, tokens, block, isum, msum);
    }
    const std::size_t quads = 64 / sub_blocks;
    const std::size_t run = HWY_MIN(kQuadsPerPartial<kMaxWeight>, 4) == 2 ? 2 : kind.run;
    for (std::size_t sub = 0; sub < sub_blocks; ++sub) {
      const std::int32_t* scale = reinterpret_cast<const std::int32_t*>(head + 4 * sub * rows);
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
    const float* floats = reinterpret_cast<const float*>(head + FloatsAt(sub_blocks) * rows);
    if (kind.mins) {
      AddFloats<true>(floats, tokens, block, isum, msum, acc);
    } else {
      AddFloats<false>(floats, tokens, block, isum, msum, acc);
    }
  }
};

template <class F>
inline constexpr PanelKind kPanelKind256 = {
    256, info(F::kFormat).block_bytes, kPanelHeadAt + HeadBytes(SubBlocks(F::kMins)), &UnpackPanel256<F>,
    &MultiplyPanel<PanelTile256<kPanelClass<F>>>,
    HWY_MIN(std::size_t{F::kMins ? 8 : 4}, kQuadsPerPartial<F::kMaxWeight>),
    0, F::kMins};

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_PANEL256_INL_HPP_
