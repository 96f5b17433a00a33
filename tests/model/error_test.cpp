#include "edgek/model/error.hpp"

#include <string>
#include <type_traits>

#include <gtest/gtest.h>

namespace edgek {
namespace {

TEST(Error, SaysFileFieldValueAndLimitInOneLine) {
  const Error e("model.gguf", "llama.block_count", "0", "1 to 512");
  EXPECT_STREQ(e.what(), "model.gguf: llama.block_count: 0 (1 to 512)");
  EXPECT_EQ(e.file(), "model.gguf");
  EXPECT_EQ(e.field(), "llama.block_count");
  EXPECT_EQ(e.value(), "0");
  EXPECT_EQ(e.limit(), "1 to 512");
}

TEST(Error, LeavesOutAFileThatIsNotConcerned) {
  EXPECT_STREQ(Error("", "top-p", "2", "0 to 1").what(), "top-p: 2 (0 to 1)");
}

TEST(Error, EscapesWhatWouldBreakTheLineOrTheEncoding) {
  const Error e("a\nb", std::string("x\0y", 3), "\xff\x1b[31m\xC3\xA9\xC2\x85\xE2\x80\xA8", "z");
  EXPECT_STREQ(e.what(), "a\\x0ab: x\\x00y: \\xff\\x1b[31m\xC3\xA9\\xc2\\x85\\xe2\\x80\\xa8 (z)");
}

TEST(Error, CutsLongTextAtACharacter) {
  std::string umlauts;
  for (int i = 0; i < 1000; ++i) umlauts += "\xC3\xBC";
  const Error e("f", "k", umlauts, "l");
  EXPECT_LT(e.value().size(), 220u);
  EXPECT_TRUE(e.value().ends_with("..."));
  EXPECT_TRUE(is_utf8(e.value()));
}

TEST(Error, CopiesWithoutThrowing) {
  static_assert(std::is_nothrow_copy_constructible_v<Error>);
  const Error first("f", "k", "v", "l");
  const Error second = first;  // NOLINT: the copy is the point
  EXPECT_STREQ(first.what(), second.what());
  EXPECT_EQ(first.value(), second.value());
}

}  // namespace
}  // namespace edgek
