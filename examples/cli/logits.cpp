#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>

#include <fmt/format.h>

#include "common.hpp"
#include "session.hpp"

namespace edgek::cli {

namespace {

struct LogitsCommand {
  CommonOptions common;
  ModelOptions model;
  PromptOptions prompt;
  std::string ids, out;
  bool every = false, no_special = false;
  std::size_t batch = 512;
};

std::vector<TokenId> tokens_of(const LogitsCommand& c, const Tokenizer& tokenizer) {
  if (!c.ids.empty()) return parse_ids(c.ids, "--ids");
  return tokenizer.tokenize(read_prompt(c.prompt), {!c.no_special, !c.no_special});
}

/// Rows of logits as they come, in a file.
class LogitsFile {
 public:
  explicit LogitsFile(const std::string& path) : path_(path), file_(std::fopen(path.c_str(), "wb")) {
    if (file_ == nullptr) fail();
  }
  LogitsFile(const LogitsFile&) = delete;
  LogitsFile& operator=(const LogitsFile&) = delete;
  ~LogitsFile() {
    if (file_ != nullptr) std::fclose(file_);
  }

  void write(ConstRows logits) {
    for (std::size_t t = 0; t < logits.count; ++t)
      if (std::fwrite(logits.row(t), sizeof(float), logits.cols, file_) != logits.cols) fail();
  }
  void close() {
    if (std::fclose(std::exchange(file_, nullptr)) != 0) fail();
  }

 private:
  [[noreturn]] void fail() const { throw Error(path_, "output", std::strerror(errno), "a writable file with room"); }

  std::string path_;
  std::FILE* file_;
};

int run(const LogitsCommand& c) {
  if (c.ids.empty() && !c.prompt.given()) throw UsageError("needs a text or ids: -p TEXT, -f FILE or --ids \"1 2 3\"");
  if (!c.ids.empty() && c.prompt.given()) throw UsageError("--ids excludes -p and -f");
  Session session(c.model, c.common);
  const std::vector<TokenId> tokens = tokens_of(c, session.tokenizer());
  if (tokens.empty()) throw Error(c.model.model, "prompt", "no tokens", "at least 1");
  DecoderOptions options = session.decoder_options();
  options.batch = c.batch;
  if (options.context == 0) options.context = std::min(tokens.size(), session.model().config().context);
  Decoder decoder(session.model(), options);
  decoder.check(tokens);  // before an hour is spent on the tokens in front of a wrong one
  LogitsFile out(c.out);
  std::vector<std::size_t> best;
  Progress progress("evaluating");
  // Batch by batch: the logits of a long text would not fit in memory.
  for (std::size_t at = 0; at < tokens.size(); at += c.batch) {
    const std::span<const TokenId> batch = std::span(tokens).subspan(at, std::min(c.batch, tokens.size() - at));
    const bool last = at + batch.size() == tokens.size();
    const ConstRows logits =
        decoder.evaluate(session.prompt_context(), batch, c.every ? Logits::kEvery : last ? Logits::kLast : Logits::kNone)
            .logits;
    out.write(logits);
    for (std::size_t t = 0; t < logits.count; ++t)
      best.push_back(session.context().kernels.argmax(logits.row(t), logits.cols));
    progress.update(at + batch.size(), tokens.size());
  }
  out.close();
  const std::size_t cols = session.model().config().vocabulary;
  if (!c.common.json) {
    print(fmt::format("{} x {} floats in {}; likeliest token after the last: {}\n", best.size(), cols, c.out,
                      best.back()));
    return kDone;
  }
  nlohmann::ordered_json json = document("logits", session.provenance(tokens.size(), tokens.size()));
  json["rows"] = best.size();
  json["cols"] = cols;
  if (c.every) json["argmax"] = best;
  else json["argmax"] = best.back();
  print_json(json);
  return kDone;
}

}  // namespace

void add_logits(CLI::App& app, Command& chosen) {
  auto c = std::make_shared<LogitsCommand>();
  CLI::App* sub = app.add_subcommand("logits", "Write the logits after a text, little-endian floats");
  add_model_options(*sub, c->model);
  add_prompt_options(*sub, c->prompt);
  sub->add_option("--ids", c->ids, "Token ids instead of a text")->type_name("\"1 2 3\"");
  sub->add_option("--out", c->out, "File to write")->required()->type_name("FILE");
  sub->add_flag("--every", c->every, "Of every token, not only after the last");
  sub->add_option("--batch", c->batch, "Tokens processed at once (changes no result)")
      ->check(in_range(1, 1 << 20))
      ->type_name("N");
  sub->add_flag("--no-special", c->no_special, "Add no BOS or EOS and take the text of special tokens literally");
  add_common_options(*sub, c->common);
  sub->final_callback([c, &chosen] { chosen = [c] { return run(*c); }; });
}

}  // namespace edgek::cli
