#ifndef EDGEK_KERNELS_KERNEL_SET_HPP_
#define EDGEK_KERNELS_KERNEL_SET_HPP_

#include <array>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "edgek/core/format.hpp"
#include "edgek/core/half.hpp"
#include "edgek/core/packed_activations.hpp"

namespace edgek {

/// Scratch that a panel or attention kernel may use, per worker; 64-byte aligned, contents undefined.
inline constexpr std::size_t kKernelScratchBytes = 1024 * 1024;

/// Positions of the KV cache that one attention chunk covers. Part of the definition of the answer:
/// chunk c holds positions [c * kAttentionChunk, (c + 1) * kAttentionChunk).
inline constexpr std::size_t kAttentionChunk = 256;

/// Chunks of so many positions, the last one perhaps not full.
constexpr std::size_t attention_chunks(std::size_t positions) noexcept {
  return positions / kAttentionChunk + (positions % kAttentionChunk != 0);
}

/// Up to so many tokens look at a chunk of one KV head after the other, then at the next chunk; more tokens look at all
/// chunks of a head first. Kernels ask for the keys that come next.
inline constexpr std::size_t kAttentionFewTokens = 8;

/// y[t, r] = sum_k w[r, k] * x[t, k] for some rows and tokens, all pointers raw and unchecked.
/// y may not overlap w or x. No alignment is needed; 64 bytes is faster.
struct MatmulJob {
  const std::byte* weights;  // row r at weights + r * row_bytes
  std::size_t row_bytes;
  std::size_t cols;          // whole blocks
  const std::byte* x;        // packed activations (KernelSet::pack), token t at x + t * x_stride
  std::size_t x_stride;      // bytes
  float* y;                  // y[t * y_stride + r]
  std::size_t y_stride;      // floats
  std::size_t tokens;
  std::size_t prefetch;      // bytes ahead of every stream of weights; 0: none
  std::size_t streams;       // contiguous streams of weights that a row kernel reads at once: 1, 2, 4 or 8;
                             // 0, or more than its tile has rows: as many as these
  const TokenRest* rest = nullptr;  // (tokens), or none: row kernels of family kA32 add the products with these
                                    // blocks, one after the other; panel kernels do not look at it
};

/// Rows [row_begin, row_end) for 1..MatmulKernels::max_row_tokens tokens: every weight is read once,
/// streamed from memory. The range is walked as bands (one stream each); results do not depend on it.
using RowsFn = void (*)(const MatmulJob& job, std::size_t row_begin, std::size_t row_end) noexcept;

/// Rows [row_begin, row_end) for any number of tokens: weights are unpacked into `scratch`
/// (kKernelScratchBytes) once per call and used for all tokens. Same bits as RowsFn.
using PanelFn = void (*)(const MatmulJob& job, std::size_t row_begin, std::size_t row_end,
                         std::byte* scratch) noexcept;

/// The kernels of one weight format on one target.
struct MatmulKernels {
  const char* name;            ///< what `edgek inspect` shows: "rows+panel, int8 per 32"
  Activation activation;       ///< family of the packed activations these kernels read
  RowsFn rows;
  PanelFn panel;
  std::size_t max_row_tokens;  ///< up to this many tokens the row kernel is the faster one
  std::size_t row_tile;        ///< rows that the row kernel takes at once for one token: chunks should be multiples
  std::size_t panel_rows;      ///< the same of either kernel for several tokens
};

/// Where the rows of a cache of keys or values stand: position p of KV head h is the head_dim values from
/// h * head_stride + p / kAttentionChunk * chunk_stride + p % kAttentionChunk * head_dim on.
struct KvLayout {
  std::size_t head_stride = 0, chunk_stride = 0;  // values

  constexpr std::size_t offset(std::size_t kv_head, std::size_t position, std::size_t head_dim) const noexcept {
    return kv_head * head_stride + position / kAttentionChunk * chunk_stride + position % kAttentionChunk * head_dim;
  }
};

/// The layout (kv_heads, capacity, head_dim): all positions of a head follow one another.
constexpr KvLayout kv_by_head(std::size_t capacity, std::size_t head_dim) noexcept {
  return {capacity * head_dim, kAttentionChunk * head_dim};
}

/// Keys and values in one layer's cache, and the queries that look at them.
/// Head h reads KV head h / (heads / kv_heads). Token t stands at position first_position + t and
/// sees the positions 0..first_position + t, which the cache already holds.
struct AttentionJob {
  const float* q;              // (tokens, heads * head_dim), token t at q + t * q_stride
  std::size_t q_stride;        // floats
  const void* k;               // float or Half, as `layout` has them
  const void* v;               // the same
  bool half_kv;                // Half rather than float
  KvLayout layout;             // where their rows stand
  std::size_t capacity;        // positions that the cache has room for
  std::size_t heads, kv_heads, head_dim;
  std::size_t first_position;
  std::size_t tokens;
  float scale;                 // of q.k, 1 / sqrt(head_dim) as a rule
  bool ask_ahead = true;       // keys and values are asked of memory before their turn; else as the CPU itself foresees

  /// Bytes of a value of a key or value, and of all of them.
  constexpr std::size_t value_bytes() const noexcept { return half_kv ? sizeof(Half) : sizeof(float); }
  constexpr std::size_t row_bytes() const noexcept { return head_dim * value_bytes(); }
};

/// Floats of one head's running state: maximum, sum, and head_dim weighted values.
constexpr std::size_t attention_state_floats(std::size_t head_dim) noexcept { return head_dim + 2; }

/// One target's kernels: a plain table, fetched once (kernels(), find_kernels()) and passed around. A format has
/// its entries in by_format, exact and unpack, or none of them: has().
struct KernelSet {
  const char* name;      ///< "SCALAR", "AVX2", "AVX2_VNNI", "AVX3_DL", "NEON", "NEON_DOT", "SVE", ...
  std::size_t prefetch;  ///< MatmulJob::prefetch that suits most CPUs of this target

  /// Whether the set has kernels of this format. A number outside enum Format is none that it has.
  constexpr bool has(Format f) const noexcept { return is_known(f) && by_format[index_of(f)].rows != nullptr; }

  std::array<MatmulKernels, kFormatCount> by_format;  ///< what design calls the fast kernels; same bits on every target
  std::array<MatmulKernels, kFormatCount> exact;      ///< weights unpacked to float, float activations

  /// Packs x (cols floats) into the layout of a family (packed_bytes() long). `panel` asks for the
  /// layout that the panel kernels want; only family kF32 distinguishes. Works in place of nothing:
  /// `out` and x do not overlap. `out` is 64-byte aligned.
  using PackFn = void (*)(const float* x, std::size_t cols, bool panel, std::byte* out) noexcept;
  std::array<PackFn, kActivationCount> pack;

  /// Unpacks cols weights (whole blocks) of one row to float, exactly as formats/ does.
  using UnpackFn = void (*)(const std::byte* row, std::size_t cols, float* y) noexcept;
  std::array<UnpackFn, kFormatCount> unpack;

  // Elementwise, over n floats. In-place use (y == x) is allowed where it says so.
  void (*rmsnorm)(const float* x, const float* w, float eps, std::size_t n, float* y) noexcept;  // y == x allowed
  void (*add)(const float* x, std::size_t n, float* y) noexcept;                                 // y += x
  void (*silu_mul)(const float* gate, const float* up, std::size_t n, float* y) noexcept;        // y == gate allowed
  void (*gelu_mul)(const float* gate, const float* up, std::size_t n, float* y) noexcept;        // y == gate allowed
  void (*softmax)(float* x, std::size_t n) noexcept;                                             // in place
  void (*to_half)(const float* x, std::size_t n, Half* y) noexcept;
  void (*from_half)(const Half* x, std::size_t n, float* y) noexcept;
  std::size_t (*argmax)(const float* x, std::size_t n) noexcept;  // ties: the lower index; NaN never wins

  /// Rotates the first 2 * pairs values of every head in place. cos_sin holds `pairs` cosines, then
  /// `pairs` sines of one position. Adjacent: pair i is (2i, 2i + 1); halves: (i, i + pairs).
  void (*rope)(float* x, std::size_t heads, std::size_t head_dim, const float* cos_sin, std::size_t pairs,
               bool adjacent) noexcept;

  /// For every token t in [token_begin, token_end) and every head of the group of `kv_head`: the state
  /// of chunk `chunk` alone, written to states + ((t - token_begin) * group + g) * attention_state_floats.
  /// A token that sees nothing of the chunk gets the empty state (-inf, 0, zeros).
  void (*attention_chunk)(const AttentionJob& job, std::size_t kv_head, std::size_t chunk, std::size_t token_begin,
                          std::size_t token_end, float* states, std::byte* scratch) noexcept;
  /// Adds `count` states of the next chunk to running states, in order of chunks.
  void (*attention_merge)(float* into, const float* next, std::size_t count, std::size_t head_dim) noexcept;
  /// out[d] = state's values / sum, for one head.
  void (*attention_finish)(const float* state, std::size_t head_dim, float* out) noexcept;

  /// The null kernel of the replay roof: reads [begin, end) as `streams` contiguous bands at full width,
  /// prefetching `prefetch` bytes ahead; returns something that depends on every byte.
  std::uint64_t (*stream)(const std::byte* begin, const std::byte* end, std::size_t streams,
                          std::size_t prefetch) noexcept;
};

/// The formats that a set is made for.
template <Format... kFormats>
struct FormatList {};

template <std::size_t... kIndices>
constexpr FormatList<static_cast<Format>(kIndices)...> list_formats(std::index_sequence<kIndices...>) noexcept {
  return {};
}

/// The formats that are named, or all of them where none is.
template <Format... kNamed>
using NamedFormats = std::conditional_t<sizeof...(kNamed) != 0, FormatList<kNamed...>,
                                        decltype(list_formats(std::make_index_sequence<kFormatCount>()))>;

}  // namespace edgek

#endif  // EDGEK_KERNELS_KERNEL_SET_HPP_
