#ifndef EDGEK_CORE_UTF8_HPP_
#define EDGEK_CORE_UTF8_HPP_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace edgek {

/// One step through text that may not be UTF-8.
struct Utf8Step {
  std::uint32_t code_point;  ///< of a well-formed sequence, else U+FFFD
  std::size_t bytes;         ///< of the sequence; of an ill-formed one, those that one U+FFFD replaces; 0 at the end
  bool valid;                ///< a well-formed sequence (shortest form, no surrogate, at most U+10FFFF)
  bool cut;                  ///< not valid, but more bytes after the end of the text could make it valid
};

namespace detail {

/// What a lead byte announces: sequence length (0: no lead byte) and the range of the second byte,
/// which is where overlong forms, surrogates and numbers above U+10FFFF are excluded.
struct Utf8Lead {
  std::size_t bytes;
  std::uint8_t second_min;
  std::uint8_t second_max;
};

constexpr Utf8Lead utf8_lead(std::uint8_t byte) noexcept {
  if (byte < 0x80) return {1, 0, 0};
  if (byte < 0xC2) return {0, 0, 0};
  if (byte < 0xE0) return {2, 0x80, 0xBF};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte < 0xF0) return {3, 0x80, 0xBF};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte < 0xF4) return {4, 0x80, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

}  // namespace detail

/// The sequence at `text[at]`. Ill-formed input advances by its maximal well-formed prefix (at
/// least one byte), as the Unicode standard recommends for replacement. Never reads past the end.
constexpr Utf8Step utf8_step(std::string_view text, std::size_t at) noexcept {
  constexpr std::uint32_t kReplacement = 0xFFFD;
  if (at >= text.size()) return {kReplacement, 0, false, false};
  const auto first = static_cast<std::uint8_t>(text[at]);
  const detail::Utf8Lead lead = detail::utf8_lead(first);
  if (lead.bytes == 1) return {first, 1, true, false};
  if (lead.bytes == 0) return {kReplacement, 1, false, false};
  std::uint32_t code_point = first & (0x7Fu >> lead.bytes);
  for (std::size_t i = 1; i < lead.bytes; ++i) {
    if (at + i >= text.size()) return {kReplacement, i, false, true};
    const auto byte = static_cast<std::uint8_t>(text[at + i]);
    const std::uint8_t low = i == 1 ? lead.second_min : std::uint8_t{0x80};
    const std::uint8_t high = i == 1 ? lead.second_max : std::uint8_t{0xBF};
    if (byte < low || byte > high) return {kReplacement, i, false, false};
    code_point = code_point << 6 | (byte & 0x3Fu);
  }
  return {code_point, lead.bytes, true, false};
}

/// Whether all of `text` is well-formed UTF-8.
constexpr bool is_utf8(std::string_view text) noexcept {
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Step step = utf8_step(text, at);
    if (!step.valid) return false;
    at += step.bytes;
  }
  return true;
}

/// Bytes at the end of `text` that begin a character whose rest is still missing: 0 to 3.
constexpr std::size_t utf8_cut_bytes(std::string_view text) noexcept {
  const std::size_t longest = text.size() < 3 ? text.size() : 3;
  for (std::size_t back = longest; back > 0; --back) {
    const Utf8Step step = utf8_step(text, text.size() - back);
    if (step.cut && step.bytes == back) return back;
  }
  return 0;
}

/// Writes a code point (at most U+10FFFF) as UTF-8 to `out`, which has room for 4 bytes; returns
/// how many were written.
constexpr std::size_t utf8_encode(std::uint32_t code_point, char* out) noexcept {
  const auto tail = [&](unsigned shift) { return static_cast<char>(0x80u | (code_point >> shift & 0x3Fu)); };
  if (code_point < 0x80) {
    out[0] = static_cast<char>(code_point);
    return 1;
  }
  if (code_point < 0x800) {
    out[0] = static_cast<char>(0xC0u | code_point >> 6);
    out[1] = tail(0);
    return 2;
  }
  if (code_point < 0x10000) {
    out[0] = static_cast<char>(0xE0u | code_point >> 12);
    out[1] = tail(6);
    out[2] = tail(0);
    return 3;
  }
  out[0] = static_cast<char>(0xF0u | code_point >> 18);
  out[1] = tail(12);
  out[2] = tail(6);
  out[3] = tail(0);
  return 4;
}

/// `text` with every ill-formed sequence replaced by U+FFFD: valid UTF-8 always.
inline std::string to_valid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Step step = utf8_step(text, at);
    if (step.valid)
      out.append(text.substr(at, step.bytes));
    else
      out.append("\xEF\xBF\xBD");
    at += step.bytes;
  }
  return out;
}

}  // namespace edgek

#endif  // EDGEK_CORE_UTF8_HPP_
