// Coverage-guided fuzzing of all that reads and runs a model file. Built as gguf_fuzz where the compiler is clang
// and has libFuzzer; CONTRIBUTING.md says how to run it.
//
// A crash, a sanitizer's report, an exception other than edgek::Error or a broken promise is a find.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <span>
#include <string>
#include <string_view>

#include "fuzz/tiny_files.hpp"
#include "fuzz/use_model_file.hpp"

namespace {

using edgek::Format;

constexpr const char* kVocabularies[] = {"tiny_bpe.gguf", "tiny_spm.gguf"};
constexpr Format kSeedFormats[] = {Format::kQ8_0, Format::kQ4_0, Format::kQ5_1};  // small files: one max_len suits all

void write_file(const std::string& path, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (out.flush()) return;
  std::fprintf(stderr, "cannot write %s\n", path.c_str());
  std::exit(1);
}

/// Answers the seed's path.
std::string write_seed(const std::string& folder, const char* vocabulary, Format format) {
  const edgek::testing::TinyFile file = edgek::testing::tiny_file(vocabulary, format);
  const std::string path = folder + "/" + std::string(edgek::info(format).name) + "_" + vocabulary;
  write_file(path, {reinterpret_cast<const char*>(file.bytes.data()), file.bytes.size()});
  return path;
}

/// Also their `list`, with commas between them, as -seed_inputs=@list wants it.
void write_seeds(const std::string& folder) {
  std::string list;
  for (const char* vocabulary : kVocabularies) {
    list += (list.empty() ? "" : ",") + edgek::testing::data_path(vocabulary);
    for (const Format format : kSeedFormats) list += "," + write_seed(folder, vocabulary, format);
  }
  write_file(folder + "/list", list);
}

}  // namespace

/// With --seeds=FOLDER, whole small models are written there first: tests/data has vocabularies alone, and no mutation
/// of those reaches the decoder.
extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  constexpr std::string_view kFlag = "--seeds=";
  for (int i = 1; i < *argc; ++i) {
    const std::string_view argument = (*argv)[i];
    if (argument.starts_with(kFlag)) write_seeds(std::string(argument.substr(kFlag.size())));
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  const std::string_view text(reinterpret_cast<const char*>(data), bytes);
  const std::string_view end = text.substr(bytes - std::min<std::size_t>(bytes, 64));
  edgek::testing::use_model_file(std::as_bytes(std::span(data, bytes)), end);
  return 0;
}
