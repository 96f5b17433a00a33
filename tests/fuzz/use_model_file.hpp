#ifndef EDGEK_TESTS_FUZZ_USE_MODEL_FILE_HPP_
#define EDGEK_TESTS_FUZZ_USE_MODEL_FILE_HPP_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "edgek/edgek.hpp"
#include "edgek/model/chat_format.hpp"
#include "edgek/model/decoder.hpp"
#include "edgek/model/generator.hpp"
#include "edgek/model/gguf.hpp"
#include "edgek/model/model.hpp"
#include "edgek/model/sampler.hpp"
#include "edgek/model/text_stream.hpp"
#include "edgek/model/tokenizer.hpp"

namespace edgek::testing {

/// How far a file came before it was refused.
enum class FileUse { kRefused, kRead, kTokenized, kRun };

namespace file_use {

/// A promise of the library, whatever the file holds. Ends the program, as a fuzzer expects.
inline void promise(bool kept) {
  if (!kept) std::abort();
}

inline void look_at_metadata(const GgufReader& reader) {
  for (const GgufValue& value : reader.metadata()) {
    promise(reader.find(value.key) == &value);
    if (value.type == GgufValueType::kString) reader.require_string(value.key);
    if (value.type == GgufValueType::kArray && value.element == GgufValueType::kString)
      for (const std::string_view text : reader.require_strings(value.key)) promise(text.size() <= value.data.size());
  }
}

inline void look_at_tensors(const GgufReader& reader) {
  const std::span<const std::byte> all = reader.bytes();
  std::byte sum{};
  for (const GgufTensor& t : reader.tensors()) {
    promise(reader.find_tensor(t.name) == &t);
    const std::byte* end = t.data.data() + t.data.size();
    promise(t.data.empty() || (t.data.data() >= all.data() && end <= all.data() + all.size()));
    for (const std::byte b : t.data) sum ^= b;
  }
  volatile std::byte keep = sum;
  static_cast<void>(keep);
}

/// Text to ids and back, plain and as a chat. The ids of the chat, or of the text where there is no chat format.
inline std::vector<TokenId> use_text(const GgufReader& reader, const Tokenizer& tokenizer, std::string_view text) {
  for (const bool special : {true, false}) {
    const std::vector<TokenId> ids = tokenizer.tokenize(text, {special, special});
    TextStream stream(tokenizer);
    for (const TokenId id : ids) stream.push(id);
    stream.finish();
    const std::string back = tokenizer.detokenize(ids);
    promise(back == text || !tokenizer.is_byte_level() || special);
  }
  const ChatFormat format(reader, tokenizer);
  if (!format.is_known()) return tokenizer.tokenize(text);
  const std::vector<ChatMessage> messages = {{"system", "Be good."}, {"user", std::string(text)}};
  return format.tokenize(tokenizer, messages, true);
}

/// A few tokens of an answer.
inline void use_model(const Model& model, const Tokenizer& tokenizer, std::span<const TokenId> prompt, bool exact) {
  constexpr std::size_t kPrompt = 12;  // two batches: panels, and rows
  InlineExecutor executor;
  Context context{.executor = executor, .kernels = kernels()};
  Decoder decoder(model, {.exact = exact, .batch = 8});
  Sampler sampler(model.config().vocabulary, {.temperature = exact ? 0.0f : 1.0f, .seed = 1});
  Generator generator(decoder, sampler, tokenizer, {.max_tokens = 3});
  generator.begin(context, prompt.first(std::min(prompt.size(), kPrompt)));
  while (generator.next(context)) {
  }
  generator.finish();
  for (const TokenId id : generator.ids()) promise(tokenizer.vocabulary().has(id));
}

inline FileUse use(std::span<const std::byte> bytes, std::string_view text, FileUse& reached) {
  const GgufReader reader(bytes, "fuzz.gguf");
  look_at_metadata(reader);
  look_at_tensors(reader);
  reached = FileUse::kRead;
  const Tokenizer tokenizer(reader);
  const std::vector<TokenId> prompt = use_text(reader, tokenizer, text);
  reached = FileUse::kTokenized;
  const Model model(bytes, "fuzz.gguf");
  for (const bool exact : {false, true}) use_model(model, tokenizer, prompt, exact);
  return reached = FileUse::kRun;
}

}  // namespace file_use

/// Does with a file all that a program does: reads its metadata, tensors, vocabulary and chat template, turns
/// `text` into ids and back, loads the model and answers. Aborts where a promise is broken or an error is not
/// edgek's own line.
inline FileUse use_model_file(std::span<const std::byte> bytes, std::string_view text) {
  FileUse reached = FileUse::kRefused;
  try {
    file_use::use(bytes, text, reached);
  } catch (const Error& e) {
    file_use::promise(std::string_view(e.what()).find('\n') == std::string_view::npos);
    file_use::promise(!e.field().empty() && !e.limit().empty());
  }
  return reached;
}

}  // namespace edgek::testing

#endif  // EDGEK_TESTS_FUZZ_USE_MODEL_FILE_HPP_
