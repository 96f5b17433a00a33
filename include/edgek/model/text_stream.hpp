#ifndef EDGEK_MODEL_TEXT_STREAM_HPP_
#define EDGEK_MODEL_TEXT_STREAM_HPP_

#include <cstddef>
#include <string>
#include <string_view>

#include "edgek/model/tokenizer.hpp"
#include "edgek/core/utf8.hpp"

namespace edgek {

/// Turns tokens into text as they come. A character whose bytes are spread over several tokens is
/// held back until it is whole; bytes that can never become one are passed on as they are. What
/// push() and finish() return is, put together, exactly the tokens' bytes. Allocates only when made.
class TextStream {
 public:
  /// `show_special`: control tokens appear by name rather than not at all. `tokenizer` outlives this.
  explicit TextStream(const Tokenizer& tokenizer, bool show_special = false)
      : tokenizer_(&tokenizer), show_special_(show_special) {
    buffer_.reserve(kMaxHeld + tokenizer.longest_piece());
  }

  /// The text that this token completes, possibly empty; valid until the next call.
  std::string_view push(TokenId id) {
    buffer_.erase(0, shown_);
    const std::string_view piece = tokenizer_->piece(id);
    if (show_special_ || !tokenizer_->vocabulary().is_special(id)) buffer_ += piece;
    shown_ = buffer_.size() - utf8_cut_bytes(buffer_);
    return std::string_view(buffer_).substr(0, shown_);
  }

  /// The bytes still held back; afterwards the stream is as new.
  std::string_view finish() {
    buffer_.erase(0, shown_);
    shown_ = buffer_.size();
    return buffer_;
  }

 private:
  static constexpr std::size_t kMaxHeld = 3;  // a character lacks at least one of its four bytes

  const Tokenizer* tokenizer_;
  bool show_special_;
  std::string buffer_;
  std::size_t shown_ = 0;
};

}  // namespace edgek

#endif  // EDGEK_MODEL_TEXT_STREAM_HPP_
