#ifndef EDGEK_MODEL_TOKENIZER_SPM_HPP_
#define EDGEK_MODEL_TOKENIZER_SPM_HPP_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "edgek/model/gguf.hpp"
#include "edgek/model/text_index.hpp"
#include "edgek/core/utf8.hpp"
#include "edgek/model/vocabulary.hpp"

namespace edgek {

namespace detail {

/// How sentencepiece spells a blank (U+2581).
inline constexpr std::string_view kSpmBlank = "\xE2\x96\x81";

/// The value of a byte token's text "<0xNN>"; -1 if it is not of that form.
constexpr int parse_byte_token(std::string_view text) noexcept {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
  };
  if (text.size() != 6 || text.substr(0, 3) != "<0x" || text[5] != '>') return -1;
  const int high = digit(text[3]);
  const int low = digit(text[4]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

}  // namespace detail

/// The sentencepiece way of byte-pair encoding: starts from characters and joins the pair of
/// neighbours whose joint text is the token of the highest score (the leftmost of equal ones) until
/// none is left. A character without a token becomes its bytes. n log n in the length of the text.
/// Const use is safe from any number of threads.
class SpmTokenizer {
 public:
  SpmTokenizer(const GgufReader& file, const Vocabulary& vocabulary)
      : vocabulary_(&vocabulary), prefix_blank_(file.bool_or("tokenizer.ggml.add_space_prefix", true)) {
    if (!vocabulary.has_scores()) throw file.error("tokenizer.ggml.scores", "missing", "this key is required");
    index_tokens(file);
    find_bytes(file);
  }

  /// Whether text at the beginning, or after a special token, is read as if a blank stood before it.
  bool prefixes_blank() const noexcept { return prefix_blank_; }

  /// Appends the tokens of `text`, a blank before it if `prefix`.
  void encode(std::string_view text, bool prefix, std::vector<TokenId>& out) const {
    Work work;
    work.text = spell(text, prefix && prefix_blank_);
    split_characters(work);
    for (std::uint32_t i = 0; i + 1 < work.symbols.size(); ++i) consider(work, i);
    while (!work.heap.empty()) join_first(work);
    for (std::uint32_t i = work.symbols.empty() ? kEnd : 0; i != kEnd; i = work.symbols[i].next)
      append(work.view(work.symbols[i]), out);
  }

 private:
  static constexpr std::uint32_t kEnd = std::numeric_limits<std::uint32_t>::max();

  struct Symbol {
    std::uint32_t begin;
    std::uint32_t bytes;  // 0 once joined to its left
    std::uint32_t previous;
    std::uint32_t next;
  };

  // A pair seen as neighbours. Out of date once `left` has other neighbours or another length.
  struct Candidate {
    float score;
    std::uint32_t left;
    std::uint32_t right;
    std::uint32_t bytes;

    // std heaps keep the largest in front.
    bool operator<(const Candidate& other) const noexcept {
      return score != other.score ? score < other.score : left > other.left;
    }
  };

  struct Work {
    std::string text;
    std::vector<Symbol> symbols;
    std::vector<Candidate> heap;

    std::string_view view(const Symbol& s) const noexcept { return std::string_view(text).substr(s.begin, s.bytes); }
  };

  // Control, unknown and byte tokens are no text: "<s>" or "<0x0A>" typed by a user must not
  // become one.
  void index_tokens(const GgufReader& file) {
    tokens_ = detail::TextIndex(vocabulary_->size());
    const auto text_of = [this](std::uint32_t n) { return vocabulary_->text(static_cast<TokenId>(n)); };
    for (std::uint32_t i = 0; i < vocabulary_->size(); ++i) {
      const auto id = static_cast<TokenId>(i);
      const std::string_view text = vocabulary_->text(id);
      if (text.empty() || vocabulary_->is_special(id) || vocabulary_->type(id) == TokenType::kByte) continue;
      detail::index_token(file, tokens_, i, text_of);
      longest_ = std::max(longest_, text.size());
    }
  }

  void find_bytes(const GgufReader& file) {
    for (std::size_t b = 0; b < bytes_.size(); ++b) {
      const char byte = static_cast<char>(b);
      bytes_[b] = find({&byte, 1});
      if (bytes_[b] == kNoToken) bytes_[b] = vocabulary_->unknown();
    }
    for (std::uint32_t i = 0; i < vocabulary_->size(); ++i) {
      const auto id = static_cast<TokenId>(i);
      if (vocabulary_->type(id) != TokenType::kByte) continue;
      const int byte = detail::parse_byte_token(vocabulary_->text(id));
      if (byte < 0)
        throw file.error("tokenizer.ggml.tokens", vocabulary_->text(id),
                         "a byte token is <0x00> to <0xFF>; this is token " + std::to_string(i));
      bytes_[static_cast<std::size_t>(byte)] = id;
    }
  }

  TokenId find(std::string_view text) const noexcept {
    std::uint32_t number = 0;
    if (text.size() > longest_) return kNoToken;  // also keeps a long line from being hashed again and again
    const auto text_of = [this](std::uint32_t n) { return vocabulary_->text(static_cast<TokenId>(n)); };
    return tokens_.find(text, text_of, number) ? static_cast<TokenId>(number) : kNoToken;
  }

  static std::string spell(std::string_view text, bool prefix) {
    std::string out;
    out.reserve(text.size() + text.size() / 2);
    if (prefix) out += detail::kSpmBlank;
    for (const char c : text) {
      if (c == ' ')
        out += detail::kSpmBlank;
      else
        out += c;
    }
    return out;
  }

  // A byte that is not UTF-8 is a character of its own, so that nothing next to it is lost.
  static void split_characters(Work& work) {
    for (std::size_t at = 0; at < work.text.size();) {
      const Utf8Step step = utf8_step(work.text, at);
      const std::size_t bytes = step.valid ? step.bytes : 1;
      const auto number = static_cast<std::uint32_t>(work.symbols.size());
      const bool last = at + bytes == work.text.size();
      work.symbols.push_back({static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(bytes),
                              number == 0 ? kEnd : number - 1, last ? kEnd : number + 1});
      at += bytes;
    }
  }

  void consider(Work& work, std::uint32_t left) const {
    const std::uint32_t right = work.symbols[left].next;
    if (right == kEnd) return;
    const std::uint32_t bytes = work.symbols[left].bytes + work.symbols[right].bytes;
    const TokenId id = find(std::string_view(work.text).substr(work.symbols[left].begin, bytes));
    if (id == kNoToken) return;
    work.heap.push_back({vocabulary_->score(id), left, right, bytes});
    std::push_heap(work.heap.begin(), work.heap.end());
  }

  void join_first(Work& work) const {
    std::pop_heap(work.heap.begin(), work.heap.end());
    const Candidate c = work.heap.back();
    work.heap.pop_back();
    Symbol& left = work.symbols[c.left];
    Symbol& right = work.symbols[c.right];
    if (left.bytes == 0 || right.bytes == 0 || left.bytes + right.bytes != c.bytes) return;
    left.bytes = c.bytes;
    left.next = right.next;
    right.bytes = 0;
    if (left.next != kEnd) work.symbols[left.next].previous = c.left;
    if (left.previous != kEnd) consider(work, left.previous);
    consider(work, c.left);
  }

  void append(std::string_view text, std::vector<TokenId>& out) const {
    const TokenId id = find(text);
    if (id != kNoToken) {
      out.push_back(id);
      return;
    }
    for (const char c : text) {
      const TokenId byte = bytes_[static_cast<unsigned char>(c)];
      if (byte != kNoToken) out.push_back(byte);
    }
  }

  const Vocabulary* vocabulary_;
  bool prefix_blank_;
  detail::TextIndex tokens_;
  std::size_t longest_ = 0;
  std::array<TokenId, 256> bytes_{};
};

}  // namespace edgek

#endif  // EDGEK_MODEL_TOKENIZER_SPM_HPP_
