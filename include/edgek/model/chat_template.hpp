#ifndef EDGEK_MODEL_CHAT_TEMPLATE_HPP_
#define EDGEK_MODEL_CHAT_TEMPLATE_HPP_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "edgek/core/utf8.hpp"

namespace edgek::detail {

/// Turn markers of the two formats.
inline constexpr std::string_view kImStart = "<|im_start|>";
inline constexpr std::string_view kImEnd = "<|im_end|>";
inline constexpr std::string_view kStartHeader = "<|start_header_id|>";
inline constexpr std::string_view kEndHeader = "<|end_header_id|>";
inline constexpr std::string_view kEotId = "<|eot_id|>";

/// Reads what matters from the source of a Jinja template without running it: which literals it
/// writes and which filters it applies.
class ChatTemplate {
 public:
  explicit ChatTemplate(std::string_view source) : source_(source) {
    for (const char c : source)
      if (c != ' ' && c != '\n' && c != '\t' && c != '\r') dense_ += c;
  }

  bool has(std::string_view text) const noexcept { return source_.find(text) != std::string_view::npos; }

  /// Turns written as <|im_start|>ROLE newline CONTENT <|im_end|> newline.
  bool is_chatml() const noexcept {
    // Relatives that put a mark of their own between role and content.
    const bool relative = has("<|im_sep|>") || has("<|im_middle|>");
    return has(kImStart) && has(kImEnd) && !relative && !is_llama3() && ends_turn_with_newline();
  }

  /// Turns written as <|start_header_id|>ROLE<|end_header_id|> two newlines CONTENT <|eot_id|>.
  bool is_llama3() const noexcept { return has(kStartHeader) && has(kEndHeader) && has(kEotId); }

  bool writes_bos() const noexcept { return has("bos_token"); }

  /// Whether white space around a content is dropped.
  bool trims_content() const noexcept {
    constexpr std::array<std::string_view, 5> kForms = {"content']|trim", "content\"]|trim", "content|trim",
                                                        "content'].strip()", "content.strip()"};
    for (const std::string_view form : kForms)
      if (dense_.find(form) != std::string::npos) return true;
    return false;
  }

  /// The system prompt of a ChatML template for conversations that bring none.
  std::optional<std::string> default_system() const {
    constexpr std::string_view kMark = "<|im_start|>system";
    std::size_t at = source_.find(kMark);
    for (std::size_t n = 0; n < kMaxSystemTurns && at != std::string_view::npos; ++n, at = source_.find(kMark, at + 1)) {
      const char before = at == 0 ? '\0' : source_[at - 1];
      const auto text = literal(at + kMark.size(), before, kImEnd);
      if (text && text->size() > 1 && text->front() == '\n') return text->substr(1);
    }
    return set_literal("system");
  }

  /// The literal of the first `set NAME = "literal"` whose name contains `part`.
  std::optional<std::string> set_literal(std::string_view part) const {
    constexpr std::string_view kSet = "set ";
    for (std::size_t at = source_.find(kSet); at != std::string_view::npos; at = source_.find(kSet, at + 1)) {
      const std::string_view name = source_.substr(at + kSet.size(), kMaxName);
      const std::size_t equals = name.find('=');
      if (equals == std::string_view::npos || name.substr(0, equals).find(part) == std::string_view::npos) continue;
      const std::size_t quote = source_.find_first_not_of(' ', at + kSet.size() + equals + 1);
      if (quote == std::string_view::npos || !is_quote(source_[quote])) continue;
      const std::string_view end(&source_[quote], 1);
      const auto text = literal(quote + 1, '\0', end);
      if (text && !text->empty()) return text;
    }
    return std::nullopt;
  }

  /// The literal that follows `mark`, as far as the next `end` in it.
  std::optional<std::string> after(std::string_view mark, std::string_view end) const {
    const std::size_t at = source_.find(mark);
    if (at == std::string_view::npos) return std::nullopt;
    return literal(at + mark.size(), '\0', end);
  }

 private:
  // Far beyond what templates hold; in a hostile one not every beginning may be followed to the end.
  static constexpr std::size_t kMaxName = 256;
  static constexpr std::size_t kMaxSystemTurns = 64;

  static bool is_quote(char c) noexcept { return c == '\'' || c == '"'; }

  bool ends_turn_with_newline() const noexcept {
    constexpr std::array<std::string_view, 4> kForms = {"<|im_end|>\\n", "<|im_end|>'+'\\n'", "<|im_end|>\"+\"\\n\"",
                                                        "<|im_end|>'+\"\\n\""};
    for (const std::string_view form : kForms)
      if (dense_.find(form) != std::string::npos) return true;
    // Real newlines, which `dense_` has lost.
    return has("<|im_end|>\n") || has("<|im_end|>' + '\n") || has("<|im_end|>'+'\n") || has("<|im_end|>\" + \"\n");
  }

  // The text from `at` up to `end`, if it is one literal: nothing computed in between. `quote` is
  // the delimiter of the string it stands in; '\0': stands between tags, or up to a delimiter.
  std::optional<std::string> literal(std::size_t at, char quote, std::string_view end) const {
    const bool in_string = is_quote(quote) || (end.size() == 1 && is_quote(end[0]));
    std::string out;
    while (at < source_.size()) {
      const std::string_view rest = source_.substr(at);
      if (rest.starts_with(end)) return out;
      if (in_string && rest[0] == quote) return std::nullopt;
      if (!in_string && (rest.starts_with("{{") || rest.starts_with("{%"))) return std::nullopt;
      const bool escape = rest[0] == '\\' && rest.size() > 1;
      out += escape ? unescape(rest[1]) : rest[0];
      at += escape ? 2 : 1;
    }
    return std::nullopt;
  }

  static char unescape(char c) noexcept { return c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c; }

  std::string_view source_;
  std::string dense_;  // without white space
};

/// `text` without the white space around it, as Jinja's trim filter leaves it.
inline std::string_view trimmed(std::string_view text) noexcept {
  const auto is_space = [](std::uint32_t c) {
    return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
  };
  std::size_t begin = 0;
  std::size_t end = 0;
  bool inside = false;
  for (std::size_t at = 0; at < text.size();) {
    const Utf8Step step = utf8_step(text, at);
    const bool space = step.valid && is_space(step.code_point);
    if (!space && !inside) begin = at;
    at += step.bytes;
    inside = inside || !space;
    if (!space) end = at;
  }
  return inside ? text.substr(begin, end - begin) : std::string_view();
}

}  // namespace edgek::detail

#endif  // EDGEK_MODEL_CHAT_TEMPLATE_HPP_
