#ifndef EDGEK_TESTS_MODEL_TEST_FILES_HPP_
#define EDGEK_TESTS_MODEL_TEST_FILES_HPP_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "edgek/model/gguf_types.hpp"

namespace edgek::testing {

/// All bytes of a file; throws if it cannot be read.
inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline std::string data_path(std::string_view name) {
  return std::string(EDGEK_TEST_DATA_DIR) + "/" + std::string(name);
}

inline std::span<const std::byte> as_bytes(const std::string& text) { return std::as_bytes(std::span(text)); }

/// Puts a GGUF file together field by field, right or wrong: unlike GgufHead it checks nothing, and
/// every count is written as it is told.
class RawGguf {
 public:
  template <typename T>
    requires std::is_arithmetic_v<T>
  RawGguf& put(T value) {
    char raw[sizeof(T)];
    std::memcpy(raw, &value, sizeof raw);
    bytes_.append(raw, sizeof raw);
    return *this;
  }
  RawGguf& raw(std::string_view text) {
    bytes_ += text;
    return *this;
  }
  RawGguf& string(std::string_view text) { return put(std::uint64_t{text.size()}).raw(text); }

  RawGguf& header(std::uint64_t tensors, std::uint64_t values, std::uint32_t version = 3) {
    return raw("GGUF").put(version).put(tensors).put(values);
  }
  RawGguf& key(std::string_view name, std::uint32_t type) { return string(name).put(type); }
  RawGguf& key(std::string_view name, GgufValueType type) { return key(name, static_cast<std::uint32_t>(type)); }
  RawGguf& uint32(std::string_view name, std::uint32_t value) { return key(name, GgufValueType::kUint32).put(value); }
  RawGguf& array(std::string_view name, GgufValueType element, std::uint64_t count) {
    return key(name, GgufValueType::kArray).put(static_cast<std::uint32_t>(element)).put(count);
  }
  RawGguf& tensor(std::string_view name, const std::vector<std::uint64_t>& dims, std::uint32_t type,
                  std::uint64_t offset) {
    string(name).put(static_cast<std::uint32_t>(dims.size()));
    for (const std::uint64_t dim : dims) put(dim);
    return put(type).put(offset);
  }
  RawGguf& pad(std::size_t alignment = 32) {
    while (bytes_.size() % alignment != 0) bytes_ += '\0';
    return *this;
  }
  RawGguf& fill(std::size_t count) {
    bytes_.append(count, '\x11');
    return *this;
  }

  const std::string& text() const noexcept { return bytes_; }

 private:
  std::string bytes_;
};

}  // namespace edgek::testing

#endif  // EDGEK_TESTS_MODEL_TEST_FILES_HPP_
