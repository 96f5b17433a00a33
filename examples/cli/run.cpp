#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include <fmt/format.h>
#include <unistd.h>

#include "answer.hpp"
#include "chat.hpp"
#include "common.hpp"
#include "edgek/measure/clock.hpp"
#include "edgek/model/chat_format.hpp"
#include "process.hpp"

namespace edgek::cli {

namespace {

struct RunCommand {
  CommonOptions common;
  ModelOptions model;
  TuningOptions tuning;
  PromptOptions prompt;
  SamplerOptions sampler;
  GeneratorOptions generator;
  bool raw = false, chat = false;
  std::string system;
  CLI::Option* system_option = nullptr;
};

void check(const RunCommand& c) {
  if (c.raw && c.system_option->count() != 0) throw UsageError("--system needs a chat: it excludes --raw");
  if (c.prompt.given()) return;
  const bool terminal = ::isatty(STDIN_FILENO) == 1;
  if (!terminal || c.common.json) throw UsageError("needs a prompt (-p TEXT, -f FILE), or a terminal to chat");
  if (c.raw) throw UsageError("--raw needs a prompt: -p TEXT or -f FILE");
}

Sampler make_sampler(const RunCommand& c, std::size_t vocabulary) {
  SamplerOptions options = c.sampler;
  options.seed = c.common.seed;
  try {
    return Sampler(vocabulary, options);
  } catch (const Error& error) {
    throw UsageError(error.what());
  }
}

/// The conversation so far: a system prompt if there is one.
std::vector<ChatMessage> opening(const RunCommand& c) {
  if (c.system_option->count() == 0) return {};
  return {{"system", c.system}};
}

std::vector<TokenId> prompt_ids(const RunCommand& c, const Session& session, const ChatFormat& format) {
  const std::string text = read_prompt(c.prompt);
  if (c.raw || (!c.chat && !format.is_known())) return session.tokenizer().tokenize(text);
  std::vector<ChatMessage> messages = opening(c);
  messages.push_back({"user", text});
  return format.tokenize(session.tokenizer(), messages, true);
}

void print_statistics(const Answer& a, std::size_t prompt_tokens, double ttft_ms, const MemoryParts& m) {
  const auto mega = [](std::uint64_t bytes) { return static_cast<double>(bytes) * 1e-6; };
  fmt::print(stderr, "\nprompt  {} tokens in {:.1f} ms ({:.1f} tokens/s); first token {:.1f} ms after the start\n",
             prompt_tokens, a.prompt_ms, 1e3 * static_cast<double>(prompt_tokens) / a.prompt_ms, ttft_ms);
  fmt::print(stderr, "answer  {} tokens, {:.1f} tokens/s; per token p50 {:.2f}, p95 {:.2f}, p99 {:.2f} ms; end: {}\n",
             a.ids.size(), a.tpot_ms.mean > 0 ? 1e3 / a.tpot_ms.mean : 0.0, a.tpot_ms.p50, a.tpot_ms.p95,
             a.tpot_ms.p99, to_string(a.stop));
  fmt::print(stderr, "memory  peak {:.1f} MB: weights {:.1f}, KV {:.1f}, arena {:.1f}, other {:.1f}\n", mega(m.peak),
             mega(m.weights), mega(m.kv), mega(m.arena), mega(m.other()));
}

void print_answer_json(const Answer& a, const std::vector<TokenId>& prompt, std::optional<double> ttft_ms,
                const MemoryParts& memory, const Session& session, const Decoder& decoder) {
  nlohmann::ordered_json json = document("run", session.provenance(prompt.size(), decoder.position()));
  json["text"] = a.text;
  json["ids"] = a.ids;
  json["prompt_ids"] = prompt;
  json["stop"] = to_string(a.stop);
  json["ttft_ms"] = ttft_ms ? nlohmann::ordered_json(*ttft_ms) : nlohmann::ordered_json();
  json["tpot_ms"] = percentiles_json(a.tpot_ms);
  json["tokens_per_s"] = a.tpot_ms.mean > 0 ? 1e3 / a.tpot_ms.mean : 0.0;
  json["rss_bytes"] = {{"peak", memory.peak}, {"weights", memory.weights}, {"kv", memory.kv},
                       {"arena", memory.arena}, {"other", memory.other()}};
  print_json(json);
}

int answer_once(const RunCommand& c, Session& session, Decoder& decoder, Sampler& sampler, const ChatFormat& format) {
  const std::vector<TokenId> prompt = prompt_ids(c, session, format);
  const auto show = [&](std::string_view text) {
    if (c.common.json) return;
    print(text);
    flush_output();
  };
  const Answer a = answer(session, decoder, sampler, prompt, c.generator, show);
  std::optional<double> ttft_ms;
  if (a.first_token_ns != 0) ttft_ms = to_ms(a.first_token_ns - process_start_ns());
  const MemoryParts memory = memory_parts(session, decoder);
  if (c.common.json) {
    print_answer_json(a, prompt, ttft_ms, memory, session, decoder);
  } else {
    if (::isatty(STDOUT_FILENO) == 1) print("\n");
    print_statistics(a, prompt.size(), ttft_ms.value_or(0), memory);
  }
  return a.stop == StopReason::kInterrupt ? kInterrupted : kDone;
}

int run(const RunCommand& c) {
  check(c);
  const InterruptGuard guard;
  Session session(c.model, c.common);
  session.tune(c.tuning);
  const ChatFormat format(session.model().gguf(), session.tokenizer());
  if (c.chat || !c.prompt.given()) format.require_known();
  Sampler sampler = make_sampler(c, session.model().config().vocabulary);
  Decoder decoder(session.model(), session.decoder_options());
  decoder.set_cancel([] { return InterruptGuard::interrupted(); });
  if (c.prompt.given()) return answer_once(c, session, decoder, sampler, format);
  return chat(session, decoder, sampler, format, opening(c), c.generator);
}

}  // namespace

void add_run(CLI::App& app, Command& chosen) {
  auto c = std::make_shared<RunCommand>();
  CLI::App* sub = app.add_subcommand("run", "Answer a prompt, or chat");
  add_model_options(*sub, c->model);
  add_prompt_options(*sub, c->prompt);
  sub->add_option("-n,--max-tokens", c->generator.max_tokens, "Tokens of an answer, at most")->type_name("N");
  CLI::Option* raw = sub->add_flag("--raw", c->raw, "The prompt as it is (default where the chat format is unknown)");
  sub->add_flag("--chat", c->chat, "The prompt as a user's message (default where the chat format is known)")
      ->excludes(raw);
  c->system_option = sub->add_option("--system", c->system, "System prompt (default: the model's)")->type_name("TEXT");
  sub->add_option("--stop", c->generator.stop_texts, "End the answer before this text (may be repeated)")
      ->type_name("TEXT")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  sub->add_option("--temp", c->sampler.temperature, "Temperature; 0: always the likeliest token (default)")
      ->type_name("T");
  sub->add_option("--top-k", c->sampler.top_k, "Draw from the K likeliest only; 0: all")->type_name("K");
  sub->add_option("--top-p", c->sampler.top_p, "Draw from the likeliest that together reach P only")->type_name("P");
  sub->add_option("--min-p", c->sampler.min_p, "Draw from those at least P times as likely as the best only")
      ->type_name("P");
  sub->add_option("--repeat-penalty", c->sampler.repeat_penalty, "Make recent tokens less likely; 1: off")
      ->type_name("X");
  add_tuning_options(*sub, c->tuning);
  add_common_options(*sub, c->common);
  sub->final_callback([c, &chosen] { chosen = [c] { return run(*c); }; });
}

}  // namespace edgek::cli
