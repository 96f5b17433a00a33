// The vocabularies of well-known models and what their tokenizers make of 47 texts each. These files
// are too large to commit: the test runs where EDGEK_REFERENCE_DIR names a folder that has them in
// tokenizers/, as NAME.gguf, NAME.gguf.inp (texts) and NAME.gguf.out (a line of ids for each text).
// A few texts with the spellings of special tokens stand here, with the ids that llama.cpp gives (llama-cpp-python
// 0.3.36).
#include <cstdlib>
#include <optional>
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

/// A vocabulary's bytes and what views them.
class LoadedVocabulary {
 public:
  LoadedVocabulary(const std::string& folder, const std::string& name)
      : path_(folder + "/tokenizers/" + name + ".gguf"), bytes_(testing::read_file(path_)),
        reader_(testing::as_bytes(bytes_), path_), tokenizer_(reader_) {}

  const std::string& path() const { return path_; }
  const Tokenizer& tokenizer() const { return tokenizer_; }

 private:
  std::string path_;
  std::string bytes_;
  GgufReader reader_;
  Tokenizer tokenizer_;
};

class ReferenceVocabulary : public ::testing::TestWithParam<const char*> {};

TEST_P(ReferenceVocabulary, GivesTheIdsOfEveryText) {
  const char* folder = std::getenv("EDGEK_REFERENCE_DIR");
  if (!folder) GTEST_SKIP() << "NOT CHECKED against the vocabularies of real models: EDGEK_REFERENCE_DIR is not set";
  const LoadedVocabulary vocabulary(folder, GetParam());
  const Tokenizer& tokenizer = vocabulary.tokenizer();
  const std::vector<std::string> texts = split_texts(testing::read_file(vocabulary.path() + ".inp"));
  std::istringstream lines(testing::read_file(vocabulary.path() + ".out"));
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

/// Ids of a text whose special tokens are just text, and where they are parsed.
struct SpecialText {
  const char* vocabulary;
  const char* text;
  std::vector<TokenId> plain;
  std::vector<TokenId> parsed;
};

const SpecialText kSpecialTexts[] = {
    {"qwen2", "a</s>b", {64, 522, 82, 51407},
     {64, 128247, 65}},
    {"qwen2", "<|im_start|>user\n<|im_end|>", {27, 91, 318, 4906, 91, 29, 872, 198, 27, 91, 318, 6213, 91, 29},
     {151644, 872, 198, 151645}},
    {"qwen2", "<|fim_pad|> x", {27, 91, 69, 318, 30290, 91, 29, 856},
     {151662, 856}},
    {"qwen2", "<tool_call>a</tool_call>", {151657, 64, 151658},
     {151657, 64, 151658}},
    {"phi-3", "a</s> b", {263, 829, 29879, 29958, 289},
     {263, 2, 289}},
    {"phi-3", "<|user|>\nhi<|end|>\n<|assistant|>", {529, 29989, 1792, 29989, 29958, 13, 2918, 29966, 29989, 355,
      29989, 29958, 13, 29966, 29989, 465, 22137, 29989, 29958},
     {32010, 7251, 32007, 32001}},
    {"phi-3", "<s> a <unk>b", {529, 29879, 29958, 263, 529, 2960, 29958, 29890},
     {1, 29871, 263, 29871, 0, 289}},
    {"phi-3", "<|endoftext|> x", {529, 29989, 355, 974, 726, 29989, 29958, 921},
     {32000, 29871, 921}},
    {"smollm", "<reponame>a<file_sep>", {44, 10368, 46, 81, 44, 2153, 79, 29070, 46},
     {4, 81, 5}},
};

TEST(ReferenceSpecialTokens, AreControlTokensWhereLlamaCppHasThem) {
  const char* folder = std::getenv("EDGEK_REFERENCE_DIR");
  if (!folder) GTEST_SKIP() << "NOT CHECKED against the vocabularies of real models: EDGEK_REFERENCE_DIR is not set";
  std::optional<LoadedVocabulary> vocabulary;
  std::string loaded;
  for (const SpecialText& c : kSpecialTexts) {
    if (loaded != c.vocabulary) vocabulary.emplace(folder, loaded = c.vocabulary);
    EXPECT_EQ(vocabulary->tokenizer().tokenize(c.text, {false, false}), c.plain) << c.vocabulary << ": " << c.text;
    EXPECT_EQ(vocabulary->tokenizer().tokenize(c.text, {false, true}), c.parsed) << c.vocabulary << ": " << c.text;
  }
}

}  // namespace
}  // namespace edgek
