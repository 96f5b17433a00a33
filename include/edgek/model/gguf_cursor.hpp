#ifndef EDGEK_MODEL_GGUF_CURSOR_HPP_
#define EDGEK_MODEL_GGUF_CURSOR_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "edgek/model/error.hpp"

namespace edgek {

/// Limits that hold for every file, whatever its size. Everything is bounded by the file's own
/// size as well: nothing is allocated that the file does not back with bytes.
struct GgufLimits {
  static constexpr std::uint64_t kStringBytes = std::uint64_t{1} << 30;
  static constexpr std::uint64_t kArrayElements = std::uint64_t{1} << 30;
  static constexpr std::uint64_t kTensorNameBytes = 63;
  static constexpr std::uint32_t kTensorDims = 4;
  static constexpr std::uint64_t kTensorWeights = std::uint64_t{1} << 62;
};

namespace detail {

/// Unaligned little-endian load.
template <typename T>
T load(const std::byte* at) noexcept {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

/// Reads forward through a span and throws, naming the field, before it would leave it.
class GgufCursor {
 public:
  GgufCursor(std::span<const std::byte> bytes, std::string_view file) : bytes_(bytes), file_(file) {}

  std::size_t at() const noexcept { return at_; }
  std::size_t left() const noexcept { return bytes_.size() - at_; }

  std::span<const std::byte> take(std::uint64_t bytes, std::string_view field) {
    if (bytes > left())
      throw Error(file_, field, std::to_string(bytes) + " bytes at byte " + std::to_string(at_),
                  "the file ends at byte " + std::to_string(bytes_.size()));
    const auto taken = bytes_.subspan(at_, static_cast<std::size_t>(bytes));
    at_ += taken.size();
    return taken;
  }

  template <typename T>
  T scalar(std::string_view field) {
    return load<T>(take(sizeof(T), field).data());
  }

  std::string_view string(std::uint64_t max_bytes, std::string_view field) {
    const auto length = scalar<std::uint64_t>(field);
    const std::uint64_t limit = std::min<std::uint64_t>(max_bytes, left());
    if (length > limit)
      throw Error(file_, field, "a string of " + std::to_string(length) + " bytes",
                  "at most " + std::to_string(limit) + " bytes here");
    const auto bytes = take(length, field);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

 private:
  std::span<const std::byte> bytes_;
  std::string_view file_;
  std::size_t at_ = 0;
};

}  // namespace detail
}  // namespace edgek

#endif  // EDGEK_MODEL_GGUF_CURSOR_HPP_
