#ifndef EDGEK_MODEL_GGUF_HPP_
#define EDGEK_MODEL_GGUF_HPP_

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "edgek/model/error.hpp"
#include "edgek/model/gguf_cursor.hpp"
#include "edgek/model/gguf_types.hpp"

namespace edgek {

static_assert(std::endian::native == std::endian::little, "GGUF values are read in place: little-endian hosts only");

namespace detail {

/// Indices of `names` in the order of the names, so that duplicates are neighbours and a name is
/// found by bisection: n log n for any input, which no hash promises for a hostile file.
template <typename Item, typename Name>
std::vector<std::uint32_t> sorted_by_name(const std::vector<Item>& items, Name name) {
  std::vector<std::uint32_t> order(items.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::uint32_t>(i);
  const auto before = [&](std::uint32_t a, std::uint32_t b) { return name(items[a]) < name(items[b]); };
  std::sort(order.begin(), order.end(), before);
  return order;
}

}  // namespace detail

/// A GGUF file (version 2 or 3), checked from end to end when constructed: after that every view
/// it hands out lies inside the given bytes. Copies neither metadata nor tensors: `bytes` (usually
/// a mapping) must outlive it. Throws edgek::Error. Const use is safe from any number of threads.
class GgufReader {
 public:
  /// `file` is the name that errors give.
  GgufReader(std::span<const std::byte> bytes, std::string file) : bytes_(bytes), file_(std::move(file)) {
    detail::GgufCursor cursor(bytes_, file_);
    const Header header = read_header(cursor);
    read_metadata(cursor, header.value_count);
    index_metadata();
    read_alignment();
    read_tensor_table(cursor, header.tensor_count);
    index_tensors();
    place_tensors(cursor.at());
  }

  const std::string& file() const noexcept { return file_; }
  std::uint32_t version() const noexcept { return version_; }
  std::uint64_t alignment() const noexcept { return alignment_; }
  std::span<const std::byte> bytes() const noexcept { return bytes_; }
  const std::vector<GgufValue>& metadata() const noexcept { return metadata_; }  ///< in the file's order
  const std::vector<GgufTensor>& tensors() const noexcept { return tensors_; }   ///< in the file's order

  /// The entry with this key; nullptr if the file has none.
  const GgufValue* find(std::string_view key) const noexcept {
    return find_by_name(metadata_, metadata_order_, key, [](const GgufValue& v) { return v.key; });
  }

  /// The tensor with this name; nullptr if the file has none.
  const GgufTensor* find_tensor(std::string_view name) const noexcept {
    return find_by_name(tensors_, tensor_order_, name, [](const GgufTensor& t) { return t.name; });
  }

  /// The entry with this key, or an Error.
  const GgufValue& require(std::string_view key) const {
    if (const GgufValue* value = find(key)) return *value;
    throw Error(file_, key, "missing", "this key is required");
  }

  /// The tensor with this name, or an Error.
  const GgufTensor& require_tensor(std::string_view name) const {
    if (const GgufTensor* tensor = find_tensor(name)) return *tensor;
    throw Error(file_, tensor_field(name), "missing", "this tensor is required");
  }

  // Single values. An integer may be stored in any integer type, a float as float32 or float64.
  // The `_or` forms return the fallback where the key is absent; a present value is always checked.

  std::uint64_t require_uint(std::string_view key, std::uint64_t min, std::uint64_t max) const {
    return uint_at(single(require(key)), 0, min, max);
  }
  std::uint64_t uint_or(std::string_view key, std::uint64_t fallback, std::uint64_t min, std::uint64_t max) const {
    const GgufValue* value = find(key);
    return value ? uint_at(single(*value), 0, min, max) : fallback;
  }
  /// Finite and within [min, max].
  float require_float(std::string_view key, float min, float max) const {
    return float_within(single(require(key)), min, max);
  }
  float float_or(std::string_view key, float fallback, float min, float max) const {
    const GgufValue* value = find(key);
    return value ? float_within(single(*value), min, max) : fallback;
  }
  bool bool_or(std::string_view key, bool fallback) const {
    const GgufValue* value = find(key);
    if (!value) return fallback;
    require_type(*value, GgufValueType::kBool);
    return value->data[0] != std::byte{0};
  }
  std::string_view require_string(std::string_view key) const {
    const GgufValue& value = require(key);
    require_type(value, GgufValueType::kString);
    return string_at(value.data.data());
  }
  std::string_view string_or(std::string_view key, std::string_view fallback) const {
    return find(key) ? require_string(key) : fallback;
  }

  // Arrays. The key must be there; test with find() where it is optional.

  /// Elements of an integer array of any integer type, each within [min, max].
  std::vector<std::uint64_t> require_uints(std::string_view key, std::uint64_t min, std::uint64_t max) const {
    const GgufValue& value = require(key);
    require_array(value);
    std::vector<std::uint64_t> out(value.count);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = uint_at(value, i, min, max);
    return out;
  }
  /// Elements of a float32 or float64 array, as they are: NaN and infinity too.
  std::vector<float> require_floats(std::string_view key) const {
    const GgufValue& value = require(key);
    require_array(value);
    std::vector<float> out(value.count);
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = narrow(float_at(value, i));
    return out;
  }
  /// Elements of a string array: views into the file.
  std::vector<std::string_view> require_strings(std::string_view key) const {
    const GgufValue& value = require(key);
    require_array(value);
    if (value.element != GgufValueType::kString) throw wrong_type(value, "an array of string");
    std::vector<std::string_view> out(value.count);
    const std::byte* at = value.data.data();
    for (std::string_view& text : out) {
      text = string_at(at);
      at += sizeof(std::uint64_t) + text.size();
    }
    return out;
  }

  /// An Error about this file, for whoever checks more than the reader does.
  Error error(std::string_view field, std::string_view value, std::string_view limit) const {
    return Error(file_, field, value, limit);
  }

  /// How errors name a tensor.
  static std::string tensor_field(std::string_view name) { return "tensor " + std::string(name); }

 private:
  struct Header {
    std::uint64_t tensor_count;
    std::uint64_t value_count;
  };

  // The least that one entry or one tensor description takes; bounds their counts before anything
  // is allocated for them.
  static constexpr std::uint64_t kMinValueBytes = 8 + 1 + 4 + 1;
  static constexpr std::uint64_t kMinTensorBytes = 8 + 1 + 4 + 4 + 8;

  Header read_header(detail::GgufCursor& cursor) {
    const auto magic = cursor.take(4, "magic");
    if (std::memcmp(magic.data(), "GGUF", 4) != 0)
      throw Error(file_, "magic", std::string(reinterpret_cast<const char*>(magic.data()), 4), "GGUF");
    version_ = cursor.scalar<std::uint32_t>("version");
    check_version();
    const auto tensor_count = cursor.scalar<std::uint64_t>("n_tensors");
    const auto value_count = cursor.scalar<std::uint64_t>("n_kv");
    check_count("n_tensors", tensor_count, cursor.left() / kMinTensorBytes);
    check_count("n_kv", value_count, cursor.left() / kMinValueBytes);
    return {tensor_count, value_count};
  }

  void check_version() const {
    if (version_ == 2 || version_ == 3) return;
    const std::string_view hint = version_ == 1            ? ", too old: convert the model anew"
                                  : (version_ & 0xFFFFu) == 0 ? ", byte order reversed or 0"
                                                              : "";
    throw Error(file_, "version", std::to_string(version_) + std::string(hint), "2 or 3, little-endian");
  }

  void check_count(std::string_view field, std::uint64_t count, std::uint64_t backed) const {
    // Indices are 32-bit; a file with more entries than that is larger than any this reader meets.
    const std::uint64_t limit = std::min<std::uint64_t>(backed, std::numeric_limits<std::uint32_t>::max());
    if (count > limit)
      throw Error(file_, field, std::to_string(count), "at most " + std::to_string(limit) + " fit in the file");
  }

  void read_metadata(detail::GgufCursor& cursor, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) metadata_.push_back(read_value(cursor, i));
  }

  GgufValue read_value(detail::GgufCursor& cursor, std::uint64_t index) {
    const std::size_t start = cursor.at();
    GgufValue value{};
    const std::string entry = "metadata entry " + std::to_string(index);
    value.key = cursor.string(GgufLimits::kStringBytes, entry + " key");
    if (value.key.empty()) throw Error(file_, entry + " key", "empty", "at least 1 byte");
    value.type = read_value_type(cursor, value.key);
    value.element = value.type;
    value.count = 1;
    if (value.type == GgufValueType::kArray) read_array_head(cursor, value);
    value.data = read_elements(cursor, value);
    value.entry = bytes_.subspan(start, cursor.at() - start);
    return value;
  }

  GgufValueType read_value_type(detail::GgufCursor& cursor, std::string_view key) {
    const auto type = cursor.scalar<std::uint32_t>(key);
    if (type >= kGgufValueTypes.size())
      throw Error(file_, key, "value type " + std::to_string(type),
                  "at most " + std::to_string(kGgufValueTypes.size() - 1));
    return GgufValueType{type};
  }

  void read_array_head(detail::GgufCursor& cursor, GgufValue& value) {
    value.element = read_value_type(cursor, value.key);
    if (value.element == GgufValueType::kArray)
      throw Error(file_, value.key, "an array of arrays", "arrays of single values only");
    const auto count = cursor.scalar<std::uint64_t>(value.key);
    const std::size_t fixed = info(value.element).bytes;
    const std::uint64_t least = fixed ? fixed : sizeof(std::uint64_t);
    const std::uint64_t limit = std::min<std::uint64_t>(GgufLimits::kArrayElements, cursor.left() / least);
    if (count > limit)
      throw Error(file_, value.key, "an array of " + std::to_string(count) + " elements",
                  "at most " + std::to_string(limit) + " here");
    value.count = static_cast<std::size_t>(count);
  }

  std::span<const std::byte> read_elements(detail::GgufCursor& cursor, const GgufValue& value) {
    const std::size_t start = cursor.at();
    const std::size_t fixed = info(value.element).bytes;
    if (fixed) {
      const auto data = cursor.take(std::uint64_t{fixed} * value.count, value.key);
      if (value.element == GgufValueType::kBool) check_bools(data, value.key);
      return data;
    }
    for (std::size_t i = 0; i < value.count; ++i) cursor.string(GgufLimits::kStringBytes, value.key);
    return bytes_.subspan(start, cursor.at() - start);
  }

  void check_bools(std::span<const std::byte> data, std::string_view key) const {
    for (const std::byte b : data)
      if (b > std::byte{1}) throw Error(file_, key, "bool " + std::to_string(std::to_integer<int>(b)), "0 or 1");
  }

  void index_metadata() {
    const auto name = [](const GgufValue& v) { return v.key; };
    metadata_order_ = detail::sorted_by_name(metadata_, name);
    check_unique(metadata_, metadata_order_, name, "metadata");
  }

  void index_tensors() {
    const auto name = [](const GgufTensor& t) { return t.name; };
    tensor_order_ = detail::sorted_by_name(tensors_, name);
    check_unique(tensors_, tensor_order_, name, "tensor");
  }

  template <typename Item, typename Name>
  void check_unique(const std::vector<Item>& items, const std::vector<std::uint32_t>& order, Name name,
                    std::string_view kind) const {
    for (std::size_t i = 1; i < order.size(); ++i) {
      const std::string_view text = name(items[order[i]]);
      if (text == name(items[order[i - 1]]))
        throw Error(file_, std::string(kind) + " " + std::string(text), "given twice", "each name once");
    }
  }

  void read_alignment() {
    const GgufValue* value = find("general.alignment");
    if (!value) return;
    require_type(*value, GgufValueType::kUint32);
    alignment_ = detail::load<std::uint32_t>(value->data.data());
    if (!std::has_single_bit(alignment_))
      throw Error(file_, value->key, std::to_string(alignment_), "a power of two");
  }

  void read_tensor_table(detail::GgufCursor& cursor, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) tensors_.push_back(read_tensor(cursor, i));
  }

  GgufTensor read_tensor(detail::GgufCursor& cursor, std::uint64_t index) {
    GgufTensor tensor{};
    tensor.name = cursor.string(GgufLimits::kTensorNameBytes, "name of tensor " + std::to_string(index));
    if (tensor.name.empty())
      throw Error(file_, "name of tensor " + std::to_string(index), "empty", "at least 1 byte");
    const std::string field = tensor_field(tensor.name);
    const auto dim_count = cursor.scalar<std::uint32_t>(field);
    if (dim_count > GgufLimits::kTensorDims)
      throw Error(file_, field, std::to_string(dim_count) + " dimensions",
                  "at most " + std::to_string(GgufLimits::kTensorDims));
    tensor.dim_count = dim_count;
    tensor.dim.fill(1);
    for (std::size_t i = 0; i < dim_count; ++i) tensor.dim[i] = cursor.scalar<std::uint64_t>(field);
    check_dims(tensor, field);
    tensor.type = cursor.scalar<std::uint32_t>(field);
    check_tensor_type(tensor, field);
    tensor.offset = cursor.scalar<std::uint64_t>(field);
    return tensor;
  }

  // Each dimension is held against what the others leave, zeros counted as one: no product is ever
  // formed that could wrap, and a zero does not hide a wild neighbour.
  void check_dims(const GgufTensor& tensor, std::string_view field) const {
    std::uint64_t left = GgufLimits::kTensorWeights;
    for (std::size_t i = 0; i < tensor.dim.size(); ++i) {
      if (tensor.dim[i] > left)
        throw Error(file_, field, "dimension " + std::to_string(i) + " of " + std::to_string(tensor.dim[i]),
                    "at most " + std::to_string(left) + " here");
      left /= std::max<std::uint64_t>(tensor.dim[i], 1);
    }
  }

  void check_tensor_type(const GgufTensor& tensor, std::string_view field) const {
    const GgufTensorTypeInfo* type = find_gguf_tensor_type(tensor.type);
    if (!type)
      throw Error(file_, field, "type " + std::to_string(tensor.type),
                  "at most " + std::to_string(kGgufTensorTypes.size() - 1));
    if (type->block_bytes == 0)
      throw Error(file_, field, "type " + std::string(type->name), "GGUF withdrew this type: convert the model anew");
    if (tensor.cols() % type->block_weights != 0)
      throw Error(file_, field, "rows of " + std::to_string(tensor.cols()) + " weights",
                  "a multiple of " + std::to_string(type->block_weights) + " in " + std::string(type->name));
  }

  // Tensors follow each other in the order of the table, each padded to the alignment, as every
  // writer lays them out; so none can overlap another or skip bytes.
  void place_tensors(std::uint64_t table_end) {
    if (tensors_.empty()) return;
    const std::uint64_t start = padded(table_end);
    std::uint64_t end = 0;
    for (GgufTensor& tensor : tensors_) {
      const std::string field = tensor_field(tensor.name);
      if (tensor.offset != padded(end))
        throw Error(file_, field, "offset " + std::to_string(tensor.offset),
                    "must be " + std::to_string(padded(end)) + ", where the tensor before it ends, padded to " +
                        std::to_string(alignment_));
      const std::uint64_t room = bytes_.size() > start + tensor.offset ? bytes_.size() - start - tensor.offset : 0;
      const GgufTensorTypeInfo& type = kGgufTensorTypes[tensor.type];
      // rows * blocks <= 2^62 (check_dims), so only the factor block_bytes is left to be checked.
      const std::uint64_t blocks = tensor.cols() / type.block_weights * tensor.rows();
      if (blocks > room / type.block_bytes)
        throw Error(file_, field,
                    std::to_string(blocks) + " blocks of " + std::to_string(type.block_bytes) + " bytes at byte " +
                        std::to_string(start + tensor.offset),
                    "the file ends at byte " + std::to_string(bytes_.size()));
      const std::uint64_t size = blocks * type.block_bytes;
      if (size > 0)
        tensor.data = bytes_.subspan(static_cast<std::size_t>(start + tensor.offset), static_cast<std::size_t>(size));
      end = tensor.offset + size;
    }
  }

  // No overflow: `at` is at most the file's size and the alignment below 2^32.
  std::uint64_t padded(std::uint64_t at) const noexcept { return (at + alignment_ - 1) & ~(alignment_ - 1); }

  template <typename Item, typename Name>
  static const Item* find_by_name(const std::vector<Item>& items, const std::vector<std::uint32_t>& order,
                                  std::string_view wanted, Name name) noexcept {
    const auto it = std::lower_bound(order.begin(), order.end(), wanted,
                                     [&](std::uint32_t i, std::string_view text) { return name(items[i]) < text; });
    return it != order.end() && name(items[*it]) == wanted ? &items[*it] : nullptr;
  }

  static std::string_view string_at(const std::byte* at) noexcept {
    const auto length = static_cast<std::size_t>(detail::load<std::uint64_t>(at));
    return {reinterpret_cast<const char*>(at) + sizeof(std::uint64_t), length};
  }

  Error wrong_type(const GgufValue& value, std::string_view wanted) const {
    const bool array = value.type == GgufValueType::kArray;
    return Error(file_, value.key, (array ? "an array of " : "") + std::string(info(value.element).name), wanted);
  }

  void require_type(const GgufValue& value, GgufValueType type) const {
    if (value.type != type) throw wrong_type(value, info(type).name);
  }

  void require_array(const GgufValue& value) const {
    if (value.type != GgufValueType::kArray) throw wrong_type(value, "an array");
  }

  const GgufValue& single(const GgufValue& value) const {
    if (value.type == GgufValueType::kArray) throw wrong_type(value, "a single number");
    return value;
  }

  std::uint64_t uint_at(const GgufValue& value, std::size_t index, std::uint64_t min, std::uint64_t max) const {
    const std::byte* at = value.data.data() + index * info(value.element).bytes;
    switch (value.element) {
      case GgufValueType::kUint8: return within<std::uint64_t>(value, detail::load<std::uint8_t>(at), min, max);
      case GgufValueType::kUint16: return within<std::uint64_t>(value, detail::load<std::uint16_t>(at), min, max);
      case GgufValueType::kUint32: return within<std::uint64_t>(value, detail::load<std::uint32_t>(at), min, max);
      case GgufValueType::kUint64: return within<std::uint64_t>(value, detail::load<std::uint64_t>(at), min, max);
      case GgufValueType::kInt8: return within_signed(value, detail::load<std::int8_t>(at), min, max);
      case GgufValueType::kInt16: return within_signed(value, detail::load<std::int16_t>(at), min, max);
      case GgufValueType::kInt32: return within_signed(value, detail::load<std::int32_t>(at), min, max);
      case GgufValueType::kInt64: return within_signed(value, detail::load<std::int64_t>(at), min, max);
      default: throw wrong_type(value, value.type == GgufValueType::kArray ? "an array of integers" : "an integer");
    }
  }

  std::uint64_t within_signed(const GgufValue& value, std::int64_t number, std::uint64_t min, std::uint64_t max) const {
    if (number < 0) throw Error(file_, value.key, std::to_string(number), range(min, max));
    return within(value, static_cast<std::uint64_t>(number), min, max);
  }

  template <typename T>
  T within(const GgufValue& value, T number, T min, T max) const {
    if (!(number >= min && number <= max)) throw Error(file_, value.key, text(number), range(min, max));
    return number;
  }

  template <typename T>
  static std::string range(T min, T max) {
    return text(min) + " to " + text(max);
  }

  double float_at(const GgufValue& value, std::size_t index) const {
    const std::byte* at = value.data.data() + index * info(value.element).bytes;
    if (value.element == GgufValueType::kFloat32) return static_cast<double>(detail::load<float>(at));
    if (value.element == GgufValueType::kFloat64) return detail::load<double>(at);
    throw wrong_type(value, value.type == GgufValueType::kArray ? "an array of float32" : "float32");
  }

  float float_within(const GgufValue& value, float min, float max) const {
    // Compared as double: a float64 beyond float's range must not be rounded into the limits.
    return narrow(within(value, float_at(value, 0), static_cast<double>(min), static_cast<double>(max)));
  }

  // A double beyond float's range becomes an infinity; the bare cast would be undefined.
  static float narrow(double number) noexcept {
    constexpr double kMax = std::numeric_limits<float>::max();
    if (number > kMax) return std::numeric_limits<float>::infinity();
    if (number < -kMax) return -std::numeric_limits<float>::infinity();
    return static_cast<float>(number);
  }

  static std::string text(std::uint64_t number) { return std::to_string(number); }
  static std::string text(double number) {
    std::array<char, 32> out{};
    std::snprintf(out.data(), out.size(), "%.9g", number);
    return out.data();
  }

  std::span<const std::byte> bytes_;
  std::string file_;
  std::uint32_t version_ = 0;
  std::uint64_t alignment_ = 32;
  std::vector<GgufValue> metadata_;
  std::vector<GgufTensor> tensors_;
  std::vector<std::uint32_t> metadata_order_;
  std::vector<std::uint32_t> tensor_order_;
};

}  // namespace edgek

#endif  // EDGEK_MODEL_GGUF_HPP_
