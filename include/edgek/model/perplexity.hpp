#ifndef EDGEK_MODEL_PERPLEXITY_HPP_
#define EDGEK_MODEL_PERPLEXITY_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "edgek/detail/abi.hpp"
#include "edgek/model/decoder.hpp"
#include "edgek/runtime/context.hpp"

namespace edgek {
inline namespace EDGEK_ABI {

/// How surprised a model is by a text, in windows that know nothing of each other.
struct Perplexity {
  double perplexity = 0;              ///< exp of the mean over all windows
  double perplexity_second_half = 0;  ///< over the second half of each window: what llama-perplexity prints
  std::vector<double> windows;        ///< mean negative log-likelihood of each window's tokens but the first, nat
};

/// -log of the probability that logits (count) give to `id`, in double.
inline double negative_log_likelihood(const float* logits, std::size_t count, std::size_t id) noexcept {
  const double max = static_cast<double>(*std::max_element(logits, logits + count));
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += std::exp(static_cast<double>(logits[i]) - max);
  return std::log(sum) + max - static_cast<double>(logits[id]);
}

/// Cuts `ids` into windows of `window` tokens from the start (a shorter rest is left out) and evaluates each
/// from an empty context. Rewinds the decoder. `progress` is told of windows done and windows in all.
/// Throws edgek::Error where there is not one window, or the decoder has no room for one.
inline Perplexity measure_perplexity(Context& ctx, Decoder& decoder, std::span<const std::int32_t> ids,
                                     std::size_t window,
                                     const std::function<void(std::size_t, std::size_t)>& progress = {}) {
  const std::string& file = decoder.model().gguf().file();
  if (window < 2) throw Error(file, "window", std::to_string(window), "at least 2 tokens");
  if (ids.size() < window)
    throw Error(file, "text", std::to_string(ids.size()) + " tokens",
                "at least one window of " + std::to_string(window));
  Perplexity result;
  double all = 0, second = 0;
  const std::size_t count = ids.size() / window, half = window / 2;
  for (std::size_t w = 0; w < count; ++w) {
    const std::span<const std::int32_t> tokens = ids.subspan(w * window, window);
    decoder.rewind(0);
    double sum = 0;
    for (std::size_t at = 0; at < window;) {
      const std::size_t batch = std::min(decoder.options().batch, window - at);
      const ConstRows logits = decoder.evaluate(ctx, tokens.subspan(at, batch), Logits::kEvery).logits;
      for (std::size_t t = at; t < std::min(at + batch, window - 1); ++t) {
        const double nll =
            negative_log_likelihood(logits.row(t - at), logits.cols, static_cast<std::size_t>(tokens[t + 1]));
        sum += nll;
        if (t + 1 >= half) second += nll;
      }
      at += batch;
    }
    all += sum;
    result.windows.push_back(sum / static_cast<double>(window - 1));
    if (progress) progress(w + 1, count);
  }
  decoder.rewind(0);
  result.perplexity = std::exp(all / static_cast<double>(count * (window - 1)));
  result.perplexity_second_half = std::exp(second / static_cast<double>(count * (window - half)));
  return result;
}

}  // namespace EDGEK_ABI
}  // namespace edgek

#endif  // EDGEK_MODEL_PERPLEXITY_HPP_
