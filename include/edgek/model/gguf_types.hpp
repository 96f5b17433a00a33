#ifndef EDGEK_MODEL_GGUF_TYPES_HPP_
#define EDGEK_MODEL_GGUF_TYPES_HPP_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "edgek/core/format.hpp"

namespace edgek {

/// Type of a metadata value, numbered as in the file.
enum class GgufValueType : std::uint32_t {
  kUint8 = 0,
  kInt8 = 1,
  kUint16 = 2,
  kInt16 = 3,
  kUint32 = 4,
  kInt32 = 5,
  kFloat32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kUint64 = 10,
  kInt64 = 11,
  kFloat64 = 12,
};

/// Name and size of one value type; bytes is 0 where the size is in the data.
struct GgufValueTypeInfo {
  std::string_view name;
  std::size_t bytes;
};

inline constexpr std::array<GgufValueTypeInfo, 13> kGgufValueTypes = {{
    {"uint8", 1},
    {"int8", 1},
    {"uint16", 2},
    {"int16", 2},
    {"uint32", 4},
    {"int32", 4},
    {"float32", 4},
    {"bool", 1},
    {"string", 0},
    {"array", 0},
    {"uint64", 8},
    {"int64", 8},
    {"float64", 8},
}};

constexpr const GgufValueTypeInfo& info(GgufValueType type) noexcept {
  return kGgufValueTypes[static_cast<std::size_t>(type)];
}

/// One metadata entry: a view of the file's bytes, checked to lie inside them.
struct GgufValue {
  std::string_view key;
  GgufValueType type;                ///< kArray for an array
  GgufValueType element;             ///< type of an array's elements; `type` for a single value
  std::size_t count;                 ///< elements of an array; 1 for a single value
  std::span<const std::byte> data;   ///< the values one after another, little-endian; a string as u64 length, bytes
  std::span<const std::byte> entry;  ///< the whole entry, key and types included: what a writer copies
};

/// One tensor: a view of the file's bytes, checked to lie inside them.
struct GgufTensor {
  std::string_view name;
  std::uint32_t type;               ///< GGUF type id; always one of kGgufTensorTypes that is stored today
  std::size_t dim_count;            ///< as written, 0 to 4; a missing one counts as 1
  std::array<std::uint64_t, 4> dim; ///< dim[0] is the contiguous one: a row has dim[0] weights
  std::uint64_t offset;             ///< of data, from the start of the data section
  std::span<const std::byte> data;

  /// Weights of a row.
  constexpr std::uint64_t cols() const noexcept { return dim[0]; }
  /// Rows of all outer dimensions together (no overflow: the reader bounded the product).
  constexpr std::uint64_t rows() const noexcept { return dim[1] * dim[2] * dim[3]; }
};

/// What a tensor's type id means. A type without kernels (see find_format_by_gguf_id) can still be
/// listed and copied; one that GGUF has withdrawn (block_bytes 0) cannot even be sized.
struct GgufTensorTypeInfo {
  std::uint32_t id;
  std::string_view name;
  std::size_t block_weights;
  std::size_t block_bytes;
};

inline constexpr std::array<GgufTensorTypeInfo, 43> kGgufTensorTypes = {{
    {0, "F32", 1, 4},
    {1, "F16", 1, 2},
    {2, "Q4_0", 32, 18},
    {3, "Q4_1", 32, 20},
    {4, "Q4_2", 0, 0},
    {5, "Q4_3", 0, 0},
    {6, "Q5_0", 32, 22},
    {7, "Q5_1", 32, 24},
    {8, "Q8_0", 32, 34},
    {9, "Q8_1", 32, 36},
    {10, "Q2_K", 256, 84},
    {11, "Q3_K", 256, 110},
    {12, "Q4_K", 256, 144},
    {13, "Q5_K", 256, 176},
    {14, "Q6_K", 256, 210},
    {15, "Q8_K", 256, 292},
    {16, "IQ2_XXS", 256, 66},
    {17, "IQ2_XS", 256, 74},
    {18, "IQ3_XXS", 256, 98},
    {19, "IQ1_S", 256, 50},
    {20, "IQ4_NL", 32, 18},
    {21, "IQ3_S", 256, 110},
    {22, "IQ2_S", 256, 82},
    {23, "IQ4_XS", 256, 136},
    {24, "I8", 1, 1},
    {25, "I16", 1, 2},
    {26, "I32", 1, 4},
    {27, "I64", 1, 8},
    {28, "F64", 1, 8},
    {29, "IQ1_M", 256, 56},
    {30, "BF16", 1, 2},
    {31, "Q4_0_4_4", 0, 0},
    {32, "Q4_0_4_8", 0, 0},
    {33, "Q4_0_8_8", 0, 0},
    {34, "TQ1_0", 256, 54},
    {35, "TQ2_0", 256, 66},
    {36, "IQ4_NL_4_4", 0, 0},
    {37, "IQ4_NL_4_8", 0, 0},
    {38, "IQ4_NL_8_8", 0, 0},
    {39, "MXFP4", 32, 17},
    {40, "NVFP4", 64, 36},
    {41, "Q1_0", 128, 18},
    {42, "Q2_0", 64, 18},
}};

/// The row of a type id, withdrawn ones included; nullptr for a number GGUF never gave out.
constexpr const GgufTensorTypeInfo* find_gguf_tensor_type(std::uint32_t id) noexcept {
  return id < kGgufTensorTypes.size() ? &kGgufTensorTypes[id] : nullptr;
}

namespace detail {

constexpr bool gguf_tensor_types_agree() noexcept {
  for (std::size_t i = 0; i < kGgufTensorTypes.size(); ++i)
    if (kGgufTensorTypes[i].id != i) return false;
  for (const FormatInfo& format : kFormats) {
    const GgufTensorTypeInfo& type = kGgufTensorTypes[format.gguf_id];
    if (type.name != format.name || type.block_weights != format.block_weights ||
        type.block_bytes != format.block_bytes)
      return false;
  }
  return true;
}
static_assert(gguf_tensor_types_agree(), "kGgufTensorTypes is indexed by id and repeats kFormats' sizes");

}  // namespace detail
}  // namespace edgek

#endif  // EDGEK_MODEL_GGUF_TYPES_HPP_
