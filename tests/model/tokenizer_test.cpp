// Text to ids and back, against vectors from another implementation (data/make_tokenizer_vectors.py).
#include "edgek/model/tokenizer.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "edgek/model/gguf_writer.hpp"
#include "edgek/model/text_stream.hpp"
#include "model/test_files.hpp"

namespace edgek {
namespace {

using testing::as_bytes;

/// A committed vocabulary whose entries can be replaced; keeps the bytes that a Tokenizer views.
class TestVocabulary {
 public:
  explicit TestVocabulary(std::string_view name) : source_(testing::read_file(testing::data_path(name))) {}

  TestVocabulary& drop(std::string_view key) {
    changed_[std::string(key)].clear();
    return *this;
  }
  /// What `write` writes takes the place of the entry with that key.
  template <typename Write>
  TestVocabulary& set(std::string_view key, Write&& write) {
    testing::RawGguf entry;
    write(entry, key);
    changed_[std::string(key)] = entry.text();
    return *this;
  }
  TestVocabulary& set_string(std::string_view key, std::string_view value) {
    return set(key, [&](testing::RawGguf& f, std::string_view k) { f.key(k, GgufValueType::kString).string(value); });
  }
  TestVocabulary& set_bool(std::string_view key, bool value) {
    return set(key, [&](testing::RawGguf& f, std::string_view k) {
      f.key(k, GgufValueType::kBool).put(static_cast<std::uint8_t>(value));
    });
  }
  TestVocabulary& set_uint(std::string_view key, std::uint32_t value) {
    return set(key, [&](testing::RawGguf& f, std::string_view k) { f.uint32(k, value); });
  }

  const GgufReader& reader() {
    if (!reader_) {
      bytes_ = changed_file();
      reader_ = std::make_unique<GgufReader>(as_bytes(bytes_), "vocabulary.gguf");
    }
    return *reader_;
  }
  const Tokenizer& tokenizer() {
    if (!tokenizer_) tokenizer_ = std::make_unique<Tokenizer>(reader());
    return *tokenizer_;
  }
  std::string error() {
    try {
      tokenizer();
    } catch (const Error& e) {
      return e.what();
    }
    return "no error";
  }

 private:
  std::string changed_file() const {
    const GgufReader old(as_bytes(source_), "source");
    std::string entries;
    std::uint64_t count = 0;
    const auto add = [&](std::string_view entry) {
      entries += entry;
      count += entry.empty() ? 0 : 1;
    };
    for (const GgufValue& value : old.metadata())
      if (!changed_.contains(std::string(value.key)))
        add({reinterpret_cast<const char*>(value.entry.data()), value.entry.size()});
    for (const auto& [key, entry] : changed_) add(entry);
    return testing::RawGguf().header(0, count).raw(entries).text();
  }

  std::string source_;
  std::map<std::string, std::string> changed_;  // key: new entry; empty: dropped
  std::string bytes_;
  std::unique_ptr<GgufReader> reader_;
  std::unique_ptr<Tokenizer> tokenizer_;
};

TestVocabulary bpe(std::string_view pre = "gpt-2") {
  TestVocabulary v("tiny_bpe.gguf");
  v.set_string("tokenizer.ggml.pre", pre).set_bool("tokenizer.ggml.add_bos_token", false);
  return v;
}

TestVocabulary spm() { return TestVocabulary("tiny_spm.gguf"); }

template <typename T>
auto numbers(GgufValueType type, std::vector<T> values) {
  return [type, values](testing::RawGguf& f, std::string_view key) {
    f.array(key, type, values.size());
    for (const T value : values) f.put(value);
  };
}

const nlohmann::json& vectors() {
  static const auto json = nlohmann::json::parse(testing::read_file(testing::data_path("tokenizer_vectors.json")));
  return json;
}

/// Every text of the vectors; `ids` names the list they must give.
void expect_vectors(const Tokenizer& tokenizer, const std::string& ids, bool parse_special) {
  const auto& texts = vectors().at("texts");
  const auto& wanted = vectors().at("ids").at(ids);
  ASSERT_EQ(texts.size(), wanted.size());
  ASSERT_GT(texts.size(), 100u);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto text = texts[i].get<std::string>();
    EXPECT_EQ(tokenizer.tokenize(text, {false, parse_special}), wanted[i].get<std::vector<TokenId>>())
        << ids << ", text " << i << ": " << texts[i];
  }
}

TEST(Tokenizer, EqualsAnotherImplementationForEveryPreTokenizer) {
  for (const char* pre : {"gpt-2", "smollm", "llama-bpe", "qwen2"}) {
    TestVocabulary v = bpe(pre);
    expect_vectors(v.tokenizer(), pre, false);
    expect_vectors(v.tokenizer(), std::string(pre) + " special", true);
  }
}

TEST(Tokenizer, EqualsAnotherImplementationForSentencepiece) {
  TestVocabulary v = spm();
  expect_vectors(v.tokenizer(), "spm", false);
  expect_vectors(v.tokenizer(), "spm special", true);
}

TEST(Tokenizer, KnowsLlama3UnderItsNames) {
  for (const char* name : {"llama3", "llama-v3"}) {
    TestVocabulary v = bpe(name);
    expect_vectors(v.tokenizer(), "llama-bpe", false);
  }
}

std::string random_bytes(std::mt19937& random, std::size_t max) {
  std::string out(random() % max, '\0');
  for (char& c : out) c = static_cast<char>(random() % 3 == 0 ? random() : 0x20 + random() % 96);
  return out;
}

TEST(Tokenizer, ByteLevelTextComesBackWhateverItsBytes) {
  std::string all(256, '\0');
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<char>(i);
  std::mt19937 random(11);
  std::vector<std::string> texts = {all,        all + all,      "\xFF",     "\xC3",
                                    "a\xE2\x96", "\xED\xA0\x80", "\xC0\x80", "<|im_end|>\xF0"};
  for (int i = 0; i < 400; ++i) texts.push_back(random_bytes(random, 60));
  for (const char* pre : {"gpt-2", "smollm", "llama-bpe", "qwen2"}) {
    for (const bool flags : {false, true}) {
      TestVocabulary v = bpe(pre);
      v.set_bool("tokenizer.ggml.add_bos_token", flags).set_bool("tokenizer.ggml.add_eos_token", flags);
      const Tokenizer& t = v.tokenizer();
      for (const std::string& text : texts) {
        EXPECT_EQ(t.detokenize(t.tokenize(text)), text);
        EXPECT_EQ(t.detokenize(t.tokenize(text, {false, false})), text);
      }
    }
  }
}

TEST(Tokenizer, SentencepieceLosesNoByteThatIsNotUtf8) {
  TestVocabulary v = spm();
  std::mt19937 random(12);
  for (int i = 0; i < 300; ++i) {
    const std::string text = random_bytes(random, 60);
    EXPECT_EQ(v.tokenizer().detokenize(v.tokenizer().tokenize(text, {true, false})), text);
  }
}

TEST(Tokenizer, MarksTheSequenceAsTheFlagsSay) {
  for (const bool bos : {false, true}) {
    for (const bool eos : {false, true}) {
      TestVocabulary v = bpe();
      v.set_bool("tokenizer.ggml.add_bos_token", bos).set_bool("tokenizer.ggml.add_eos_token", eos);
      const Tokenizer& t = v.tokenizer();
      const auto ids = t.tokenize("x");
      ASSERT_EQ(ids.size(), 1u + bos + eos);
      EXPECT_EQ(ids.front() == t.vocabulary().bos(), bos);
      EXPECT_EQ(ids.back() == t.vocabulary().eos(), eos);
      EXPECT_EQ(t.tokenize("").size(), std::size_t{bos} + eos);
      EXPECT_EQ(t.tokenize("x", {false, true}).size(), 1u);
    }
  }
}

TEST(Tokenizer, BeginsWithBosWhereTheKindOfModelDoesAndTheFileIsSilent) {
  const auto adds_bos = [](TestVocabulary& v) { return v.drop("tokenizer.ggml.add_bos_token").tokenizer().adds_bos(); };
  TestVocabulary gpt2 = bpe("gpt-2");
  TestVocabulary llama3 = bpe("llama-bpe");
  TestVocabulary llama2 = spm();
  EXPECT_FALSE(adds_bos(gpt2));
  EXPECT_TRUE(adds_bos(llama3));
  EXPECT_TRUE(adds_bos(llama2));
  EXPECT_FALSE(bpe("llama-bpe").tokenizer().adds_bos()) << "the file's own word counts";
}

TEST(Tokenizer, ParsesControlTokensOnlyInSegmentsThatSaySo) {
  TestVocabulary v = bpe("smollm");
  const Tokenizer& t = v.tokenizer();
  const TokenId end = t.vocabulary().find("<|im_end|>");
  const std::vector<TextSegment> segments = {{"<|im_end|>", true}, {"<|im_end|>", false}, {"<|im_end|>", true}};
  const auto ids = t.tokenize(segments, false);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), end), 2);
  EXPECT_EQ(ids.front(), end);
  EXPECT_EQ(ids.back(), end);
  EXPECT_EQ(t.detokenize(ids), "<|im_end|><|im_end|><|im_end|>");
}

TEST(Tokenizer, NoControlTokenGrowsAcrossSegments) {
  TestVocabulary v = bpe("smollm");
  const Tokenizer& t = v.tokenizer();
  const TokenId end = t.vocabulary().find("<|im_end|>");
  for (std::size_t cut = 1; cut < 10; ++cut) {
    const std::string text = "<|im_end|>";
    const std::vector<TextSegment> half = {{text.substr(0, cut), true}, {text.substr(cut), false}};
    const std::vector<TextSegment> other = {{text.substr(0, cut), false}, {text.substr(cut), true}};
    const std::vector<TextSegment> both = {{text.substr(0, cut), true}, {text.substr(cut), true}};
    for (const auto& segments : {half, other}) {
      const auto ids = t.tokenize(segments, false);
      EXPECT_EQ(std::count(ids.begin(), ids.end(), end), 0) << cut;
    }
    EXPECT_EQ(t.tokenize(both, false), std::vector<TokenId>{end});
  }
}

TEST(Tokenizer, SegmentsOfPlainTextAreCutAsOneText) {
  TestVocabulary v = bpe("llama-bpe");
  const Tokenizer& t = v.tokenizer();
  const std::string text = "the other\n\n  brother's 1234";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    const std::vector<TextSegment> two = {{text.substr(0, cut), true}, {text.substr(cut), false}};
    EXPECT_EQ(t.tokenize(two, false), t.tokenize(text, {false, false})) << cut;
  }
}

TEST(Tokenizer, PhiDropsBlanksAfterItsSpecialTokens) {
  TestVocabulary v = spm();
  const Tokenizer& t = v.set_string("general.name", "Phi-3 mini").tokenizer();
  EXPECT_EQ(t.tokenize("</s> \n\t the", {false, true}), t.tokenize("</s>the", {false, true}));
  EXPECT_NE(t.tokenize("<s> the", {false, true}), t.tokenize("<s>the", {false, true})) << "three tokens keep theirs";
}

TEST(Tokenizer, LongTextTakesTimeInProportion) {
  // Quadratic merging would take hours for any of these.
  constexpr std::size_t kBytes = 400000;
  std::mt19937 random(3);
  std::string letters(kBytes, 'a');
  for (char& c : letters) c = static_cast<char>('a' + random() % 26);
  std::string openings;
  while (openings.size() < kBytes) openings += "<|im_en";
  for (const char* pre : {"gpt-2", "llama-bpe"}) {
    TestVocabulary v = bpe(pre);
    const Tokenizer& t = v.tokenizer();
    for (const std::string& text :
         {std::string(kBytes, ' '), std::string(kBytes, 't'), letters, openings, std::string(kBytes, '\xFF')})
      EXPECT_EQ(t.detokenize(t.tokenize(text)), text);
  }
  TestVocabulary v = spm();
  for (const std::string& text : {std::string(kBytes, ' '), letters})
    EXPECT_EQ(v.tokenizer().detokenize(v.tokenizer().tokenize(text)), text);
}

TEST(Tokenizer, NamesTheByteThatHasNoToken) {
  // Byte 0x01 is spelled U+0101; the vocabulary now spells that token otherwise.
  TestVocabulary v = bpe();
  std::string spelling;
  detail::spell_bytes("\x01", spelling);
  std::vector<std::string_view> tokens = v.reader().require_strings("tokenizer.ggml.tokens");
  const auto at = std::find(tokens.begin(), tokens.end(), spelling);
  ASSERT_NE(at, tokens.end());
  *at = "[gone]";
  TestVocabulary less = bpe();
  less.set("tokenizer.ggml.tokens", [&](testing::RawGguf& f, std::string_view key) {
    f.array(key, GgufValueType::kString, tokens.size());
    for (const std::string_view token : tokens) f.string(token);
  });
  try {
    less.tokenizer().tokenize("<|im_end|>a b\x01\x01z");
    ADD_FAILURE() << "not refused";
  } catch (const Error& e) {
    EXPECT_EQ(e.field(), "text");
    EXPECT_EQ(e.value(), "0x01, byte 13");
    EXPECT_EQ(e.limit(), "the vocabulary has no token for it");
  }
  EXPECT_EQ(less.tokenizer().detokenize(less.tokenizer().tokenize("az")), "az");
}

TEST(Tokenizer, KnowsWhatEndsAnAnswer) {
  TestVocabulary v = bpe();
  const Vocabulary& vocabulary = v.tokenizer().vocabulary();
  EXPECT_TRUE(vocabulary.is_end(vocabulary.find("<|im_end|>")));
  EXPECT_TRUE(vocabulary.is_end(vocabulary.find("<|endoftext|>")));
  EXPECT_FALSE(vocabulary.is_end(vocabulary.find("<|im_start|>")));
  EXPECT_FALSE(vocabulary.is_end(kNoToken));
  TestVocabulary named = bpe();
  named.set_uint("tokenizer.ggml.eot_token_id", 65);
  named.set_uint("tokenizer.ggml.fim_pad_token_id", 66);
  EXPECT_TRUE(named.tokenizer().vocabulary().is_end(65));
  EXPECT_TRUE(named.tokenizer().vocabulary().is_end(66));
}

TEST(Tokenizer, WhatEndsATurnIsAControlTokenWhateverTheFileCallsIt) {
  for (const std::int32_t type : {1, 4}) {
    TestVocabulary v = bpe();
    std::vector<std::int32_t> types(v.tokenizer().size(), 1);
    const TokenId end = v.tokenizer().vocabulary().find("<|im_end|>");
    types[static_cast<std::size_t>(end)] = type;
    TestVocabulary wrong = bpe();
    wrong.set("tokenizer.ggml.token_type", numbers(GgufValueType::kInt32, types));
    EXPECT_EQ(wrong.tokenizer().tokenize("<|im_end|>", {false, true}), std::vector<TokenId>{end});
    EXPECT_GT(wrong.tokenizer().tokenize("<|im_end|>", {false, false}).size(), 1u);
  }
}

TEST(Tokenizer, RefusesAnIdThatIsNoToken) {
  TestVocabulary v = bpe();
  const Tokenizer& t = v.tokenizer();
  const auto size = static_cast<TokenId>(t.size());
  for (const TokenId id : {TokenId{-1}, size, std::numeric_limits<TokenId>::max(), std::numeric_limits<TokenId>::min()})
    EXPECT_THROW(t.detokenize(std::vector<TokenId>{65, id}), Error) << id;
}

TEST(Tokenizer, RefusesWhatItDoesNotKnowByName) {
  EXPECT_EQ(bpe("deepseek-llm").error(), "vocabulary.gguf: tokenizer.ggml.pre: deepseek-llm (known: gpt-2, smollm, "
                                         "llama-bpe, llama3, llama-v3, qwen2)");
  EXPECT_NE(TestVocabulary("tiny_bpe.gguf").drop("tokenizer.ggml.pre").error().find("(none)"), std::string::npos);
  EXPECT_EQ(bpe().set_string("tokenizer.ggml.model", "t5").error(),
            "vocabulary.gguf: tokenizer.ggml.model: t5 (known: gpt2, llama)");
}

auto words(std::vector<std::string> values) {
  return [values](testing::RawGguf& f, std::string_view key) {
    f.array(key, GgufValueType::kString, values.size());
    for (const std::string& value : values) f.string(value);
  };
}

TEST(Tokenizer, KnowsControlTokensByTheirSpelling) {
  TestVocabulary v = bpe();
  const std::vector<std::string_view> texts = v.reader().require_strings("tokenizer.ggml.tokens");
  const TokenId think = v.tokenizer().vocabulary().find("<thinking>");
  ASSERT_EQ(v.tokenizer().vocabulary().type(think), TokenType::kUserDefined);
  const std::pair<const char*, bool> names[] = {
      {"</s>", true},          {"<reponame>", true},    {"[EOT]", true},
      {"<fim_prefix>", false}, {"\u2581<PRE>", false}, {"<fim-middle>", false}};
  for (const auto& [name, ends] : names) {
    std::vector<std::string> renamed(texts.begin(), texts.end());
    renamed[static_cast<std::size_t>(think)] = name;
    TestVocabulary other = bpe();
    other.set("tokenizer.ggml.tokens", words(renamed));
    const Tokenizer& t = other.tokenizer();
    EXPECT_EQ(t.vocabulary().type(think), TokenType::kControl) << name;
    EXPECT_EQ(t.vocabulary().is_end(think), ends) << name;
    EXPECT_EQ(t.tokenize(name, {false, true}), std::vector<TokenId>{think});
    EXPECT_GT(t.tokenize(name, {false, false}).size(), 1u) << name;
  }
}

TEST(Tokenizer, RefusesInconsistentVocabularies) {
  const std::size_t size = bpe().tokenizer().size();
  const std::size_t spm_size = spm().tokenizer().size();
  const std::string types = "tokenizer.ggml.token_type";
  const std::string scores = "tokenizer.ggml.scores";
  const std::string tokens = "tokenizer.ggml.tokens";
  const std::string merges = "tokenizer.ggml.merges";
  const std::vector<std::pair<std::string, std::string>> wanted = {
      {bpe().drop(tokens).error(), tokens + ": missing"},
      {bpe().set(tokens, words({})).error(), tokens + ": 0 tokens"},
      {bpe().set(tokens, numbers<std::uint8_t>(GgufValueType::kUint8, {1, 2})).error(), tokens + ": an array of uint8"},
      {bpe().set(tokens, words({"a", "b", "a"})).drop(types).error(),
       tokens + ": a (each text once; this is token 0 and 2"},
      {bpe().set(types, numbers<std::int32_t>(GgufValueType::kInt32, {1, 1})).error(), types + ": 2 elements"},
      {bpe().set(types, numbers(GgufValueType::kInt32, std::vector<std::int32_t>(size, 7))).error(),
       types + ": 7 (0 to 6)"},
      {bpe().set(types, numbers(GgufValueType::kInt32, std::vector<std::int32_t>(size, -1))).error(),
       types + ": -1 (0 to 6)"},
      {bpe().set(types, numbers(GgufValueType::kFloat32, std::vector<float>(size, 1))).error(),
       types + ": an array of float32"},
      {bpe().drop(merges).error(), merges + ": missing"},
      {bpe().set(merges, words({"h e", "he"})).error(), merges + ": he (two parts with a blank between, merge 1"},
      {bpe().set(merges, words({"t "})).error(), merges + ": t  (two parts"},
      {bpe().set(merges, words({"t qqq"})).error(), merges + ": tqqq (must be a token, merge 0"},
      {bpe().set(merges, words({""})).error(), merges + ":  (two parts"},
      {bpe().set_uint("tokenizer.ggml.bos_token_id", 1000000).error(), "tokenizer.ggml.bos_token_id: 1000000 (0 to "},
      {bpe().set_uint("tokenizer.ggml.eos_token_id", static_cast<std::uint32_t>(size)).error(),
       "tokenizer.ggml.eos_token_id: "},
      {bpe().set_uint("tokenizer.ggml.eot_token_id", ~0u).error(), "tokenizer.ggml.eot_token_id: 4294967295"},
      {bpe().drop("tokenizer.ggml.bos_token_id").set_bool("tokenizer.ggml.add_bos_token", true).error(),
       "tokenizer.ggml.bos_token_id: missing"},
      {spm().drop(scores).error(), scores + ": missing"},
      {spm().set(scores, numbers<float>(GgufValueType::kFloat32, {1.0f})).error(), scores + ": 1 elements"},
      {spm().set(scores, numbers(GgufValueType::kUint8, std::vector<std::uint8_t>(spm_size, 1))).error(),
       scores + ": an array of uint8"},
      {spm().set(scores, numbers(GgufValueType::kFloat32, std::vector<float>(spm_size, NAN))).error(),
       scores + ": NaN for token 0"},
      {spm().set(types, numbers(GgufValueType::kUint8, std::vector<std::uint8_t>(spm_size, 6))).error(),
       tokens + ": <unk> (a byte token is"},
  };
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const std::string start = "vocabulary.gguf: " + wanted[i].second;
    EXPECT_TRUE(wanted[i].first.starts_with(start)) << i << ": " << wanted[i].first << "\nnot: " << start;
  }
}

TEST(Tokenizer, RefusesByteTokensThatNameNoByte) {
  for (const char* text : {"<0x-1>", "<0xZZ>", "<0x>", "<0x1>", "<0x100>", "<0X41>", "0x41", "<0x4 >", "<0x41"}) {
    TestVocabulary v = spm();
    std::vector<std::string> tokens;
    for (const std::string_view t : v.reader().require_strings("tokenizer.ggml.tokens")) tokens.emplace_back(t);
    tokens[40] = text;  // was a byte token
    TestVocabulary bad = spm();
    const std::string error = bad.set("tokenizer.ggml.tokens", words(tokens)).error();
    EXPECT_NE(error.find(std::string(text) + " (a byte token is"), std::string::npos) << text << ": " << error;
  }
}

TEST(TextStream, GivesTheBytesOfTheTokens) {
  TestVocabulary v = bpe();
  const Tokenizer& t = v.tokenizer();
  std::mt19937 random(5);
  for (int round = 0; round < 200; ++round) {
    const std::string text = random_bytes(random, 40) + (round % 3 == 0 ? "\xF0\x9F" : "");
    TextStream stream(t, true);
    std::string out;
    for (const TokenId id : t.tokenize(text, {false, false})) out += stream.push(id);
    out += stream.finish();
    EXPECT_EQ(out, text);
    EXPECT_EQ(stream.finish(), "");
  }
}

TEST(TextStream, HoldsBackACharacterUntilItIsWhole) {
  TestVocabulary v = bpe();
  const Tokenizer& t = v.tokenizer();
  const std::string text = "\xF0\x9F\xA6\x99 \xE6\x88\x91\xC3\xBC\xF4\x8F\xBF\xBF.";
  TextStream stream(t);
  std::string out;
  std::size_t held = 0;
  for (const TokenId id : t.tokenize(text, {false, false})) {
    const std::string_view piece = stream.push(id);
    held += piece.empty() ? 1 : 0;
    out += piece;
    EXPECT_TRUE(is_utf8(out)) << out.size();
  }
  EXPECT_EQ(out, text);
  EXPECT_GT(held, 3u) << "characters of this vocabulary take several tokens";
}

TEST(TextStream, ShowsControlTokensOnlyWhenAsked) {
  TestVocabulary v = bpe();
  const Tokenizer& t = v.tokenizer();
  const auto ids = t.tokenize("a<|im_end|>b", {false, true});
  for (const bool show : {false, true}) {
    TextStream stream(t, show);
    std::string out;
    for (const TokenId id : ids) out += stream.push(id);
    EXPECT_EQ(out, show ? "a<|im_end|>b" : "ab");
  }
}

TEST(TextStream, StartsAnewAfterFinish) {
  TestVocabulary v = bpe();
  const Tokenizer& t = v.tokenizer();
  const auto ids = t.tokenize("\xE6\x88", {false, false});
  TextStream stream(t);
  for (const TokenId id : ids) EXPECT_EQ(stream.push(id), "");
  EXPECT_EQ(stream.finish(), "\xE6\x88");
  EXPECT_EQ(stream.push(t.tokenize("x", {false, false})[0]), "x");
}

}  // namespace
}  // namespace edgek
