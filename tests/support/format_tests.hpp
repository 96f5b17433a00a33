#ifndef EDGEK_TESTS_SUPPORT_FORMAT_TESTS_HPP_
#define EDGEK_TESTS_SUPPORT_FORMAT_TESTS_HPP_

// What holds for every weight format. Each tests/formats/*_test.cpp instantiates it for one and adds what
// is particular to it.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "edgek/formats/format_traits.hpp"
#include "support/format_vectors.hpp"
#include "support/packed.hpp"
#include "support/random.hpp"

namespace edgek::test {

// Parts of bounds of pack errors.

inline double widest(const float* x, std::size_t n) {
  double w = 0;
  for (std::size_t i = 0; i < n; ++i) w = std::max(w, std::abs(static_cast<double>(x[i])));
  return w;
}

inline double width(const float* x, std::size_t n) {
  const auto [low, high] = std::minmax_element(x, x + n);
  return static_cast<double>(*high) - static_cast<double>(*low);
}

/// What rounding a value, or a scale and so its multiple, to half may move: 2^-11 of it, or of the smallest
/// normal half's last place times the largest code.
inline double half_rounding(double value, double largest_code) {
  return std::max(value * 0x1p-11, largest_code * 0x1p-25) * 1.001;
}

/// A format, and a bound of the pack error of one block of it, given the block's floats.
template <Format F, double (*MaxError)(const float* x)>
struct FormatCase {
  static constexpr Format kFormat = F;
  static double max_error(const float* x) { return MaxError(x); }
};

template <typename Case>
class FormatTest : public testing::Test {
 protected:
  static constexpr Format kFormat = Case::kFormat;
  static constexpr std::size_t kBlock = info(kFormat).block_weights;
  static constexpr Activation kFamily = info(kFormat).activation;

  static std::vector<std::byte> packed(const std::vector<float>& x) {
    std::vector<std::byte> row(row_bytes(kFormat, x.size()));
    reference::pack_row<kFormat>(x.data(), x.size(), row.data());
    return row;
  }
  static std::vector<float> unpacked_row(const std::byte* row, std::size_t cols) {
    std::vector<float> y(cols);
    reference::unpack_row<kFormat>(row, cols, y.data());
    return y;
  }
  static std::vector<float> round_trip(const std::vector<float>& x) { return unpacked_row(packed(x).data(), x.size()); }
};
TYPED_TEST_SUITE_P(FormatTest);

TYPED_TEST_P(FormatTest, UnpacksBitForBitAsAnIndependentImplementation) {
  const FormatVectors v = read_format_vectors(this->kFormat);
  ASSERT_TRUE(v.complete);
  const std::vector<float> y = this->unpacked_row(v.blocks.data(), v.unpacked.size());
  for (std::size_t i = 0; i < y.size(); ++i)
    ASSERT_TRUE(same_bits(y[i], v.unpacked[i])) << "weight " << i << ": " << y[i] << ", expected " << v.unpacked[i];
}

TYPED_TEST_P(FormatTest, PacksAsWellAsAnIndependentImplementation) {
  const FormatVectors v = read_format_vectors(this->kFormat);
  ASSERT_TRUE(v.complete);
  const std::vector<std::byte> row = this->packed(v.inputs);
  for (std::size_t i = 0; i < v.packed.size(); ++i)
    ASSERT_EQ(row[i], v.packed[i]) << "byte " << i % info(this->kFormat).block_bytes << " of block "
                                   << i / info(this->kFormat).block_bytes;
  const std::vector<float> y = this->unpacked_row(row.data(), v.inputs.size());
  for (std::size_t b = 0; b < v.customary_error.size(); ++b) {
    double error = 0, squares = 0;
    for (std::size_t i = b * this->kBlock; i < (b + 1) * this->kBlock; ++i) {
      error += std::pow(static_cast<double>(y[i]) - static_cast<double>(v.inputs[i]), 2);
      squares += std::pow(static_cast<double>(v.inputs[i]), 2);
    }
    // Rounding the scale to half may cost 2^-11 of the weights: luck, in a block of equal weights.
    EXPECT_LE(error, v.customary_error[b] + 0x1p-22 * squares) << "block " << b;
  }
  EXPECT_NE(v.packed.empty(), v.customary_error.empty());
}

TYPED_TEST_P(FormatTest, PackErrorIsBounded) {
  Random random(1);
  for (const float deviation : {1e-3f, 0.02f, 1.0f, 50.0f}) {
    const std::vector<float> x = random.normals(64 * this->kBlock, deviation);
    const std::vector<float> y = this->round_trip(x);
    for (std::size_t b = 0; b < 64; ++b) {
      const double bound = TypeParam::max_error(x.data() + b * this->kBlock);
      for (std::size_t i = b * this->kBlock; i < (b + 1) * this->kBlock; ++i)
        ASSERT_LE(std::abs(static_cast<double>(x[i]) - static_cast<double>(y[i])), bound) << "weight " << i;
      ASSERT_LE(bound, 0.25 * widest(x.data(), x.size())) << "a bound that nothing exceeds";
    }
  }
}

TYPED_TEST_P(FormatTest, ZerosStayZero) {
  const std::vector<float> y = this->round_trip(std::vector<float>(2 * this->kBlock, 0.0f));
  for (const float v : y) EXPECT_EQ(v, 0.0f);
  const std::vector<std::byte> zeros(2 * info(this->kFormat).block_bytes);
  for (const float v : this->unpacked_row(zeros.data(), 2 * this->kBlock)) EXPECT_EQ(v, 0.0f);
}

TYPED_TEST_P(FormatTest, ConstantsKeepThreeDigits) {
  for (const float c : {0.37f, -0.37f, 1.0f, 1000.0f})
    for (const float v : this->round_trip(std::vector<float>(this->kBlock, c)))
      EXPECT_NEAR(v, c, std::abs(c) * 4e-3f);
}

TYPED_TEST_P(FormatTest, InfinitiesAndNansShow) {
  for (const float bad : {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
                          std::numeric_limits<float>::quiet_NaN()}) {
    for (const std::size_t at : {std::size_t{0}, this->kBlock - 1}) {
      std::vector<float> x = Random(2).normals(2 * this->kBlock, 1.0f);
      x[at] = bad;
      const std::vector<float> y = this->round_trip(x);
      if (this->kBlock == 1) {
        EXPECT_TRUE(same_bits(y[0], bad));
      } else {
        for (std::size_t i = 0; i < this->kBlock; ++i) EXPECT_TRUE(std::isnan(y[i])) << i;
      }
      for (std::size_t i = this->kBlock; i < y.size(); ++i) EXPECT_FALSE(std::isnan(y[i])) << i;
    }
  }
}

TYPED_TEST_P(FormatTest, ExtremeMagnitudesAreSafe) {
  Random random(3);
  for (const float size : {std::numeric_limits<float>::max(), 1e30f, 1e-30f, 1e-38f, 1e-45f}) {
    std::vector<float> x(2 * this->kBlock);
    for (float& v : x) v = random.uniform() * size;
    const std::vector<float> y = this->round_trip(x);
    for (std::size_t i = 0; i < y.size(); ++i)
      EXPECT_TRUE(size > 1.0f || std::abs(y[i] - x[i]) < 1e-29f) << i;
  }
}

TYPED_TEST_P(FormatTest, RowsNeedNoAlignment) {
  const std::size_t cols = 512;
  const std::vector<float> x = Random(4).normals(cols, 1.0f);
  const std::vector<std::byte> row = this->packed(Random(5).normals(cols, 0.1f));
  const AlignedBytes packed_x = pack(this->kFamily, x);
  const float expected = reference::dot_row<TypeParam::kFormat>(row.data(), cols, packed_x.data());
  for (std::size_t shift = 1; shift < 4; ++shift) {
    std::vector<std::byte> moved(row.size() + shift);
    std::memcpy(moved.data() + shift, row.data(), row.size());
    const std::byte* at = moved.data() + shift;
    EXPECT_EQ(this->unpacked_row(at, cols), this->unpacked_row(row.data(), cols));
    EXPECT_EQ(reference::dot_row<TypeParam::kFormat>(at, cols, packed_x.data()), expected);
  }
}

/// What a dot product of packed activations may be off by: every fused multiply-add rounds the sum so far
/// and has factors rounded before. No sum exceeds the magnitudes of scaled codes and minimums together, and
/// in a block packed from floats each of these is below twice the widest weight.
template <Format F>
double dot_bound(const std::vector<double>& w, const std::vector<double>& x) {
  constexpr std::size_t kGroup = info(F).activation == Activation::kF32 ? 16 : info(F).block_weights;
  double terms = 0;
  for (std::size_t b = 0; b < w.size(); b += kGroup) {
    double widest = 0, sum = 0;
    for (std::size_t k = b; k < b + kGroup; ++k) {
      widest = std::max(widest, std::abs(w[k]));
      sum += std::abs(x[k]);
    }
    terms += 3.0 * widest * sum;
  }
  return (2.0 * static_cast<double>(w.size() / kGroup) + 8) * 0x1p-24 * terms;
}

TYPED_TEST_P(FormatTest, DotIsTheDotProductOfWhatWasStored) {
  Random random(6);
  for (const std::size_t cols : {std::size_t{256}, std::size_t{768}, std::size_t{4096}}) {
    for (int trial = 0; trial < 8; ++trial) {
      const std::vector<std::byte> row = this->packed(random.normals(cols, 0.05f));
      const AlignedBytes packed_x = pack(this->kFamily, random.normals(cols, 2.0f));
      const std::vector<float> wf = this->unpacked_row(row.data(), cols);
      const std::vector<double> w(wf.begin(), wf.end());
      const std::vector<double> x = unpacked(this->kFamily, packed_x, cols);
      double exact = 0, magnitude = 0, shifted = 0;
      for (std::size_t k = 0; k < cols; ++k) {
        exact += w[k] * x[k];
        magnitude += std::abs(w[k] * x[k]);
        shifted += w[k] * x[(k + 1) % cols];
      }
      const double bound = dot_bound<TypeParam::kFormat>(w, x);
      ASSERT_LT(bound, 0.01 * magnitude);
      const float dot = reference::dot_row<TypeParam::kFormat>(row.data(), cols, packed_x.data());
      EXPECT_NEAR(static_cast<double>(dot), exact, bound) << "cols " << cols << ", trial " << trial;
      EXPECT_GT(std::abs(static_cast<double>(dot) - shifted), bound) << "activations one place off pass too";
    }
  }
}

TYPED_TEST_P(FormatTest, ExactDotIsTheDotProductWithFloats) {
  Random random(7);
  for (const std::size_t cols : {std::size_t{256}, std::size_t{1024}}) {
    const std::vector<std::byte> row = this->packed(random.normals(cols, 0.05f));
    const std::vector<float> x = random.normals(cols, 2.0f);
    const std::vector<float> w = this->unpacked_row(row.data(), cols);
    double exact = 0, magnitude = 0;
    for (std::size_t k = 0; k < cols; ++k) {
      exact += static_cast<double>(w[k]) * static_cast<double>(x[k]);
      magnitude += std::abs(static_cast<double>(w[k]) * static_cast<double>(x[k]));
    }
    const double bound = static_cast<double>(cols / 16 + 4) * 0x1p-24 * magnitude;
    EXPECT_NEAR(static_cast<double>(reference::dot_float_row<TypeParam::kFormat>(row.data(), cols, x.data())), exact,
                bound);
  }
}

TYPED_TEST_P(FormatTest, AnyBitsAreSafe) {
  Random random(8);
  const std::size_t cols = 512;
  for (int trial = 0; trial < 64; ++trial) {
    std::vector<std::byte> row = random.bytes(row_bytes(this->kFormat, cols));
    if (trial == 0) std::fill(row.begin(), row.end(), std::byte{0xFF});
    if (trial == 1) std::fill(row.begin(), row.end(), std::byte{0x80});
    std::vector<float> x = random.normals(cols, 1.0f);
    if (trial % 4 == 3) x[7] = std::numeric_limits<float>::quiet_NaN();
    const AlignedBytes packed_x = pack(this->kFamily, x);
    const float once = reference::dot_row<TypeParam::kFormat>(row.data(), cols, packed_x.data());
    const float twice = reference::dot_row<TypeParam::kFormat>(row.data(), cols, packed_x.data());
    EXPECT_TRUE(same_bits(once, twice));
    EXPECT_TRUE(trial % 4 != 3 || std::isnan(once));
    const std::vector<float> y = this->unpacked_row(row.data(), cols);
    EXPECT_EQ(y.size(), cols);
  }
}

REGISTER_TYPED_TEST_SUITE_P(FormatTest, UnpacksBitForBitAsAnIndependentImplementation,
                            PacksAsWellAsAnIndependentImplementation, PackErrorIsBounded, ZerosStayZero,
                            ConstantsKeepThreeDigits, InfinitiesAndNansShow, ExtremeMagnitudesAreSafe,
                            RowsNeedNoAlignment, DotIsTheDotProductOfWhatWasStored, ExactDotIsTheDotProductWithFloats,
                            AnyBitsAreSafe);

}  // namespace edgek::test

#endif  // EDGEK_TESTS_SUPPORT_FORMAT_TESTS_HPP_
