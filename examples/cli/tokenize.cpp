#include <memory>

#include "common.hpp"
#include "edgek/model/tokenizer.hpp"
#include "model_file.hpp"

namespace edgek::cli {

namespace {

struct TokenizeCommand {
  CommonOptions common;
  std::string model;
  PromptOptions prompt;
  bool no_special = false;
};

Provenance provenance_with(const CommonOptions& common, const ModelFile& model) {
  Provenance p = provenance_of(common, choose_kernels(common), 1);
  describe_model(model.gguf(), p);
  return p;
}

// A line per token: the id, then the piece as a JSON string, so that blanks and line ends can be seen.
std::string token_line(std::int32_t id, std::string_view piece) {
  const nlohmann::json text = std::string(piece);
  return std::to_string(id) + "\t" + text.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

int tokenize(const TokenizeCommand& c) {
  const std::string text = read_prompt(c.prompt);
  const ModelFile model(c.model);
  const Tokenizer tokenizer(model.gguf());
  const std::vector<TokenId> ids = tokenizer.tokenize(text, {!c.no_special, !c.no_special});
  if (!c.common.json) {
    for (const TokenId id : ids) print(token_line(id, tokenizer.piece(id)));
    return kDone;
  }
  Provenance provenance = provenance_with(c.common, model);
  provenance.prompt_tokens = ids.size();
  nlohmann::ordered_json json = document("tokenize", provenance);
  json["ids"] = ids;
  json["pieces"] = nlohmann::ordered_json::array();
  for (const TokenId id : ids) json["pieces"].push_back(std::string(tokenizer.piece(id)));
  print_json(json);
  return kDone;
}

struct DetokenizeCommand {
  CommonOptions common;
  std::string model;
  std::vector<std::string> ids;
};

int detokenize(const DetokenizeCommand& c) {
  const ModelFile model(c.model);
  const Tokenizer tokenizer(model.gguf());
  std::vector<TokenId> ids;
  for (const std::string& word : c.ids)
    for (const TokenId id : parse_ids(word, c.model)) ids.push_back(id);
  const std::string text = tokenizer.detokenize(ids);
  if (!c.common.json) {
    print(text);
    return kDone;
  }
  nlohmann::ordered_json json = document("detokenize", provenance_with(c.common, model));
  json["text"] = text;
  print_json(json);
  return kDone;
}

}  // namespace

void add_tokenize(CLI::App& app, Command& chosen) {
  auto c = std::make_shared<TokenizeCommand>();
  CLI::App* sub = app.add_subcommand("tokenize", "Text to token ids and pieces");
  sub->add_option("MODEL", c->model, "GGUF file")->required();
  add_prompt_options(*sub, c->prompt);
  sub->add_flag("--no-special", c->no_special,
                "Add no BOS or EOS and take the text of special tokens literally (default: as the model's flags say)");
  add_common_options(*sub, c->common, false);
  sub->final_callback([c, &chosen] { chosen = [c] { return tokenize(*c); }; });
}

void add_detokenize(CLI::App& app, Command& chosen) {
  auto c = std::make_shared<DetokenizeCommand>();
  CLI::App* sub = app.add_subcommand("detokenize", "Token ids to text, byte for byte");
  sub->add_option("MODEL", c->model, "GGUF file")->required();
  sub->add_option("IDS", c->ids, "Token ids, separated by blanks or commas");
  add_common_options(*sub, c->common, false);
  sub->final_callback([c, &chosen] { chosen = [c] { return detokenize(*c); }; });
}

}  // namespace edgek::cli
