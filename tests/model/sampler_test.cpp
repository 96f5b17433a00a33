#include "edgek/model/sampler.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "edgek/kernels/kernels.hpp"

namespace edgek {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::vector<float> random_logits(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<float> out(count);
  for (float& x : out) x = static_cast<float>(static_cast<int>(random() % 4001) - 2000) / 200.0f;
  return out;
}

/// How often each token is drawn.
std::map<TokenId, int> counts(const std::vector<float>& logits, SamplerOptions options, int draws) {
  Sampler sampler(logits.size(), options);
  std::map<TokenId, int> out;
  for (int i = 0; i < draws; ++i) ++out[sampler.sample(logits)];
  return out;
}

std::set<TokenId> chosen(const std::vector<float>& logits, SamplerOptions options) {
  std::set<TokenId> out;
  // Hot, so that whatever is left in the choice does come up.
  options.temperature = 1000.0f;
  for (const auto& [id, count] : counts(logits, options, 4000)) out.insert(id);
  return out;
}

TEST(SplitMix64, GivesTheNumbersOfItsDefinition) {
  SplitMix64 random(1234567);
  // The first outputs for this seed in the public reference.
  const std::array<std::uint64_t, 3> wanted = {6457827717110365317u, 3203168211198807973u, 9817491932198370423u};
  for (const std::uint64_t value : wanted) EXPECT_EQ(random.next(), value);
  for (int i = 0; i < 1000; ++i) {
    const double unit = random.next_unit();
    EXPECT_GE(unit, 0.0);
    EXPECT_LT(unit, 1.0);
  }
}

TEST(Sampler, GreedyTakesTheLargestAndOfEqualOnesTheFirst) {
  Sampler sampler(5, {});
  EXPECT_EQ(sampler.sample(std::vector<float>{1, 3, 2, 3, 0}), 1);
  EXPECT_EQ(sampler.sample(std::vector<float>{-1, -3, -0.0f, 0.0f, -2}), 2) << "-0 equals 0";
}

TEST(Sampler, NanNeverWinsAndNothingGivesTokenZero) {
  for (const float temperature : {0.0f, 0.7f}) {
    SamplerOptions options{.temperature = temperature};
    Sampler sampler(3, options);
    for (int i = 0; i < 50; ++i) {
      EXPECT_EQ(sampler.sample(std::vector<float>{kNan, -kInfinity, -5}), 2);
      EXPECT_EQ(sampler.sample(std::vector<float>{kNan, kNan, -kInfinity}), 0);
      EXPECT_EQ(sampler.sample(std::vector<float>{0, kInfinity, 1}), 1);
    }
  }
}

TEST(Sampler, DrawsInProportion) {
  const std::vector<float> logits = {std::log(0.5f), std::log(0.3f), std::log(0.2f)};
  const auto got = counts(logits, {.temperature = 1.0f, .seed = 3}, 20000);
  // Four standard deviations of a binomial.
  EXPECT_NEAR(got.at(0), 10000, 4 * std::sqrt(20000 * 0.5 * 0.5));
  EXPECT_NEAR(got.at(1), 6000, 4 * std::sqrt(20000 * 0.3 * 0.7));
  EXPECT_NEAR(got.at(2), 4000, 4 * std::sqrt(20000 * 0.2 * 0.8));
}

TEST(Sampler, TemperatureDividesTheLogits) {
  const std::vector<float> logits = {0.0f, std::log(3.0f)};
  const auto got = counts(logits, {.temperature = 0.5f, .seed = 4}, 20000);  // odds 1 : 9
  EXPECT_NEAR(got.at(0), 2000, 4 * std::sqrt(20000 * 0.1 * 0.9));
}

TEST(Sampler, TopKKeepsTheKLikeliestTiesByLowerId) {
  const std::vector<float> logits = {1, 5, 3, 3, 3, 0};
  EXPECT_EQ(chosen(logits, {.top_k = 1}), (std::set<TokenId>{1}));
  EXPECT_EQ(chosen(logits, {.top_k = 3}), (std::set<TokenId>{1, 2, 3}));
  EXPECT_EQ(chosen(logits, {.top_k = 100}).size(), 6u);
  EXPECT_EQ(chosen(logits, {.top_k = 0}).size(), 6u);
}

TEST(Sampler, TopPKeepsTheFewestThatReachIt) {
  const std::vector<float> logits = {std::log(0.1f), std::log(0.4f), std::log(0.2f), std::log(0.3f)};
  EXPECT_EQ(chosen(logits, {.top_p = 0.0f}), (std::set<TokenId>{1}));
  EXPECT_EQ(chosen(logits, {.top_p = 0.39f}), (std::set<TokenId>{1}));
  EXPECT_EQ(chosen(logits, {.top_p = 0.41f}), (std::set<TokenId>{1, 3}));
  EXPECT_EQ(chosen(logits, {.top_p = 0.89f}), (std::set<TokenId>{1, 2, 3}));
  EXPECT_EQ(chosen(logits, {.top_p = 1.0f}).size(), 4u);
}

TEST(Sampler, MinPIsRelativeToTheLikeliest) {
  const std::vector<float> logits = {std::log(0.1f), std::log(0.4f), std::log(0.2f), std::log(0.3f)};
  EXPECT_EQ(chosen(logits, {.min_p = 0.8f}), (std::set<TokenId>{1}));
  EXPECT_EQ(chosen(logits, {.min_p = 0.7f}), (std::set<TokenId>{1, 3}));
  EXPECT_EQ(chosen(logits, {.min_p = 0.45f}), (std::set<TokenId>{1, 2, 3}));
  EXPECT_EQ(chosen(logits, {.min_p = 1.0f}), (std::set<TokenId>{1}));
}

TEST(Sampler, TopKComesBeforeTopPAndTheTemperatureLast) {
  // Of the two likeliest the first has 4/7: top-p of 0.55 keeps it alone. Before top-k it would
  // have had 0.4, and two would have been kept.
  const std::vector<float> logits = {std::log(0.3f), std::log(0.4f), std::log(0.2f), std::log(0.1f)};
  EXPECT_EQ(chosen(logits, {.top_k = 2, .top_p = 0.55f}), (std::set<TokenId>{1}));
  EXPECT_EQ(chosen(logits, {.top_p = 0.55f}), (std::set<TokenId>{0, 1}));
}

/// The definition with nothing clever: sort everything, filter, draw.
TokenId plain_sample(const std::vector<float>& logits, const SamplerOptions& o, SplitMix64& random) {
  std::vector<TokenId> ids(logits.size());
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<TokenId>(i);
  const auto logit = [&](TokenId id) { return logits[static_cast<std::size_t>(id)]; };
  std::sort(ids.begin(), ids.end(), [&](TokenId a, TokenId b) {
    return logit(a) != logit(b) ? logit(a) > logit(b) : a < b;
  });
  if (o.top_k > 0 && o.top_k < ids.size()) ids.resize(o.top_k);
  const float top = logit(ids[0]);
  const auto weight = [&](TokenId id, float t) { return static_cast<double>(reference::exp((logit(id) - top) / t)); };
  double total = 0;
  for (const TokenId id : ids) total += weight(id, 1);
  double reached = 0;
  std::size_t kept = 0;
  const double enough = static_cast<double>(o.top_p) * total;
  while (kept < ids.size() && (kept == 0 || reached < enough)) reached += weight(ids[kept++], 1);
  ids.resize(o.top_p < 1 ? kept : ids.size());
  std::erase_if(ids, [&](TokenId id) { return weight(id, 1) < static_cast<double>(o.min_p); });
  total = 0;
  for (const TokenId id : ids) total += weight(id, o.temperature);
  const double target = random.next_unit() * total;
  reached = 0;
  for (const TokenId id : ids) {
    reached += weight(id, o.temperature);
    if (target < reached) return id;
  }
  return ids[0];
}

TEST(Sampler, EqualsThePlainDefinitionOnALargeVocabulary) {
  for (const float top_p : {0.5f, 0.9f, 0.9999f}) {
    for (const std::size_t top_k : {std::size_t{0}, std::size_t{40}, std::size_t{3000}}) {
      // Flat logits: thousands of tokens are needed to reach top-p.
      std::vector<float> logits = random_logits(5000, 8);
      for (float& x : logits) x *= 0.1f;
      const SamplerOptions options{.top_k = top_k, .top_p = top_p, .min_p = 0.01f, .temperature = 0.8f, .seed = 42};
      Sampler sampler(logits.size(), options);
      SplitMix64 random(42);
      for (int i = 0; i < 20; ++i) EXPECT_EQ(sampler.sample(logits), plain_sample(logits, options, random));
    }
  }
}

TEST(Sampler, SameSeedSameTokens) {
  const std::vector<float> logits = random_logits(300, 9);
  const auto run = [&](std::uint64_t seed) {
    Sampler sampler(logits.size(), {.temperature = 1.5f, .seed = seed});
    std::vector<TokenId> out;
    for (int i = 0; i < 40; ++i) out.push_back(sampler.sample(logits));
    return out;
  };
  EXPECT_EQ(run(5), run(5));
  EXPECT_NE(run(5), run(6));
}

TEST(Sampler, GreedyIsTheSameTokenByEveryKernelSet) {
  std::vector<std::vector<float>> cases = {{kNan, -kInfinity, -kInfinity}, {-kInfinity, kNan, -5.0f}, {kNan, kNan}};
  for (unsigned seed = 0; seed < 20; ++seed) cases.push_back(random_logits(1 + 97 * seed, seed));
  for (const std::vector<float>& logits : cases)
    for (const KernelSet* set : all_kernels()) {
      Sampler sampler(logits.size(), {});
      EXPECT_EQ(sampler.sample(logits, set), sampler.sample(logits)) << set->name << ", " << logits.size() << " logits";
    }
}

TEST(Sampler, KernelsDoNotPassOverThePenalty) {
  Sampler sampler(2, {.repeat_penalty = 2.0f});
  sampler.accept(0);
  EXPECT_EQ(sampler.sample(std::vector<float>{3.0f, 2.0f}, all_kernels()[0]), 1);
}

TEST(Sampler, ThePenaltyPushesRecentTokensDownWhateverTheirSign) {
  Sampler sampler(3, {.repeat_penalty = 2.0f, .repeat_window = 2});
  const std::vector<float> up = {3.0f, 2.0f, 1.0f};
  EXPECT_EQ(sampler.sample(up), 0);
  sampler.accept(0);
  EXPECT_EQ(sampler.sample(up), 1) << "3 / 2 is below 2";
  const std::vector<float> down = {-1.0f, -1.5f, -9.0f};
  EXPECT_EQ(sampler.sample(down), 1) << "-1 * 2 is below -1.5";
  sampler.accept(2);
  EXPECT_EQ(sampler.sample(up), 1) << "two tokens are recent";
  sampler.accept(2);
  EXPECT_EQ(sampler.sample(up), 0) << "and no third";
  sampler.accept(-1);
  sampler.accept(3);
  EXPECT_EQ(sampler.sample(up), 0) << "ids out of range are nobody's";
}

TEST(Sampler, RefusesOptionsOutOfRange) {
  const std::vector<SamplerOptions> bad = {
      {.temperature = -1.0f},   {.temperature = kNan}, {.temperature = kInfinity}, {.top_p = -0.1f},
      {.top_p = 1.1f},          {.top_p = kNan},       {.min_p = 2.0f},            {.min_p = -1.0f},
      {.repeat_penalty = 0.0f}, {.repeat_penalty = -1.0f}, {.repeat_penalty = kInfinity},
  };
  for (const SamplerOptions& options : bad) EXPECT_THROW(Sampler(10, options), Error);
}

}  // namespace
}  // namespace edgek
