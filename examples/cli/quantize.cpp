#include "edgek/model/quantize.hpp"

#include <memory>

#include <fmt/format.h>

#include "common.hpp"
#include "edgek/runtime/thread_pool.hpp"
#include "model_file.hpp"

namespace edgek::cli {

namespace {

struct QuantizeCommand {
  CommonOptions common;
  std::string in, out, format;
  std::vector<std::string> keep;
};

Format format_named(const std::string& name) {
  if (const FormatInfo* row = find_format(name)) return row->format;
  std::string names;
  for (const FormatInfo& row : kFormats) names += (names.empty() ? "" : ", ") + std::string(row.name);
  throw UsageError("--format " + name + ": known are " + names);
}

void print_table(const std::vector<QuantizedTensor>& tensors, std::uint64_t before, std::uint64_t after) {
  std::size_t kept = 0;
  for (const QuantizedTensor& t : tensors) {
    if (t.from == t.to) ++kept;
    const std::string change = t.from == t.to ? fmt::format("{:6} kept", t.from)
                                              : fmt::format("{:6} -> {:6}  rms error {:.3e}", t.from, t.to, t.rms_error);
    print(fmt::format("{:40} {}\n", t.name, change));
  }
  print(fmt::format("{} tensors converted, {} kept; {:.1f} MB -> {:.1f} MB\n", tensors.size() - kept, kept,
                    static_cast<double>(before) * 1e-6, static_cast<double>(after) * 1e-6));
}

int run(const QuantizeCommand& c) {
  const KernelSet& kernels = choose_kernels(c.common);
  QuantizeOptions options;
  options.format = format_named(c.format);
  options.keep = c.keep;
  const ModelFile in(c.in);
  ThreadPool pool(c.common.threads);
  std::vector<QuantizedTensor> tensors;
  {
    Progress progress("quantizing");
    options.progress = [&](std::uint64_t done, std::uint64_t total) { progress.update(done, total); };
    tensors = quantize_gguf(in.gguf(), c.out, options, pool);
  }
  const ModelFile out(c.out);
  const std::uint64_t bytes = out.gguf().bytes().size();
  if (!c.common.json) {
    print_table(tensors, in.gguf().bytes().size(), bytes);
    return kDone;
  }
  Provenance provenance = provenance_of(c.common, kernels, pool.threads());
  describe_model(in.gguf(), provenance);
  nlohmann::ordered_json json = document("quantize", provenance);
  json["tensors"] = nlohmann::ordered_json::array();
  for (const QuantizedTensor& t : tensors)
    json["tensors"].push_back(
        {{"name", std::string(t.name)}, {"from", t.from}, {"to", t.to}, {"rms_error", t.rms_error}});
  json["bytes"] = bytes;
  print_json(json);
  return kDone;
}

}  // namespace

void add_quantize(CLI::App& app, Command& chosen) {
  auto c = std::make_shared<QuantizeCommand>();
  CLI::App* sub = app.add_subcommand("quantize", "Write a model with its matrices in another format");
  sub->add_option("IN", c->in, "GGUF file to read")->required();
  sub->add_option("OUT", c->out, "GGUF file to write; it appears when it is whole")->required();
  sub->add_option("--format", c->format, "F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K or Q6_K")
      ->required()
      ->type_name("F");
  sub->add_option("--keep", c->keep, "Tensors to copy as they are")->type_name("TENSOR..");
  add_common_options(*sub, c->common);
  sub->final_callback([c, &chosen] { chosen = [c] { return run(*c); }; });
}

}  // namespace edgek::cli
