#ifndef EDGEK_MODEL_TOKENIZER_BPE_HPP_
#define EDGEK_MODEL_TOKENIZER_BPE_HPP_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "edgek/model/gguf.hpp"
#include "edgek/model/pretokenizer.hpp"
#include "edgek/model/text_index.hpp"
#include "edgek/core/utf8.hpp"
#include "edgek/model/vocabulary.hpp"

namespace edgek {

namespace detail {

/// Byte-level vocabularies spell a byte as one printable character: the printable ones of Latin-1
/// as themselves, the others in their order from U+0100 on. `character[b]` spells byte b.
struct ByteAlphabet {
  std::array<std::uint16_t, 256> character{};
  std::array<std::int16_t, 512> byte{};  // of a character; -1: spells none

  constexpr ByteAlphabet() {
    byte.fill(-1);
    std::uint16_t next = 256;
    for (unsigned b = 0; b < 256; ++b) {
      const bool printable = (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b != 0xAD);
      character[b] = printable ? static_cast<std::uint16_t>(b) : next++;
      byte[character[b]] = static_cast<std::int16_t>(b);
    }
  }
};
inline constexpr ByteAlphabet kByteAlphabet{};

/// Appends the spelling of `bytes`.
inline void spell_bytes(std::string_view bytes, std::string& out) {
  for (const char c : bytes) {
    std::array<char, 4> utf8{};
    out.append(utf8.data(), utf8_encode(kByteAlphabet.character[static_cast<unsigned char>(c)], utf8.data()));
  }
}

/// Appends the bytes that `spelling` stands for; what is not in the alphabet stands for itself.
inline void unspell_bytes(std::string_view spelling, std::string& out) {
  for (std::size_t at = 0; at < spelling.size();) {
    const Utf8Step step = utf8_step(spelling, at);
    const bool known = step.valid && step.code_point < kByteAlphabet.byte.size();
    const int byte = known ? kByteAlphabet.byte[step.code_point] : -1;
    if (byte >= 0)
      out += static_cast<char>(byte);
    else
      out.append(spelling.substr(at, step.bytes));
    at += step.bytes;
  }
}

}  // namespace detail

/// Byte-level byte-pair encoding: cuts text into words, starts each as single bytes and joins the
/// pair of neighbours that the model learned first (the leftmost of equal ones) until none is left.
/// n log n in the length of a word. Const use is safe from any number of threads.
class BpeTokenizer {
 public:
  BpeTokenizer(const GgufReader& file, const Vocabulary& vocabulary)
      : vocabulary_(&vocabulary), words_(pre_name(file), file.file()) {
    find_bytes();
    read_merges(file);
  }

  const PreTokenizerInfo& pre() const noexcept { return words_.info(); }

  /// What encode() answers where every byte has a token.
  static constexpr std::size_t kAll = std::string_view::npos;

  /// Appends the tokens of `text` and answers kAll, or else the place of the first byte that the
  /// vocabulary has no token for: trained ones may lack some that are rare or that UTF-8 never uses.
  [[nodiscard]] std::size_t encode(std::string_view text, std::vector<TokenId>& out) const {
    Scratch scratch;
    std::size_t missing = kAll;
    words_.split(text, [&](std::string_view word) {
      if (missing != kAll) return;
      const std::size_t at = encode_word(word, scratch, out);
      if (at != kAll) missing = static_cast<std::size_t>(word.data() - text.data()) + at;
    });
    return missing;
  }

 private:
  static constexpr std::uint32_t kEnd = std::numeric_limits<std::uint32_t>::max();

  // A stretch of the word that has become one token. Dead (id kNoToken) once joined to its left.
  struct Symbol {
    TokenId id;
    std::uint32_t previous;
    std::uint32_t next;
  };

  // A pair seen as neighbours. Out of date once either side has become something else.
  struct Candidate {
    std::uint32_t rank;
    std::uint32_t left;
    TokenId left_id;
    TokenId right_id;
    TokenId result;

    // std heaps keep the largest in front: the latest merge is the smallest.
    bool operator<(const Candidate& other) const noexcept {
      return rank != other.rank ? rank > other.rank : left > other.left;
    }
  };

  struct Scratch {
    std::vector<Symbol> symbols;
    std::vector<Candidate> heap;
    std::string spelling;
  };

  static std::string_view pre_name(const GgufReader& file) { return file.string_or("tokenizer.ggml.pre", "(none)"); }

  void find_bytes() {
    std::string spelling;
    for (unsigned b = 0; b < 256; ++b) {
      const char byte = static_cast<char>(b);
      spelling.clear();
      detail::spell_bytes({&byte, 1}, spelling);
      bytes_[b] = plain(spelling);
    }
  }

  // The token with this spelling, unless it is one that text must not become.
  TokenId plain(std::string_view spelling) const noexcept {
    const TokenId id = vocabulary_->find(spelling);
    return id == kNoToken || vocabulary_->is_special(id) ? kNoToken : id;
  }

  void read_merges(const GgufReader& file) {
    constexpr std::string_view kKey = "tokenizer.ggml.merges";
    const auto merges = file.require_strings(kKey);
    merges_ = detail::PairIndex(merges.size());
    std::string joined;
    for (std::size_t rank = 0; rank < merges.size(); ++rank) {
      // The first blank may be the left part itself: it is looked for from the second byte on.
      const std::size_t blank = merges[rank].find(' ', 1);
      if (blank == std::string_view::npos || blank + 1 == merges[rank].size())
        throw file.error(kKey, merges[rank], "two parts with a blank between, merge " + std::to_string(rank));
      const std::string_view left = merges[rank].substr(0, blank);
      const std::string_view right = merges[rank].substr(blank + 1);
      joined.assign(left).append(right);
      add_merge(file, rank, left, right, joined);
    }
  }

  void add_merge(const GgufReader& file, std::size_t rank, std::string_view left, std::string_view right,
                 std::string_view joined) {
    const auto number = [&](std::string_view part) {
      const TokenId id = vocabulary_->find(part);
      if (id == kNoToken)
        throw file.error("tokenizer.ggml.merges", part, "must be a token, merge " + std::to_string(rank));
      return static_cast<std::uint32_t>(id);
    };
    // Vocabularies list results in the order of the merges: the next id is a good first guess, and
    // looking up all of them is most of the time that loading takes.
    const auto guess = static_cast<TokenId>(last_result_ + 1);
    const bool guessed = vocabulary_->has(guess) && vocabulary_->text(guess) == joined;
    last_result_ = guessed ? static_cast<std::uint32_t>(guess) : number(joined);
    if (!merges_.insert(number(left), number(right), {static_cast<std::uint32_t>(rank), last_result_}))
      throw file.error("tokenizer.ggml.merges", joined,
                       "at most " + std::to_string(detail::kMaxProbes) + " merges whose hashes collide");
  }

  // As encode(), for one word.
  std::size_t encode_word(std::string_view word, Scratch& s, std::vector<TokenId>& out) const {
    if (words_.info().whole_words_first && append_whole(word, s, out)) return kAll;
    s.symbols.clear();
    s.heap.clear();
    const auto count = static_cast<std::uint32_t>(word.size());
    for (std::uint32_t i = 0; i < count; ++i) {
      const TokenId id = bytes_[static_cast<unsigned char>(word[i])];
      if (id == kNoToken) return i;
      s.symbols.push_back({id, i == 0 ? kEnd : i - 1, i + 1 < count ? i + 1 : kEnd});
    }
    for (std::uint32_t i = 0; i + 1 < count; ++i) consider(s, i);
    while (!s.heap.empty()) join_first(s);
    for (std::uint32_t i = 0; i != kEnd; i = s.symbols[i].next) out.push_back(s.symbols[i].id);
    return kAll;
  }

  bool append_whole(std::string_view word, Scratch& s, std::vector<TokenId>& out) const {
    s.spelling.clear();
    detail::spell_bytes(word, s.spelling);
    const TokenId id = plain(s.spelling);
    if (id != kNoToken) out.push_back(id);
    return id != kNoToken;
  }

  // Puts the pair that begins at symbol `left` on the heap if the model has a merge for it.
  void consider(Scratch& s, std::uint32_t left) const {
    const std::uint32_t right = s.symbols[left].next;
    if (right == kEnd) return;
    const TokenId left_id = s.symbols[left].id;
    const TokenId right_id = s.symbols[right].id;
    const auto* merge = merges_.find(static_cast<std::uint32_t>(left_id), static_cast<std::uint32_t>(right_id));
    if (!merge) return;
    s.heap.push_back({merge->rank, left, left_id, right_id, static_cast<TokenId>(merge->result)});
    std::push_heap(s.heap.begin(), s.heap.end());
  }

  void join_first(Scratch& s) const {
    std::pop_heap(s.heap.begin(), s.heap.end());
    const Candidate c = s.heap.back();
    s.heap.pop_back();
    Symbol& left = s.symbols[c.left];
    if (left.id != c.left_id || left.next == kEnd || s.symbols[left.next].id != c.right_id) return;
    Symbol& right = s.symbols[left.next];
    left.id = c.result;
    left.next = right.next;
    right.id = kNoToken;
    if (left.next != kEnd) s.symbols[left.next].previous = c.left;
    if (left.previous != kEnd) consider(s, left.previous);
    consider(s, c.left);
  }

  const Vocabulary* vocabulary_;
  PreTokenizer words_;
  detail::PairIndex merges_;
  std::uint32_t last_result_ = 0;  // of the merge read last
  std::array<TokenId, 256> bytes_{};
};

}  // namespace edgek

#endif  // EDGEK_MODEL_TOKENIZER_BPE_HPP_
