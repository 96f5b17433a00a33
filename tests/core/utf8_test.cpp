#include "edgek/core/utf8.hpp"

#include <cstdint>
#include <string>

#include <gtest/gtest.h>

namespace edgek {
namespace {

// What RFC 3629 allows, said without a table: decodable, shortest, no surrogate, in range.
bool is_well_formed(std::uint32_t value, std::size_t bytes) {
  const std::size_t shortest = value < 0x80 ? 1 : value < 0x800 ? 2 : value < 0x10000 ? 3 : 4;
  return bytes == shortest && value <= 0x10FFFF && !(value >= 0xD800 && value < 0xE000);
}

TEST(Utf8, EncodesAndDecodesEveryCodePoint) {
  for (std::uint32_t c = 0; c <= 0x10FFFF; ++c) {
    char out[4];
    const std::size_t bytes = utf8_encode(c, out);
    const Utf8Step step = utf8_step({out, bytes}, 0);
    ASSERT_EQ(step.valid, is_well_formed(c, bytes)) << c;
    if (!step.valid) continue;
    ASSERT_EQ(step.code_point, c);
    ASSERT_EQ(step.bytes, bytes);
  }
}

TEST(Utf8, JudgesEveryTwoBytesAndThreeByteStartsRightly) {
  for (unsigned a = 0x80; a < 0x100; ++a) {
    for (unsigned b = 0; b < 0x100; ++b) {
      const char two[] = {static_cast<char>(a), static_cast<char>(b)};
      const bool pair = (a & 0xE0u) == 0xC0u && (b & 0xC0u) == 0x80u;
      const bool valid = pair && is_well_formed((a & 0x1Fu) << 6 | (b & 0x3Fu), 2);
      ASSERT_EQ(utf8_step({two, 2}, 0).valid, valid) << a << " " << b;
      const char three[] = {two[0], two[1], '\x80'};
      const bool triple = (a & 0xF0u) == 0xE0u && (b & 0xC0u) == 0x80u;
      const bool valid_three = triple && is_well_formed((a & 0xFu) << 12 | (b & 0x3Fu) << 6, 3);
      const Utf8Step step = utf8_step({three, 3}, 0);
      ASSERT_EQ(step.valid && step.bytes == 3, valid_three) << a << " " << b;
      // A cut character is one that the missing byte can complete.
      ASSERT_EQ(utf8_step({two, 2}, 0).cut && triple, valid_three) << a << " " << b;
    }
  }
}

TEST(Utf8, CountsTheBytesOfACutCharacter) {
  EXPECT_EQ(utf8_cut_bytes(""), 0u);
  EXPECT_EQ(utf8_cut_bytes("a"), 0u);
  EXPECT_EQ(utf8_cut_bytes("\xC3"), 1u);
  EXPECT_EQ(utf8_cut_bytes("a\xC3\xA9"), 0u);
  EXPECT_EQ(utf8_cut_bytes("a\xE2\x96"), 2u);
  EXPECT_EQ(utf8_cut_bytes("\xF0\x9F\xA6"), 3u);
  EXPECT_EQ(utf8_cut_bytes("\xF0\x9F\xA6\x99"), 0u);
  EXPECT_EQ(utf8_cut_bytes("\xED\xA0"), 0u) << "a surrogate is never completed";
  EXPECT_EQ(utf8_cut_bytes("\xC0"), 0u);
  EXPECT_EQ(utf8_cut_bytes("\x80\x80\x80"), 0u);
}

TEST(Utf8, ReplacesIllFormedSequencesAsUnicodeRecommends) {
  EXPECT_EQ(to_valid_utf8("a\xF0\x9F\xA6" "b"), "a\xEF\xBF\xBD" "b");
  EXPECT_EQ(to_valid_utf8("\xE0\x80\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(to_valid_utf8("\xFF\xC3\xA9\xC3"), "\xEF\xBF\xBD\xC3\xA9\xEF\xBF\xBD");
  EXPECT_TRUE(is_utf8(to_valid_utf8("\x80\xC0\xED\xA0\x80\xF5")));
}

}  // namespace
}  // namespace edgek
