#ifndef EDGEK_MODEL_SPECIAL_TOKENS_HPP_
#define EDGEK_MODEL_SPECIAL_TOKENS_HPP_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "edgek/model/gguf.hpp"
#include "edgek/model/text_index.hpp"
#include "edgek/model/vocabulary.hpp"

namespace edgek::detail {

/// Part of a text: either a token found in it, or text for the tokenizer proper.
struct Fragment {
  std::size_t begin;
  std::size_t end;
  TokenId id;  // kNoToken: text
};

/// Bytes [begin, end) of a text in which control tokens are recognized.
struct SpecialRange {
  std::size_t begin;
  std::size_t end;
};

/// Finds the tokens that are spelled out in a text and stand for themselves: user-defined ones
/// everywhere, control ones where that is asked. Longer tokens first, then from left to right.
class SpecialTokens {
 public:
  SpecialTokens(const GgufReader& file, const Vocabulary& vocabulary)
      : vocabulary_(&vocabulary), eats_blanks_after_(eats_blanks(file)) {
    collect(file);
    std::sort(lengths_.begin(), lengths_.end(), std::greater<>());
    lengths_.erase(std::unique(lengths_.begin(), lengths_.end()), lengths_.end());
  }

  /// Cuts `text` into fragments, in order. `ranges`, in order, tell where control tokens count.
  std::vector<Fragment> split(std::string_view text, std::span<const SpecialRange> ranges) const {
    std::vector<Fragment> fragments;
    if (text.empty()) return fragments;
    fragments.push_back({0, text.size(), kNoToken});
    const std::vector<std::size_t> starts = possible_starts(text);
    if (starts.empty()) return fragments;
    for (const std::size_t length : lengths_) fragments = split_once(text, ranges, fragments, starts, length);
    return fragments;
  }

 private:
  // Phi-3's vocabulary drops white space after its special tokens; no key says so, only the name.
  static bool eats_blanks(const GgufReader& file) {
    std::string name(file.string_or("general.name", ""));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
    return name.find("phi-3") != std::string::npos || name.find("phi3") != std::string::npos;
  }

  auto text_of() const noexcept {
    return [this](std::uint32_t n) { return vocabulary_->text(static_cast<TokenId>(n)); };
  }

  bool stands_for_itself(TokenId id) const noexcept {
    const bool kind = vocabulary_->is_special(id) || vocabulary_->type(id) == TokenType::kUserDefined;
    return kind && !vocabulary_->text(id).empty();
  }

  void collect(const GgufReader& file) {
    for (std::uint32_t i = 0; i < vocabulary_->size(); ++i) {
      const auto id = static_cast<TokenId>(i);
      if (!stands_for_itself(id)) continue;
      const std::string_view text = vocabulary_->text(id);
      lengths_.push_back(text.size());
      first_bytes_[static_cast<unsigned char>(text[0])] = true;
      ++count_;
    }
    tokens_ = TextIndex(count_);
    for (std::uint32_t i = 0; i < vocabulary_->size(); ++i) {
      const auto id = static_cast<TokenId>(i);
      if (stands_for_itself(id)) index_token(file, tokens_, i, text_of());
    }
  }

  std::vector<std::size_t> possible_starts(std::string_view text) const {
    std::vector<std::size_t> starts;
    for (std::size_t i = 0; i < text.size(); ++i)
      if (first_bytes_[static_cast<unsigned char>(text[i])]) starts.push_back(i);
    return starts;
  }

  std::vector<Fragment> split_once(std::string_view text, std::span<const SpecialRange> ranges,
                                   const std::vector<Fragment>& before, const std::vector<std::size_t>& starts,
                                   std::size_t length) const {
    std::vector<Fragment> after;
    auto start = starts.begin();
    for (const Fragment& fragment : before) {
      if (fragment.id != kNoToken) {
        after.push_back(fragment);
        continue;
      }
      std::size_t at = fragment.begin;
      for (start = std::lower_bound(start, starts.end(), at); start != starts.end() && *start < fragment.end; ++start) {
        if (*start < at || fragment.end - *start < length) continue;
        const TokenId id = token_at(text.substr(*start, length), *start, ranges);
        if (id == kNoToken) continue;
        if (*start > at) after.push_back({at, *start, kNoToken});
        after.push_back({*start, *start + length, id});
        at = *start + length;
        if (drops_blanks_after(id))
          while (at < fragment.end && is_blank(text[at])) ++at;
      }
      if (at < fragment.end) after.push_back({at, fragment.end, kNoToken});
    }
    return after;
  }

  TokenId token_at(std::string_view candidate, std::size_t at, std::span<const SpecialRange> ranges) const {
    std::uint32_t number = 0;
    if (!tokens_.find(candidate, text_of(), number)) return kNoToken;
    const auto id = static_cast<TokenId>(number);
    if (!vocabulary_->is_special(id)) return id;
    const auto range = std::upper_bound(ranges.begin(), ranges.end(), at,
                                        [](std::size_t value, const SpecialRange& r) { return value < r.end; });
    const bool inside = range != ranges.end() && range->begin <= at && at + candidate.size() <= range->end;
    return inside ? id : kNoToken;
  }

  bool drops_blanks_after(TokenId id) const noexcept {
    if (!eats_blanks_after_) return false;
    const std::string_view text = vocabulary_->text(id);
    return text != "<unk>" && text != "<s>" && text != "<|endoftext|>";
  }

  static bool is_blank(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }

  const Vocabulary* vocabulary_;
  bool eats_blanks_after_;
  std::size_t count_ = 0;
  TextIndex tokens_;
  std::vector<std::size_t> lengths_;  // of the tokens, each once, descending
  std::array<bool, 256> first_bytes_{};
};

}  // namespace edgek::detail

#endif  // EDGEK_MODEL_SPECIAL_TOKENS_HPP_
