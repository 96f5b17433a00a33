// Matmul over floats for many tokens. Lanes are rows: weights become floats in a transposed panel, and every
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
#include "edgek/kernels/quantize-inl.hpp"

EDGEK_BEFORE_UNIT

/// Columns of a panel. Longer rows take several, and their sums wait in scratch.
inline constexpr std::size_t kPanelCols = 1024;
/// Rows of a panel: two vectors.
inline constexpr std::size_t kMaxFloatPanelRows = 2 * hn::MaxLanes(DF());
HWY_INLINE std::size_t FloatPanelRows() { return 2 * hn::Lanes(DF()); }

/// Tokens of a register tile: 2 vectors x 6 sums, 2 weights and a broadcast fit 16 registers.
inline constexpr std::size_t kMaxTileTokens = 6;

/// A panel is [16 lanes][kPanelCols / 16][rows] floats, lanes one cache line further apart than that: their
/// distance would be a power of two, and all of them would want the same few lines of the first cache.
HWY_INLINE std::size_t PanelLaneFloats() { return kPanelCols / 16 * FloatPanelRows() + 16; }
HWY_INLINE float* PanelStep(float* panel, std::size_t k) {
  return panel + k % 16 * PanelLaneFloats() + k / 16 * FloatPanelRows();
}

/// Four columns of a tile's rows, transposed into the panel. `from`: (kTileRows, kFillWeights).
HWY_INLINE void TransposeColumns(const float* from, float* panel, std::size_t k, std::size_t row) {
  const RowF32 d;
  const RowU64 d64;
  const hn::Half<RowF32> dh;
  const auto load = [&](std::size_t r) EDGEK_UNIT_ATTR {
    if constexpr (kTileRows == 8) {
      return hn::Combine(d, hn::LoadU(dh, from + (r + 4) * kFillWeights), hn::LoadU(dh, from + r * kFillWeights));
    } else {
      return hn::LoadU(d, from + r * kFillWeights);
    }
  };
  (void)dh;
  const auto v0 = load(0), v1 = load(1), v2 = load(2), v3 = load(3);
  const auto l01 = hn::BitCast(d64, hn::InterleaveLower(d, v0, v1));
  const auto u01 = hn::BitCast(d64, hn::InterleaveUpper(d, v0, v1));
  const auto l23 = hn::BitCast(d64, hn::InterleaveLower(d, v2, v3));
  const auto u23 = hn::BitCast(d64, hn::InterleaveUpper(d, v2, v3));
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(d64, l01, l23)), d, PanelStep(panel, k) + row);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(d64, l01, l23)), d, PanelStep(panel, k + 1) + row);
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(d64, u01, u23)), d, PanelStep(panel, k + 2) + row);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(d64, u01, u23)), d, PanelStep(panel, k + 3) + row);
}

/// Weights [first, first + count) of `rows` rows from `row` on; the last row stands for missing ones. Columns
/// beyond count up to a multiple of 4 hold anything. Row by row, as memory is read fastest: taking a few columns
/// of all rows at a time, to write whole lines of the panel, is slower.
inline HWY_NOINLINE void FillFloatPanel(const MatmulJob& job, const FloatSource& source, std::size_t row,
                                        std::size_t rows, std::size_t first, std::size_t count, float* panel) {
  HWY_ALIGN float weights[kTileRows * kFillWeights];
  __builtin_memset(weights, 0, sizeof weights);
  for (std::size_t r = 0; r < FloatPanelRows(); r += kTileRows) {
    const std::uint8_t* p[kTileRows];
    for (std::size_t j = 0; j < kTileRows; ++j)
      p[j] = reinterpret_cast<const std::uint8_t*>(job.weights) + (row + HWY_MIN(r + j, rows - 1)) * job.row_bytes;
    for (std::size_t k = 0; k < count; k += kFillWeights) {
      const std::size_t some = HWY_MIN(kFillWeights, count - k);
      source.fill(source, p, first + k, some, weights, kFillWeights);
      for (std::size_t i = 0; i < some; i += 4) TransposeColumns(weights + i, panel, k + i, r);
    }
  }
}

/// One lane of the panel times kTokens tokens: sums[t][row] += weights[step][row] * x[t][step], over all steps.
template <std::size_t kTokens>
HWY_NOINLINE void AddPanelLane(const float* weights, std::size_t steps, const float* const* x, bool fresh,
                               float* const* sums) {
  static_assert(kTokens == 4 || kTokens == 6);
  const DF d;
  const std::size_t lanes = hn::Lanes(d);
  const auto zero = hn::Zero(d);
  auto a0 = zero, a1 = zero, a2 = zero, a3 = zero, a4 = zero, a5 = zero;
  auto b0 = zero, b1 = zero, b2 = zero, b3 = zero, b4 = zero, b5 = zero;
  if (!fresh) {
    a0 = hn::LoadU(d, sums[0]), b0 = hn::LoadU(d, sums[0] + lanes);
    a1 = hn::LoadU(d, sums[1]), b1 = hn::LoadU(d, sums[1] + lanes);
    a2 = hn::LoadU(d, sums[2]), b2 = hn::LoadU(d, sums[2] + lanes);
    a3 = hn::LoadU(d, sums[3]), b3 = hn::LoadU(d, sums[3] + lanes);
    if constexpr (kTokens == 6) {
      a4 = hn::LoadU(d, sums[4]), b4 = hn::LoadU(d, sums[4] + lanes);
      a5 = hn::LoadU(d, sums[5]), b5 = hn::LoadU(d, sums[5] + lanes);
    }
  }
  const auto add = [&](float value, auto wa, auto wb, auto& a, auto& b) EDGEK_UNIT_ATTR {
    const auto v = hn::Set(d, value);
    a = Fma(wa, v, a);
    b = Fma(wb, v, b);
  };
  const float *x0 = x[0], *x1 = x[1], *x2 = x[2], *x3 = x[3], *x4 = x[kTokens - 2], *x5 = x[kTokens - 1];
  for (std::size_t s = 0; s < steps; ++s, weights += 2 * lanes) {
    const auto wa = hn::LoadU(d, weights), wb = hn::LoadU(d, weights + lanes);
    add(x0[s], wa, wb, a0, b0);
    add(x1[s], wa, wb, a1, b1);
    add(x2[s], wa, wb, a2, b2);
    add(x3[s], wa, wb, a3, b3);
    if constexpr (kTokens == 6) {
      add(x4[s], wa, wb, a4, b4);
      add(x5[s], wa, wb, a5, b5);
    }
  }
  const auto store = [&](auto a, auto b, float* to) EDGEK_UNIT_ATTR {
    hn::StoreU(a, d, to);
    hn::StoreU(b, d, to + lanes);
  };
  store(a0, b0, sums[0]);
  store(a1, b1, sums[1]);
  store(a2, b2, sums[2]);
  store(a3, b3, sums[3]);
  if constexpr (kTokens == 6) {
    store(a4, b4, sums[4]);
    store(a5, b5, sums[5]);
  }
}

/// The panel times `tokens` tokens from `token` on. sums: (tokens, 16 lanes, panel rows).
HWY_INLINE void MultiplyFloatPanel(const MatmulJob& job, std::size_t token, std::size_t tokens, std::size_t first,
                                   std::size_t count, float* panel, float* sums) {
  const std::size_t rows = FloatPanelRows();
  std::size_t taken = 0;
  for (std::size_t t = 0; t < tokens; t += taken) {
    const std::size_t left = tokens - t;
    const bool four = left <= 4 || left == 7 || left == 8;
    taken = HWY_MIN(left, four ? std::size_t{4} : kMaxTileTokens);
    const float* token_x[kMaxTileTokens];  // the last token stands for missing ones
    float* token_sums[kMaxTileTokens];
    for (std::size_t j = 0; j < kMaxTileTokens; ++j) {
      token_x[j] = FloatToken(job, token + t + HWY_MIN(j, taken - 1)) + first / 16;
      token_sums[j] = sums + (t + HWY_MIN(j, taken - 1)) * 16 * rows;
    }
    for (std::size_t lane = 0; lane < 16; ++lane) {
      const float* x[kMaxTileTokens];
      float* to[kMaxTileTokens];
      for (std::size_t j = 0; j < kMaxTileTokens; ++j) {
        x[j] = token_x[j] + PackedLane(lane, job.cols);
        to[j] = token_sums[j] + lane * rows;
      }
      const std::size_t steps = count / 16 + (lane < count % 16 ? 1 : 0);
      const auto add = four ? &AddPanelLane<4> : &AddPanelLane<6>;
      add(PanelStep(panel, lane), steps, x, first == 0, to);
    }
  }
}

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

HWY_INLINE void StorePanelSums(const MatmulJob& job, std::size_t row, std::size_t rows, std::size_t token,
                               std::size_t tokens, const float* sums) {
  HWY_ALIGN float out[kMaxFloatPanelRows];
  const std::size_t panel_rows = FloatPanelRows();
  for (std::size_t t = 0; t < tokens; ++t, sums += 16 * panel_rows) {
    for (std::size_t r = 0; r < panel_rows; r += panel_rows / 2) SumPanelLanes(sums + r, panel_rows, out + r);
    __builtin_memcpy(job.y + (token + t) * job.y_stride + row, out, rows * sizeof(float));
  }
}

/// PanelFn but for the source. scratch: the panel, then the sums of as many tokens as fit.
inline HWY_NOINLINE void FloatPanel(const MatmulJob& job, const FloatSource& source, std::size_t begin,
                                    std::size_t end, std::byte* scratch) {
  const std::size_t panel_rows = FloatPanelRows();
  float* panel = reinterpret_cast<float*>(scratch);
  float* sums = panel + 16 * PanelLaneFloats();
  const std::size_t fit = (kKernelScratchBytes / sizeof(float) - 16 * PanelLaneFloats()) / (16 * panel_rows);
  const std::size_t token_step = fit / kMaxTileTokens * kMaxTileTokens;
  for (std::size_t row = begin; row < end; row += panel_rows) {
    const std::size_t rows = HWY_MIN(panel_rows, end - row);
    for (std::size_t token = 0; token < job.tokens; token += token_step) {
      const std::size_t tokens = HWY_MIN(token_step, job.tokens - token);
      std::size_t k = 0;
      do {
        const std::size_t count = HWY_MIN(kPanelCols, job.cols - k);
        FillFloatPanel(job, source, row, rows, k, count, panel);
        MultiplyFloatPanel(job, token, tokens, k, count, panel, sums);
        k += count;
      } while (k < job.cols);
      StorePanelSums(job, row, rows, token, tokens, sums);
    }
  }
}

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_FLOAT_PANEL_INL_HPP_
