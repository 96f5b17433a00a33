#include "edgek/reference/activations.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "support/packed.hpp"
#include "support/random.hpp"

namespace edgek::test {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(Quantize, TiesGoToEven) {
  // amax = 127 makes d = 1 and the factor exactly 1.
  float x[32] = {127.0f, 0.5f, 1.5f, 2.5f, -0.5f, -1.5f, -2.5f, 126.5f, 0.50000006f, -3.4999998f};
  const int expected[10] = {127, 0, 2, 2, 0, -2, -2, 126, 1, -3};
  std::int8_t q[32];
  EXPECT_EQ(reference::quantize(x, 32, q), 1.0f);
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(q[i], expected[i]) << i;
}

TEST(Quantize, RoundsTheProductNotAFusedOne) {
  // The oracle rounds the float product with the standard library's nearbyint.
  Random random(1);
  for (int trial = 0; trial < 2000; ++trial) {
    const std::vector<float> x = random.normals(32, 3.0f);
    std::int8_t q[32];
    const float d = reference::quantize(x.data(), 32, q);
    float amax = 0;
    for (const float v : x) amax = std::max(amax, std::abs(v));
    EXPECT_EQ(d, amax / 127.0f);
    for (std::size_t i = 0; i < 32; ++i) {
      volatile float product = x[i] * (127.0f / amax);
      ASSERT_EQ(static_cast<float>(q[i]), std::nearbyint(product)) << "trial " << trial << ", " << i;
    }
  }
}

TEST(Quantize, ErrorIsHalfAStep) {
  Random random(2);
  for (const float deviation : {1e-20f, 1.0f, 1e20f}) {
    const std::vector<float> x = random.normals(256, deviation);
    std::int8_t q[256];
    const double d = static_cast<double>(reference::quantize(x.data(), 256, q));
    for (std::size_t i = 0; i < 256; ++i)
      EXPECT_LE(std::abs(static_cast<double>(x[i]) - d * q[i]), d * (0.5 + 127 * 0x1p-22)) << i;
  }
}

TEST(Quantize, TheSmallestAmaxIsTwoToTheMinusHundred) {
  std::int8_t q[32];
  std::vector<float> x(32, 0.0f);
  x[3] = -0x1p-100f;
  EXPECT_EQ(reference::quantize(x.data(), 32, q), 0x1p-100f / 127.0f);
  EXPECT_EQ(q[3], -127);
  x[3] = std::nextafter(-0x1p-100f, 0.0f);
  EXPECT_EQ(reference::quantize(x.data(), 32, q), 0.0f);
  EXPECT_EQ(q[3], 0);
}

TEST(Quantize, LargestFloatIsOrdinary) {
  std::vector<float> x(32, std::numeric_limits<float>::max());
  x[1] = -x[0];
  std::int8_t q[32];
  EXPECT_EQ(reference::quantize(x.data(), 32, q), std::numeric_limits<float>::max() / 127.0f);
  EXPECT_EQ(q[0], 127);
  EXPECT_EQ(q[1], -127);
}

TEST(Quantize, OneBadValueMakesTheScaleNan) {
  for (const float bad : {kInf, -kInf, kNan}) {
    for (const std::size_t at : {std::size_t{0}, std::size_t{31}}) {
      std::vector<float> x(32, 1.0f);
      x[at] = bad;
      std::int8_t q[32];
      EXPECT_TRUE(std::isnan(reference::quantize(x.data(), 32, q)));
      for (const std::int8_t v : q) EXPECT_EQ(v, 0);
    }
  }
}

TEST(PackA32, BlocksAreTheirOwnAndPaddingIsZero) {
  const std::size_t cols = 96;
  std::vector<float> x = Random(3).normals(cols, 1.0f);
  x[40] = kNan;
  const AlignedBytes out = pack(Activation::kA32, x);
  const PackedA32 p = packed_a32(out.data(), cols);
  for (std::size_t b = 0; b < 3; ++b) {
    std::int8_t q[32];
    EXPECT_TRUE(same_bits(p.d[b], reference::quantize(x.data() + 32 * b, 32, q)));
    int sum = 0;
    for (std::size_t i = 0; i < 32; ++i) {
      EXPECT_EQ(p.q[32 * b + i], q[i]);
      sum += q[i];
    }
    EXPECT_EQ(p.sum[b], sum);
  }
  ASSERT_EQ(out.size(), 128u + 64 + 64);
  for (std::size_t i = 96; i < 128; ++i) EXPECT_EQ(out.data()[i], std::byte{0});
  for (std::size_t i = 128 + 12; i < 192; ++i) EXPECT_EQ(out.data()[i], std::byte{0});
  for (std::size_t i = 192 + 12; i < 256; ++i) EXPECT_EQ(out.data()[i], std::byte{0});
}

TEST(PackA256, SumsAreOfSixteen) {
  const std::size_t cols = 768;
  const std::vector<float> x = Random(4).normals(cols, 1.0f);
  const AlignedBytes out = pack(Activation::kA256, x);
  const PackedA256 p = packed_a256(out.data(), cols);
  for (std::size_t b = 0; b < 3; ++b) {
    std::int8_t q[256];
    EXPECT_EQ(p.d[b], reference::quantize(x.data() + 256 * b, 256, q));
    for (std::size_t i = 0; i < 256; ++i) EXPECT_EQ(p.q[256 * b + i], q[i]);
  }
  for (std::size_t s = 0; s < cols / 16; ++s) {
    int sum = 0;
    for (std::size_t i = 0; i < 16; ++i) sum += p.q[16 * s + i];
    EXPECT_EQ(p.sum[s], sum);
  }
}

TEST(PackF32, CopiesAndPads) {
  const std::vector<float> x = Random(5).normals(19, 1.0f);
  const AlignedBytes out = pack(Activation::kF32, x);
  ASSERT_EQ(out.size(), 128u);
  for (std::size_t i = 0; i < 19; ++i) EXPECT_EQ(reinterpret_cast<const float*>(out.data())[i], x[i]);
  for (std::size_t i = 76; i < 128; ++i) EXPECT_EQ(out.data()[i], std::byte{0});
}

}  // namespace
}  // namespace edgek::test
