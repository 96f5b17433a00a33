#ifndef EDGEK_MEASURE_JSON_WRITER_HPP_
#define EDGEK_MEASURE_JSON_WRITER_HPP_

#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>

#include "edgek/core/utf8.hpp"

namespace edgek {

/// Writes one JSON document into a string, members in the order given. Text that is not UTF-8 gets U+FFFD,
/// a number that JSON cannot hold (infinite, NaN) becomes null.
///
///   JsonWriter json;
///   json.begin_object().member("schema", "edgek.probe/1").key("rates").begin_array().value(17.5).end_array();
///   json.end_object();
class JsonWriter {
 public:
  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }

  JsonWriter& key(std::string_view name) {
    separate();
    quote(name);
    text_ += ": ";
    after_key_ = true;
    return *this;
  }
  JsonWriter& value(std::string_view text) {
    separate();
    quote(text);
    return *this;
  }
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(bool truth) { return raw(truth ? "true" : "false"); }
  JsonWriter& value(double number) {
    if (!std::isfinite(number)) return raw("null");
    return digits(number, std::chars_format::general, 7);
  }
  template <std::integral T>
  JsonWriter& value(T number) {
    return digits(number);
  }
  JsonWriter& null() { return raw("null"); }

  template <typename T>
  JsonWriter& member(std::string_view name, const T& v) {
    return key(name).value(v);
  }

  const std::string& text() const noexcept { return text_; }

 private:
  JsonWriter& open(char bracket) {
    separate();
    text_ += bracket;
    first_ = true;
    ++depth_;
    return *this;
  }
  JsonWriter& close(char bracket) {
    --depth_;
    if (!first_) new_line();
    text_ += bracket;
    first_ = false;
    return *this;
  }
  JsonWriter& raw(std::string_view text) {
    separate();
    text_ += text;
    return *this;
  }
  template <typename... Args>
  JsonWriter& digits(Args... args) {
    char buffer[64];
    const std::to_chars_result end = std::to_chars(buffer, buffer + sizeof buffer, args...);
    return raw({buffer, static_cast<std::size_t>(end.ptr - buffer)});
  }

  // A value right after its key needs no comma; everything else is an element or a key.
  void separate() {
    if (after_key_) {
      after_key_ = false;
      return;
    }
    if (!first_) text_ += ',';
    if (depth_ > 0) new_line();
    first_ = false;
  }
  void new_line() { text_.append("\n").append(2 * depth_, ' '); }

  void quote(std::string_view text) {
    constexpr char kHex[] = "0123456789abcdef";
    text_ += '"';
    for (const char c : to_valid_utf8(text)) {
      const auto byte = static_cast<unsigned char>(c);
      if (c == '"' || c == '\\') text_.append({'\\', c});
      else if (byte < 0x20) text_.append("\\u00").append({kHex[byte >> 4], kHex[byte & 15]});
      else text_ += c;
    }
    text_ += '"';
  }

  std::string text_;
  std::size_t depth_ = 0;
  bool first_ = true, after_key_ = false;
};

}  // namespace edgek

#endif  // EDGEK_MEASURE_JSON_WRITER_HPP_
