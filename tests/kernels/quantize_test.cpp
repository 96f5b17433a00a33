// Packed activations of every kernel set against SCALAR: every byte, padding included.
#include "tests/support/kernel_tests.hpp"

namespace edgek::test {
namespace {

/// One block's values: ordinary, large, tiny, all kinds, zero, or ordinary with one infinity or NaN.
std::vector<float> block(Random& random, std::size_t n, std::size_t kind) {
  std::vector<float> x = some_floats(random, n, kind != 3);
  const float factors[] = {1.0f, 1e30f, 1e-31f, 1.0f, 0.0f, 1.0f, 1.0f, 1e-38f};
  for (float& v : x) v *= factors[kind];
  if (kind == 5) x[random.below(n)] = -std::numeric_limits<float>::infinity();
  if (kind == 6) x[random.below(n)] = std::numeric_limits<float>::quiet_NaN();
  return x;
}

void expect_same_packed(Activation family, std::size_t cols, const AlignedBytes& expected, const AlignedBytes& got) {
  const std::size_t d_begin = pad64(cols), blocks = cols / (family == Activation::kA32 ? 32 : 256);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (i >= d_begin && i < d_begin + 4 * blocks) continue;  // scales may be NaN, of any payload
    ASSERT_EQ(expected.data()[i], got.data()[i]) << "byte " << i;
  }
  const auto* d = reinterpret_cast<const float*>(expected.data() + d_begin);
  expect_same({d, blocks}, {reinterpret_cast<const float*>(got.data() + d_begin), blocks});
}

void test_family(Activation family, std::size_t block_size) {
  for_each_set([=](const KernelSet& set) {
    Random random(11);
    for (const std::size_t blocks : {0, 1, 2, 3, 5, 8, 17}) {
      for (int round = 0; round < 20; ++round) {
        std::vector<float> values;
        for (std::size_t b = 0; b < blocks; ++b) {
          const std::vector<float> more = block(random, block_size, random.below(8));
          values.insert(values.end(), more.begin(), more.end());
        }
        const GuardedBuffer<float> x{std::span<const float>(values)};
        AlignedBytes expected(packed_bytes(family, x.size())), got(packed_bytes(family, x.size()));
        scalar().pack[static_cast<std::size_t>(family)](x.data(), x.size(), false, expected.data());
        set.pack[static_cast<std::size_t>(family)](x.data(), x.size(), round % 2 == 1, got.data());
        SCOPED_TRACE(testing::Message() << blocks << " blocks, round " << round);
        expect_same_packed(family, x.size(), expected, got);
      }
    }
  });
}
TEST(Quantize, A32) { test_family(Activation::kA32, 32); }
TEST(Quantize, A256) { test_family(Activation::kA256, 256); }

TEST(Quantize, TiesRoundToEven) {
  std::vector<float> x(256);  // amax 127: q = x, rounded
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i) * 0.5f;
  x[255] = -127.0f;
  AlignedBytes got(packed_bytes(Activation::kA256, x.size()));
  for_each_set([&](const KernelSet& set) {
    set.pack[static_cast<std::size_t>(Activation::kA256)](x.data(), x.size(), false, got.data());
    const PackedA256 p = packed_a256(got.data(), x.size());
    EXPECT_EQ(p.d[0], 1.0f);
    EXPECT_EQ(p.q[1], 0);
    EXPECT_EQ(p.q[3], 2);
    EXPECT_EQ(p.q[5], 2);
    EXPECT_EQ(p.q[253], 126);
    EXPECT_EQ(p.q[255], -127);
  });
}

TEST(Quantize, FloatsForRowsAreTheFloats) {
  for_each_set([](const KernelSet& set) {
    Random random(2);
    for (const std::size_t n : {0, 1, 15, 16, 17, 100}) {
      const GuardedBuffer<float> x(some_floats(random, n, false));
      AlignedBytes got(packed_bytes(Activation::kF32, n));
      set.pack[static_cast<std::size_t>(Activation::kF32)](x.data(), n, false, got.data());
      expect_same(x, {reinterpret_cast<const float*>(got.data()), n});
    }
  });
}

}  // namespace
}  // namespace edgek::test
