// Products with F32, F16 and BF16 weights, exact mode of every format, and unpacking: every kernel set against
// SCALAR, for any bits, any shape and any split of the rows.
#include "tests/support/kernel_tests.hpp"

namespace edgek::test {
namespace {

constexpr std::size_t kF32 = static_cast<std::size_t>(Activation::kF32);

/// Weights of a format: ordinary ones, or any bytes.
std::vector<std::byte> some_weights(Random& random, Format format, std::size_t count, bool finite) {
  const std::size_t bytes = row_bytes(format, count);
  std::vector<std::byte> w = random.bytes(bytes);
  if (!finite) return w;
  const auto halves_at = [&](std::size_t step, std::initializer_list<std::size_t> offsets) {
    for (std::size_t i = 0; i < bytes; i += step) {
      for (const std::size_t offset : offsets) {
        const Half h = to_half(random.normal() * 0.01f);
        std::memcpy(w.data() + i + offset, &h, sizeof h);
      }
    }
  };
  switch (format) {
    case Format::kF32:
      for (std::size_t i = 0; i < count; ++i) {
        const float f = random.normal();
        std::memcpy(w.data() + 4 * i, &f, sizeof f);
      }
      break;
    case Format::kF16: halves_at(2, {0}); break;
    case Format::kBF16:
      for (std::size_t i = 0; i < count; ++i) {
        const BFloat16 b = to_bfloat16(random.normal());
        std::memcpy(w.data() + 2 * i, &b, sizeof b);
      }
      break;
    case Format::kQ4_1: case Format::kQ5_1: case Format::kQ4_K: case Format::kQ5_K:
      halves_at(info(format).block_bytes, {0, 2});
      break;
    case Format::kQ6_K: halves_at(210, {208}); break;
    default: halves_at(info(format).block_bytes, {0}); break;
  }
  return w;
}

/// A product with `tokens` inputs, packed as one set wants them.
class Product {
 public:
  Product(Random& random, Format format, std::size_t rows, std::size_t cols, std::size_t tokens, bool finite)
      : rows_(rows), cols_(cols), tokens_(tokens), row_bytes_(row_bytes(format, cols)),
        weights_(some_weights(random, format, rows * cols, finite)), x_(some_floats(random, tokens * cols, finite)) {}

  std::vector<float> expected(const MatmulKernels& kernels) const {
    std::vector<float> y(tokens_ * stride(), 7.0f);
    const AlignedBytes x = packed(scalar(), false);
    kernels.rows(job(x, y.data()), 0, rows_);
    return y;
  }
  /// All rows, cut at the given places, by the row kernel or the panel kernel.
  std::vector<float> got(const KernelSet& set, const MatmulKernels& kernels, bool panel,
                         const std::vector<std::size_t>& cuts, std::size_t prefetch, std::size_t streams) const {
    std::vector<float> y(tokens_ * stride(), 7.0f);
    const AlignedBytes x = packed(set, panel);
    AlignedBytes scratch(kKernelScratchBytes);
    MatmulJob j = job(x, y.data());
    j.prefetch = prefetch;
    j.streams = streams;
    std::size_t begin = 0;
    for (std::size_t i = 0; i <= cuts.size(); ++i) {
      const std::size_t end = i < cuts.size() ? cuts[i] : rows_;
      if (panel)
        kernels.panel(j, begin, end, scratch.data());
      else
        kernels.rows(j, begin, end);
      begin = end;
    }
    return y;
  }

 private:
  std::size_t stride() const { return rows_ + 3; }
  AlignedBytes packed(const KernelSet& set, bool panel) const {
    const std::size_t bytes = packed_bytes(Activation::kF32, cols_);
    AlignedBytes out(tokens_ * bytes);
    for (std::size_t t = 0; t < tokens_; ++t)
      set.pack[kF32](x_.data() + t * cols_, cols_, panel, out.data() + t * bytes);
    return out;
  }
  MatmulJob job(const AlignedBytes& x, float* y) const {
    return MatmulJob{.weights = weights_.data(), .row_bytes = row_bytes_, .cols = cols_, .x = x.data(),
                     .x_stride = packed_bytes(Activation::kF32, cols_), .y = y, .y_stride = stride(),
                     .tokens = tokens_, .prefetch = 0, .streams = 0};
  }

  std::size_t rows_, cols_, tokens_, row_bytes_;
  GuardedBuffer<std::byte> weights_;
  GuardedBuffer<float> x_;
};

/// `products` are alike for all sets: SCALAR answers once.
struct Shape {
  std::size_t rows, cols, tokens;
};

void test_shapes(Format format, const std::vector<Shape>& shapes) {
  const std::size_t f = index_of(format);
  Random random(100 + f);
  for (const Shape& s : shapes) {
    for (const bool finite : {true, false}) {
      const Product product(random, format, s.rows, s.cols, s.tokens, finite);
      const std::vector<float> expected = product.expected(scalar().exact[f]);
      std::vector<std::size_t> cuts;
      if (s.rows > 2) cuts = {random.below(s.rows / 2), s.rows / 2 + random.below(s.rows / 2)};
      for (const KernelSet* set : wanted_sets()) {
        if (set == &scalar()) continue;
        SCOPED_TRACE(testing::Message() << set->name << " " << info(format).name << " " << s.rows << " x " << s.cols
                                        << ", " << s.tokens << " tokens" << (finite ? "" : ", any bits"));
        if (s.tokens <= 8) {
          SCOPED_TRACE("rows");
          expect_same(expected, product.got(*set, set->exact[f], false, {}, 512, 0));
          expect_same(expected, product.got(*set, set->exact[f], false, cuts, 0, 1));
        }
        SCOPED_TRACE("panel");
        expect_same(expected, product.got(*set, set->exact[f], true, {}, 0, 0));
        expect_same(expected, product.got(*set, set->exact[f], true, cuts, 0, 0));
      }
    }
  }
}

class EveryFormat : public testing::TestWithParam<FormatInfo> {};

TEST_P(EveryFormat, HasTheBitsOfScalar) {
  const std::size_t block = GetParam().block_weights;
  std::vector<Shape> shapes = {{0, 256, 2},     {1, block, 1},  {5, 256, 1},  {37, 512, 3},
                               {9, 256 * 5, 2}, {64, 768, 9}, {17, 256, 64}};
  for (std::size_t tokens = 1; tokens <= 9; ++tokens) shapes.push_back({tokens + 3, block * (2 + tokens), tokens});
  test_shapes(GetParam().format, shapes);
}

TEST_P(EveryFormat, UnpacksToTheBitsOfScalar) {
  const FormatInfo& format = GetParam();
  for_each_set([&](const KernelSet& set) {
    Random random(23);
    for (const std::size_t blocks : {0, 1, 2, 7, 8, 9, 16, 33}) {
      for (const bool finite : {true, false}) {
        const std::size_t cols = blocks * format.block_weights;
        const GuardedBuffer<std::byte> row(some_weights(random, format.format, cols, finite));
        GuardedBuffer<float> expected(cols), got(cols);
        scalar().unpack[index_of(format.format)](row.data(), cols, expected.data());
        set.unpack[index_of(format.format)](row.data(), cols, got.data());
        SCOPED_TRACE(testing::Message() << format.name << ", " << blocks << " blocks" << (finite ? "" : ", any bits"));
        expect_same(expected, got);
      }
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Formats, EveryFormat, testing::ValuesIn(kFormats),
                         [](const auto& param) { return std::string(param.param.name); });

class FloatFormat : public testing::TestWithParam<FormatInfo> {};

TEST_P(FloatFormat, TakesAnyShape) {
  std::vector<Shape> shapes;
  for (const std::size_t cols : {0, 1, 2, 3, 4, 7, 15, 16, 17, 31, 33, 63, 100, 255, 257, 300, 513, 1023, 1025, 2100})
    shapes.push_back({11, cols, 1 + cols % 9});
  for (std::size_t rows = 1; rows <= 40; rows += 3) shapes.push_back({rows, 35, 1 + rows % 8});
  shapes.push_back({70, 1040, 20});
  shapes.push_back({3, 5000, 13});
  shapes.push_back({2, 20, 2100});  // more tokens than the scratch holds sums of
  test_shapes(GetParam().format, shapes);
}

TEST_P(FloatFormat, UsesTheSameKernelsExactOrNot) {
  for_each_set([](const KernelSet& set) {
    const std::size_t f = index_of(GetParam().format);
    EXPECT_EQ(set.by_format[f].rows, set.exact[f].rows);
    EXPECT_EQ(set.by_format[f].panel, set.exact[f].panel);
  });
}

INSTANTIATE_TEST_SUITE_P(Formats, FloatFormat,
                         testing::Values(kFormats[0], kFormats[1], kFormats[2]),
                         [](const auto& param) { return std::string(param.param.name); });

}  // namespace
}  // namespace edgek::test
