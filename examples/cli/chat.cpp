#include "chat.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "common.hpp"
#include "process.hpp"

namespace edgek::cli {

namespace {

/// The next line without its end; nothing at end of input or after Ctrl-C.
std::optional<std::string> read_line() {
  fmt::print(stderr, "> ");
  std::fflush(stderr);
  std::string line;
  for (int c; (c = std::getc(stdin)) != '\n';) {
    if (c == EOF) return line.empty() || InterruptGuard::interrupted() ? std::nullopt : std::optional(line);
    line += static_cast<char>(c);
  }
  return line;
}

std::size_t common_prefix(const std::vector<TokenId>& a, const std::vector<TokenId>& b) {
  return static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

/// The conversation's ids. Nothing, and why on stderr, where the vocabulary cannot spell what was typed:
/// no reason to end the chat.
std::optional<std::vector<TokenId>> tokenize(const Tokenizer& tokenizer, const ChatFormat& format,
                                             const std::vector<ChatMessage>& messages) {
  try {
    return format.tokenize(tokenizer, messages, true);
  } catch (const Error& error) {
    fmt::print(stderr, "edgek: error: {}\n", error.what());
    return std::nullopt;
  }
}

}  // namespace

int chat(Session& session, Decoder& decoder, Sampler& sampler, const ChatFormat& format,
         std::vector<ChatMessage> messages, const GeneratorOptions& options) {
  fmt::print(stderr, "A chat with {}. Ctrl-C ends an answer, Ctrl-D the chat.\n",
             base_name(session.model().gguf().file()));
  std::vector<TokenId> held;  // what the decoder has evaluated
  const auto show = [](std::string_view text) {
    print(text);
    flush_output();
  };
  while (const std::optional<std::string> line = read_line()) {
    if (line->empty()) continue;
    messages.push_back({"user", *line});
    std::optional<std::vector<TokenId>> turn = tokenize(session.tokenizer(), format, messages);
    if (!turn) {
      messages.pop_back();
      continue;
    }
    std::vector<TokenId>& ids = *turn;
    // Only what is new is evaluated; at least one token, for its logits.
    const std::size_t known = std::min(common_prefix(held, ids), ids.size() - 1);
    decoder.rewind(known);
    const Answer a = answer(session, decoder, sampler, std::span(ids).subspan(known), options, show);
    print("\n");
    flush_output();
    messages.push_back({"assistant", a.text});
    held = std::move(ids);
    held.insert(held.end(), a.ids.begin(), a.ids.end());
    held.resize(decoder.position());
    if (a.stop == StopReason::kContext) fmt::print(stderr, "(the context of {} is full)\n", decoder.capacity());
    InterruptGuard::clear();
  }
  fmt::print(stderr, "\n");
  return InterruptGuard::interrupted() ? kInterrupted : kDone;
}

}  // namespace edgek::cli
