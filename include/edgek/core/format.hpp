#ifndef EDGEK_CORE_FORMAT_HPP_
#define EDGEK_CORE_FORMAT_HPP_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace edgek {

/// How the weights of a matrix are stored. The numbers are edgek's own (dense, usable as an
/// index); the GGUF type id is FormatInfo::gguf_id.
enum class Format : std::uint8_t { kF32, kF16, kBF16, kQ8_0, kQ4_0, kQ4_1, kQ5_0, kQ5_1, kQ4_K, kQ5_K, kQ6_K };
inline constexpr std::size_t kFormatCount = 11;

/// What a kernel multiplies the weights with. See docs/numerics.md.
enum class Activation : std::uint8_t {
  kF32,   ///< float, as given
  kA32,   ///< int8 with one float scale for every 32 values
  kA256,  ///< int8 with one float scale for every 256 values
};
inline constexpr std::size_t kActivationCount = 3;

/// One row of the table of formats.
struct FormatInfo {
  Format format;
  std::string_view name;       ///< as GGUF tools write it
  std::uint32_t gguf_id;       ///< `type` of a tensor in a GGUF file
  std::size_t block_weights;   ///< weights per block; a row holds whole blocks
  std::size_t block_bytes;     ///< bytes per block, no padding
  std::size_t scale_bytes;     ///< of these, bytes that are scales and mins rather than weights
  Activation activation;       ///< family that the fast (not exact) kernels use
};

inline constexpr std::array<FormatInfo, kFormatCount> kFormats = {{
    {Format::kF32, "F32", 0, 1, 4, 0, Activation::kF32},
    {Format::kF16, "F16", 1, 1, 2, 0, Activation::kF32},
    {Format::kBF16, "BF16", 30, 1, 2, 0, Activation::kF32},
    {Format::kQ8_0, "Q8_0", 8, 32, 34, 2, Activation::kA32},
    {Format::kQ4_0, "Q4_0", 2, 32, 18, 2, Activation::kA32},
    {Format::kQ4_1, "Q4_1", 3, 32, 20, 4, Activation::kA32},
    {Format::kQ5_0, "Q5_0", 6, 32, 22, 2, Activation::kA32},
    {Format::kQ5_1, "Q5_1", 7, 32, 24, 4, Activation::kA32},
    {Format::kQ4_K, "Q4_K", 12, 256, 144, 16, Activation::kA256},
    {Format::kQ5_K, "Q5_K", 13, 256, 176, 16, Activation::kA256},
    {Format::kQ6_K, "Q6_K", 14, 256, 210, 18, Activation::kA256},
}};

constexpr std::size_t index_of(Format f) noexcept { return static_cast<std::size_t>(f); }

/// Whether `f` is one of the enumerators (a value cast from a file may not be).
constexpr bool is_known(Format f) noexcept { return index_of(f) < kFormatCount; }

/// The table's row of a known format.
constexpr const FormatInfo& info(Format f) noexcept { return kFormats[index_of(f)]; }

constexpr bool table_is_in_order() noexcept {
  for (std::size_t i = 0; i < kFormatCount; ++i)
    if (index_of(kFormats[i].format) != i) return false;
  return true;
}
static_assert(table_is_in_order(), "kFormats is indexed by enum Format");

/// The format with this GGUF type id; nullptr if edgek has none.
constexpr const FormatInfo* find_format_by_gguf_id(std::uint32_t id) noexcept {
  for (const FormatInfo& row : kFormats)
    if (row.gguf_id == id) return &row;
  return nullptr;
}

/// The format with this name ("Q4_K"); nullptr if edgek has none.
constexpr const FormatInfo* find_format(std::string_view name) noexcept {
  for (const FormatInfo& row : kFormats)
    if (row.name == name) return &row;
  return nullptr;
}

/// Whether a row of `cols` weights holds whole blocks.
constexpr bool is_whole_blocks(Format f, std::size_t cols) noexcept { return cols % info(f).block_weights == 0; }

/// Bytes of one row. Needs is_whole_blocks(f, cols); the caller bounds cols (< 2^58).
constexpr std::size_t row_bytes(Format f, std::size_t cols) noexcept {
  return cols / info(f).block_weights * info(f).block_bytes;
}

/// Bits per weight, block metadata included: 4.5 for Q4_K.
constexpr double bits_per_weight(Format f) noexcept {
  return 8.0 * static_cast<double>(info(f).block_bytes) / static_cast<double>(info(f).block_weights);
}

}  // namespace edgek

#endif  // EDGEK_CORE_FORMAT_HPP_
