#include "common.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <limits>

#include <fmt/format.h>
#include <unistd.h>

#include "commit.hpp"
#include "edgek/measure/json_writer.hpp"
#include "edgek/model/error.hpp"
#include "process.hpp"

namespace edgek::cli {

namespace {

std::string joined(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

}  // namespace

void add_common_options(CLI::App& command, CommonOptions& options, bool threads) {
  if (threads) {
    command.add_option("-t,--threads", options.threads, "Threads (default: one for every CPU)")
        ->check(in_range(1, 1024))
        ->type_name("N");
    command.add_option("--prompt-threads", options.prompt_threads, "Threads for prompts (default: as -t)")
        ->check(in_range(1, 1024))
        ->type_name("N");
  }
  command.add_option("--target", options.target, "Kernel set, one of those that `edgek probe` lists")->type_name("NAME");
  command.add_flag("--exact", options.exact, "Float activations and float KV: nothing quantized but the weights");
  command.add_flag("--fast", options.fast, "Kernels that do not keep one answer (none are built)");
  command.add_flag("--json", options.json, "One JSON document on standard output, nothing else there");
  command.add_option("--seed", options.seed, "Seed of the sampler's generator")->type_name("N");
  command.add_flag("-v,--verbose", options.verbose, "Say more on standard error");
}

void add_prompt_options(CLI::App& command, PromptOptions& prompt) {
  prompt.text_option = command.add_option("-p,--prompt", prompt.text, "Text")->type_name("TEXT");
  prompt.file_option =
      command.add_option("-f,--file", prompt.file, "Text from a file, byte for byte")->type_name("FILE");
  prompt.text_option->excludes(prompt.file_option);
}

std::string read_prompt(const PromptOptions& prompt) {
  if (!prompt.given()) throw UsageError("needs a text: -p TEXT or -f FILE");
  return prompt.file_option->count() != 0 ? read_file(prompt.file) : prompt.text;
}

void add_output_option(CLI::App& command, OutputOptions& output, const std::vector<std::string>& formats) {
  output.formats = formats;
  output.format = formats.front();
  const std::string what = joined(formats) + " (default: " + formats.front() + ")";
  output.option = command.add_option("-o,--output", output.format, what)->type_name("FORMAT");
}

std::string choose_output(const OutputOptions& output, const CommonOptions& common) {
  if (std::find(output.formats.begin(), output.formats.end(), output.format) == output.formats.end())
    throw UsageError("-o " + output.format + "; there are " + joined(output.formats));
  if (!common.json) return output.format;
  if (output.option->count() != 0 && output.format != "json")
    throw UsageError("--json contradicts -o " + output.format);
  return "json";
}

std::string read_file(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) throw Error(path, "file", std::strerror(errno), "a readable file");
  std::string bytes;
  char buffer[65536];
  std::size_t count;
  while ((count = std::fread(buffer, 1, sizeof buffer, file)) != 0) bytes.append(buffer, count);
  const int error = std::ferror(file) ? errno : 0;
  std::fclose(file);
  if (error != 0) throw Error(path, "file", std::strerror(error), "a readable file");
  return bytes;
}

void write_file(const std::string& path, std::string_view bytes) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) throw Error(path, "output", std::strerror(errno), "a writable file");
  const bool written = std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
  const int error = errno;
  if (std::fclose(file) != 0 || !written) throw Error(path, "output", std::strerror(error), "room for all bytes");
}

const KernelSet& choose_kernels(const CommonOptions& options) {
  if (options.fast) throw UsageError("--fast is not built yet: every kernel keeps the one answer");
  if (options.target.empty()) return kernels();
  if (const KernelSet* set = find_kernels(options.target)) return *set;
  std::string names;
  for (const KernelSet* set : all_kernels()) names += (names.empty() ? "" : ", ") + std::string(set->name);
  throw UsageError("--target " + options.target + ": this CPU runs " + names);
}

std::vector<std::int32_t> parse_ids(std::string_view text, const std::string& source) {
  constexpr std::string_view kBetween = " \t\r\n,";
  std::vector<std::int32_t> ids;
  for (std::size_t at = text.find_first_not_of(kBetween); at != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(kBetween, at), text.size());
    const std::string_view word = text.substr(at, end - at);
    std::int32_t id = 0;
    const std::from_chars_result result = std::from_chars(word.data(), word.data() + word.size(), id);
    if (result.ec != std::errc() || result.ptr != word.data() + word.size() || id < 0)
      throw Error(source, "token id " + std::to_string(ids.size()), word,
                  "a decimal number from 0 to " + std::to_string(std::numeric_limits<std::int32_t>::max()));
    ids.push_back(id);
    at = text.find_first_not_of(kBetween, end);
  }
  return ids;
}

Provenance provenance_of(const CommonOptions&, const KernelSet& kernels, std::size_t threads) {
  Provenance p = provenance_here(describe_machine(), kCommit);
  p.target = kernels.name;
  p.threads = threads;
  p.command = command_line();
  return p;
}

nlohmann::ordered_json document(const std::string& command, const Provenance& provenance) {
  JsonWriter json;
  json.begin_object().member("schema", "edgek." + command + "/1");
  write(json, provenance);
  return nlohmann::ordered_json::parse(json.end_object().text());
}

void print_json(const nlohmann::ordered_json& json) {
  print(json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

void print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size())
    throw Error("standard output", "output", std::strerror(errno), "room for all bytes");
}

void flush_output() {
  if (std::fflush(stdout) != 0) throw Error("standard output", "output", std::strerror(errno), "room for all bytes");
}

nlohmann::ordered_json percentiles_json(const Summary& summary) {
  return {{"p50", summary.p50}, {"p95", summary.p95}, {"p99", summary.p99}};
}

std::string base_name(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

Progress::Progress(std::string what) : what_(std::move(what)), visible_(::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (visible_ && shown_ >= 0) fmt::print(stderr, "\r{:{}}\r", "", what_.size() + 8);
}

void Progress::update(std::uint64_t done, std::uint64_t total) {
  if (!visible_ || total == 0) return;
  const int percent = static_cast<int>(100.0 * static_cast<double>(done) / static_cast<double>(total));
  if (percent == shown_) return;
  shown_ = percent;
  fmt::print(stderr, "\r{} {:3d} %", what_, percent);
  std::fflush(stderr);
}

}  // namespace edgek::cli
