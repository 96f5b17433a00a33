#ifndef EDGEK_OPS_MATMUL_PLAN_HPP_
#define EDGEK_OPS_MATMUL_PLAN_HPP_

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "edgek/core/matrix_view.hpp"
#include "edgek/core/status.hpp"
#include "edgek/detail/abi.hpp"
#include "edgek/kernels/kernel_set.hpp"
#include "edgek/measure/ledger.hpp"
#include "edgek/runtime/context.hpp"

// How a matrix product is cut: which kernel, how activations are packed, and which rows go to a thread.
// Nothing here changes a result.

namespace edgek {
inline namespace EDGEK_ABI {
namespace ops_detail {

/// Matrices that one region may multiply; longer lists run in several regions.
inline constexpr std::size_t kMaxFused = ProductRegion::kMaxProducts;

/// The four layouts that activations are packed into. Only floats look different to a panel kernel.
inline constexpr std::size_t kPackings = kActivationCount + 1;
constexpr std::size_t packing_of(Activation a, bool panel) noexcept {
  return a == Activation::kF32 && panel ? kActivationCount : static_cast<std::size_t>(a);
}
constexpr Activation activation_of(std::size_t packing) noexcept {
  return packing == kActivationCount ? Activation::kF32 : static_cast<Activation>(packing);
}

/// Checks one matrix of a product. O(1).
inline Status check_matmul(const KernelSet& kernels, const MatrixView& w, ConstRows x, Rows y) noexcept {
  if (!kernels.has(w.format)) return Status::kUnsupportedFormat;
  if (!is_whole_blocks(w.format, w.cols)) return Status::kRowNotWholeBlocks;
  if (x.cols != w.cols || y.cols != w.rows || x.count != y.count) return Status::kShapeMismatch;
  if (x.count > 1 && (x.stride < x.cols || y.stride < y.cols)) return Status::kShapeMismatch;
  CheckedSize sizes = CheckedSize(w.cols) * 8 * w.rows;  // bounds row_bytes and bytes of every format
  sizes += CheckedSize(x.stride) * x.count * sizeof(float);
  sizes += CheckedSize(y.stride) * y.count * sizeof(float);
  if (!sizes.ok()) return Status::kShapeMismatch;
  if (w.rows == 0 || x.count == 0) return Status::kOk;
  if (y.data == nullptr) return Status::kNullData;
  return w.cols > 0 && (w.data == nullptr || x.data == nullptr) ? Status::kNullData : Status::kOk;
}

/// Tokens of floats, whose weights cost more to unpack and are unpacked once for all of them; packed panel by panel
/// (PackF32), they also stream well from behind that cache. Zen 3, F16, 256 tokens: 6 % faster than with 128.
inline constexpr std::size_t kFloatTokenBlock = 256;

/// One matrix of a product: its kernel and the units of work it is cut into. A unit is `tile` rows
/// for one block of tokens; units are numbered block by block.
struct MatmulPart {
  const MatmulKernels* kernels = nullptr;
  MatmulJob job{};
  std::size_t rows = 0;
  bool panel = false;
  std::size_t packing = 0;
  std::size_t tile = 1;
  std::size_t tiles = 0;         // units in a block of tokens
  std::size_t token_block = 1;
  std::size_t units = 0;
  std::size_t unit_bytes = 1;    // of weights
  std::size_t unit_cost = 1;     // in bytes read, or what takes as long
  std::size_t first_unit = 0;    // in the queue
  std::size_t cost_after = 0;    // of all later parts
};

/// Tokens whose packed activations are used together: they should stay in the second-level cache.
constexpr std::size_t token_block_for(std::size_t packed_bytes_per_token) noexcept {
  constexpr std::size_t kActivationBytes = std::size_t{1} << 20;
  const std::size_t tokens = kActivationBytes / std::max<std::size_t>(packed_bytes_per_token, 1);
  return std::clamp<std::size_t>(tokens / 64 * 64, 64, 1024);
}

/// Bytes between the packed activations of two tokens. Floats of a power of two of columns would want the same lines of
/// the caches for all tokens that a panel kernel takes at once.
constexpr std::size_t token_padding(std::size_t packing) noexcept { return packing == kActivationCount ? 64 : 0; }

inline MatmulPart make_part(const Context& ctx, const MatrixView& w, ConstRows x, Rows y) noexcept {
  const MatmulKernels& kernels = (ctx.exact ? ctx.kernels.exact : ctx.kernels.by_format)[index_of(w.format)];
  MatmulPart part;
  part.kernels = &kernels;
  part.rows = w.rows;
  part.panel = x.count > kernels.max_row_tokens;
  part.packing = packing_of(kernels.activation, part.panel);
  part.tile = std::max<std::size_t>(x.count > 1 ? kernels.panel_rows : kernels.row_tile, 1);
  part.tiles = (w.rows + part.tile - 1) / part.tile;
  const std::size_t x_bytes = packed_bytes(kernels.activation, w.cols) + token_padding(part.packing);
  part.token_block = part.panel ? token_block_for(x_bytes) : x.count;
  if (part.panel && kernels.activation == Activation::kF32)
    part.token_block = std::max(part.token_block, kFloatTokenBlock);
  part.units = part.tiles * ((x.count + part.token_block - 1) / part.token_block);
  const ReadPattern& read = ctx.tuning.read[index_of(w.format)];
  // Reading a weight from memory takes about as long as computing four tokens.
  const std::size_t work = std::max<std::size_t>(std::min(x.count, part.token_block) / 4, 1);
  part.unit_bytes = std::max<std::size_t>(part.tile * w.row_bytes(), 1);
  part.unit_cost = part.unit_bytes * work;
  part.job = MatmulJob{.weights = static_cast<const std::byte*>(w.data),
                       .row_bytes = w.row_bytes(),
                       .cols = w.cols,
                       .x = nullptr,
                       .x_stride = x_bytes,
                       .y = y.data,
                       .y_stride = y.stride,
                       .tokens = x.count,
                       .prefetch = read.prefetch == ReadPattern::kUsual ? ctx.kernels.prefetch : read.prefetch,
                       .streams = read.streams};
  return part;
}

/// Rows [row_begin, row_end) of one part, for the tokens [token_begin, token_end).
struct MatmulChunk {
  std::size_t part = 0;
  std::size_t row_begin = 0, row_end = 0;
  std::size_t token_begin = 0, token_end = 0;
};

inline void run_chunk(const MatmulPart& part, const MatmulChunk& chunk, std::byte* scratch) noexcept {
  MatmulJob job = part.job;
  job.x += chunk.token_begin * job.x_stride;
  job.y += chunk.token_begin * job.y_stride;
  job.tokens = chunk.token_end - chunk.token_begin;
  if (part.panel)
    part.kernels->panel(job, chunk.row_begin, chunk.row_end, scratch);
  else
    part.kernels->rows(job, chunk.row_begin, chunk.row_end);
}

/// Hands out chunks, large ones first, to whichever thread asks: a slow or busy core takes fewer.
class MatmulQueue {
 public:
  MatmulQueue(std::span<MatmulPart> parts, const StreamTuning& tuning, std::size_t threads) noexcept
      : parts_(parts), tuning_(tuning) {
    for (std::size_t p = parts.size(); p-- > 0;) {
      parts[p].cost_after = cost_;
      cost_ += parts[p].units * parts[p].unit_cost;
    }
    for (MatmulPart& part : parts) {
      part.first_unit = units_;
      units_ += part.units;
    }
    const std::size_t useful = cost_ / std::max<std::size_t>(tuning.min_chunk / 2, 1);
    threads_ = std::clamp<std::size_t>(std::min(useful, units_), 1, std::max<std::size_t>(threads, 1));
  }

  std::size_t threads() const noexcept { return threads_; }  ///< that are worth using

  /// False when nothing is left.
  bool take(MatmulChunk& chunk) noexcept {
    std::size_t begin = next_.load(std::memory_order_relaxed);
    while (begin < units_) {
      const std::size_t p = part_of(begin);
      const std::size_t end = begin + units_from(parts_[p], begin - parts_[p].first_unit);
      if (!next_.compare_exchange_weak(begin, end, std::memory_order_relaxed)) continue;
      chunk = chunk_of(p, begin - parts_[p].first_unit, end - begin);
      return true;
    }
    return false;
  }

 private:
  std::size_t part_of(std::size_t unit) const noexcept {
    std::size_t p = 0;
    while (unit - parts_[p].first_unit >= parts_[p].units) ++p;
    return p;
  }

  // Half of an even share of what is left, within the limits, and never across a block of tokens. The upper one counts
  // bytes of weights: several panels go to a thread, which asks for the next while it works on one (Zen 3, F16, 64
  // tokens, a gate and what it opens: 7 % faster with one thread than panel by panel, 3 % with two).
  std::size_t units_from(const MatmulPart& part, std::size_t unit) const noexcept {
    const std::size_t left = (part.units - unit) * part.unit_cost + part.cost_after;
    const std::size_t share = threads_ == 1 ? left : left / (2 * threads_);
    const std::size_t most = tuning_.max_chunk / part.unit_bytes;
    const std::size_t wanted =
        std::max<std::size_t>(std::min(std::max(share, tuning_.min_chunk) / part.unit_cost, most), 1);
    return std::min(wanted, part.tiles - unit % part.tiles);
  }

  MatmulChunk chunk_of(std::size_t p, std::size_t unit, std::size_t count) const noexcept {
    const MatmulPart& part = parts_[p];
    const std::size_t block = unit / part.tiles, tile = unit % part.tiles;
    const std::size_t token = block * part.token_block;
    return {p, tile * part.tile, std::min((tile + count) * part.tile, part.rows), token,
            std::min(token + part.token_block, part.job.tokens)};
  }

  std::span<MatmulPart> parts_;
  const StreamTuning& tuning_;
  std::size_t units_ = 0, cost_ = 0, threads_ = 1;
  std::atomic<std::size_t> next_{0};
};

}  // namespace ops_detail
}  // namespace EDGEK_ABI
}  // namespace edgek

#endif  // EDGEK_OPS_MATMUL_PLAN_HPP_
