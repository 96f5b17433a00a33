#include "answer.hpp"

#include "edgek/measure/clock.hpp"
#include "edgek/measure/machine.hpp"

namespace edgek::cli {

Answer answer(Session& session, Decoder& decoder, Sampler& sampler, std::span<const TokenId> prompt,
              const GeneratorOptions& options, const std::function<void(std::string_view)>& show) {
  Answer a;
  Generator generator(decoder, sampler, session.tokenizer(), options);
  const auto keep = [&](std::string_view text) {
    a.text += text;
    if (!text.empty()) show(text);
  };
  const std::uint64_t start = now_ns();
  const bool evaluated = generator.begin(session.prompt_context(), prompt);
  std::uint64_t last = now_ns();
  a.prompt_ms = to_ms(last - start);
  std::vector<double> gaps;
  while (evaluated) {
    const auto text = generator.next(session.context());
    const std::uint64_t now = now_ns();
    if (generator.ids().size() == 1) a.first_token_ns = now, a.sample_ms = to_ms(now - last);
    if (!text) break;
    if (generator.ids().size() > 1) gaps.push_back(to_ms(now - last));
    last = now;
    keep(*text);
  }
  keep(generator.finish());
  a.ids = generator.ids();
  a.stop = generator.stop();
  a.tpot_ms = summarize(gaps);
  return a;
}

MemoryParts memory_parts(const Session& session, const Decoder& decoder) {
  MemoryParts parts;
  parts.peak = memory_use().peak;
  parts.weights = session.model().file().bytes().size();
  parts.kv = decoder.kv().bytes_of(decoder.position());
  parts.arena = decoder.arena_bytes() + session.arena_bytes();
  return parts;
}

}  // namespace edgek::cli
