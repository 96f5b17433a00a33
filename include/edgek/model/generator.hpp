#ifndef EDGEK_MODEL_GENERATOR_HPP_
#define EDGEK_MODEL_GENERATOR_HPP_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "edgek/detail/abi.hpp"
#include "edgek/measure/recording_ledger.hpp"
#include "edgek/model/decoder.hpp"
#include "edgek/model/sampler.hpp"
#include "edgek/model/text_stream.hpp"
#include "edgek/model/tokenizer.hpp"
#include "edgek/runtime/context.hpp"

namespace edgek {
inline namespace EDGEK_ABI {

/// Why an answer ended.
enum class StopReason {
  kNone,       ///< it has not
  kEos,        ///< the model ended it
  kLength,     ///< GeneratorOptions::max_tokens
  kContext,    ///< no room for another position
  kText,       ///< one of GeneratorOptions::stop_texts appeared
  kInterrupt,  ///< the decoder's cancel callback said so
};

constexpr const char* to_string(StopReason r) noexcept {
  switch (r) {
    case StopReason::kNone: return "none";
    case StopReason::kEos: return "eos";
    case StopReason::kLength: return "length";
    case StopReason::kContext: return "context";
    case StopReason::kText: return "text";
    case StopReason::kInterrupt: return "interrupt";
  }
  return "none";
}

struct GeneratorOptions {
  std::size_t max_tokens = 512;
  std::vector<std::string> stop_texts = {};  ///< the answer ends before the first of them; empty ones are ignored
  bool ignore_end = false;              ///< goes on where the model would end: for measurements
};

/// Finds stop texts in a text that comes in pieces. Holds back what may be the beginning of one.
class StopTexts {
 public:
  explicit StopTexts(std::vector<std::string> texts) : texts_(std::move(texts)) {
    std::erase(texts_, std::string());
  }

  /// The text that is safe to show, valid until the next call.
  std::string_view push(std::string_view piece) {
    held_.erase(0, shown_);
    held_ += piece;
    std::size_t found = std::string::npos;
    for (const std::string& text : texts_) found = std::min(found, held_.find(text));
    stopped_ = found != std::string::npos;
    shown_ = stopped_ ? found : held_.size() - longest_beginning();
    return std::string_view(held_).substr(0, shown_);
  }
  /// What is still held back: the end of the text when no stop text came.
  std::string_view finish() {
    held_.erase(0, stopped_ ? held_.size() : shown_);
    shown_ = held_.size();
    return held_;
  }
  bool stopped() const noexcept { return stopped_; }

 private:
  // Bytes at the end of held_ with which some stop text begins.
  std::size_t longest_beginning() const noexcept {
    std::size_t longest = 0;
    for (const std::string& text : texts_)
      for (std::size_t n = std::min(text.size() - 1, held_.size()); n > longest; --n)
        if (held_.ends_with(std::string_view(text).substr(0, n))) longest = n;
    return longest;
  }

  std::vector<std::string> texts_;
  std::string held_;
  std::size_t shown_ = 0;
  bool stopped_ = false;
};

/// An answer, token by token:
///
///   Generator generator(decoder, sampler, tokenizer, {.max_tokens = 100});
///   generator.begin(ctx, prompt_ids);
///   while (const auto text = generator.next(ctx)) show(*text);
///   show(generator.finish());
///
/// Belongs to one thread. What it refers to outlives it. The context may be another one at each call.
class Generator {
 public:
  Generator(Decoder& decoder, Sampler& sampler, const Tokenizer& tokenizer, GeneratorOptions options = {})
      : decoder_(decoder), sampler_(sampler), tokenizer_(tokenizer), options_(std::move(options)),
        stream_(tokenizer), stops_(options_.stop_texts) {
    ids_.reserve(std::min(options_.max_tokens, decoder.capacity() + 1));
  }

  /// Evaluates the prompt after what the decoder holds. False: cancelled. Throws edgek::Error where the
  /// prompt is empty or does not fit the context.
  bool begin(Context& ctx, std::span<const TokenId> prompt) {
    if (prompt.empty()) throw Error(decoder_.model().gguf().file(), "prompt", "no tokens", "at least 1");
    for (const TokenId id : prompt) sampler_.accept(id);
    const Decoder::Result result = decoder_.evaluate(ctx, prompt);
    logits_ = result.logits;
    if (result.cancelled) stop_ = StopReason::kInterrupt;
    return !result.cancelled;
  }

  /// Chooses the next token, having evaluated the one before it. Answers the text that it completes, possibly
  /// empty and valid until the next call; nothing when the answer is over, see stop().
  std::optional<std::string_view> next(Context& ctx) {
    if (!may_go_on() || !evaluate_last(ctx)) return std::nullopt;
    const TokenId id = choose(ctx);
    if (!options_.ignore_end && tokenizer_.vocabulary().is_end(id)) {
      stop_ = StopReason::kEos;
      return std::nullopt;
    }
    ids_.push_back(id);
    const TimedItem timed(ctx.ledger, "detokenize");
    const std::string_view text = stops_.push(stream_.push(id));
    if (stops_.stopped()) stop_ = StopReason::kText;
    return text;
  }

  /// What was held back of the text, once next() has answered nothing.
  std::string finish() {
    std::string rest(stops_.push(stream_.finish()));
    return rest.append(stops_.finish());
  }

  StopReason stop() const noexcept { return stop_; }
  const std::vector<TokenId>& ids() const noexcept { return ids_; }  ///< chosen so far, without the end

 private:
  bool may_go_on() noexcept {
    if (stop_ == StopReason::kNone && ids_.size() >= options_.max_tokens) stop_ = StopReason::kLength;
    return stop_ == StopReason::kNone;
  }

  // Only now: the last token of an answer is never evaluated in vain.
  bool evaluate_last(Context& ctx) {
    if (ids_.empty()) return true;
    if (decoder_.position() == decoder_.capacity()) {
      stop_ = StopReason::kContext;
      return false;
    }
    const Decoder::Result result = decoder_.evaluate(ctx, {&ids_.back(), 1});
    logits_ = result.logits;
    if (result.cancelled) stop_ = StopReason::kInterrupt;
    return !result.cancelled;
  }

  TokenId choose(Context& ctx) {
    const TimedItem timed(ctx.ledger, "sample");
    const TokenId id = sampler_.sample({logits_.row(0), logits_.cols}, &ctx.kernels);
    sampler_.accept(id);
    return id;
  }

  Decoder& decoder_;
  Sampler& sampler_;
  const Tokenizer& tokenizer_;
  GeneratorOptions options_;
  TextStream stream_;
  StopTexts stops_;
  ConstRows logits_;
  std::vector<TokenId> ids_;
  StopReason stop_ = StopReason::kNone;
};

}  // namespace EDGEK_ABI
}  // namespace edgek

#endif  // EDGEK_MODEL_GENERATOR_HPP_
