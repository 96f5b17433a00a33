#ifndef EDGEK_TESTS_FUZZ_TINY_FILES_HPP_
#define EDGEK_TESTS_FUZZ_TINY_FILES_HPP_

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "edgek/core/format.hpp"
#include "edgek/model/gguf.hpp"
#include "edgek/model/gguf_writer.hpp"
#include "model/test_files.hpp"
#include "model/tiny_model.hpp"

namespace edgek::testing {

/// A whole small model file: a committed vocabulary with a chat template, and weights in `format`.
struct TinyFile {
  std::vector<std::byte> bytes;
  std::size_t head = 0;  ///< bytes before the first tensor's data
};

inline TinyFile tiny_file(std::string_view vocabulary, Format format) {
  const std::string source = read_file(data_path(vocabulary));
  const GgufReader reader(as_bytes(source), "source");
  GgufHead head;
  for (const GgufValue& value : reader.metadata())
    if (value.key.starts_with("tokenizer.")) head.add(value);
  head.add_string("tokenizer.chat_template",
                  "{{'<|im_start|>system\\nBe good.<|im_end|>\\n'}}"
                  "{{'<|im_start|>' + role + '\\n' + content + '<|im_end|>\\n'}}");
  TinyModel model{.format = format, .tied = format != Format::kQ8_0, .rope_factors = true, .linear_factor = 2.0f};
  model.embedding = info(format).block_weights == 256 ? 256 : 32;
  model.feed_forward = info(format).block_weights == 256 ? 256 : 64;
  model.layers = info(format).block_weights == 256 ? 1 : 2;
  model.heads = 4, model.kv_heads = 2, model.head_dim = model.embedding / 4;
  model.vocabulary = static_cast<std::uint32_t>(reader.require("tokenizer.ggml.tokens").count);
  TinyFile file{model.bytes(std::move(head)), 0};
  const GgufReader made(file.bytes, "made");
  file.head = static_cast<std::size_t>(made.tensors().front().data.data() - made.bytes().data());
  return file;
}

}  // namespace edgek::testing

#endif  // EDGEK_TESTS_FUZZ_TINY_FILES_HPP_
