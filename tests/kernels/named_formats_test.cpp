// Sets made for named formats alone: what they have is what the complete sets have, and what they lack is refused.
// Compiles its own kernels: edgek::compiled has complete sets only.
#include "edgek/edgek.hpp"

#include <cstddef>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "ops/op_test_support.hpp"

namespace {

using namespace edgek;
using edgek::testing::random_floats;
using edgek::testing::random_weights;
using edgek::testing::same_bits;

constexpr std::size_t kRows = 37, kCols = 512;
constexpr float kUntouched = -1.0f;

/// A product with random operands, and what became of it.
struct Product {
  std::vector<float> y;
  Status status;

  Product(const KernelSet& set, Format format, std::size_t tokens, bool exact) : y(tokens * kRows, kUntouched) {
    const std::vector<std::byte> w = random_weights(format, kRows, kCols, 1);
    const std::vector<float> x = random_floats(tokens * kCols, 2);
    InlineExecutor one;
    Context ctx{.executor = one, .kernels = set, .exact = exact};
    status = matmul(ctx, {format, w.data(), kRows, kCols}, ConstRows(x.data(), tokens, kCols),
                    Rows(y.data(), tokens, kRows));
  }
};

TEST(NamedFormats, SetsAreThoseOfAllFormats) {
  const auto named = all_kernels<Format::kQ4_K>();
  const auto complete = all_kernels();
  ASSERT_EQ(named.size(), complete.size());
  for (std::size_t i = 0; i < named.size(); ++i) {
    EXPECT_STREQ(named[i]->name, complete[i]->name);
    EXPECT_EQ(named[i]->prefetch, complete[i]->prefetch);
    EXPECT_EQ(find_kernels<Format::kQ4_K>(named[i]->name), named[i]);
  }
  EXPECT_EQ(&kernels<Format::kQ4_K>(), named.front());
}

TEST(NamedFormats, HaveTheirKernelsAlone) {
  for (const KernelSet* set : all_kernels<Format::kQ4_K>()) {
    for (const FormatInfo& f : kFormats) {
      const std::size_t i = index_of(f.format);
      const bool named = f.format == Format::kQ4_K;
      EXPECT_EQ(set->has(f.format), named) << set->name << " " << f.name;
      EXPECT_EQ(set->by_format[i].panel != nullptr, named) << set->name << " " << f.name;
      EXPECT_EQ(set->exact[i].rows != nullptr, named) << set->name << " " << f.name;
      EXPECT_EQ(set->exact[i].panel != nullptr, named) << set->name << " " << f.name;
      EXPECT_EQ(set->unpack[i] != nullptr, named) << set->name << " " << f.name;
    }
    EXPECT_FALSE(set->has(static_cast<Format>(99)));
    for (const auto pack : set->pack) EXPECT_NE(pack, nullptr) << set->name;
    EXPECT_TRUE(set->rmsnorm && set->attention_chunk && set->stream) << set->name;
  }
}

TEST(NamedFormats, ProductsHaveTheBitsOfTheCompleteSet) {
  for (const KernelSet* complete : test::wanted_sets()) {
    const KernelSet* named = find_kernels<Format::kQ4_K>(complete->name);
    ASSERT_NE(named, nullptr) << complete->name;
    for (const std::size_t tokens : {std::size_t{1}, std::size_t{3}, std::size_t{20}}) {
      for (const bool exact : {false, true}) {
        const Product wanted(*complete, Format::kQ4_K, tokens, exact), got(*named, Format::kQ4_K, tokens, exact);
        EXPECT_EQ(got.status, Status::kOk);
        EXPECT_TRUE(same_bits(got.y, wanted.y)) << named->name << " tokens " << tokens << " exact " << exact;
      }
    }
  }
}

TEST(NamedFormats, OthersAreRefused) {
  for (const KernelSet* set : all_kernels<Format::kQ4_K>()) {
    for (const Format other : {Format::kF32, Format::kQ8_0, Format::kQ5_K}) {
      for (const bool exact : {false, true}) {
        const Product refused(*set, other, 2, exact);
        EXPECT_EQ(refused.status, Status::kUnsupportedFormat) << set->name << " " << info(other).name;
        EXPECT_EQ(refused.y, std::vector<float>(refused.y.size(), kUntouched)) << set->name;
      }
    }
  }
}

TEST(NamedFormats, SeveralMatricesNeedAllOfTheirFormats) {
  const std::vector<std::byte> w = random_weights(Format::kQ4_K, kRows, kCols, 1);
  const std::vector<std::byte> other = random_weights(Format::kQ8_0, kRows, kCols, 1);
  const MatrixView has{Format::kQ4_K, w.data(), kRows, kCols}, lacks{Format::kQ8_0, other.data(), kRows, kCols};
  const std::vector<float> x = random_floats(kCols, 2);
  std::vector<float> a(kRows, kUntouched), b(kRows, kUntouched);
  const Rows first(a.data(), 1, kRows), second(b.data(), 1, kRows);
  InlineExecutor one;
  Context ctx{.executor = one, .kernels = kernels<Format::kQ4_K>()};
  EXPECT_EQ(matmul(ctx, {has, lacks}, ConstRows(x.data(), 1, kCols), {first, second}), Status::kUnsupportedFormat);
  EXPECT_EQ(matmul_silu(ctx, has, lacks, ConstRows(x.data(), 1, kCols), first), Status::kUnsupportedFormat);
  EXPECT_EQ(a, std::vector<float>(kRows, kUntouched));
  EXPECT_EQ(b, std::vector<float>(kRows, kUntouched));
}

}  // namespace
