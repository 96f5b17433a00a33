#ifndef EDGEK_MODEL_TEXT_INDEX_HPP_
#define EDGEK_MODEL_TEXT_INDEX_HPP_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>
#include <vector>

namespace edgek::detail {

/// Spreads every bit of `h` over the whole word.
constexpr std::uint64_t mix_bits(std::uint64_t h) noexcept {
  h = (h ^ (h >> 32)) * 0xD6E8FEB86659FD93u;
  h = (h ^ (h >> 32)) * 0xD6E8FEB86659FD93u;
  return h ^ (h >> 32);
}

inline std::uint64_t hash_text(std::string_view text) noexcept {
  std::uint64_t h = text.size();
  while (text.size() >= 8) {
    std::uint64_t word;
    std::memcpy(&word, text.data(), 8);
    h = mix_bits(h ^ word);
    text.remove_prefix(8);
  }
  std::uint64_t rest = 0;
  if (!text.empty()) std::memcpy(&rest, text.data(), text.size());
  return mix_bits(h ^ rest);
}

/// Slots for `count` keys, at most two thirds full.
inline std::size_t table_slots(std::size_t count) { return std::bit_ceil(count + count / 2 + 1); }

/// How far from its place a key may lie. With texts that nobody chose for it, the furthest of 2^24 keys lies some 200
/// slots away. A file made for it could have all keys in one place, and reading a million of them take minutes.
inline constexpr std::size_t kMaxProbes = 512;
inline constexpr std::size_t kNoSlot = std::numeric_limits<std::size_t>::max();

/// The first slot from the hash's place on that `fits`; kNoSlot if none of kMaxProbes does.
template <typename Slot, typename Fits>
std::size_t probe(const std::vector<Slot>& slots, std::uint64_t hash, const Fits& fits) noexcept {
  const std::size_t mask = slots.size() - 1;
  for (std::size_t step = 0; step < kMaxProbes; ++step) {
    const std::size_t at = (static_cast<std::size_t>(hash) + step) & mask;
    if (fits(slots[at])) return at;
  }
  return kNoSlot;
}

/// Finds the number of a text. Holds numbers only: the caller keeps the texts and tells how to get
/// from one to the other. Two flat arrays' worth of memory and no node per entry, because building
/// it is part of the time to the first token.
class TextIndex {
 public:
  explicit TextIndex(std::size_t capacity = 0) : slots_(table_slots(capacity)) {}

  static constexpr std::uint32_t kCrowded = std::numeric_limits<std::uint32_t>::max();

  /// Adds `number` under `text`, unless that text is there: returns the number it then has, or kCrowded where no slot
  /// within reach is free.
  template <typename TextOf>
  [[nodiscard]] std::uint32_t insert(std::string_view text, std::uint32_t number, const TextOf& text_of) {
    const std::size_t at = locate(text, text_of);
    if (at == kNoSlot) return kCrowded;
    Slot& slot = slots_[at];
    if (slot.number_plus_1 != 0) return slot.number_plus_1 - 1;
    slot = {tag(hash_text(text)), number + 1};
    return number;
  }

  /// Whether `text` is there; its number then goes to `number`.
  template <typename TextOf>
  bool find(std::string_view text, const TextOf& text_of, std::uint32_t& number) const noexcept {
    const std::size_t at = locate(text, text_of);
    if (at == kNoSlot || slots_[at].number_plus_1 == 0) return false;
    number = slots_[at].number_plus_1 - 1;
    return true;
  }

 private:
  struct Slot {
    std::uint32_t tag = 0;
    std::uint32_t number_plus_1 = 0;  // 0: free
  };

  static std::uint32_t tag(std::uint64_t hash) noexcept { return static_cast<std::uint32_t>(hash >> 32); }

  // The slot that has the text, or the free one where it would go; kNoSlot: neither is within reach.
  template <typename TextOf>
  std::size_t locate(std::string_view text, const TextOf& text_of) const noexcept {
    const std::uint64_t hash = hash_text(text);
    return probe(slots_, hash, [&](const Slot& slot) {
      return slot.number_plus_1 == 0 || holds(slot, tag(hash), text, text_of);
    });
  }

  template <typename TextOf>
  static bool holds(const Slot& slot, std::uint32_t tag, std::string_view text, const TextOf& text_of) noexcept {
    return slot.tag == tag && text_of(slot.number_plus_1 - 1) == text;
  }

  std::vector<Slot> slots_;
};

/// What a pair of neighbouring tokens becomes, and how soon. Same table, the pair being the key.
class PairIndex {
 public:
  struct Merge {
    std::uint32_t rank;
    std::uint32_t result;
  };

  explicit PairIndex(std::size_t capacity = 0) : slots_(table_slots(capacity)) {}

  /// Adds a merge unless the pair has one already. False: no slot within reach is free.
  [[nodiscard]] bool insert(std::uint32_t left, std::uint32_t right, Merge merge) {
    const std::size_t at = locate(key(left, right));
    if (at == kNoSlot) return false;
    if (slots_[at].key == kFree) slots_[at] = {key(left, right), merge};
    return true;
  }

  /// The pair's merge, or nullptr.
  const Merge* find(std::uint32_t left, std::uint32_t right) const noexcept {
    const std::size_t at = locate(key(left, right));
    return at == kNoSlot || slots_[at].key == kFree ? nullptr : &slots_[at].merge;
  }

 private:
  static constexpr std::uint64_t kFree = ~std::uint64_t{0};  // no token has the number 2^32 - 1
  struct Slot {
    std::uint64_t key = kFree;
    Merge merge = {};
  };

  static std::uint64_t key(std::uint32_t left, std::uint32_t right) noexcept {
    return std::uint64_t{left} << 32 | right;
  }

  std::size_t locate(std::uint64_t wanted) const noexcept {
    return probe(slots_, mix_bits(wanted), [&](const Slot& slot) { return slot.key == kFree || slot.key == wanted; });
  }

  std::vector<Slot> slots_;
};

}  // namespace edgek::detail

#endif  // EDGEK_MODEL_TEXT_INDEX_HPP_
