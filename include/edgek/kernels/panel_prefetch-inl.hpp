// What a panel will be filled with next, asked of memory while the one at hand is multiplied.
#if defined(EDGEK_KERNELS_PANEL_PREFETCH_INL_HPP_) == defined(EDGEK_TARGET_TOGGLE)
#ifdef EDGEK_KERNELS_PANEL_PREFETCH_INL_HPP_
#undef EDGEK_KERNELS_PANEL_PREFETCH_INL_HPP_
#else
#define EDGEK_KERNELS_PANEL_PREFETCH_INL_HPP_
#endif

#include "edgek/kernels/simd-inl.hpp"

EDGEK_BEFORE_UNIT

/// How much of a matrix a panel holds, and how its weights lie in memory.
struct PanelExtent {
  std::size_t rows, cols;  // cols: whole blocks
  std::size_t block_weights, block_bytes;
};

/// Asks for what follows a panel, a few cache lines at a time: filling the next one would wait for memory. F16 on one
/// core of a Zen 3, 8192 columns, 12 tokens: 23 GMAC/s instead of 20.5; 2048 columns, 64 tokens: 6 % faster. Q4_K on
/// one of a Zen 4, 8 tokens: 74 GMAC/s instead of 46.
class PanelPrefetch {
 public:
  /// The panel ends before column k of the rows from `row` on; then come their next columns, or the first ones of the
  /// rows after them, up to row `end`. In `calls` calls of Ask().
  HWY_INLINE PanelPrefetch(const MatmulJob& job, const PanelExtent& extent, std::size_t row, std::size_t end,
                           std::size_t k, std::size_t calls)
      : row_bytes_(job.row_bytes) {
    const bool same_rows = k < job.cols;
    const std::size_t first_row = HWY_MIN(same_rows ? row : row + extent.rows, end);
    const std::size_t first = same_rows ? k : 0;
    const std::size_t begin = first / extent.block_weights * extent.block_bytes;
    bytes_ = HWY_MIN(first + extent.cols, job.cols) / extent.block_weights * extent.block_bytes - begin;
    rows_ = bytes_ == 0 ? 0 : HWY_MIN(extent.rows, end - first_row);
    row_ = reinterpret_cast<const std::uint8_t*>(job.weights) + first_row * row_bytes_ + begin;
    lines_ = rows_ * ((bytes_ + 63) / 64) / calls + 1;
  }

  HWY_INLINE void Ask() {
    for (std::size_t i = 0; i < lines_ && rows_ > 0; ++i) {
      __builtin_prefetch(row_ + at_, 0, 2);
      at_ += 64;
      if (at_ < bytes_) continue;
      at_ = 0, row_ += row_bytes_, --rows_;
    }
  }

 private:
  const std::uint8_t* row_;
  std::size_t row_bytes_, bytes_, rows_, lines_, at_ = 0;
};

EDGEK_AFTER_UNIT

#endif  // EDGEK_KERNELS_PANEL_PREFETCH_INL_HPP_
