#ifndef EDGEK_MODEL_SAMPLER_HPP_
#define EDGEK_MODEL_SAMPLER_HPP_

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "edgek/kernels/kernel_set.hpp"
#include "edgek/model/error.hpp"
#include "edgek/model/vocabulary.hpp"
#include "edgek/reference/exp.hpp"

namespace edgek {

/// The generator SplitMix64: the same numbers from a seed on every platform and library, unlike the
/// distributions of <random>.
class SplitMix64 {
 public:
  explicit constexpr SplitMix64(std::uint64_t seed = 0) noexcept : state_(seed) {}

  constexpr std::uint64_t next() noexcept {
    state_ += 0x9E3779B97F4A7C15u;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }

  /// A multiple of 2^-53 in [0, 1): the upper 53 bits of next().
  constexpr double next_unit() noexcept { return static_cast<double>(next() >> 11) * 0x1p-53; }

 private:
  std::uint64_t state_;
};

/// What a Sampler does with the logits, in the order of the members. The defaults choose the
/// likeliest token always.
struct SamplerOptions {
  float repeat_penalty = 1.0f;     ///< recent tokens: a logit above 0 is divided by it, another multiplied; 1: off
  std::size_t repeat_window = 64;  ///< how many tokens count as recent
  std::size_t top_k = 0;           ///< only the k likeliest; 0: all
  float top_p = 1.0f;              ///< only the likeliest that together reach this probability
  float min_p = 0.0f;              ///< only those at least this likely, relative to the likeliest
  float temperature = 0.0f;        ///< logits are divided by it; 0: the likeliest token, nothing drawn
  std::uint64_t seed = 0;
};

/// Chooses a token from logits. The choice depends on the options, the logits and the calls before
/// alone: exp is the reference's, sums are in a fixed order, equal logits rank by lower id. A NaN
/// ranks as minus infinity; where nothing is above that, the choice is token 0. Allocates only when
/// made. One thread at a time.
class Sampler {
 public:
  /// `vocabulary_size` > 0. Throws edgek::Error for an option out of range.
  Sampler(std::size_t vocabulary_size, const SamplerOptions& options)
      : options_(options), random_(options.seed), candidates_(vocabulary_size), last_seen_(vocabulary_size, 0) {
    check("temperature", options.temperature, 0.0f, std::numeric_limits<float>::max());
    check("top-p", options.top_p, 0.0f, 1.0f);
    check("min-p", options.min_p, 0.0f, 1.0f);
    check("repeat-penalty", options.repeat_penalty, std::numeric_limits<float>::min(),
          std::numeric_limits<float>::max());
  }

  /// Tells of a token of the conversation, prompt or answer: what the repeat penalty goes by.
  void accept(TokenId id) noexcept {
    if (id < 0 || static_cast<std::size_t>(id) >= last_seen_.size()) return;
    last_seen_[static_cast<std::size_t>(id)] = ++accepted_;
  }

  /// The next token. logits: (vocabulary_size). With `kernels`, the likeliest token by the logits alone is
  /// found by their argmax: the same token, sooner.
  TokenId sample(std::span<const float> logits, const KernelSet* kernels = nullptr) noexcept {
    const bool by_logits_alone = options_.temperature == 0.0f && options_.repeat_penalty == 1.0f;
    if (by_logits_alone && kernels != nullptr) return argmax(logits, *kernels);
    for (std::size_t i = 0; i < candidates_.size(); ++i)
      candidates_[i] = {penalized(logits[i], i), static_cast<TokenId>(i)};
    kept_ = candidates_.size();
    sorted_ = 0;
    if (options_.temperature == 0.0f) return likeliest().id;
    keep_top_k();
    keep_top_p();
    keep_min_p();
    return draw();
  }

 private:
  struct Candidate {
    float logit;
    TokenId id;
  };

  static bool likelier(const Candidate& a, const Candidate& b) noexcept {
    return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
  }

  static void check(std::string_view option, float value, float min, float max) {
    if (!(value >= min && value <= max))
      throw Error("", option, std::to_string(value), std::to_string(min) + " to " + std::to_string(max));
  }

  static constexpr float kNever = -std::numeric_limits<float>::infinity();

  static TokenId argmax(std::span<const float> logits, const KernelSet& kernels) noexcept {
    const std::size_t best = kernels.argmax(logits.data(), logits.size());
    return logits[best] > kNever ? static_cast<TokenId>(best) : 0;
  }

  float penalized(float logit, std::size_t id) const noexcept {
    if (std::isnan(logit)) return kNever;
    // last_seen_ counts from 1; 0: not seen.
    const bool recent = last_seen_[id] != 0 && accepted_ - last_seen_[id] < options_.repeat_window;
    if (!recent || options_.repeat_penalty == 1.0f) return logit;
    return logit > 0.0f ? logit / options_.repeat_penalty : logit * options_.repeat_penalty;
  }

  const Candidate& likeliest() const noexcept {
    const auto end = candidates_.begin() + static_cast<std::ptrdiff_t>(kept_);
    return *std::min_element(candidates_.begin(), end, likelier);
  }

  // exp(logit - top), 1 for the top itself even where it is infinite.
  static float weight(float logit, float top, float temperature) noexcept {
    return logit == top ? 1.0f : reference::exp((logit - top) / temperature);
  }

  // Puts the `count` likeliest of the kept candidates in front, in order.
  void sort_front(std::size_t count) noexcept {
    if (count <= sorted_) return;
    const auto at = [this](std::size_t i) { return candidates_.begin() + static_cast<std::ptrdiff_t>(i); };
    if (count < kept_) std::nth_element(at(sorted_), at(count), at(kept_), likelier);
    std::sort(at(sorted_), at(count), likelier);
    sorted_ = count;
  }

  void keep_top_k() noexcept {
    if (options_.top_k == 0 || options_.top_k >= kept_) return;
    sort_front(options_.top_k);
    kept_ = options_.top_k;
  }

  // Sorting all of a vocabulary costs milliseconds; a few hundred tokens nearly always suffice.
  void keep_top_p() noexcept {
    if (options_.top_p >= 1.0f) return;
    constexpr std::size_t kFirstSorted = 256;
    const float top = likeliest().logit;
    double total = 0.0;
    for (std::size_t i = 0; i < kept_; ++i) total += static_cast<double>(weight(candidates_[i].logit, top, 1.0f));
    const double enough = static_cast<double>(options_.top_p) * total;
    double reached = 0.0;
    std::size_t count = 0;
    do {
      if (count == sorted_) sort_front(std::min(kept_, std::max(kFirstSorted, sorted_ * 2)));
      reached += static_cast<double>(weight(candidates_[count].logit, top, 1.0f));
      ++count;
    } while (count < kept_ && reached < enough);
    kept_ = count;
  }

  void keep_min_p() noexcept {
    if (options_.min_p <= 0.0f) return;
    const float top = likeliest().logit;
    std::size_t count = 0;
    for (std::size_t i = 0; i < kept_; ++i)
      if (weight(candidates_[i].logit, top, 1.0f) >= options_.min_p) candidates_[count++] = candidates_[i];
    kept_ = count;
  }

  TokenId draw() noexcept {
    const Candidate best = likeliest();
    const auto chance = [&](std::size_t i) {
      return static_cast<double>(weight(candidates_[i].logit, best.logit, options_.temperature));
    };
    double total = 0.0;
    for (std::size_t i = 0; i < kept_; ++i) total += chance(i);
    const double target = random_.next_unit() * total;
    // Nothing is above minus infinity: every weight is 1, and the promise is token 0.
    if (best.logit == kNever) return best.id;
    double reached = 0.0;
    for (std::size_t i = 0; i < kept_; ++i) {
      reached += chance(i);
      if (target < reached) return candidates_[i].id;
    }
    return best.id;  // target < total = the last `reached`: not come to
  }

  SamplerOptions options_;
  SplitMix64 random_;
  std::vector<Candidate> candidates_;  // the first kept_ are still in the choice
  std::size_t kept_ = 0;
  std::size_t sorted_ = 0;  // of these, how many in front are in order
  std::vector<std::uint64_t> last_seen_;
  std::uint64_t accepted_ = 0;
};

}  // namespace edgek

#endif  // EDGEK_MODEL_SAMPLER_HPP_
