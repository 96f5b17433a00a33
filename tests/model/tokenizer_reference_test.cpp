// The vocabularies of well-known models and what their tokenizers make of 47 texts each. These files
// are too large to commit: the test runs where EDGEK_REFERENCE_DIR names a folder that has them in
// tokenizers/, as NAME.gguf, NAME.gguf.inp (texts) and NAME.gguf.out (a line of ids for each text).
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "edgek/model/tokenizer.hpp"
#include "model/test_files.hpp"

namespace edgek {
namespace {

std::vector<std::string> split_texts(const std::string& all) {
  constexpr std::string_view kBetween = "\n__ggml_vocab_test__\n";
  std::vector<std::string> texts;
  std::size_t at = 0;
  for (std::size_t end = all.find(kBetween); end != std::string::npos; end = all.find(kBetween, at)) {
    texts.push_back(all.substr(at, end - at));
    at = end + kBetween.size();
  }
  texts.push_back(all.substr(at));
  return texts;
}

std::vector<TokenId> parse_ids(const std::string& line) {
  std::istringstream in(line);
  std::vector<TokenId> ids;
  for (TokenId id = 0; in >> id;) ids.push_back(id);
  return ids;
}

class ReferenceVocabulary : public ::testing::TestWithParam<const char*> {};

TEST_P(ReferenceVocabulary, GivesTheIdsOfEveryText) {
  const char* folder = std::getenv("EDGEK_REFERENCE_DIR");
  if (!folder) GTEST_SKIP() << "NOT CHECKED against the vocabularies of real models: EDGEK_REFERENCE_DIR is not set";
  const std::string path = std::string(folder) + "/tokenizers/" + GetParam() + ".gguf";
  const std::string bytes = testing::read_file(path);
  const GgufReader reader(testing::as_bytes(bytes), path);
  const Tokenizer tokenizer(reader);
  const std::vector<std::string> texts = split_texts(testing::read_file(path + ".inp"));
  std::istringstream lines(testing::read_file(path + ".out"));
  ASSERT_GE(texts.size(), 40u);
  for (const std::string& text : texts) {
    std::string line;
    std::getline(lines, line);
    const std::vector<TokenId> ids = tokenizer.tokenize(text, {false, false});
    EXPECT_EQ(ids, parse_ids(line)) << text;
    EXPECT_EQ(tokenizer.detokenize(ids), text);
  }
}

INSTANTIATE_TEST_SUITE_P(All, ReferenceVocabulary,
                         ::testing::Values("gpt-2", "llama-bpe", "llama-spm", "phi-3", "qwen2", "smollm"));

}  // namespace
}  // namespace edgek
