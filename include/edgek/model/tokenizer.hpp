#ifndef EDGEK_MODEL_TOKENIZER_HPP_
#define EDGEK_MODEL_TOKENIZER_HPP_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "edgek/model/gguf.hpp"
#include "edgek/model/special_tokens.hpp"
#include "edgek/model/tokenizer_bpe.hpp"
#include "edgek/model/tokenizer_spm.hpp"
#include "edgek/core/utf8.hpp"
#include "edgek/model/vocabulary.hpp"

namespace edgek {

/// What tokenize() does beyond cutting text.
struct TokenizeOptions {
  bool add_special = true;    ///< begin and end of a sequence are marked as the model's flags say
  bool parse_special = true;  ///< the text of a control token is that token
};

/// Part of a text of several hands: what a template wrote, and what someone typed.
struct TextSegment {
  std::string text;
  bool parse_special;  ///< whether the text of a control token is that token here
};

/// Text to token ids and back, for the vocabularies `llama` (sentencepiece) and `gpt2` (byte-level)
/// of a GGUF file. Views the file's bytes, which must outlive it. Const use is safe from any number
/// of threads.
class Tokenizer {
 public:
  /// Throws edgek::Error for a vocabulary it does not know or that is inconsistent.
  explicit Tokenizer(const GgufReader& file) : vocabulary_(file), file_(file.file()) {
    const std::string_view model = file.require_string("tokenizer.ggml.model");
    if (model == "gpt2")
      bpe_.emplace(file, vocabulary_);
    else if (model == "llama")
      spm_.emplace(file, vocabulary_);
    else
      throw file.error("tokenizer.ggml.model", model, "known: gpt2, llama");
    special_.emplace(file, vocabulary_);
    read_flags(file);
    decode_pieces(file);
  }
  // The parts point into each other.
  Tokenizer(const Tokenizer&) = delete;
  Tokenizer& operator=(const Tokenizer&) = delete;

  const Vocabulary& vocabulary() const noexcept { return vocabulary_; }
  std::size_t size() const noexcept { return vocabulary_.size(); }
  bool adds_bos() const noexcept { return adds_bos_; }
  bool adds_eos() const noexcept { return adds_eos_; }
  /// Whether every text that tokenize() takes comes back from detokenize() byte for byte.
  bool is_byte_level() const noexcept { return bpe_.has_value(); }

  /// The ids of `text`, any bytes. User-defined tokens are found in it always, control tokens if asked.
  /// Throws edgek::Error for a byte that a byte-level vocabulary has no token for: nothing is lost silently.
  std::vector<TokenId> tokenize(std::string_view text, TokenizeOptions options = {}) const {
    const detail::SpecialRange all{0, text.size()};
    return encode(text, {&all, options.parse_special ? std::size_t{1} : std::size_t{0}}, options.add_special);
  }

  /// The ids of the segments' texts, one after another as one text: no cut where they meet but for
  /// control tokens, which are found only inside a segment that parses them.
  std::vector<TokenId> tokenize(std::span<const TextSegment> segments, bool add_special) const {
    std::string text;
    std::vector<detail::SpecialRange> ranges;
    for (const TextSegment& segment : segments) {
      if (segment.parse_special) add_range(ranges, text.size(), text.size() + segment.text.size());
      text += segment.text;
    }
    return encode(text, ranges, add_special);
  }

  /// The bytes a token stands for; a control token's name. Possibly part of a UTF-8 character only.
  /// Throws edgek::Error for an id that is not in the vocabulary.
  std::string_view piece(TokenId id) const {
    if (!vocabulary_.has(id))
      throw Error(file_, "token id", std::to_string(id), "0 to " + std::to_string(size() - 1));
    const auto i = static_cast<std::size_t>(id);
    return std::string_view(pieces_).substr(piece_begin_[i], piece_begin_[i + 1] - piece_begin_[i]);
  }
  std::size_t longest_piece() const noexcept { return longest_piece_; }

  /// The text of `ids`, without what tokenize() adds: a BOS in front and an EOS at the end where the
  /// model's flags add them, and the blank that sentencepiece puts before a text.
  std::string detokenize(std::span<const TokenId> ids) const {
    const bool began = adds_bos_ && !ids.empty() && ids.front() == vocabulary_.bos();
    if (began) ids = ids.subspan(1);
    if (adds_eos_ && !ids.empty() && ids.back() == vocabulary_.eos()) ids = ids.first(ids.size() - 1);
    std::string text;
    for (const TokenId id : ids) text += piece(id);
    const bool prefixed = spm_ && spm_->prefixes_blank() && !ids.empty() && !vocabulary_.is_special(ids.front());
    if (prefixed && text.starts_with(' ')) text.erase(0, 1);
    return text;
  }

 private:
  // Indices into a text are 32-bit in the tokenizers; a sentencepiece blank takes three bytes.
  static constexpr std::size_t kMaxTextBytes = std::numeric_limits<std::uint32_t>::max() / 4;

  void read_flags(const GgufReader& file) {
    const bool begins = spm_ || bpe_->pre().begins_sequence;
    adds_bos_ = flag(file, "tokenizer.ggml.add_bos_token", begins, "tokenizer.ggml.bos_token_id", vocabulary_.bos());
    adds_eos_ = flag(file, "tokenizer.ggml.add_eos_token", false, "tokenizer.ggml.eos_token_id", vocabulary_.eos());
  }

  static bool flag(const GgufReader& file, std::string_view key, bool fallback, std::string_view id_key, TokenId id) {
    const bool wanted = file.bool_or(key, fallback);
    if (wanted && id == kNoToken && file.find(key))
      throw file.error(id_key, "missing", "required where " + std::string(key) + " is true");
    return wanted && id != kNoToken;
  }

  void decode_pieces(const GgufReader& file) {
    piece_begin_.reserve(size() + 1);
    for (std::size_t i = 0; i < size(); ++i) {
      piece_begin_.push_back(pieces_.size());
      append_piece(file, static_cast<TokenId>(i));
      longest_piece_ = std::max(longest_piece_, pieces_.size() - piece_begin_.back());
    }
    piece_begin_.push_back(pieces_.size());
  }

  void append_piece(const GgufReader& file, TokenId id) {
    const std::string_view text = vocabulary_.text(id);
    const TokenType type = vocabulary_.type(id);
    if (type == TokenType::kByte) {
      const int byte = detail::parse_byte_token(text);
      if (byte < 0)
        throw file.error("tokenizer.ggml.tokens", text,
                         "a byte token is <0x00> to <0xFF>; this is token " + std::to_string(id));
      pieces_ += static_cast<char>(byte);
    } else if (vocabulary_.is_special(id) || type == TokenType::kUserDefined) {
      pieces_ += text;
    } else if (bpe_) {
      detail::unspell_bytes(text, pieces_);
    } else {
      append_with_blanks(text);
    }
  }

  void append_with_blanks(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
      const bool blank = text.substr(at, detail::kSpmBlank.size()) == detail::kSpmBlank;
      pieces_ += blank ? ' ' : text[at];
      at += blank ? detail::kSpmBlank.size() : 1;
    }
  }

  // Neighbouring segments that parse control tokens are one stretch: a token may span them.
  static void add_range(std::vector<detail::SpecialRange>& ranges, std::size_t begin, std::size_t end) {
    if (!ranges.empty() && ranges.back().end == begin)
      ranges.back().end = end;
    else
      ranges.push_back({begin, end});
  }

  std::vector<TokenId> encode(std::string_view text, std::span<const detail::SpecialRange> ranges,
                              bool add_special) const {
    if (text.size() > kMaxTextBytes)
      throw Error(file_, "text", std::to_string(text.size()) + " bytes", "at most " + std::to_string(kMaxTextBytes));
    std::vector<TokenId> ids;
    if (add_special && adds_bos_) ids.push_back(vocabulary_.bos());
    bool after_special = true;
    for (const detail::Fragment& fragment : special_->split(text, ranges)) {
      if (fragment.id != kNoToken)
        ids.push_back(fragment.id);
      else
        encode_plain(text, fragment, after_special, ids);
      after_special = fragment.id != kNoToken;
    }
    if (add_special && adds_eos_) ids.push_back(vocabulary_.eos());
    return ids;
  }

  void encode_plain(std::string_view text, const detail::Fragment& part, bool after_special,
                    std::vector<TokenId>& ids) const {
    const std::string_view words = text.substr(part.begin, part.end - part.begin);
    if (spm_) return spm_->encode(words, after_special, ids);
    const std::size_t missing = bpe_->encode(words, ids);
    if (missing != BpeTokenizer::kAll) throw no_token(text, part.begin + missing);
  }

  Error no_token(std::string_view text, std::size_t at) const {
    std::array<char, 8> byte{};
    std::snprintf(byte.data(), byte.size(), "0x%02X", static_cast<unsigned>(static_cast<unsigned char>(text[at])));
    return Error(file_, "text", std::string(byte.data()) + ", byte " + std::to_string(at),
                 "the vocabulary has no token for it");
  }

  Vocabulary vocabulary_;
  std::string file_;
  std::optional<BpeTokenizer> bpe_;  // one of these two
  std::optional<SpmTokenizer> spm_;
  std::optional<detail::SpecialTokens> special_;
  bool adds_bos_ = false;
  bool adds_eos_ = false;
  std::string pieces_;  // of all tokens, one after another
  std::vector<std::size_t> piece_begin_;
  std::size_t longest_piece_ = 0;
};

}  // namespace edgek

#endif  // EDGEK_MODEL_TOKENIZER_HPP_
