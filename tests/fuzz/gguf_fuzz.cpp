// Coverage-guided fuzzing of all that reads a model file before the weights are used:
//
//   clang++ -std=c++20 -O1 -g -fsanitize=fuzzer,address,undefined -Iinclude tests/fuzz/gguf_fuzz.cpp -lpcre2-8
//   mkdir -p corpus && ./a.out -max_len=20000 -max_total_time=600 corpus tests/data
//
// A crash, a sanitizer's report, an exception other than edgek::Error or a broken promise is a find.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "edgek/model/chat_format.hpp"
#include "edgek/model/gguf.hpp"
#include "edgek/model/text_stream.hpp"
#include "edgek/model/tokenizer.hpp"

namespace {

void require(bool promise) {
  if (!promise) std::abort();
}

void use_tensors(const edgek::GgufReader& reader) {
  const auto all = reader.bytes();
  for (const edgek::GgufTensor& t : reader.tensors()) {
    const bool inside = t.data.empty() ||
                        (t.data.data() >= all.data() && t.data.data() + t.data.size() <= all.data() + all.size());
    require(inside && reader.find_tensor(t.name) == &t);
  }
}

void use_text(const edgek::GgufReader& reader, std::string_view text) {
  const edgek::Tokenizer tokenizer(reader);
  const std::vector<edgek::TokenId> ids = tokenizer.tokenize(text);
  edgek::TextStream stream(tokenizer);
  for (const edgek::TokenId id : ids) stream.push(id);
  stream.finish();
  for (const edgek::TokenId id : tokenizer.tokenize(text, {false, false})) require(tokenizer.vocabulary().has(id));
  const edgek::ChatFormat format(reader, tokenizer);
  const std::vector<edgek::ChatMessage> messages = {{"user", std::string(text)}};
  if (format.is_known()) tokenizer.detokenize(format.tokenize(tokenizer, messages, true));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  const auto file = std::as_bytes(std::span(data, bytes));
  const std::string_view text(reinterpret_cast<const char*>(data), bytes);
  try {
    const edgek::GgufReader reader(file, "fuzz.gguf");
    use_tensors(reader);
    use_text(reader, "it's <|im_start|>the  other\n1234 \xF0\x9F");
    use_text(reader, text.substr(bytes - std::min<std::size_t>(bytes, 64)));
  } catch (const edgek::Error& e) {
    require(std::string_view(e.what()).find('\n') == std::string_view::npos);
  }
  return 0;
}
