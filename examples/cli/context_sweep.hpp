#ifndef EDGEK_EXAMPLES_CLI_CONTEXT_SWEEP_HPP_
#define EDGEK_EXAMPLES_CLI_CONTEXT_SWEEP_HPP_

#include <cstddef>
#include <deque>
#include <vector>

#include "edgek/model/decoder.hpp"
#include "edgek/model/sampler.hpp"
#include "edgek/model/tokenizer.hpp"
#include "edgek/roofline/context_sweep.hpp"
#include "watch.hpp"

namespace edgek::cli {

/// Tokens at one length of the context, as a ledger saw them.
struct WatchedContext {
  WatchedContext(std::size_t positions, std::size_t tokens) : context(positions), watch(tokens) {}

  std::size_t context;
  Watch watch;
};

/// Measures `tokens` tokens at each of `lengths`, which rise: every one of them looks at that many positions, all
/// but its own filled beforehand. Leaves no ledger. False: interrupted.   Needs a decoder that holds a token.
bool sweep_contexts(Context& ctx, Decoder& decoder, Sampler& sampler, TokenId token,
                    const std::vector<std::size_t>& lengths, std::size_t tokens, std::deque<WatchedContext>& out);

/// What was watched against the roofs.
std::vector<ContextPoint> attribute_contexts(std::deque<WatchedContext>& watched, const Roofs& roofs);

}  // namespace edgek::cli

#endif  // EDGEK_EXAMPLES_CLI_CONTEXT_SWEEP_HPP_
