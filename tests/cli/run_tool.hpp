#ifndef EDGEK_TESTS_CLI_RUN_TOOL_HPP_
#define EDGEK_TESTS_CLI_RUN_TOOL_HPP_

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "edgek/model/gguf_writer.hpp"
#include "edgek/core/utf8.hpp"
#include "tests/model/test_files.hpp"
#include "tests/model/tiny_model.hpp"

namespace edgek::testing {

/// A folder that is gone with the object.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "edgek-cli-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  std::string file(std::string_view name) const { return (path_ / name).string(); }
  std::string write(std::string_view name, std::string_view bytes) const {
    std::ofstream(file(name), std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return file(name);
  }

 private:
  std::filesystem::path path_;
};

/// What one call of the tool left behind.
struct ToolRun {
  int exit_code = -1;  ///< -1: ended by a signal
  std::string out, err;

  nlohmann::json json() const { return nlohmann::json::parse(out); }
  std::size_t error_lines() const { return static_cast<std::size_t>(std::count(err.begin(), err.end(), '\n')); }
};

/// Calls the binary `tool` with arguments of any bytes but NUL, and no terminal. Its cache lies in the folder.
inline ToolRun run_tool(const TemporaryFolder& folder, const std::string& tool,
                        const std::vector<std::string>& arguments) {
  std::string line;
  const auto add_quoted = [&line](const std::string& word) {
    line += line.empty() ? "'" : " '";
    for (const char c : word) {
      if (c == '\'') line += "'\\'";
      line += c;
    }
    line += '\'';
  };
  add_quoted(tool);
  for (const std::string& argument : arguments) add_quoted(argument);
  const std::string out = folder.file("stdout"), err = folder.file("stderr");
  line = "EDGEK_CACHE='" + folder.file("cache") + "' " + line;
  const int status = std::system((line + " </dev/null >'" + out + "' 2>'" + err + "'").c_str());
  ToolRun run;
  if (WIFEXITED(status)) run.exit_code = WEXITSTATUS(status);
  run.out = read_file(out), run.err = read_file(err);
  return run;
}

/// Byte-level vocabulary: token b is byte b (but for `without`, if it is one), then a merged "he" and an end.
struct ByteVocabulary {
  static constexpr std::size_t kSize = 258;
  static constexpr std::int32_t kHe = 256, kEnd = 257;
  int without = -1;

  void add_to(GgufHead& head) const {
    std::vector<std::string> texts;
    for (char32_t b = 0, next = 256; b < 256; ++b) {
      const bool printable = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
      char utf8[4];
      const std::size_t bytes = utf8_encode(printable ? b : next++, utf8);
      texts.push_back(static_cast<int>(b) == without ? "nobody's" : std::string(utf8, bytes));
    }
    texts.insert(texts.end(), {"he", "<|end|>"});
    std::vector<std::int32_t> types(kSize, 1);
    types[kEnd] = 3;
    const std::vector<std::string_view> views(texts.begin(), texts.end());
    constexpr std::string_view kMerges[] = {"h e"};
    head.add_string("general.name", "tiny");
    head.add_string("tokenizer.ggml.model", "gpt2");
    head.add_string("tokenizer.ggml.pre", "gpt-2");
    head.add_strings("tokenizer.ggml.tokens", views);
    head.add_int32s("tokenizer.ggml.token_type", types);
    head.add_strings("tokenizer.ggml.merges", kMerges);
    head.add_uint32("tokenizer.ggml.eos_token_id", kEnd);
  }
};

/// A file with a model of two layers in Q4_0 that speaks bytes.
inline std::string write_tiny_model(const TemporaryFolder& folder, std::string_view name = "tiny.gguf",
                                    const ByteVocabulary& vocabulary = {}, TinyModel model = {}) {
  GgufHead head;
  vocabulary.add_to(head);
  model.vocabulary = ByteVocabulary::kSize;
  const std::vector<std::byte> bytes = model.bytes(std::move(head));
  return folder.write(name, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace edgek::testing

#endif  // EDGEK_TESTS_CLI_RUN_TOOL_HPP_
