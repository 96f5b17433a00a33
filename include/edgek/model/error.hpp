#ifndef EDGEK_MODEL_ERROR_HPP_
#define EDGEK_MODEL_ERROR_HPP_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "edgek/model/require_exceptions.hpp"
#include "edgek/core/utf8.hpp"

namespace edgek {

namespace detail {

/// Text from a file, made fit for one line of a message: control characters and bytes that are
/// not UTF-8 as \xNN, long text cut in the middle of nowhere and marked so.
inline std::string one_line(std::string_view text, std::size_t max_bytes) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (out.size() >= max_bytes) return out + "...";
    const Utf8Step step = utf8_step(text, at);
    // C1 controls and the Unicode line separators end a line for some readers.
    const bool control = step.code_point < 0x20 || (step.code_point >= 0x7F && step.code_point < 0xA0) ||
                         step.code_point == 0x2028 || step.code_point == 0x2029;
    if (step.valid && !control) {
      out.append(text.substr(at, step.bytes));
    } else {
      for (const char c : text.substr(at, step.bytes)) {
        const auto byte = static_cast<unsigned char>(c);
        out.append({'\\', 'x', kHex[byte >> 4], kHex[byte & 15]});
      }
    }
    at += step.bytes;
  }
  return out;
}

}  // namespace detail

/// The one exception of the model layer. Says which file, which field of it, the value that was
/// found and the limit it breaks; what() is these four in one line: `FILE: FIELD: VALUE (LIMIT)`.
/// Text from the file is escaped, so that it is always one line of valid UTF-8.
class Error : public std::runtime_error {
 public:
  Error(std::string_view file, std::string_view field, std::string_view value, std::string_view limit)
      : Error(std::make_shared<const Parts>(
            Parts{detail::one_line(file, kMaxFileBytes), detail::one_line(field, kMaxPartBytes),
                  detail::one_line(value, kMaxPartBytes), detail::one_line(limit, kMaxLimitBytes)})) {}

  const std::string& file() const noexcept { return parts_->file; }    ///< empty where no file is concerned
  const std::string& field() const noexcept { return parts_->field; }  ///< a key, a tensor, a part of the header
  const std::string& value() const noexcept { return parts_->value; }  ///< what was found there
  const std::string& limit() const noexcept { return parts_->limit; }  ///< what would have been accepted

 private:
  struct Parts {
    std::string file, field, value, limit;
  };
  static constexpr std::size_t kMaxFileBytes = 4096;
  static constexpr std::size_t kMaxPartBytes = 200;
  static constexpr std::size_t kMaxLimitBytes = 1000;

  explicit Error(std::shared_ptr<const Parts> parts) : std::runtime_error(sentence(*parts)), parts_(std::move(parts)) {}

  static std::string sentence(const Parts& p) {
    const std::string prefix = p.file.empty() ? std::string() : p.file + ": ";
    return prefix + p.field + ": " + p.value + " (" + p.limit + ")";
  }

  std::shared_ptr<const Parts> parts_;  // shared: copying an exception must not throw
};

}  // namespace edgek

#endif  // EDGEK_MODEL_ERROR_HPP_
