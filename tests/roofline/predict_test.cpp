#include "edgek/roofline/predict.hpp"

#include <string_view>

#include <gtest/gtest.h>

namespace edgek {
namespace {

// 1.7 billion weights in one matrix: the textbook's model.
std::vector<WeightUse> textbook() { return {{Format::kF16, 830'078, 2048, true}}; }

TEST(Predict, TextbookExampleAtHalfPrecision) {
  const Prediction p = predict(textbook(), Format::kF16, 0, 100);
  EXPECT_NEAR(p.ceiling_tokens_per_s, 29.4, 0.1);
}

TEST(Predict, FourBitsAreFourAndAHalf) {
  // At half a byte per weight the textbook says 118 tokens/s; scales make it 105.
  const Prediction p = predict(textbook(), Format::kQ4_0, 0, 100);
  EXPECT_NEAR(p.ceiling_tokens_per_s, 118 * 4.0 / 4.5, 0.5);
  EXPECT_EQ(p.bytes_per_token, predict(textbook(), Format::kQ4_K, 0, 100).bytes_per_token);
}

TEST(Predict, CountsKeysAndValues) {
  const std::uint64_t kv = 500'000'000;
  const Prediction without = predict(textbook(), Format::kQ8_0, 0, 50);
  const Prediction with = predict(textbook(), Format::kQ8_0, kv, 50);
  EXPECT_EQ(with.bytes_per_token, without.bytes_per_token + kv);
  EXPECT_LT(with.ceiling_tokens_per_s, without.ceiling_tokens_per_s);
}

TEST(Predict, RowsThatAFormatCannotHoldStay) {
  const std::vector<WeightUse> weights = {{Format::kQ8_0, 100, 576, true}, {Format::kQ8_0, 100, 1536, true},
                                          {Format::kF32, 1, 576, false}};
  const Prediction p = predict(weights, Format::kQ4_K, 0, 10);
  EXPECT_EQ(p.kept, 1u);
  EXPECT_EQ(p.bytes_per_token, 100 * row_bytes(Format::kQ8_0, 576) + 100 * row_bytes(Format::kQ4_K, 1536) + 576 * 4);
}

TEST(Predict, DevicesHaveASourceAndAPlausibleRate) {
  for (const Device& d : kDevices) {
    EXPECT_GT(d.nominal_gbps, 0.0) << d.name;
    EXPECT_LE(d.usable_gbps(), d.nominal_gbps) << d.name;
    EXPECT_NE(std::string_view(d.source), "") << d.name;
  }
  EXPECT_EQ(tokens_per_s(0, 10), 0.0);
  EXPECT_DOUBLE_EQ(tokens_per_s(500'000'000, 10), 20.0);
}

TEST(Predict, OneRowForEachFormat) {
  const std::vector<Prediction> all = predict_all(textbook(), 0, 100);
  ASSERT_EQ(all.size(), kPredictedFormats.size());
  for (std::size_t i = 1; i < all.size(); ++i)
    EXPECT_GE(all[i].ceiling_tokens_per_s, all[i - 1].ceiling_tokens_per_s);
}

}  // namespace
}  // namespace edgek
