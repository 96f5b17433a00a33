#include "context_sweep.hpp"

#include "common.hpp"

namespace edgek::cli {

namespace {

/// One token at the position before `length`. False: interrupted.
bool write_token_at(Context& ctx, Decoder& decoder, Sampler& sampler, TokenId token, std::size_t length) {
  decoder.rewind(length - 1);
  const Decoder::Result result = decoder.evaluate(ctx, {&token, 1});
  if (result.cancelled) return false;
  const TimedItem timed(ctx.ledger, "sample");
  sampler.sample({result.logits.row(0), result.logits.cols}, &ctx.kernels);
  return true;
}

bool watch_context(Context& ctx, Decoder& decoder, Sampler& sampler, TokenId token, WatchedContext& out) {
  // A token that is not measured: it makes the room that all others use.
  bool more = write_token_at(ctx, decoder, sampler, token, out.context);
  RecordingLedger& ledger = out.watch.ledger;
  ctx.ledger = &ledger;
  for (std::size_t i = 0; more && i < out.watch.spans.size(); ++i) {
    ledger.begin_token();
    more = write_token_at(ctx, decoder, sampler, token, out.context);
    ledger.end_token();
  }
  ctx.ledger = nullptr;
  return more;
}

}  // namespace

bool sweep_contexts(Context& ctx, Decoder& decoder, Sampler& sampler, TokenId token,
                    const std::vector<std::size_t>& lengths, std::size_t tokens, std::deque<WatchedContext>& out) {
  Progress progress("measuring contexts");
  for (const std::size_t length : lengths) {
    if (decoder.position() < length - 1) decoder.fill(length - 1);
    if (!watch_context(ctx, decoder, sampler, token, out.emplace_back(length, tokens))) return false;
    progress.update(out.size(), lengths.size());
  }
  return true;
}

std::vector<ContextPoint> attribute_contexts(std::deque<WatchedContext>& watched, const Roofs& roofs) {
  std::vector<ContextPoint> points;
  for (WatchedContext& w : watched) points.push_back({w.context, attribute(w.watch.ledger, roofs)});
  return points;
}

}  // namespace edgek::cli
