#ifndef EDGEK_EXAMPLES_CLI_COMMON_HPP_
#define EDGEK_EXAMPLES_CLI_COMMON_HPP_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "edgek/edgek.hpp"
#include "edgek/measure/percentiles.hpp"
#include "edgek/measure/provenance.hpp"
#include "edgek/model/tokenizer.hpp"

namespace edgek::cli {

inline constexpr int kDone = 0, kFailed = 1, kWrongUsage = 2, kInterrupted = 130;

/// Something the user asked for that makes no sense, or is not built: exit 2.
class UsageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What main() runs once the command line is understood; answers the exit code.
using Command = std::function<int()>;

/// Options that several commands share.
struct CommonOptions {
  std::size_t threads = 0;         // 0: one for every CPU
  std::size_t prompt_threads = 0;  // 0: as `threads`
  std::string target;              // "": the best that this CPU runs
  bool exact = false, fast = false, json = false, verbose = false;
  std::uint64_t seed = 0;
};

/// Refuses values outside [low, high]; --help does not repeat the bounds.
template <typename T>
CLI::Validator in_range(T low, T high) {
  return CLI::Range(low, high).description("");
}

/// --target, --exact, --fast, --json, -v; with `threads`, -t and --prompt-threads too.
void add_common_options(CLI::App& command, CommonOptions& options, bool threads = true);

/// A text given as -p TEXT or -f FILE.
struct PromptOptions {
  std::string text, file;
  CLI::Option* text_option = nullptr;
  CLI::Option* file_option = nullptr;
  bool given() const { return text_option->count() + file_option->count() != 0; }
};
void add_prompt_options(CLI::App& command, PromptOptions& prompt);

/// The text of -p, or the bytes of -f's file. Throws UsageError where neither is given.
std::string read_prompt(const PromptOptions& prompt);


/// How results are shown.
struct OutputOptions {
  std::vector<std::string> formats;
  std::string format;
  CLI::Option* option = nullptr;
};

/// -o FORMAT, one of `formats`, the first of which is the default.
void add_output_option(CLI::App& command, OutputOptions& output, const std::vector<std::string>& formats);

/// What -o or --json ask for. Throws UsageError for a format that there is not, or where the two disagree.
std::string choose_output(const OutputOptions& output, const CommonOptions& common);

/// All bytes of a file. Throws edgek::Error.
std::string read_file(const std::string& path);

/// Writes a file. Throws edgek::Error.
void write_file(const std::string& path, std::string_view bytes);

/// The kernel set of --target; refuses --fast. Throws UsageError.
const KernelSet& choose_kernels(const CommonOptions& options);

/// Whole numbers separated by blanks, commas or line ends, as token ids. Throws edgek::Error naming `source`.
std::vector<std::int32_t> parse_ids(std::string_view text, const std::string& source);

/// Provenance of this run without a model.
Provenance provenance_of(const CommonOptions& options, const KernelSet& kernels, std::size_t threads);

/// {"schema": "edgek.COMMAND/1", "provenance": {...}}
nlohmann::ordered_json document(const std::string& command, const Provenance& provenance);

/// Prints a document; text that is not UTF-8 shows U+FFFD.
void print_json(const nlohmann::ordered_json& json);

/// Writes to standard output, all of it. Throws edgek::Error where it cannot.
void print(std::string_view text);
void flush_output();

/// {"p50": .., "p95": .., "p99": ..}
nlohmann::ordered_json percentiles_json(const Summary& summary);

/// "SmolLM2-135M.gguf" of a path.
std::string base_name(const std::string& path);

/// A line on stderr that is rewritten while work goes on; silent unless stderr is a terminal.
class Progress {
 public:
  explicit Progress(std::string what);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void update(std::uint64_t done, std::uint64_t total);

 private:
  std::string what_;
  bool visible_;
  int shown_ = -1;
};

// One function per command: declares its options and, when it is chosen, sets `chosen`.
void add_run(CLI::App& app, Command& chosen);
void add_bench(CLI::App& app, Command& chosen);
void add_roofline(CLI::App& app, Command& chosen);
void add_sustain(CLI::App& app, Command& chosen);
void add_probe(CLI::App& app, Command& chosen);
void add_inspect(CLI::App& app, Command& chosen);
void add_tokenize(CLI::App& app, Command& chosen);
void add_detokenize(CLI::App& app, Command& chosen);
void add_quantize(CLI::App& app, Command& chosen);
void add_logits(CLI::App& app, Command& chosen);
void add_perplexity(CLI::App& app, Command& chosen);

}  // namespace edgek::cli

#endif  // EDGEK_EXAMPLES_CLI_COMMON_HPP_
