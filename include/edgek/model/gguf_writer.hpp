#ifndef EDGEK_MODEL_GGUF_WRITER_HPP_
#define EDGEK_MODEL_GGUF_WRITER_HPP_

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "edgek/model/error.hpp"
#include "edgek/model/gguf_types.hpp"

namespace edgek {

/// Assembles what stands before the data of a GGUF file (version 3): metadata, then the table of
/// tensors. Writes no file; see GgufWriter.
class GgufHead {
 public:
  /// Copies an entry of another file byte for byte. An alignment copied so is obeyed.
  void add(const GgufValue& value) {
    append(value.entry);
    ++value_count_;
    if (value.key == "general.alignment" && value.type == GgufValueType::kUint32)
      std::memcpy(&alignment_, value.data.data(), sizeof alignment_);
  }
  void add_uint32(std::string_view key, std::uint32_t value) {
    begin(key, GgufValueType::kUint32);
    append_scalar(value);
    if (key == "general.alignment") alignment_ = value;
  }
  void add_float32(std::string_view key, float value) {
    begin(key, GgufValueType::kFloat32);
    append_scalar(value);
  }
  void add_bool(std::string_view key, bool value) {
    begin(key, GgufValueType::kBool);
    append_scalar(static_cast<std::uint8_t>(value));
  }
  void add_string(std::string_view key, std::string_view value) {
    begin(key, GgufValueType::kString);
    append_string(value);
  }
  void add_strings(std::string_view key, std::span<const std::string_view> values) {
    begin_array(key, GgufValueType::kString, values.size());
    for (const std::string_view value : values) append_string(value);
  }
  void add_floats(std::string_view key, std::span<const float> values) {
    begin_array(key, GgufValueType::kFloat32, values.size());
    append(std::as_bytes(values));
  }
  void add_int32s(std::string_view key, std::span<const std::int32_t> values) {
    begin_array(key, GgufValueType::kInt32, values.size());
    append(std::as_bytes(values));
  }

  /// Adds a tensor to the table, after all metadata. `dims`: 1 to 4, the contiguous one first;
  /// `type`: a GGUF type id. Returns the bytes of its data.
  /// Needs  dims[0] a multiple of the type's block, a product of dims below 2^62, a name of 1 to 63 bytes.
  std::uint64_t add_tensor(std::string_view name, std::span<const std::uint64_t> dims, std::uint32_t type) {
    const GgufTensorTypeInfo& format = kGgufTensorTypes[type];
    std::uint64_t bytes = dims[0] / format.block_weights * format.block_bytes;
    for (const std::uint64_t dim : dims.subspan(1)) bytes *= dim;
    append_to(table_, name);
    append_to(table_, static_cast<std::uint32_t>(dims.size()));
    for (const std::uint64_t dim : dims) append_to(table_, dim);
    append_to(table_, type);
    append_to(table_, data_bytes_);
    data_bytes_ += padded(bytes);
    ++tensor_count_;
    return bytes;
  }

  /// All bytes before the first tensor's data, padded.
  std::vector<std::byte> bytes() const {
    std::vector<std::byte> out;
    for (const char c : {'G', 'G', 'U', 'F'}) out.push_back(static_cast<std::byte>(c));
    append_to(out, std::uint32_t{3});
    append_to(out, tensor_count_);
    append_to(out, value_count_);
    out.insert(out.end(), metadata_.begin(), metadata_.end());
    out.insert(out.end(), table_.begin(), table_.end());
    out.resize(static_cast<std::size_t>(padded(out.size())));
    return out;
  }

  std::uint64_t alignment() const noexcept { return alignment_; }
  std::uint64_t padded(std::uint64_t bytes) const noexcept {
    return (bytes + alignment_ - 1) / alignment_ * alignment_;
  }

 private:
  static void append_to(std::vector<std::byte>& out, std::string_view text) {
    append_to(out, std::uint64_t{text.size()});
    const auto bytes = std::as_bytes(std::span(text));
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
  template <typename T>
    requires std::is_arithmetic_v<T>
  static void append_to(std::vector<std::byte>& out, T value) {
    static_assert(std::endian::native == std::endian::little);
    const auto bytes = std::bit_cast<std::array<std::byte, sizeof(T)>>(value);
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
  template <typename T>
  void append_scalar(T value) {
    append_to(metadata_, value);
  }
  void append_string(std::string_view text) { append_to(metadata_, text); }
  void append(std::span<const std::byte> bytes) { metadata_.insert(metadata_.end(), bytes.begin(), bytes.end()); }

  void begin(std::string_view key, GgufValueType type) {
    append_string(key);
    append_scalar(static_cast<std::uint32_t>(type));
    ++value_count_;
  }
  void begin_array(std::string_view key, GgufValueType element, std::size_t count) {
    begin(key, GgufValueType::kArray);
    append_scalar(static_cast<std::uint32_t>(element));
    append_scalar(std::uint64_t{count});
  }

  std::vector<std::byte> metadata_;
  std::vector<std::byte> table_;
  std::uint64_t tensor_count_ = 0;
  std::uint64_t value_count_ = 0;
  std::uint64_t data_bytes_ = 0;
  std::uint32_t alignment_ = 32;
};

/// Writes a GGUF file to the side of its name and puts it there when it is whole: a failure at any
/// moment leaves the old file, if there was one, and nothing half.
///
///   GgufWriter out("model.gguf");
///   out.head().add(...);                             // all metadata, then
///   out.head().add_tensor(name, dims, type);         // all tensors, then
///   out.write(piece); ... out.end_tensor();          // their data in the same order, in pieces
///   out.commit();
class GgufWriter {
 public:
  /// Opens the file to the side. Throws edgek::Error if it cannot be made.
  explicit GgufWriter(std::string path) : path_(std::move(path)) { open(); }
  GgufWriter(const GgufWriter&) = delete;
  GgufWriter& operator=(const GgufWriter&) = delete;
  ~GgufWriter() {
    if (!file_) return;
    std::fclose(file_);
    std::remove(side_path_.c_str());
  }

  GgufHead& head() noexcept { return head_; }

  /// Appends bytes of the current tensor's data. The first call writes the head.
  void write(std::span<const std::byte> bytes) {
    write_head();
    put(bytes);
    tensor_bytes_ += bytes.size();
  }

  /// Ends the current tensor: pads to the alignment.
  void end_tensor() {
    write_head();
    const std::vector<std::byte> zeros(static_cast<std::size_t>(head_.padded(tensor_bytes_) - tensor_bytes_));
    put(zeros);
    tensor_bytes_ = 0;
  }

  /// Flushes and renames onto the target.
  void commit() {
    write_head();
    std::FILE* file = std::exchange(file_, nullptr);
    const bool flushed = std::fclose(file) == 0;
    const bool renamed = flushed && std::rename(side_path_.c_str(), path_.c_str()) == 0;
    if (renamed) return;
    std::remove(side_path_.c_str());
    fail(flushed ? "could not be renamed to this name" : "could not be written to the end");
  }

 private:
  // "x" takes only a name that is free, so that two runs never write into one file.
  void open() {
    constexpr int kAttempts = 100;
    for (int i = 0; i < kAttempts && !file_; ++i) {
      side_path_ = path_ + ".part" + (i ? std::to_string(i) : std::string());
      file_ = std::fopen(side_path_.c_str(), "wbx");
    }
    if (!file_) fail("cannot be created");
  }

  void write_head() {
    if (head_written_) return;
    head_written_ = true;
    put(head_.bytes());
  }

  void put(std::span<const std::byte> bytes) {
    if (!bytes.empty() && std::fwrite(bytes.data(), 1, bytes.size(), file_) != bytes.size())
      fail("could not be written to the end");
  }

  [[noreturn]] void fail(std::string_view what) const {
    throw Error(path_, "output", what, "needs a writable folder with room");
  }

  std::string path_;
  std::string side_path_;
  std::FILE* file_ = nullptr;
  GgufHead head_;
  bool head_written_ = false;
  std::uint64_t tensor_bytes_ = 0;
};

}  // namespace edgek

#endif  // EDGEK_MODEL_GGUF_WRITER_HPP_
