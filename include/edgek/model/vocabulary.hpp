#ifndef EDGEK_MODEL_VOCABULARY_HPP_
#define EDGEK_MODEL_VOCABULARY_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "edgek/model/gguf.hpp"
#include "edgek/model/text_index.hpp"

namespace edgek {

/// Number of a token: 0 to vocabulary size - 1.
using TokenId = std::int32_t;
inline constexpr TokenId kNoToken = -1;

/// What a token is for, numbered as in the file.
enum class TokenType : std::uint8_t {
  kUndefined = 0,
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,      ///< steers the model; text never becomes one unless asked
  kUserDefined = 4,  ///< a word found in text before anything else is
  kUnused = 5,
  kByte = 6,         ///< one byte, its text "<0xNN>"
};

namespace detail {

/// Adds a token of `file` to `index`; answers the token that has the text then.
template <typename TextOf>
std::uint32_t index_token(const GgufReader& file, TextIndex& index, std::uint32_t number, const TextOf& text_of) {
  const std::uint32_t first = index.insert(text_of(number), number, text_of);
  if (first == TextIndex::kCrowded)
    throw file.error("tokenizer.ggml.tokens", text_of(number),
                     "at most " + std::to_string(kMaxProbes) + " texts whose hashes collide");
  return first;
}

}  // namespace detail

/// The tokens of a model as its file lists them: texts (views into the file), types, scores and
/// the special ones. Everything from the file is checked here; ids given later are the caller's.
///
/// Tokens that by their spelling end a turn, or mark the middle of code that is to be filled in, are control tokens
/// whatever type the file gives them, as in llama.cpp. Files take the types from Hugging Face's tokenizers, where
/// some of these are added tokens that are not flagged as special (qwen2's <|fim_pad|>, phi-3's </s>) or ordinary
/// words (qwen2's </s>). There, added tokens are found in every text; here, nobody who types one ends a turn with it.
class Vocabulary {
 public:
  explicit Vocabulary(const GgufReader& file)
      : texts_(file.require_strings("tokenizer.ggml.tokens")), index_(texts_.size()) {
    check_size(file);
    read_types(file);
    read_scores(file);
    index_texts(file);
    read_special_ids(file);
    find_ends();
  }

  std::size_t size() const noexcept { return texts_.size(); }
  bool has(TokenId id) const noexcept { return id >= 0 && static_cast<std::size_t>(id) < size(); }

  std::string_view text(TokenId id) const noexcept { return texts_[static_cast<std::size_t>(id)]; }
  TokenType type(TokenId id) const noexcept { return types_[static_cast<std::size_t>(id)]; }
  /// Never NaN; 0 where the file has no scores.
  float score(TokenId id) const noexcept { return scores_.empty() ? 0.0f : scores_[static_cast<std::size_t>(id)]; }
  bool has_scores() const noexcept { return !scores_.empty(); }

  /// A control or unknown token: neither parsed from plain text nor shown in it.
  bool is_special(TokenId id) const noexcept {
    return type(id) == TokenType::kControl || type(id) == TokenType::kUnknown;
  }

  /// The token with exactly this text as the file spells it; kNoToken if there is none.
  TokenId find(std::string_view text) const noexcept {
    std::uint32_t number = 0;
    const bool found = index_.find(text, [this](std::uint32_t i) { return texts_[i]; }, number);
    return found ? static_cast<TokenId>(number) : kNoToken;
  }

  TokenId bos() const noexcept { return bos_; }          ///< begins a sequence; kNoToken if the model has none
  TokenId eos() const noexcept { return eos_; }          ///< ends a sequence; kNoToken if the model has none
  TokenId unknown() const noexcept { return unknown_; }  ///< stands for what has no token; may be kNoToken

  /// Whether generation is over when this token was chosen: the end of a sequence, turn or message.
  bool is_end(TokenId id) const noexcept { return std::binary_search(ends_.begin(), ends_.end(), id); }

 private:
  void check_size(const GgufReader& file) const {
    constexpr std::size_t kMax = std::size_t{1} << 30;
    if (texts_.empty() || texts_.size() > kMax)
      throw file.error("tokenizer.ggml.tokens", std::to_string(texts_.size()) + " tokens",
                       "1 to " + std::to_string(kMax));
  }

  void check_count(const GgufReader& file, std::string_view key, std::size_t count) const {
    if (count != size())
      throw file.error(key, std::to_string(count) + " elements",
                       "one for each of " + std::to_string(size()) + " tokens");
  }

  void read_types(const GgufReader& file) {
    constexpr std::string_view kKey = "tokenizer.ggml.token_type";
    types_.assign(size(), TokenType::kNormal);
    if (!file.find(kKey)) return;
    const auto numbers = file.require_uints(kKey, 0, static_cast<std::uint64_t>(TokenType::kByte));
    check_count(file, kKey, numbers.size());
    for (std::size_t i = 0; i < size(); ++i) types_[i] = static_cast<TokenType>(numbers[i]);
  }

  void read_scores(const GgufReader& file) {
    constexpr std::string_view kKey = "tokenizer.ggml.scores";
    if (!file.find(kKey)) return;
    scores_ = file.require_floats(kKey);
    check_count(file, kKey, scores_.size());
    for (std::size_t i = 0; i < size(); ++i)
      if (std::isnan(scores_[i])) throw file.error(kKey, "NaN for token " + std::to_string(i), "a number");
  }

  // An empty text cannot be looked up and says nothing, but fillers of that kind exist: kept out
  // of the index. Any other text has one id, or text could not be turned into ids.
  void index_texts(const GgufReader& file) {
    const auto text_of = [this](std::uint32_t i) { return texts_[i]; };
    for (std::uint32_t i = 0; i < size(); ++i) {
      if (texts_[i].empty()) continue;
      const std::uint32_t first = detail::index_token(file, index_, i, text_of);
      if (first != i)
        throw file.error("tokenizer.ggml.tokens", std::string(texts_[i]),
                         "each text once; this is token " + std::to_string(first) + " and " + std::to_string(i));
    }
  }

  TokenId special_id(const GgufReader& file, std::string_view key, TokenId fallback) const {
    if (!file.find(key)) return has(fallback) ? fallback : kNoToken;
    return static_cast<TokenId>(file.require_uint(key, 0, size() - 1));
  }

  void read_special_ids(const GgufReader& file) {
    // What a sentencepiece model means when it does not say.
    const bool spm = file.string_or("tokenizer.ggml.model", "") == "llama";
    bos_ = special_id(file, "tokenizer.ggml.bos_token_id", spm ? 1 : kNoToken);
    eos_ = special_id(file, "tokenizer.ggml.eos_token_id", spm ? 2 : kNoToken);
    unknown_ = special_id(file, "tokenizer.ggml.unknown_token_id", spm ? 0 : kNoToken);
    ends_.push_back(eos_);
    for (const char* name : {"eot", "eom", "fim_pad", "fim_rep", "fim_sep"})
      ends_.push_back(special_id(file, std::string("tokenizer.ggml.") + name + "_token_id", kNoToken));
  }

  // Files rarely name these; their spelling gives them away. The names are those that llama.cpp looks for, as far as
  // models of the llama family have them. It takes one name for each role, whichever its hash table yields first.
  void find_ends() {
    constexpr std::string_view kEnds[] = {
        "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<|endoftext|>", "<|end|>", "<end_of_turn>",
        "<end_of_utterance>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]", "</s>", "<\uFF5Cend\u2581of\u2581sentence\uFF5C>",
        // Filling in the middle of code: padding, the next repository, the next file.
        "<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]", "<|fim_repo|>", "<|repo_name|>", "<fim-repo>",
        "<REPO>", "<reponame>", "<|file_sep|>"};
    constexpr std::string_view kMarks[] = {
        "<|fim_prefix|>", "<fim-prefix>", "<fim_prefix>", "<\uFF5Cfim\u2581begin\uFF5C>", "<PRE>", "\u2581<PRE>",
        "<|fim_suffix|>", "<fim-suffix>", "<fim_suffix>", "<\uFF5Cfim\u2581hole\uFF5C>", "<SUF>", "\u2581<SUF>",
        "<|fim_middle|>", "<fim-middle>", "<fim_middle>", "<\uFF5Cfim\u2581end\uFF5C>", "<MID>", "\u2581<MID>"};
    for (const std::string_view text : kEnds) ends_.push_back(make_control(text));
    for (const std::string_view text : kMarks) make_control(text);
    std::sort(ends_.begin(), ends_.end());
    ends_.erase(std::unique(ends_.begin(), ends_.end()), ends_.end());
    if (ends_.front() == kNoToken) ends_.erase(ends_.begin());
  }

  TokenId make_control(std::string_view text) noexcept {
    const TokenId id = find(text);
    if (id != kNoToken) types_[static_cast<std::size_t>(id)] = TokenType::kControl;
    return id;
  }

  std::vector<std::string_view> texts_;
  std::vector<TokenType> types_;
  std::vector<float> scores_;
  std::vector<TokenId> ends_;  // sorted
  detail::TextIndex index_;
  TokenId bos_ = kNoToken;
  TokenId eos_ = kNoToken;
  TokenId unknown_ = kNoToken;
};

}  // namespace edgek

#endif  // EDGEK_MODEL_VOCABULARY_HPP_
