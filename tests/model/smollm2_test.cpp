// SmolLM2-135M against results computed in double from the same file. Needs EDGEK_SMOLLM2 (the GGUF file)
// and EDGEK_REFERENCE_DIR (the folder that holds smollm2/: prompts.json, perplexity.json, NAME.logits.f32).
// EDGEK_TARGET names the kernel set; without it the best one runs, which gives the same bits.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "edgek/edgek.hpp"
#include "edgek/model/decoder.hpp"
#include "edgek/runtime/thread_pool.hpp"

namespace {

const edgek::KernelSet& chosen_kernels() {
  const char* name = std::getenv("EDGEK_TARGET");
  const edgek::KernelSet* set = name ? edgek::find_kernels(name) : &edgek::kernels();
  if (set == nullptr) std::abort();  // a wrong name in the environment
  return *set;
}

using edgek::ConstRows;
using edgek::Logits;

/// How far from the reference a mode may be.
struct Bounds {
  double rms, max, kl, perplexity;
};
constexpr Bounds kDefaultBounds{0.2, 1.0, 0.01, 0.005};
constexpr Bounds kExactBounds{0.002, 0.01, 0.01, 0.0001};

class SmolLm2 : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    const char* model = std::getenv("EDGEK_SMOLLM2");
    const char* folder = std::getenv("EDGEK_REFERENCE_DIR");
    if (!model || !folder) GTEST_SKIP() << "NOT CHECKED: set EDGEK_SMOLLM2 and EDGEK_REFERENCE_DIR";
    folder_ = std::string(folder) + "/smollm2/";
    model_ = std::make_unique<edgek::Model>(std::string(model));
  }

  edgek::Decoder decoder() const { return edgek::Decoder(*model_, {.context = 1024, .exact = GetParam()}); }
  static const Bounds& bounds() { return GetParam() ? kExactBounds : kDefaultBounds; }

  nlohmann::json json(const std::string& name) const { return nlohmann::json::parse(std::ifstream(folder_ + name)); }

  std::vector<float> reference_logits(const std::string& name) const {
    std::vector<float> out(model_->config().vocabulary);
    std::ifstream file(folder_ + name + ".logits.f32", std::ios::binary);
    file.read(reinterpret_cast<char*>(out.data()), static_cast<std::streamsize>(out.size() * sizeof(float)));
    EXPECT_TRUE(file) << name;
    return out;
  }

  std::string folder_;
  std::unique_ptr<edgek::Model> model_;
  edgek::ThreadPool pool_{2};
  edgek::Context ctx_{.executor = pool_, .kernels = chosen_kernels()};
};

/// Logarithm of the sum of exponentials.
double log_sum(const float* logits, std::size_t count) {
  const double max = *std::max_element(logits, logits + count);
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += std::exp(logits[i] - max);
  return max + std::log(sum);
}

void expect_close(const float* ours, const std::vector<float>& reference, const Bounds& bounds) {
  const double ours_sum = log_sum(ours, reference.size()), ref_sum = log_sum(reference.data(), reference.size());
  double squares = 0, max = 0, kl = 0;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    const double difference = static_cast<double>(ours[i]) - static_cast<double>(reference[i]);
    squares += difference * difference;
    max = std::max(max, std::abs(difference));
    const double log_p = static_cast<double>(reference[i]) - ref_sum;
    kl += std::exp(log_p) * (log_p - (static_cast<double>(ours[i]) - ours_sum));
  }
  const double rms = std::sqrt(squares / static_cast<double>(reference.size()));
  EXPECT_LE(rms, bounds.rms);
  EXPECT_LE(max, bounds.max);
  EXPECT_LE(kl, bounds.kl);
  std::printf("  rms %.5f (%.3f)  max %.5f (%.3f)  KL %.6f (%.3f)\n", rms, bounds.rms, max, bounds.max, kl, bounds.kl);
}

std::size_t at(std::int32_t id) { return static_cast<std::size_t>(id); }

std::size_t best(const float* logits, std::size_t count) {
  return static_cast<std::size_t>(std::max_element(logits, logits + count) - logits);
}

TEST_P(SmolLm2, LogitsOfEightPrompts) {
  for (const auto& prompt : json("prompts.json")) {
    const auto name = prompt.at("name").get<std::string>();
    SCOPED_TRACE(name);
    const auto ids = prompt.at("ids").get<std::vector<std::int32_t>>();
    edgek::Decoder d = decoder();
    const ConstRows logits = d.evaluate(ctx_, ids).logits;
    ASSERT_EQ(logits.count, 1u);
    std::printf("%s\n", name.c_str());
    expect_close(logits.row(0), reference_logits(name), bounds());
  }
}

// Given the reference's own continuation, the best token is the same wherever the reference is sure.
TEST_P(SmolLm2, TeacherForcedGreedyTokens) {
  std::size_t sure = 0;
  for (const auto& prompt : json("prompts.json")) {
    SCOPED_TRACE(prompt.at("name").get<std::string>());
    const auto greedy = prompt.at("greedy").get<std::vector<std::int32_t>>();
    const auto margin = prompt.at("margin").get<std::vector<double>>();
    edgek::Decoder d = decoder();
    ConstRows logits = d.evaluate(ctx_, prompt.at("ids").get<std::vector<std::int32_t>>()).logits;
    for (std::size_t i = 0; i < greedy.size(); ++i) {
      if (margin[i] > 2 * bounds().max) {
        ++sure;
        EXPECT_EQ(best(logits.row(0), logits.cols), at(greedy[i])) << "token " << i;
      }
      logits = d.evaluate(ctx_, {&greedy[i], 1}).logits;
    }
  }
  EXPECT_GT(sure, 100u);
}

TEST_P(SmolLm2, Perplexity) {
  const nlohmann::json reference = json("perplexity.json");
  const auto ids = reference.at("ids").get<std::vector<std::int32_t>>();
  const auto length = reference.at("window").get<std::size_t>();
  double sum = 0;
  std::size_t count = 0;
  for (std::size_t start = 0; start + length <= ids.size(); start += length) {
    const std::span window(&ids[start], length);
    edgek::Decoder d = decoder();
    const ConstRows logits = d.evaluate(ctx_, window, Logits::kEvery).logits;
    for (std::size_t t = 0; t + 1 < window.size(); ++t, ++count)
      sum += log_sum(logits.row(t), logits.cols) - static_cast<double>(logits.row(t)[at(window[t + 1])]);
  }
  const double perplexity = std::exp(sum / static_cast<double>(count));
  const auto expected = reference.at("perplexity").get<double>();
  std::printf("perplexity %.5f, reference %.5f, %+.4f %%\n", perplexity, expected,
              100 * (perplexity / expected - 1));
  EXPECT_LE(std::abs(perplexity / expected - 1), bounds().perplexity);
}

INSTANTIATE_TEST_SUITE_P(Modes, SmolLm2, testing::Bool(),
                         [](const auto& mode) { return mode.param ? "exact" : "standard"; });

}  // namespace
