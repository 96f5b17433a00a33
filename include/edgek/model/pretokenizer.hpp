#ifndef EDGEK_MODEL_PRETOKENIZER_HPP_
#define EDGEK_MODEL_PRETOKENIZER_HPP_

// Only names with an explicit width are used here, so that the includer's own choice stands.
#ifndef PCRE2_CODE_UNIT_WIDTH
#define PCRE2_CODE_UNIT_WIDTH 8
#endif
#include <pcre2.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

#include "edgek/model/error.hpp"
#include "edgek/core/utf8.hpp"

namespace edgek {

/// How byte-level BPE cuts text into words before it merges inside each: which regular expression,
/// and what else goes with the name.
struct PreTokenizerInfo {
  std::string_view name;      ///< value of tokenizer.ggml.pre
  std::string_view pattern;   ///< with the classes L, N and S in braces, see expand()
  bool whole_words_first;     ///< a word that is a token is taken as it is, merges or no merges
  bool begins_sequence;       ///< a sequence begins with the BOS token unless the file says otherwise
};

namespace detail {

// Every pattern matches at least one character wherever it is tried, so a text is exactly its
// matches. Possessive repeats (++) where giving back could not help: same matches, no backtracking.
inline constexpr std::string_view kGpt2Words =
    "'(?:[sdmt]|ll|ve|re)| ?+[{L}]++| ?+[{N}]++| ?+[^{S}{L}{N}]++|[{S}]+(?![^{S}])|[{S}]+";

// Digits are cut out one by one first, and each text between them is on its own: blanks before a
// digit are not held back for it.
inline constexpr std::string_view kSmollmWords =
    "[{N}]|'(?:[sdmt]|ll|ve|re)| ?+[{L}]++| ?+[^{S}{L}{N}]++|[{S}]+(?![^{S}{N}])|[{S}]+";

// Case is spelled out: caseless matching would take a long s (U+017F) for an s.
inline constexpr std::string_view kLlama3Words =
    "'(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|[^\\r\\n{L}{N}]?+[{L}]++|[{N}]{1,3}+|"
    " ?+[^{S}{L}{N}]++[\\r\\n]*+|[{S}]*[\\r\\n]+|[{S}]+(?![^{S}])|[{S}]+";

inline constexpr std::string_view kQwen2Words =
    "'(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|[^\\r\\n{L}{N}]?+[{L}]++|[{N}]|"
    " ?+[^{S}{L}{N}]++[\\r\\n]*+|[{S}]*[\\r\\n]+|[{S}]+(?![^{S}])|[{S}]+";

// PCRE2 brings the Unicode tables of its own version (14 in 10.42). Letters and numbers of Unicode
// 15.0 and 15.1 are listed, so that any PCRE2 from 10.42 on cuts them alike.
inline constexpr std::string_view kLetters =
    "\\p{L}\\x{1123F}\\x{11240}\\x{11F02}\\x{11F04}-\\x{11F10}\\x{11F12}-\\x{11F33}\\x{1342F}\\x{13441}-\\x{13446}"
    "\\x{1B132}\\x{1B155}\\x{1DF25}-\\x{1DF2A}\\x{1E030}-\\x{1E06D}\\x{1E4D0}-\\x{1E4EB}\\x{2B739}"
    "\\x{2EBF0}-\\x{2EE5D}\\x{31350}-\\x{323AF}";
inline constexpr std::string_view kNumbers =
    "\\p{N}\\x{11F50}-\\x{11F59}\\x{1D2C0}-\\x{1D2D3}\\x{1E4F0}-\\x{1E4F9}";

// The White_Space property. PCRE2's \s takes U+180E for one as well.
inline constexpr std::string_view kSpaces =
    "\\t-\\r \\x{85}\\x{A0}\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}";

inline constexpr std::array<PreTokenizerInfo, 6> kPreTokenizers = {{
    {"gpt-2", kGpt2Words, false, false},
    {"smollm", kSmollmWords, false, false},
    {"llama-bpe", kLlama3Words, true, true},
    {"llama3", kLlama3Words, true, true},
    {"llama-v3", kLlama3Words, true, true},
    {"qwen2", kQwen2Words, false, false},
}};

/// The pattern with {L}, {N} and {S} replaced by the insides of their character classes.
inline std::string expand(std::string_view pattern) {
  std::string out;
  for (std::size_t at = 0; at < pattern.size(); ++at) {
    const std::string_view name = pattern.substr(at, 3);
    const std::string_view inside = name == "{L}" ? kLetters : name == "{N}" ? kNumbers : name == "{S}" ? kSpaces : "";
    if (inside.empty()) {
      out += pattern[at];
    } else {
      out += inside;
      at += 2;
    }
  }
  return out;
}

struct Pcre2Free {
  void operator()(pcre2_code_8* p) const noexcept { pcre2_code_free_8(p); }
  void operator()(pcre2_match_data_8* p) const noexcept { pcre2_match_data_free_8(p); }
  void operator()(pcre2_match_context_8* p) const noexcept { pcre2_match_context_free_8(p); }
};

}  // namespace detail

/// A compiled pre-tokenizer. Const use is safe from any number of threads.
class PreTokenizer {
 public:
  /// Throws edgek::Error for a name it does not know; `file` is for that message.
  PreTokenizer(std::string_view name, std::string_view file) : info_(&find(name, file)) {
    const std::string pattern = detail::expand(info_->pattern);
    int code = 0;
    PCRE2_SIZE offset = 0;
    code_.reset(pcre2_compile_8(reinterpret_cast<PCRE2_SPTR8>(pattern.data()), pattern.size(),
                                PCRE2_UTF | PCRE2_ANCHORED, &code, &offset, nullptr));
    context_.reset(pcre2_match_context_create_8(nullptr));
    if (!code_ || !context_)
      throw Error(file, "tokenizer.ggml.pre", name, "PCRE2 error " + std::to_string(code) + " for its pattern");
    // Where the system forbids writable code this fails, and matching is interpreted instead.
    pcre2_jit_compile_8(code_.get(), PCRE2_JIT_COMPLETE);
    // Backtracking is bounded by the pattern, not by the default limit meant for hostile patterns.
    pcre2_set_match_limit_8(context_.get(), std::numeric_limits<std::uint32_t>::max());
  }

  const PreTokenizerInfo& info() const noexcept { return *info_; }

  /// Calls on_word(std::string_view) for each word of `text` from left to right; together they are
  /// the text. Bytes that are not UTF-8 count as symbols, one character each, and are kept.
  template <typename OnWord>
  void split(std::string_view text, OnWord&& on_word) const {
    const std::unique_ptr<pcre2_match_data_8, detail::Pcre2Free> match(pcre2_match_data_create_8(1, nullptr));
    if (!match) throw Error("", "tokenizer", "no memory", "PCRE2 match data");
    std::string repaired;
    const std::string_view subject = is_utf8(text) ? text : repaired = symbols_for_invalid(text);
    for (std::size_t at = 0; at < subject.size();) {
      const std::size_t end = word_end(subject, at, match.get());
      on_word(text.substr(at, end - at));
      at = end;
    }
  }

 private:
  static const PreTokenizerInfo& find(std::string_view name, std::string_view file) {
    std::string known;
    for (const PreTokenizerInfo& row : detail::kPreTokenizers) {
      if (row.name == name) return row;
      known += (known.empty() ? "" : ", ") + std::string(row.name);
    }
    throw Error(file, "tokenizer.ggml.pre", name, "known: " + known);
  }

  // U+0001 is, like U+FFFD, neither letter, number nor space: the words come out the same, and no
  // offset moves.
  static std::string symbols_for_invalid(std::string_view text) {
    std::string out(text);
    for (std::size_t at = 0; at < text.size();) {
      const Utf8Step step = utf8_step(text, at);
      if (!step.valid) out.replace(at, step.bytes, step.bytes, '\x01');
      at += step.bytes;
    }
    return out;
  }

  std::size_t word_end(std::string_view subject, std::size_t at, pcre2_match_data_8* match) const {
    const auto run = [&](std::uint32_t options) {
      return pcre2_match_8(code_.get(), reinterpret_cast<PCRE2_SPTR8>(subject.data()), subject.size(), at,
                           options | PCRE2_NO_UTF_CHECK, match, context_.get());
    };
    int found = run(0);
    if (found == PCRE2_ERROR_JIT_STACKLIMIT) found = run(PCRE2_NO_JIT);
    const std::size_t end = found > 0 ? pcre2_get_ovector_pointer_8(match)[1] : at;
    if (end <= at) throw Error("", "tokenizer", "PCRE2 error " + std::to_string(found), "a word at every place");
    return end;
  }

  const PreTokenizerInfo* info_;
  std::unique_ptr<pcre2_code_8, detail::Pcre2Free> code_;
  std::unique_ptr<pcre2_match_context_8, detail::Pcre2Free> context_;
};

}  // namespace edgek

#endif  // EDGEK_MODEL_PRETOKENIZER_HPP_
