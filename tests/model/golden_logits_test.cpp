// The answer, pinned: the SHA-256 of the logits of tiny models, one for each format. Every kernel set on every
// machine must give these hashes. A deliberate change of a definition changes them in the same commit, with the
// reason in docs/numerics.md; a failing run prints the new ones.

#include <cmath>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "edgek/edgek.hpp"
#include "edgek/model/decoder.hpp"
#include "model/sha256.hpp"
#include "model/tiny_model.hpp"
#include "support/wanted_sets.hpp"

namespace {

using namespace edgek;
using edgek::testing::Sha256;
using edgek::testing::tiny_tokens;
using edgek::testing::TinyModel;

struct Golden {
  Format format;
  bool exact;
  const char* sha256;
};

constexpr Golden kGolden[] = {
#include "model/golden_logits.inc"
};

std::string hash_of(const KernelSet& set, const Golden& g) {
  const std::vector<std::byte> bytes = TinyModel{.format = g.format, .tied = false, .rope_factors = true}.bytes();
  const Model model(bytes, "tiny.gguf");
  ThreadPool pool(2);
  Context ctx{.executor = pool, .kernels = set};
  Decoder decoder(model, {.exact = g.exact, .batch = 10});
  const ConstRows logits = decoder.evaluate(ctx, tiny_tokens(24), Logits::kEvery).logits;
  const std::span<const float> all(logits.data, logits.count * logits.cols);
  for (const float logit : all) EXPECT_TRUE(std::isfinite(logit));
  return Sha256::of(std::as_bytes(all));
}

TEST(Sha256, IsSha256) {
  EXPECT_EQ(Sha256::of({}), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  const std::string abc = "abc";
  EXPECT_EQ(Sha256::of(std::as_bytes(std::span(abc))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(GoldenLogits, CoverEveryFormatInBothModes) {
  std::size_t covered = 0;
  for (const FormatInfo& f : kFormats)
    for (const bool exact : {false, true})
      for (const Golden& g : kGolden) covered += g.format == f.format && g.exact == exact;
  EXPECT_EQ(covered, 2 * kFormatCount);
}

TEST(GoldenLogits, OfEverySet) {
  for (const Golden& g : kGolden)
    for (const KernelSet* set : test::wanted_sets())
      EXPECT_EQ(hash_of(*set, g), g.sha256) << info(g.format).name << " exact " << g.exact << " " << set->name;
}

}  // namespace
