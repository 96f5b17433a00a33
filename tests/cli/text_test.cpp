// Text to ids and back, as users see it: any bytes, special tokens, and what a vocabulary lacks.

#include <gtest/gtest.h>

#include "tests/cli/run_tool.hpp"

namespace edgek::testing {
namespace {

class Text : public ::testing::Test {
 protected:
  ToolRun run(const std::vector<std::string>& arguments) const { return run_tool(folder_, EDGEK_CLI_PATH, arguments); }

  TemporaryFolder folder_;
  std::string model_ = write_tiny_model(folder_);
};

TEST_F(Text, AnyBytesOfAFileComeBack) {
  std::string bytes;
  for (int b = 0; b < 256; ++b) bytes += static_cast<char>(b);
  bytes += "he said: the h\xC3\xA9 <|end|> \xF0\x9F\x98\x80\r\n\n  ";
  const ToolRun ids = run({"tokenize", model_, "-f", folder_.write("bytes", bytes), "--no-special", "--json"});
  ASSERT_EQ(ids.exit_code, 0) << ids.err;
  std::vector<std::string> back = {"detokenize", model_};
  const nlohmann::json document = ids.json();
  for (const auto& id : document["ids"]) back.push_back(id.dump());
  ASSERT_GT(back.size(), 200u);
  EXPECT_EQ(run(back).out, bytes);
}

TEST_F(Text, SpecialTokensAreParsedUnlessToldOtherwise) {
  const ToolRun parsed = run({"tokenize", model_, "-p", "he<|end|>", "--json"});
  EXPECT_EQ(parsed.json()["ids"], (std::vector<int>{ByteVocabulary::kHe, ByteVocabulary::kEnd}));
  EXPECT_EQ(parsed.json()["pieces"], (std::vector<std::string>{"he", "<|end|>"}));
  EXPECT_EQ(parsed.json()["schema"], "edgek.tokenize/1");
  const ToolRun literal = run({"tokenize", model_, "-p", "he<|end|>", "--no-special", "--json"});
  EXPECT_EQ(literal.json()["ids"].size(), 8u) << "he and the seven characters of <|end|>";
}

TEST_F(Text, TextThatIsNotUtf8ShowsAReplacementInJson) {
  const ToolRun r = run({"detokenize", model_, "255", "--json"});
  EXPECT_EQ(r.json()["text"], "\xEF\xBF\xBD");
}

TEST_F(Text, AByteThatTheVocabularyLacksIsNamed) {
  const std::string poorer = write_tiny_model(folder_, "poorer.gguf", {.without = 'x'});
  const std::vector<std::vector<std::string>> commands = {{"tokenize", poorer, "-p", "axbx", "--json"},
                                                          {"run", poorer, "-n", "1", "-p", "axbx"}};
  for (const auto& command : commands) {
    const ToolRun refused = run(command);
    EXPECT_EQ(refused.exit_code, 1);
    EXPECT_EQ(refused.out, "");
    EXPECT_EQ(refused.err, "edgek: error: " + poorer + ": text: 0x78, byte 1 (the vocabulary has no token for it)\n");
  }
  EXPECT_EQ(run({"tokenize", poorer, "-p", "ab", "--json"}).json()["ids"], (std::vector<int>{'a', 'b'}));
}

}  // namespace
}  // namespace edgek::testing
