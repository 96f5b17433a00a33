// Matmul over floats for many tokens. Lanes are rows: weights lie in a transposed panel, as floats or halves, and every
// lane of the definition is summed on its own, all k with k % 16 == 0 first, then those with k % 16 == 1, and
// so on: the order within a lane is that of the row kernels, and so are the bits. Sixteen drains and one tree
// per result cost little; summing along k as the row kernels do would spill.
#if defined(EDGEK_KERNELS_FLOAT_PANEL_INL_HPP_) == defined(EDGEK_TARGET_TOGGLE)
#ifdef EDGEK_KERNELS_FLOAT_PANEL_INL_HPP_
#undef EDGEK_KERNELS_FLOAT_PANEL_INL_HPP_
#else
#define EDGEK_KERNELS_FLOAT_PANEL_INL_HPP_
#endif

#include "edgek/kernels/float-inl.hpp"
#include "edgek/kernels/panel_prefetch-inl.hpp"
#include "edgek/kernels/quantize-inl.hpp"

EDGEK_BEFORE_UNIT

/// Rows of a panel, in vectors, and tokens of a register tile: the sums and a step's weights fill 16 registers, or
/// 32 where there are as many. The taller panel halves what is read of the activations.
inline constexpr std::size_t kPanelVectors = HWY_TARGET == HWY_AVX3_DL ? 4 : 2;
inline constexpr std::size_t kMaxTileTokens = 6;
inline constexpr std::size_t kMaxFloatPanelRows = kPanelVectors * hn::MaxLanes(DF());
HWY_INLINE std::size_t FloatPanelRows() { return kPanelVectors * hn::Lanes(DF()); }

/// A panel is [16 lanes][kPanelCols / 16][rows] weights of `bytes` each, lanes one cache line further apart than that:
/// their distance would be a power of two, and all of them would want the same few lines of the first cache.
HWY_INLINE std::size_t PanelLaneBytes(std::size_t bytes) { return kPanelCols / 16 * FloatPanelRows() * bytes + 64; }
/// The weights of column k + i, of the same 16.
template <typename T>
HWY_INLINE T* PanelStep(std::byte* panel, std::size_t k, std::size_t i) {
  return reinterpret_cast<T*>(panel + (k % 16 + i) * PanelLaneBytes(sizeof(T))) + k / 16 * FloatPanelRows();
}

/// The vectors that a panel is filled with: a row for each of their lanes.
#if HWY_HAVE_SCALABLE
using FillF32 = DF4;
#else
using FillF32 = DF;
#endif
inline constexpr std::size_t kFillRows = hn::MaxLanes(FillF32());
static_assert(kFillRows % kTileRows == 0);

/// The four floats at `from` of the rows 0, 4, ...: a 128-bit block each.
template <class D>
HWY_INLINE hn::VFromD<D> LoadBlocks(D d, const float* from) {
  if constexpr (hn::MaxLanes(D()) == 4) {
    return hn::LoadU(d, from);
  } else {
    const hn::Half<D> dh;
    return hn::Combine(d, LoadBlocks(dh, from + hn::MaxLanes(dh) * kFillWeights), LoadBlocks(dh, from));
  }
}

/// Four columns of kFillRows rows, transposed into the panel. `from`: (kFillRows, kFillWeights).
HWY_INLINE void TransposeColumns(const float* from, std::byte* panel, std::size_t k, std::size_t row) {
  const FillF32 d;
  auto v0 = LoadBlocks(d, from), v1 = LoadBlocks(d, from + kFillWeights);
  auto v2 = LoadBlocks(d, from + 2 * kFillWeights), v3 = LoadBlocks(d, from + 3 * kFillWeights);
  TransposeFour(v0, v1, v2, v3);
  hn::StoreU(v0, d, PanelStep<float>(panel, k, 0) + row);
  hn::StoreU(v1, d, PanelStep<float>(panel, k, 1) + row);
  hn::StoreU(v2, d, PanelStep<float>(panel, k, 2) + row);
  hn::StoreU(v3, d, PanelStep<float>(panel, k, 3) + row);
}

/// Weights [first, first + count) of the panel's rows. Columns beyond count up to a multiple of 4 hold anything.
/// Row by row, as memory is read fastest: taking a few columns of all rows at a time, to write whole lines of the
/// panel, is slower.
inline HWY_NOINLINE void FillFloatPanel(const RowRange& rows, const FloatSource& source, std::size_t first,
                                        std::size_t count, std::byte* panel) {
  HWY_ALIGN float weights[kFillRows * kFillWeights];
  __builtin_memset(weights, 0, sizeof weights);
  for (std::size_t r = 0; r < FloatPanelRows(); r += kFillRows) {
    for (std::size_t k = 0; k < count; k += kFillWeights) {
      const std::size_t some = HWY_MIN(kFillWeights, count - k);
      for (std::size_t j = 0; j < kFillRows; j += kTileRows) {
        const std::uint8_t* p[kTileRows];
        rows.Point(r + j, kTileRows, p);
        source.fill(source, p, first + k, some, weights + j * kFillWeights, kFillWeights);
      }
      for (std::size_t i = 0; i < some; i += 4) TransposeColumns(weights + i, panel, k + i, r);
    }
  }
}

// Panels of F16 and BF16 hold the halves as they are: half the stores to fill one and half of the second cache, and
// converting in the loop is free where multiply-adds have pipes of their own. A prompt of 64 tokens on a Zen 4, F16:
// 29.3 tokens/s with 1024 columns of floats, 29.9 with 1024 of halves, 30.8 with 2048 of halves.
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3_DL

/// What is transposed at a time, from whole vectors of a row.
using FillU16 = hn::CappedTag<std::uint16_t, 32>;
using FillV16 = hn::VFromD<FillU16>;
inline constexpr std::size_t kHalfColumns = hn::MaxLanes(FillU16());
inline constexpr std::size_t kHalfRows = kHalfColumns / 2;

/// Columns from `first` on of the rows p[0] to p[7]; `left` columns exist.
HWY_INLINE void LoadEightRows(const std::uint8_t* const* p, std::size_t first, std::size_t left, FillV16* rows) {
  HWY_UNROLL(8)
  for (std::size_t r = 0; r < 8; ++r)
    rows[r] = LoadUpTo(FillU16(), reinterpret_cast<const std::uint16_t*>(p[r]) + first, left);
}

/// Of every 128-bit block of eight rows: columns 0..3, or kUpper: 4..7. A column's block holds it for all eight rows.
template <bool kUpper>
HWY_INLINE void FourColumns(const FillV16* rows, FillV16* columns) {
  const FillU16 d;
  const hn::RepartitionToWide<FillU16> d32;
  const hn::RepartitionToWide<decltype(d32)> d64;
  const auto pair = [=](std::size_t r) EDGEK_UNIT_ATTR {
    if constexpr (kUpper) return hn::BitCast(d32, hn::InterleaveUpper(d, rows[r], rows[r + 1]));
    return hn::BitCast(d32, hn::InterleaveLower(d, rows[r], rows[r + 1]));
  };
  const auto a01 = pair(0), a23 = pair(2), a45 = pair(4), a67 = pair(6);
  const auto l0123 = hn::BitCast(d64, hn::InterleaveLower(d32, a01, a23));
  const auto l4567 = hn::BitCast(d64, hn::InterleaveLower(d32, a45, a67));
  const auto u0123 = hn::BitCast(d64, hn::InterleaveUpper(d32, a01, a23));
  const auto u4567 = hn::BitCast(d64, hn::InterleaveUpper(d32, a45, a67));
  columns[0] = hn::BitCast(d, hn::InterleaveLower(d64, l0123, l4567));
  columns[1] = hn::BitCast(d, hn::InterleaveUpper(d64, l0123, l4567));
  columns[2] = hn::BitCast(d, hn::InterleaveLower(d64, u0123, u4567));
  columns[3] = hn::BitCast(d, hn::InterleaveUpper(d64, u0123, u4567));
}

/// Stores column k + i of kHalfRows rows from the vector's lower half, and the one eight columns further on from its
/// upper half.
HWY_INLINE void StoreTwoColumns(FillV16 columns, std::byte* panel, std::size_t k, std::size_t i, std::size_t row) {
  const hn::Half<FillU16> d;
  hn::StoreU(hn::LowerHalf(d, columns), d, PanelStep<std::uint16_t>(panel, k, i) + row);
  hn::StoreU(hn::UpperHalf(d, columns), d, PanelStep<std::uint16_t>(panel, k, i + 8) + row);
}

/// Columns [first, first + kHalfColumns) of kHalfRows rows, `left` of which exist, to the panel's columns from
/// 16 * block on.
HWY_INLINE void TransposeHalves(const std::uint8_t* const* p, std::size_t first, std::size_t left, std::byte* panel,
                                std::size_t block, std::size_t row) {
  const std::size_t k = 16 * block;  // its remainder is known where all is compiled: no arithmetic for each store
  FillV16 rows[8], columns[4];
  LoadEightRows(p, first, left, rows);
#if HWY_TARGET == HWY_AVX2
  const auto store = [&](std::size_t i) EDGEK_UNIT_ATTR {
    HWY_UNROLL(4)
    for (std::size_t j = 0; j < 4; ++j) StoreTwoColumns(columns[j], panel, k, i + j, row);
  };
  FourColumns<false>(rows, columns);
  store(0);
  FourColumns<true>(rows, columns);
  store(4);
#else
  FillV16 rows_below[8], columns_below[4];
  LoadEightRows(p + 8, first, left, rows_below);
  const auto store = [&](std::size_t i) EDGEK_UNIT_ATTR {
    const __m512i first_blocks = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    const __m512i last_blocks = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    HWY_UNROLL(4)
    for (std::size_t j = 0; j < 4; ++j) {
      const __m512i above = columns[j].raw, below = columns_below[j].raw;
      StoreTwoColumns({_mm512_permutex2var_epi64(above, first_blocks, below)}, panel, k, i + j, row);
      StoreTwoColumns({_mm512_permutex2var_epi64(above, last_blocks, below)}, panel, k + 16, i + j, row);
    }
  };
  FourColumns<false>(rows, columns);
  FourColumns<false>(rows_below, columns_below);
  store(0);
  FourColumns<true>(rows, columns);
  FourColumns<true>(rows_below, columns_below);
  store(4);
#endif
}

/// PanelStorage::fill of halves. A few rows up to the last column, then the next ones: a line of all rows at a
/// time is slower (Zen 4: 6 % of a prompt of 64 tokens).
inline HWY_NOINLINE void FillHalfPanel(const RowRange& rows, const FloatSource&, std::size_t first,
                                       std::size_t count, std::byte* panel) {
  const std::uint8_t* p[kMaxFloatPanelRows];
  rows.Point(0, kMaxFloatPanelRows, p);
  for (std::size_t r = 0; r < kMaxFloatPanelRows; r += kHalfRows)
    for (std::size_t k = 0; k < count; k += kHalfColumns)
      TransposeHalves(p + r, first + k, count - k, panel, k / 16, r);
}

#endif

/// One lane of a panel of W times kTokens tokens: sums[t][row] += weights[step][row] * x[t][step], over all steps.
template <class W, std::size_t kTokens>
HWY_NOINLINE void AddPanelLane(const std::byte* lane, std::size_t steps, const float* const* x, bool fresh,
                               float* const* sums) {
  static_assert(kTokens == 4 || kTokens == 6);
  constexpr bool kTall = kPanelVectors == 4;
  const DF d;
  const std::size_t lanes = hn::Lanes(d);
  const auto zero = hn::Zero(d);
  auto a0 = zero, a1 = zero, a2 = zero, a3 = zero, a4 = zero, a5 = zero;
  auto b0 = zero, b1 = zero, b2 = zero, b3 = zero, b4 = zero, b5 = zero;
  auto c0 = zero, c1 = zero, c2 = zero, c3 = zero, c4 = zero, c5 = zero;
  auto e0 = zero, e1 = zero, e2 = zero, e3 = zero, e4 = zero, e5 = zero;
  const auto load = [&](const float* from, auto& a, auto& b, auto& c, auto& e) EDGEK_UNIT_ATTR {
    a = hn::LoadU(d, from), b = hn::LoadU(d, from + lanes);
    if constexpr (kTall) c = hn::LoadU(d, from + 2 * lanes), e = hn::LoadU(d, from + 3 * lanes);
  };
  if (!fresh) {
    load(sums[0], a0, b0, c0, e0);
    load(sums[1], a1, b1, c1, e1);
    load(sums[2], a2, b2, c2, e2);
    load(sums[3], a3, b3, c3, e3);
    if constexpr (kTokens == 6) load(sums[4], a4, b4, c4, e4), load(sums[5], a5, b5, c5, e5);
  }
  const auto* weights = reinterpret_cast<const std::uint8_t*>(lane);
  auto wa = zero, wb = zero, wc = zero, we = zero;
  const auto add = [&](float value, auto& a, auto& b, auto& c, auto& e) EDGEK_UNIT_ATTR {
    const auto v = hn::Set(d, value);
    a = Fma(wa, v, a);
    b = Fma(wb, v, b);
    if constexpr (kTall) c = Fma(wc, v, c), e = Fma(we, v, e);
  };
  const float *x0 = x[0], *x1 = x[1], *x2 = x[2], *x3 = x[3], *x4 = x[kTokens - 2], *x5 = x[kTokens - 1];
  HWY_UNROLL(4)  // 64 tokens: 6 % faster (Zen 3)
  for (std::size_t s = 0; s < steps; ++s, weights += kPanelVectors * lanes * W::kBytes) {
    wa = W::Load(d, weights, 0), wb = W::Load(d, weights, lanes);
    if constexpr (kTall) wc = W::Load(d, weights, 2 * lanes), we = W::Load(d, weights, 3 * lanes);
    add(x0[s], a0, b0, c0, e0);
    add(x1[s], a1, b1, c1, e1);
    add(x2[s], a2, b2, c2, e2);
    add(x3[s], a3, b3, c3, e3);
    if constexpr (kTokens == 6) add(x4[s], a4, b4, c4, e4), add(x5[s], a5, b5, c5, e5);
  }
  const auto store = [&](auto a, auto b, auto c, auto e, float* to) EDGEK_UNIT_ATTR {
    hn::StoreU(a, d, to), hn::StoreU(b, d, to + lanes);
    if constexpr (kTall) hn::StoreU(c, d, to + 2 * lanes), hn::StoreU(e, d, to + 3 * lanes);
  };
  store(a0, b0, c0, e0, sums[0]);
  store(a1, b1, c1, e1, sums[1]);
  store(a2, b2, c2, e2, sums[2]);
  store(a3, b3, c3, e3, sums[3]);
  if constexpr (kTokens == 6) store(a4, b4, c4, e4, sums[4]), store(a5, b5, c5, e5, sums[5]);
}

/// How a source's weights are held in a panel.
struct PanelStorage {
  std::size_t bytes;  // of a weight
  void (*fill)(const RowRange& rows, const FloatSource& source, std::size_t first, std::size_t count,
               std::byte* panel);
  using AddFn = void (*)(const std::byte* lane, std::size_t steps, const float* const* x, bool fresh,
                         float* const* sums);
  AddFn add_four, add_six;  // tokens
};

/// The storage of sources that are read as W, or become floats.
template <class W>
constexpr PanelStorage StorageOf() {
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3_DL
  if constexpr (W::kBytes == 2) return {W::kBytes, &FillHalfPanel, &AddPanelLane<W, 4>, &AddPanelLane<W, 6>};
#endif
  return {sizeof(float), &FillFloatPanel, &AddPanelLane<WeightsF32, 4>, &AddPanelLane<WeightsF32, 6>};
}
template <class W>
inline constexpr PanelStorage kPanelStorage = StorageOf<W>();

/// out[row] = the tree over the 16 lanes of one vector of rows.
HWY_INLINE void SumPanelLanes(const float* sums, std::size_t rows, float* out) {
  const DF d;
  const auto eight = [=](std::size_t i) EDGEK_UNIT_ATTR {
    return hn::Add(hn::LoadU(d, sums + i * rows), hn::LoadU(d, sums + (i + 8) * rows));
  };
  const auto four = [=](std::size_t i) EDGEK_UNIT_ATTR { return hn::Add(eight(i), eight(i + 4)); };
  const auto two = [=](std::size_t i) EDGEK_UNIT_ATTR { return hn::Add(four(i), four(i + 2)); };
  hn::StoreU(hn::Add(two(0), two(1)), d, out);
}

HWY_INLINE void StorePanelSums(const RowRange& rows, std::size_t token, std::size_t tokens,
                               const float* sums) {
  HWY_ALIGN float out[kMaxFloatPanelRows];
  const MatmulJob& job = rows.job;
  const std::size_t panel_rows = FloatPanelRows();
  for (std::size_t t = 0; t < tokens; ++t, sums += 16 * panel_rows) {
    for (std::size_t r = 0; r < panel_rows; r += hn::Lanes(DF())) SumPanelLanes(sums + r, panel_rows, out + r);
    __builtin_memcpy(job.y + (token + t) * job.y_stride + rows.first, out, rows.count * sizeof(float));
  }
}

/// The panel times `tokens` tokens from `token` on. sums: (tokens, 16 lanes, panel rows), all of them in use only where
/// a panel does not hold whole rows. next: what the panel will be filled with after that.
HWY_INLINE void MultiplyFloatPanel(const RowRange& rows, const PanelStorage& storage, std::size_t token,
                                   std::size_t tokens, std::size_t first, std::size_t count, const std::byte* panel,
                                   float* sums, PanelPrefetch next) {
  const MatmulJob& job = rows.job;
  const std::size_t panel_rows = FloatPanelRows();
  const bool whole = count == job.cols;
  std::size_t taken = 0;
  for (std::size_t t = 0; t < tokens; t += taken) {
    const std::size_t left = tokens - t;
    const bool four = left <= 4 || left == 7 || left == 8;
    taken = HWY_MIN(left, four ? std::size_t{4} : kMaxTileTokens);
    const float* token_x[kMaxTileTokens];  // the last token stands for missing ones
    float* token_sums[kMaxTileTokens];
    float* tile_sums = sums + (whole ? 0 : t) * 16 * panel_rows;
    for (std::size_t j = 0; j < kMaxTileTokens; ++j) {
      token_x[j] = FloatToken(job, token + t + HWY_MIN(j, taken - 1)) + first;
      token_sums[j] = tile_sums + HWY_MIN(j, taken - 1) * 16 * panel_rows;
    }
    for (std::size_t lane = 0; lane < 16; ++lane) {
      const float* x[kMaxTileTokens];
      float* to[kMaxTileTokens];
      for (std::size_t j = 0; j < kMaxTileTokens; ++j) {
        x[j] = token_x[j] + PackedLane(lane, count);
        to[j] = token_sums[j] + lane * panel_rows;
      }
      const std::size_t steps = count / 16 + (lane < count % 16 ? 1 : 0);
      const auto add = four ? storage.add_four : storage.add_six;
      next.Ask();
      add(panel + lane * PanelLaneBytes(storage.bytes), steps, x, first == 0, to);
    }
    if (first + count == job.cols) StorePanelSums(rows, token + t, taken, tile_sums);
  }
}

/// PanelFn but for the source and its storage. scratch: the panel, then the sums of as many tokens as fit.
inline HWY_NOINLINE void FloatPanel(const MatmulJob& job, const FloatSource& source, const PanelStorage& storage,
                                    std::size_t begin, std::size_t end, std::byte* scratch) {
  const std::size_t panel_rows = FloatPanelRows();
  const PanelExtent extent{panel_rows, kPanelCols, source.block_weights, source.block_bytes};
  const std::size_t panel_bytes = 16 * PanelLaneBytes(storage.bytes);
  float* sums = reinterpret_cast<float*>(scratch + panel_bytes);
  const std::size_t fit = (kKernelScratchBytes - panel_bytes) / (16 * panel_rows * sizeof(float));
  const std::size_t token_step = fit / kMaxTileTokens * kMaxTileTokens;
  for (std::size_t row = begin; row < end; row += panel_rows) {
    const RowRange rows{job, row, HWY_MIN(panel_rows, end - row)};
    for (std::size_t token = 0; token < job.tokens; token += token_step) {
      const std::size_t tokens = HWY_MIN(token_step, job.tokens - token);
      std::size_t k = 0;
      do {
        const std::size_t count = HWY_MIN(kPanelCols, job.cols - k);
        storage.fill(rows, source, k, count, scratch);
        MultiplyFloatPanel(rows, storage, token, tokens, k, count, scratch, sums,
                           {job, extent, row, end, k + count, 16 * ((tokens + kMaxTileTokens - 1) / kMaxTileTokens)});
        k += count;
      } while (k < job.cols);
    }
  }
}

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_FLOAT_PANEL_INL_HPP_
