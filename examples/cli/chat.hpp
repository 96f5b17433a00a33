#ifndef EDGEK_EXAMPLES_CLI_CHAT_HPP_
#define EDGEK_EXAMPLES_CLI_CHAT_HPP_

#include <vector>

#include "answer.hpp"
#include "edgek/model/chat_format.hpp"

namespace edgek::cli {

/// A conversation at the terminal until end of input (0) or Ctrl-C at the prompt (130). Ctrl-C during an
/// answer ends the answer. `messages`: how it opens, a system prompt or nothing.
int chat(Session& session, Decoder& decoder, Sampler& sampler, const ChatFormat& format,
         std::vector<ChatMessage> messages, const GeneratorOptions& options);

}  // namespace edgek::cli

#endif  // EDGEK_EXAMPLES_CLI_CHAT_HPP_
