#ifndef EDGEK_EXAMPLES_CLI_ANSWER_HPP_
#define EDGEK_EXAMPLES_CLI_ANSWER_HPP_

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "edgek/measure/percentiles.hpp"
#include "edgek/model/generator.hpp"
#include "edgek/roofline/report.hpp"
#include "session.hpp"

namespace edgek::cli {

/// What came of one prompt, and when.
struct Answer {
  std::string text;
  std::vector<TokenId> ids;
  StopReason stop = StopReason::kNone;
  double prompt_ms = 0, sample_ms = 0;  // evaluating the prompt; choosing the first token
  std::uint64_t first_token_ns = 0;     // when it was there, on the clock of now_ns(); 0: it never was
  Summary tpot_ms;                      // from each token to the next
};

/// Generates an answer; `show` gets the text as it comes.
Answer answer(Session& session, Decoder& decoder, Sampler& sampler, std::span<const TokenId> prompt,
              const GeneratorOptions& options, const std::function<void(std::string_view)>& show);

/// Peak memory and its parts while this decoder lives.
MemoryParts memory_parts(const Session& session, const Decoder& decoder);

}  // namespace edgek::cli

#endif  // EDGEK_EXAMPLES_CLI_ANSWER_HPP_
