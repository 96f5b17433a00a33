#include "edgek/model/perplexity.hpp"

#include <memory>

#include <fmt/format.h>

#include "common.hpp"
#include "session.hpp"

namespace edgek::cli {

namespace {

struct PerplexityCommand {
  CommonOptions common;
  ModelOptions model;
  std::string file, ids_file;
  std::size_t window = 512;
};

int run(const PerplexityCommand& c) {
  if (c.file.empty() == c.ids_file.empty()) throw UsageError("needs one text: -f FILE or --ids-file FILE");
  const std::string text = read_file(c.file.empty() ? c.ids_file : c.file);
  Session session(c.model, c.common);
  const std::vector<TokenId> ids =
      c.file.empty() ? parse_ids(text, c.ids_file) : session.tokenizer().tokenize(text, {false, false});
  DecoderOptions options = session.decoder_options();
  options.context = c.window;
  Decoder decoder(session.model(), options);
  Progress progress("windows");
  const Perplexity result = measure_perplexity(session.prompt_context(), decoder, ids, c.window,
                                               [&](std::size_t done, std::size_t all) { progress.update(done, all); });
  if (!c.common.json) {
    print(fmt::format("perplexity {:.4f} over {} windows of {} tokens; second halves {:.4f}\n", result.perplexity,
                      result.windows.size(), c.window, result.perplexity_second_half));
    return kDone;
  }
  nlohmann::ordered_json json = document("perplexity", session.provenance(ids.size(), c.window));
  json["perplexity"] = result.perplexity;
  json["perplexity_second_half"] = result.perplexity_second_half;
  json["windows"] = result.windows;
  print_json(json);
  return kDone;
}

}  // namespace

void add_perplexity(CLI::App& app, Command& chosen) {
  auto c = std::make_shared<PerplexityCommand>();
  CLI::App* sub = app.add_subcommand("perplexity", "How surprised a model is by a text, in windows from the start");
  add_model_options(*sub, c->model);
  sub->add_option("-f,--file", c->file, "Text; no special tokens are added or parsed")->type_name("FILE");
  sub->add_option("--ids-file", c->ids_file, "Decimal token ids instead")->type_name("FILE");
  sub->add_option("--window", c->window, "Tokens in a window; a shorter rest is left out")
      ->check(in_range(2, 1 << 24))
      ->type_name("N");
  add_common_options(*sub, c->common);
  sub->final_callback([c, &chosen] { chosen = [c] { return run(*c); }; });
}

}  // namespace edgek::cli
