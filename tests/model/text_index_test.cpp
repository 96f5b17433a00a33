// Tables that files fill: what they hold is found, and a file made to fill one place of them is refused at once.
#include "edgek/model/text_index.hpp"

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "edgek/model/vocabulary.hpp"
#include "model/test_files.hpp"

namespace edgek::detail {
namespace {

using testing::RawGguf;
using testing::as_bytes;

/// Newton's iteration: x with x * mix_bits' factor = 1 modulo 2^64.
constexpr std::uint64_t inverse_factor() {
  constexpr std::uint64_t kFactor = 0xD6E8FEB86659FD93u;
  std::uint64_t x = kFactor;
  for (int i = 0; i < 6; ++i) x *= 2 - kFactor * x;
  return x;
}

constexpr std::uint64_t unmix(std::uint64_t h) {
  h = (h ^ (h >> 32)) * inverse_factor();
  h = (h ^ (h >> 32)) * inverse_factor();
  return h ^ (h >> 32);
}
static_assert(mix_bits(unmix(12345)) == 12345);

/// The hash whose place is the first of every table.
constexpr std::uint64_t crowded_hash(std::uint64_t i) { return (i + 1) << 32; }

/// Texts of eight bytes, all with the same place.
std::vector<std::string> crowd_of_texts(std::size_t count) {
  std::vector<std::string> texts(count, std::string(8, '\0'));
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t word = 8 ^ unmix(unmix(crowded_hash(i)));
    std::memcpy(texts[i].data(), &word, 8);
    EXPECT_EQ(hash_text(texts[i]), crowded_hash(i));
  }
  return texts;
}

TEST(TextIndex, HoldsAsManyTextsOfOnePlaceAsAreWithinReach) {
  const std::vector<std::string> texts = crowd_of_texts(kMaxProbes + 1);
  const auto text_of = [&](std::uint32_t n) { return std::string_view(texts[n]); };
  TextIndex index(100000);
  for (std::uint32_t i = 0; i < kMaxProbes; ++i) EXPECT_EQ(index.insert(texts[i], i, text_of), i);
  EXPECT_EQ(index.insert(texts[kMaxProbes], kMaxProbes, text_of), TextIndex::kCrowded);
  std::uint32_t number = 0;
  for (std::uint32_t i = 0; i < kMaxProbes; ++i) {
    EXPECT_TRUE(index.find(texts[i], text_of, number));
    EXPECT_EQ(number, i);
  }
  EXPECT_FALSE(index.find(texts[kMaxProbes], text_of, number));
  EXPECT_EQ(index.insert(texts[3], 7, text_of), 3u) << "there already";
}

TEST(PairIndex, HoldsAsManyPairsOfOnePlaceAsAreWithinReach) {
  const auto pair = [](std::size_t i) { return unmix(crowded_hash(i)); };
  const auto left = [&](std::size_t i) { return static_cast<std::uint32_t>(pair(i) >> 32); };
  const auto right = [&](std::size_t i) { return static_cast<std::uint32_t>(pair(i)); };
  PairIndex index(100000);
  for (std::uint32_t i = 0; i < kMaxProbes; ++i) EXPECT_TRUE(index.insert(left(i), right(i), {i, i}));
  EXPECT_FALSE(index.insert(left(kMaxProbes), right(kMaxProbes), {0, 0}));
  EXPECT_EQ(index.find(left(kMaxProbes), right(kMaxProbes)), nullptr);
  for (std::uint32_t i = 0; i < kMaxProbes; ++i) {
    const PairIndex::Merge* merge = index.find(left(i), right(i));
    ASSERT_NE(merge, nullptr);
    EXPECT_EQ(merge->rank, i);
  }
}

TEST(Vocabulary, OfTextsThatShareAPlaceIsRefused) {
  const std::vector<std::string> texts = crowd_of_texts(kMaxProbes + 1);
  RawGguf f;
  f.header(0, 1).array("tokenizer.ggml.tokens", GgufValueType::kString, texts.size());
  for (const std::string& text : texts) f.string(text);
  const GgufReader reader(as_bytes(f.text()), "vocabulary.gguf");
  try {
    const Vocabulary vocabulary(reader);
    ADD_FAILURE() << "not refused";
  } catch (const Error& e) {
    EXPECT_EQ(e.field(), "tokenizer.ggml.tokens");
    EXPECT_EQ(e.limit(), "at most 512 texts whose hashes collide");
  }
}

}  // namespace
}  // namespace edgek::detail
