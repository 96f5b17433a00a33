#include "edgek/reference/scalar_set.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/packed.hpp"
#include "support/random.hpp"

namespace edgek::test {
namespace {

TEST(ScalarSet, IsComplete) {
  const KernelSet& set = scalar_kernels();
  EXPECT_EQ(std::string(set.name), "SCALAR");
  for (const FormatInfo& f : kFormats) {
    EXPECT_EQ(set.by_format[index_of(f.format)].activation, f.activation);
    EXPECT_EQ(set.exact[index_of(f.format)].activation, Activation::kF32);
    EXPECT_NE(set.unpack[index_of(f.format)], nullptr);
  }
  for (const auto pack_fn : set.pack) EXPECT_NE(pack_fn, nullptr);
}

/// y of a matmul by one kernel of the set.
std::vector<float> multiply(const MatmulKernels& kernels, bool panel, const std::vector<std::byte>& weights,
                            std::size_t rows, std::size_t cols, const AlignedBytes& x, std::size_t tokens) {
  std::vector<float> y(tokens * rows, -1.0f);
  MatmulJob job{};
  job.weights = weights.data();
  job.row_bytes = weights.size() / rows;
  job.cols = cols;
  job.x = x.data();
  job.x_stride = packed_bytes(kernels.activation, cols);
  job.y = y.data();
  job.y_stride = rows;
  job.tokens = tokens;
  if (panel) {
    kernels.panel(job, 0, rows, nullptr);
  } else {
    kernels.rows(job, 0, rows / 2);  // in two parts: a row's result does not depend on the split
    kernels.rows(job, rows / 2, rows);
  }
  return y;
}

TEST(ScalarSet, MatmulIsWhatUnpackedWeightsGive) {
  const KernelSet& set = scalar_kernels();
  const std::size_t rows = 5, cols = 512, tokens = 3;
  Random random(1);
  for (const FormatInfo& f : kFormats) {
    std::vector<std::byte> weights(rows * row_bytes(f.format, cols));
    for (std::byte& b : weights) b = static_cast<std::byte>(random.bits() & 0x3B);  // halves below 1, floats too
    std::vector<float> w(rows * cols);
    for (std::size_t r = 0; r < rows; ++r)
      set.unpack[index_of(f.format)](weights.data() + r * row_bytes(f.format, cols), cols, w.data() + r * cols);
    for (const bool exact : {false, true}) {
      const MatmulKernels& kernels = (exact ? set.exact : set.by_format)[index_of(f.format)];
      const std::size_t stride = packed_bytes(kernels.activation, cols);
      AlignedBytes x(tokens * stride);
      std::vector<double> activations;
      for (std::size_t t = 0; t < tokens; ++t) {
        const std::vector<float> token = random.normals(cols, 1.0f);
        set.pack[static_cast<std::size_t>(kernels.activation)](token.data(), cols, false, x.data() + t * stride);
        const AlignedBytes again = pack(kernels.activation, token);
        EXPECT_EQ(std::memcmp(again.data(), x.data() + t * stride, stride), 0);
        const std::vector<double> values = unpacked(kernels.activation, again, cols);
        activations.insert(activations.end(), values.begin(), values.end());
      }
      const std::vector<float> y = multiply(kernels, false, weights, rows, cols, x, tokens);
      EXPECT_EQ(multiply(kernels, true, weights, rows, cols, x, tokens), y);
      for (std::size_t t = 0; t < tokens; ++t) {
        for (std::size_t r = 0; r < rows; ++r) {
          double sum = 0, magnitude = 0;
          for (std::size_t k = 0; k < cols; ++k) {
            const double product = static_cast<double>(w[r * cols + k]) * activations[t * cols + k];
            sum += product;
            magnitude += std::abs(product);
          }
          EXPECT_NEAR(static_cast<double>(y[t * rows + r]), sum, 1e-5 * magnitude) << f.name << " " << exact;
        }
      }
    }
  }
}

TEST(ScalarSet, StreamDependsOnEveryByte) {
  std::vector<std::byte> data = Random(2).bytes(203);
  const auto sum = [&data] { return scalar_kernels().stream(data.data(), data.data() + data.size(), 4, 512); };
  const std::uint64_t before = sum();
  for (std::byte& b : data) {
    b ^= std::byte{0x40};
    EXPECT_NE(sum(), before);
    b ^= std::byte{0x40};
  }
  EXPECT_EQ(sum(), before);
}

/// FNV-1a over the bits of results.
class Hash {
 public:
  template <typename T>
  void add(const std::vector<T>& v) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(v.data());
    for (std::size_t i = 0; i < v.size() * sizeof(T); ++i) value_ = (value_ ^ bytes[i]) * 0x100000001B3u;
  }
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0xCBF29CE484222325u;
};

template <Format F>
std::uint64_t hash_format() {
  Random random(3);
  Hash hash;
  for (const float deviation : {1e-4f, 0.02f, 3.0f}) {
    for (int trial = 0; trial < 8; ++trial) {
      const std::vector<float> w = random.normals(1024, deviation);
      std::vector<std::byte> row(row_bytes(F, 1024));
      reference::pack_row<F>(w.data(), 1024, row.data());
      const std::vector<float> x = random.normals(1024, 2.0f);
      const AlignedBytes packed_x = pack(info(F).activation, x);
      hash.add(row);
      hash.add(std::vector<float>{reference::dot_row<F>(row.data(), 1024, packed_x.data()),
                                  reference::dot_float_row<F>(row.data(), 1024, x.data())});
    }
  }
  return hash.value();
}

std::uint64_t hash_ops() {
  const KernelSet& set = scalar_kernels();
  Random random(4);
  Hash hash;
  for (std::size_t n = 1; n < 300; ++n) {
    const std::vector<float> x = random.normals(n, static_cast<float>(n % 7) + 0.3f), w = random.normals(n, 1.0f);
    std::vector<float> y(n);
    set.rmsnorm(x.data(), w.data(), 1e-5f, n, y.data());
    hash.add(y);
    set.silu_mul(x.data(), w.data(), n, y.data());
    hash.add(y);
    set.gelu_mul(x.data(), w.data(), n, y.data());
    hash.add(y);
    set.softmax(y.data(), n);
    hash.add(y);
  }
  return hash.value();
}

std::uint64_t hash_rope() {
  Random random(5);
  Hash hash;
  std::vector<double> frequencies(32);
  reference::rope_frequencies({32, 500000.0, 0.25, nullptr}, frequencies.data());
  hash.add(frequencies);
  std::vector<float> table(64);
  for (std::size_t position = 0; position < 40000; position += 61) {
    reference::rope_table(frequencies.data(), 32, position, table.data());
    hash.add(table);
    std::vector<float> x = random.normals(128, 1.0f);
    scalar_kernels().rope(x.data(), 2, 64, table.data(), 32, position % 2 == 0);
    hash.add(x);
  }
  return hash.value();
}

std::uint64_t hash_attention() {
  const KernelSet& set = scalar_kernels();
  Random random(6);
  Hash hash;
  const std::vector<float> q = random.normals(3 * 4 * 64, 1.0f), k = random.normals(2 * 600 * 64, 1.0f),
                           v = random.normals(2 * 600 * 64, 1.0f);
  const AttentionJob job{.q = q.data(), .q_stride = 256, .k = k.data(), .v = v.data(), .half_kv = false,
                         .layout = kv_by_head(600, 64), .capacity = 600, .heads = 4, .kv_heads = 2, .head_dim = 64, .first_position = 500,
                         .tokens = 3, .scale = 0.113f};
  for (std::size_t h = 0; h < 2; ++h) {
    std::vector<float> states(6 * 66), next(6 * 66);
    set.attention_chunk(job, h, 0, 0, 3, states.data(), nullptr);
    set.attention_chunk(job, h, 1, 0, 3, next.data(), nullptr);
    set.attention_merge(states.data(), next.data(), 6, 64);
    hash.add(states);
  }
  return hash.value();
}

/// The definition itself: the same on every CPU and with every compiler. Whoever changes an order of
/// summation or a rounding on purpose changes these numbers with it, and says why in docs/numerics.md.
TEST(ScalarSet, TheDefinitionHasNotMoved) {
  EXPECT_EQ(hash_format<Format::kF32>(), 0x45F00B20F61E82E7u);
  EXPECT_EQ(hash_format<Format::kF16>(), 0x4E5890352DA03FF8u);
  EXPECT_EQ(hash_format<Format::kBF16>(), 0x05D9835EEA440218u);
  EXPECT_EQ(hash_format<Format::kQ8_0>(), 0xFE5F35A10104DB55u);
  EXPECT_EQ(hash_format<Format::kQ4_0>(), 0x63A57D1F801588DBu);
  EXPECT_EQ(hash_format<Format::kQ4_1>(), 0x975D2298AD24942Cu);
  EXPECT_EQ(hash_format<Format::kQ5_0>(), 0xAE73F6FA0E79A978u);
  EXPECT_EQ(hash_format<Format::kQ5_1>(), 0x7DC90CF37BF3839Au);
  EXPECT_EQ(hash_format<Format::kQ4_K>(), 0x05D3A954B4818ADFu);
  EXPECT_EQ(hash_format<Format::kQ5_K>(), 0xBEEC080A1B9850C9u);
  EXPECT_EQ(hash_format<Format::kQ6_K>(), 0x5034F9818716DB00u);
  EXPECT_EQ(hash_ops(), 0xCDCD45EA462E6DFFu);
  EXPECT_EQ(hash_rope(), 0x557DAF013B9D805Bu);
  EXPECT_EQ(hash_attention(), 0x051497A4720B5FCEu);
}

}  // namespace
}  // namespace edgek::test
