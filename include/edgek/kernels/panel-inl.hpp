// Matmul for many tokens: weights are unpacked on the fly into a panel that stays in the first caches, and
// multiplied from there by all tokens at hand. Lanes are rows, blocks are taken in order: the same bits as
// the row kernels.
//
// A panel holds two vectors of rows. Its weights are quads, [k / 4][row][4]: one activation dword, broadcast,
// meets four weights of every row. A register tile is 2 vectors of rows x 4 tokens: 8 sums for 6 loads. How blocks
// lie in a panel and are summed: panel32-inl.hpp, panel256-inl.hpp.
#if defined(EDGEK_KERNELS_PANEL_INL_HPP_) == defined(EDGEK_UNIT_TOGGLE)
#ifdef EDGEK_KERNELS_PANEL_INL_HPP_
#undef EDGEK_KERNELS_PANEL_INL_HPP_
#else
#define EDGEK_KERNELS_PANEL_INL_HPP_
#endif

#include "edgek/kernels/integer_dot-inl.hpp"
#include "edgek/kernels/panel_prefetch-inl.hpp"
#include "edgek/kernels/panel_unpack-inl.hpp"
#include "edgek/kernels/rows-inl.hpp"

EDGEK_BEFORE_UNIT

using PanelI32 = hn::CappedTag<std::int32_t, 16>;
using PanelU8 = hn::Repartition<std::uint8_t, PanelI32>;
using PanelI8 = hn::Repartition<std::int8_t, PanelI32>;
using PanelF32 = hn::Repartition<float, PanelI32>;

inline constexpr std::size_t kMaxPanelRows = 2 * hn::MaxLanes(PanelI32());
inline constexpr std::size_t kTileTokens = 4;

/// Lanes(d), of which the compiler knows nothing: g++-12 crashes (in ivopts) on addresses that it knows to be multiples
/// of a vector's length.
template <class D>
HWY_INLINE std::size_t OpaqueLanes(D d) {
  std::size_t lanes = hn::Lanes(d);
#if HWY_HAVE_SCALABLE && HWY_COMPILER_GCC_ACTUAL
  __asm__("" : "+r"(lanes));
#endif
  return lanes;
}

HWY_INLINE std::size_t PanelRows() { return 2 * hn::Lanes(PanelI32()); }

/// Unpacked bytes of a panel: they stay in a first cache of 32 KiB beside the activations. AVX-512's rather save loads
/// and stores of sums: a prompt of 64 tokens is 4 to 8 % faster with 32 KiB on a Zen 4, whose first cache has no more.
inline constexpr std::size_t kPanelWeights = (HWY_TARGET == HWY_AVX3_DL ? 32 : 16) * 1024;

/// The partial sums of a register tile, (tokens, 2 vectors of rows).
template <int kMaxWeight>
struct TilePartials {
  using D = PartialTag<kMaxWeight, PanelI32>;
  HWY_ALIGN hn::TFromD<D> sums[2 * kTileTokens * hn::MaxLanes(D())];

  HWY_INLINE hn::VFromD<D> At(std::size_t i) const { return hn::Load(D(), sums + i * hn::Lanes(D())); }
};

/// Multiplies `quads` quads of the panel, at most kQuadsPerPartial of the format, with 4 tokens' activations from
/// `at` on (an offset, because g++ gathers pointers made per block in vectors, through memory, and waits: half the
/// speed at -O2). Stored sums and
/// loops over them spare every including file a second of compile time; unrolling spares g++'s copies of all sums
/// at every turn.
template <int kMaxWeight>
HWY_INLINE void TileQuads(const std::byte* weights, const std::int8_t* const* x, std::size_t at, std::size_t quads,
                          TilePartials<kMaxWeight>& partials) {
  constexpr std::size_t kUnrolled = HWY_MIN(std::size_t{4}, kQuadsPerPartial<kMaxWeight>);
  static_assert(kUnrolled == 2 || kUnrolled == 4);
  const PartialTag<kMaxWeight, PanelI32> dp;
  const PanelI32 d32;
  const PanelI8 di8;
  const PanelU8 du8;
  const std::size_t bytes = 4 * hn::Lanes(d32);
  auto a0 = hn::Zero(dp), a1 = hn::Zero(dp), a2 = hn::Zero(dp), a3 = hn::Zero(dp);
  auto b0 = hn::Zero(dp), b1 = hn::Zero(dp), b2 = hn::Zero(dp), b3 = hn::Zero(dp);
  const std::uint8_t* w = reinterpret_cast<const std::uint8_t*>(weights);
  std::size_t first = 0;
  const auto add = [&](auto index) EDGEK_UNIT_INLINE {
    constexpr int i = decltype(index)::value;
    const std::size_t q = first + i;
    const auto wa = hn::Load(du8, w + 2 * q * bytes), wb = hn::Load(du8, w + (2 * q + 1) * bytes);
    const auto meet = [&](std::size_t t, auto& a, auto& b) EDGEK_UNIT_INLINE {
      const auto of_token = QuadActivations<i>(di8, x[t] + at + 4 * first);
      AddQuad<kMaxWeight, i>(a, wa, of_token);
      AddQuad<kMaxWeight, i>(b, wb, of_token);
    };
    meet(0, a0, b0), meet(1, a1, b1), meet(2, a2, b2), meet(3, a3, b3);
  };
  do {
    add(QuadIndex<0>()), add(QuadIndex<1>());
    if constexpr (kUnrolled == 4) add(QuadIndex<2>()), add(QuadIndex<3>());
    first += kUnrolled;
  } while (first < quads);
  const auto store = [&](std::size_t i, auto v) EDGEK_UNIT_ATTR {
    hn::Store(v, dp, partials.sums + i * hn::Lanes(dp));
  };
  store(0, a0);
  store(1, b0);
  store(2, a1);
  store(3, b1);
  store(4, a2);
  store(5, b2);
  store(6, a3);
  store(7, b3);
}

// ---- what blocks of 32 and of 256 weights share

/// One format's panels. What follows `multiply` is for the functions before it.
struct PanelKind {
  std::size_t block_weights;
  std::size_t block_bytes;     // as stored
  std::size_t panel_bytes;     // of an unpacked block, per row
  /// Unpacks the block at `offset` of a tile of rows into its place of the panel.
  void (*unpack)(TilePointers p, std::size_t offset, QuadPlace place);
  /// The unpacked blocks [first, first + count) of a panel times all tokens. next: what comes after it.
  void (*multiply)(const PanelKind& kind, const MatmulJob& job, std::size_t row, std::size_t rows, std::size_t first,
                   std::size_t count, const std::byte* panel, PanelPrefetch next);
  std::size_t run;             // quads that one partial sum takes
  std::int32_t bias;           // of blocks of 32
  bool mins;
};

/// Unpacks `count` blocks of a panel's rows from block `first` on.
HWY_INLINE void UnpackPanel(const PanelKind& kind, const RowRange& rows, std::size_t first, std::size_t count,
                            std::byte* panel) {
  const std::size_t panel_rows = PanelRows();
  for (std::size_t r = 0; r < panel_rows; r += kQuadRows) {
    const std::uint8_t* p[kQuadRows];
    rows.Point(r, kQuadRows, p);
    std::byte* to = panel + 4 * r;
    for (std::size_t b = 0; b < count; ++b, to += panel_rows * kind.panel_bytes)
      kind.unpack(p, (first + b) * kind.block_bytes, {to, panel_rows});
  }
}

/// The results of up to 4 tokens for the panel's rows, between the panels of a row.
struct PanelSums {
  HWY_ALIGN float acc[kTileTokens * kMaxPanelRows];  // (tokens, panel rows)

  HWY_INLINE void Load(const MatmulJob& job, std::size_t t, std::size_t tokens, std::size_t row, std::size_t rows) {
    const std::size_t panel_rows = PanelRows();
    for (std::size_t j = 0; j < tokens; ++j)
      __builtin_memcpy(acc + j * panel_rows, job.y + (t + j) * job.y_stride + row, rows * sizeof(float));
  }
  HWY_INLINE void Clear() {
    for (float& a : acc) a = 0.0f;
  }
  HWY_INLINE void Store(const MatmulJob& job, std::size_t t, std::size_t tokens, std::size_t row, std::size_t rows) {
    const std::size_t panel_rows = PanelRows();
    for (std::size_t j = 0; j < tokens; ++j)
      __builtin_memcpy(job.y + (t + j) * job.y_stride + row, acc + j * panel_rows, rows * sizeof(float));
  }
};

/// PanelKind::multiply. Tile::Add(kind, panel, x, cols, block, acc) multiplies one block of the panel with 4 tokens
/// and adds to acc[t * rows + r].
template <class Tile>
HWY_NOINLINE void MultiplyPanel(const PanelKind& kind, const MatmulJob& job, std::size_t row, std::size_t rows,
                                std::size_t first, std::size_t count, const std::byte* panel, PanelPrefetch next) {
  const std::size_t block_bytes = PanelRows() * kind.panel_bytes;
  PanelSums sums;
  for (std::size_t t = 0; t < job.tokens; t += kTileTokens) {
    const std::size_t tokens = HWY_MIN(kTileTokens, job.tokens - t);
    const std::byte* x[kTileTokens];  // the last token stands for missing ones
    for (std::size_t j = 0; j < kTileTokens; ++j) x[j] = job.x + (t + HWY_MIN(j, tokens - 1)) * job.x_stride;
    sums.Clear();
    if (first != 0) sums.Load(job, t, tokens, row, rows);
    for (std::size_t b = 0; b < count; ++b) {
      next.Ask();
      Tile::Add(kind, panel + b * block_bytes, x, job.cols, first + b, sums.acc);
    }
    sums.Store(job, t, tokens, row, rows);
  }
}

/// A PanelFn but for the kind of block.
inline HWY_NOINLINE void PanelMatmul(const PanelKind& kind, const MatmulJob& job, std::size_t begin, std::size_t end,
                                     std::byte* scratch) {
  const std::size_t panel_rows = PanelRows();
  const std::size_t blocks = job.cols / kind.block_weights;
  const std::size_t step = HWY_MAX(std::size_t{1}, kPanelWeights / (panel_rows * kind.block_weights));
  const std::size_t tiles = (job.tokens + kTileTokens - 1) / kTileTokens;
  const PanelExtent extent{panel_rows, step * kind.block_weights, kind.block_weights, kind.block_bytes};
  for (std::size_t row = begin; row < end; row += panel_rows) {
    const std::size_t rows = HWY_MIN(panel_rows, end - row);
    for (std::size_t first = 0; first < blocks || first == 0; first += step) {
      const std::size_t count = HWY_MIN(step, blocks - first);
      UnpackPanel(kind, {job, row, rows}, first, count, scratch);
      const std::size_t calls = HWY_MAX(tiles * count, std::size_t{1});
      kind.multiply(kind, job, row, rows, first, count, scratch,
                    {job, extent, row, end, (first + count) * kind.block_weights, calls});
    }
  }
}

/// Which copy of the inner loops serves a format: with four-way products one serves all; one with int16 partial sums
/// takes smaller weights too, in runs of PanelKind::run quads.
template <class F>
inline constexpr int kPanelClass = EDGEK_UNIT_DOT ? 255 : HWY_MAX(F::kMaxWeight, 31);

/// PanelFn of a format.
template <const PanelKind& kKind>
void PanelOfKind(const MatmulJob& job, std::size_t begin, std::size_t end, std::byte* scratch) noexcept {
  PanelMatmul(kKind, job, begin, end, scratch);
}

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_PANEL_INL_HPP_
