#ifndef EDGEK_OPS_REFINEMENT_HPP_
#define EDGEK_OPS_REFINEMENT_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "edgek/core/format.hpp"
#include "edgek/core/matrix_view.hpp"
#include "edgek/core/packed_activations.hpp"
#include "edgek/core/status.hpp"
#include "edgek/detail/abi.hpp"
#include "edgek/kernels/kernel_set.hpp"
#include "edgek/ops/matmul_plan.hpp"
#include "edgek/ops/region.hpp"
#include "edgek/reference/fma.hpp"
#include "edgek/runtime/context.hpp"

// A second look at the coarsest blocks. A language model's activations hold a few values hundreds of times
// larger than the rest; a block of 32 with such a value has steps so wide that its other values drown, and
// these few blocks make most of a model's quantization error (SmolLM2 at Q4_1: logits are off by 0.11 to 0.38,
// rms, without what follows, by 0.06 to 0.13 with it; a token takes 6 % longer, a prompt 10 %). So for
// family kA32 the two blocks of a token with the largest scales d, at equal ones the first, are quantized
// twice: the second time what the first left over, r = x - d * q, by the same rule. The product is then
//   y = (main + w_a . r_a) + w_b . r_b,   a < b,
// each a plain row product of one block. Part of the definition of the answer.

namespace edgek {
inline namespace EDGEK_ABI {
namespace ops_detail {

/// Finds the blocks of a token that are looked at twice: the largest scale, then the largest of the others. A
/// scale that is NaN is never the larger one. Fills in count and block.   d: (blocks).
inline void find_coarse_blocks(const float* d, std::size_t blocks, TokenRest& rest) noexcept {
  rest.count = std::min(blocks, kRestBlocks);
  if (rest.count < kRestBlocks) return;  // block 0, if any
  std::size_t first = 0;
  for (std::size_t b = 1; b < blocks; ++b)
    if (d[b] > d[first]) first = b;
  std::size_t second = first == 0 ? 1 : 0;
  for (std::size_t b = second + 1; b < blocks; ++b)
    if (b != first && d[b] > d[second]) second = b;
  rest.block[0] = static_cast<std::uint32_t>(std::min(first, second));
  rest.block[1] = static_cast<std::uint32_t>(std::max(first, second));
}

/// What the first quantization of a block left over.   x: (32) floats, q: (32), rest: (32).
inline void rest_of_block(const float* x, const std::int8_t* q, float d, float* rest) noexcept {
  for (std::size_t i = 0; i < 32; ++i) rest[i] = x[i] - RoundedProduct(d, static_cast<float>(q[i]));
}

/// The second look at one packed input, shared by all matrices that read it.
class Refinement {
 public:
  static constexpr std::size_t kBlock = 32;
  static constexpr std::size_t kRestBytes = packed_bytes(Activation::kA32, kBlock);

  /// Scratch that begin() and gather() take.
  static CheckedSize bytes(std::size_t tokens, std::size_t cols) noexcept {
    const CheckedSize rests = CheckedSize(tokens) * kRestBlocks;
    return Arena::bytes_for<TokenRest>(tokens) + Arena::bytes_for<std::byte>(rests * kRestBytes) * 2 +
           Arena::bytes_for<Place>(rests) + Arena::bytes_for<std::size_t>(CheckedSize(cols / kBlock) + 1);
  }

  /// Floats that apply() needs for every thread.
  static std::size_t output_floats(std::size_t tokens) noexcept {
    return std::max(kMinOutput, kMinRows * std::min(tokens, kMaxTokenBlock));
  }

  /// x: the floats; packed: where pack puts them, token t at packed + t * stride.
  void begin(Arena& scratch, ConstRows x, const std::byte* packed, std::size_t stride) noexcept {
    x_ = x, packed_ = packed, stride_ = stride;
    blocks_ = x.cols / kBlock;
    per_token_ = std::min(blocks_, kRestBlocks);
    by_token_ = scratch.take<TokenRest>(x.count);
    rests_ = scratch.take<std::byte>(x.count * kRestBlocks * kRestBytes);
  }

  /// Bytes that look_again() reads and writes for all tokens.
  std::size_t bytes_moved() const noexcept {
    return x_.count * (blocks_ * sizeof(float) + kRestBlocks * (kBlock * 5 + kRestBytes));
  }

  /// Quantizes what packing token t left over; any thread, any order of tokens.
  void look_again(const KernelSet& kernels, std::size_t t) noexcept {
    const PackedA32 main = packed_a32(packed_ + t * stride_, x_.cols);
    TokenRest& rest = by_token_[t];
    find_coarse_blocks(main.d, blocks_, rest = TokenRest{});
    for (std::size_t i = 0; i < rest.count; ++i) {
      std::byte* out = rests_ + (t * kRestBlocks + i) * kRestBytes;
      pack_rest(kernels, x_.row(t), main, rest.block[i], out);
      rest.packed[i] = out;
    }
  }

  /// What apply() needs, once all tokens are looked at: sorts the rests by block of tokens, then block of columns, then
  /// token, because a panel kernel takes all tokens that share a block of columns at once. Recorded as beginning at
  /// `start_ns`; answers when it ended.
  std::uint64_t gather(Context& ctx, const OpLabel& label, std::uint64_t start_ns) noexcept {
    token_block_ = token_block_for(stride_);
    places_ = ctx.scratch.take<Place>(x_.count * kRestBlocks);
    sorted_ = ctx.scratch.take<std::byte>(x_.count * kRestBlocks * kRestBytes);
    std::size_t* next = ctx.scratch.take<std::size_t>(blocks_ + 1);
    LedgerEntry entry = entry_since(start_ns, "sort_rest");
    entry.n = x_.count;
    entry.traffic.activations = 2 * x_.count * kRestBlocks * kRestBytes;
    run_recorded(ctx, 1, 1, entry, label, [&](std::size_t, std::size_t) {
      for (std::size_t begin = 0; begin < x_.count; begin += token_block_)
        sort(begin, std::min(begin + token_block_, x_.count), next);
    });
    return entry.end_ns;
  }

  /// What a row kernel adds by itself: MatmulJob::rest.
  const TokenRest* by_token() const noexcept { return by_token_; }

  /// For panel kernels: adds the second look to the rows and tokens of a chunk whose main product is there.
  ///   output: (output_floats) of this thread; scratch: kKernelScratchBytes of this thread.
  void apply(const Context& ctx, const MatmulPart& part, const MatmulChunk& chunk, float* output,
             std::byte* scratch) const noexcept {
    for (std::size_t begin = chunk.token_begin / token_block_ * token_block_; begin < chunk.token_end;
         begin += token_block_) {
      const std::size_t end = std::min(begin + token_block_, x_.count) * per_token_;
      for (std::size_t first = begin * per_token_; first < end;) {
        std::size_t last = first + 1;
        while (last < end && places_[last].block == places_[first].block) ++last;
        add_group(ctx, part, chunk, within(chunk, first, last), output, scratch);
        first = last;
      }
    }
  }

 private:
  static constexpr std::size_t kMaxTokenBlock = 1024;  // token_block_for() gives no more
  static constexpr std::size_t kMinRows = 64;          // rows at once, whatever the tokens
  static constexpr std::size_t kMinOutput = 4096;

  /// Where a packed rest of sorted_ belongs.
  struct Place {
    std::uint32_t token, block;
  };

  static void pack_rest(const KernelSet& kernels, const float* x, const PackedA32& main, std::size_t block,
                        std::byte* out) noexcept {
    float rest[kBlock];
    rest_of_block(x + block * kBlock, main.q + block * kBlock, main.d[block], rest);
    kernels.pack[static_cast<std::size_t>(Activation::kA32)](rest, kBlock, false, out);
  }

  // A counting sort.
  void sort(std::size_t begin, std::size_t end, std::size_t* next) noexcept {
    std::fill_n(next, blocks_ + 1, std::size_t{0});
    for (std::size_t t = begin; t < end; ++t)
      for (std::size_t i = 0; i < per_token_; ++i) ++next[by_token_[t].block[i] + 1];
    for (std::size_t b = 0; b < blocks_; ++b) next[b + 1] += next[b];
    for (std::size_t t = begin; t < end; ++t) {
      for (std::size_t i = 0; i < per_token_; ++i) {
        const std::size_t to = begin * per_token_ + next[by_token_[t].block[i]]++;
        places_[to] = {static_cast<std::uint32_t>(t), by_token_[t].block[i]};
        std::memcpy(sorted_ + to * kRestBytes, by_token_[t].packed[i], kRestBytes);
      }
    }
  }

  /// Some of places_ that share a block of columns, in ascending order of tokens.
  struct Group {
    std::size_t first, last;
  };

  // A gate and what it opens may be cut into smaller blocks of tokens than places_ is.
  Group within(const MatmulChunk& chunk, std::size_t first, std::size_t last) const noexcept {
    while (first < last && places_[first].token < chunk.token_begin) ++first;
    while (first < last && places_[last - 1].token >= chunk.token_end) --last;
    return {first, last};
  }

  void add_group(const Context& ctx, const MatmulPart& part, const MatmulChunk& chunk, Group group, float* output,
                 std::byte* scratch) const noexcept {
    if (group.first == group.last) return;
    const std::size_t first = group.first, tokens = group.last - first, block = places_[first].block;
    const std::size_t block_bytes = part.job.row_bytes / (part.job.cols / kBlock);
    const std::size_t most = std::max(kMinRows, kMinOutput / tokens / kMinRows * kMinRows);
    for (std::size_t row = chunk.row_begin; row < chunk.row_end; row += most) {
      const std::size_t rows = std::min(most, chunk.row_end - row);
      MatmulJob job = part.job;
      job.weights += row * job.row_bytes + block * block_bytes;
      job.cols = kBlock;
      job.x = sorted_ + first * kRestBytes;
      job.x_stride = kRestBytes;
      job.y = output;
      job.y_stride = rows;
      job.tokens = tokens;
      job.prefetch = 0;  // the main product has just read these rows
      if (tokens > part.kernels->max_row_tokens)
        part.kernels->panel(job, 0, rows, scratch);
      else
        part.kernels->rows(job, 0, rows);
      for (std::size_t i = 0; i < tokens; ++i)
        ctx.kernels.add(output + i * rows, rows, part.job.y + places_[first + i].token * part.job.y_stride + row);
    }
  }

  ConstRows x_{nullptr, 0, 0};
  const std::byte* packed_ = nullptr;  // (tokens, stride_)
  std::size_t stride_ = 0;
  std::size_t blocks_ = 0, per_token_ = 0;
  TokenRest* by_token_ = nullptr;  // (tokens)
  std::byte* rests_ = nullptr;     // (tokens, kRestBlocks, kRestBytes)
  std::size_t token_block_ = 1;
  Place* places_ = nullptr;        // (tokens * per_token_)
  std::byte* sorted_ = nullptr;    // (tokens * per_token_, kRestBytes)
};

}  // namespace ops_detail
}  // namespace EDGEK_ABI
}  // namespace edgek

#endif  // EDGEK_OPS_REFINEMENT_HPP_
