// Elementwise ops of every kernel set against SCALAR: any floats, any length, buffers that end at a page
// nobody may touch.
#include "tests/support/kernel_tests.hpp"

namespace edgek::test {
namespace {

constexpr std::size_t kSizes[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 48, 63, 64, 100, 257, 1000};

using Guarded = GuardedBuffer<float>;

/// Calls fn(set, n, finite, random) for all sets and sizes, twice: any floats and ordinary ones.
template <typename Fn>
void for_all_sizes(const Fn& fn) {
  for_each_set([&](const KernelSet& set) {
    Random random(17);
    for (const std::size_t n : kSizes) {
      for (const bool finite : {true, false}) {
        SCOPED_TRACE(testing::Message() << n << " floats" << (finite ? "" : " of all kinds"));
        fn(set, n, finite, random);
      }
    }
  });
}

TEST(Elementwise, RmsNorm) {
  for_all_sizes([](const KernelSet& set, std::size_t n, bool finite, Random& random) {
    const Guarded x(some_floats(random, n, finite)), w(some_floats(random, n, finite));
    Guarded expected(n), got(n), in_place(std::span<const float>(x.begin(), n));
    scalar().rmsnorm(x.data(), w.data(), 1e-5f, n, expected.data());
    set.rmsnorm(x.data(), w.data(), 1e-5f, n, got.data());
    set.rmsnorm(in_place.data(), w.data(), 1e-5f, n, in_place.data());
    expect_same(expected, got);
    expect_same(expected, in_place);
  });
}

// One lane of the sum alone: among sixteen, what the last bit of one lane says is mostly rounded away.
TEST(Elementwise, RmsNormFusesItsSquares) {
  constexpr std::size_t kFloats = 160;
  for_each_set([](const KernelSet& set) {
    Random random(18);
    const std::vector<float> w(kFloats, 1.0f);
    for (std::size_t row = 0; row < 64; ++row) {
      std::vector<float> x(kFloats), expected(kFloats), got(kFloats);
      for (std::size_t i = row % 16; i < kFloats; i += 16) x[i] = random.normal();
      scalar().rmsnorm(x.data(), w.data(), 1e-5f, kFloats, expected.data());
      set.rmsnorm(x.data(), w.data(), 1e-5f, kFloats, got.data());
      expect_same(expected, got);
    }
  });
}

TEST(Elementwise, Add) {
  for_all_sizes([](const KernelSet& set, std::size_t n, bool finite, Random& random) {
    const Guarded x(some_floats(random, n, finite));
    Guarded expected(some_floats(random, n, finite)), got(std::span<const float>(expected.begin(), n));
    scalar().add(x.data(), n, expected.data());
    set.add(x.data(), n, got.data());
    expect_same(expected, got);
  });
}

using GatedFn = void (*KernelSet::*)(const float*, const float*, std::size_t, float*) noexcept;

void test_gated(GatedFn op) {
  for_all_sizes([op](const KernelSet& set, std::size_t n, bool finite, Random& random) {
    const Guarded gate(some_floats(random, n, finite)), up(some_floats(random, n, finite));
    Guarded expected(n), got(n), in_place(std::span<const float>(gate.begin(), n));
    (scalar().*op)(gate.data(), up.data(), n, expected.data());
    (set.*op)(gate.data(), up.data(), n, got.data());
    (set.*op)(in_place.data(), up.data(), n, in_place.data());
    expect_same(expected, got);
    expect_same(expected, in_place);
  });
}
TEST(Elementwise, SiluMul) { test_gated(&KernelSet::silu_mul); }
TEST(Elementwise, GeluMul) { test_gated(&KernelSet::gelu_mul); }

TEST(Elementwise, GatesOverTheWholeRangeOfExp) {
  const std::size_t n = 200001;
  std::vector<float> gate(n);
  const std::vector<float> one(n, 1.0f);
  for (std::size_t i = 0; i < n; ++i) gate[i] = (static_cast<float>(i) - 100000.0f) * 1e-3f;
  std::vector<float> expected(n), got(n);
  for_each_set([&](const KernelSet& set) {
    for (const GatedFn op : {&KernelSet::silu_mul, &KernelSet::gelu_mul}) {
      (scalar().*op)(gate.data(), one.data(), n, expected.data());
      (set.*op)(gate.data(), one.data(), n, got.data());
      expect_same(expected, got);
    }
  });
}

TEST(Elementwise, Softmax) {
  for_all_sizes([](const KernelSet& set, std::size_t n, bool finite, Random& random) {
    Guarded expected(some_floats(random, n, finite)), got(std::span<const float>(expected.begin(), n));
    scalar().softmax(expected.data(), n);
    set.softmax(got.data(), n);
    expect_same(expected, got);
  });
}

TEST(Elementwise, ArgMax) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity(), kNan = std::numeric_limits<float>::quiet_NaN();
  for_each_set([&](const KernelSet& set) {
    Random random(3);
    for (const std::size_t n : kSizes) {
      for (int kind = 0; kind < 6; ++kind) {
        Guarded x(some_floats(random, n, kind < 2));
        for (float& v : x) {
          if (kind == 1) v = static_cast<float>(random.below(3)) - 1.0f;  // ties
          if (kind == 2) v = random.below(2) == 0 ? kNan : -kInfinity;
          if (kind == 3) v = kNan;
          if (kind == 4) v = random.below(2) == 0 ? 0.0f : -0.0f;
        }
        EXPECT_EQ(set.argmax(x.data(), n), scalar().argmax(x.data(), n)) << n << " floats of kind " << kind;
      }
    }
  });
}

TEST(Elementwise, EveryHalfBecomesItsFloat) {
  GuardedBuffer<Half> halves(65536);
  for (std::size_t i = 0; i < halves.size(); ++i) halves[i].bits = static_cast<std::uint16_t>(i);
  std::vector<float> expected(halves.size()), got(halves.size());
  scalar().from_half(halves.data(), halves.size(), expected.data());
  for_each_set([&](const KernelSet& set) {
    set.from_half(halves.data(), halves.size(), got.data());
    expect_same(expected, got);
    for (std::size_t n = 0; n < 40; ++n) {
      Guarded few(n);
      set.from_half(halves.end() - n, n, few.data());
      expect_same(std::span(expected).last(n), few);
    }
  });
}

bool is_nan(Half h) { return (h.bits & 0x7FFF) > 0x7C00; }
bool same_half(Half a, Half b) { return a.bits == b.bits || (is_nan(a) && is_nan(b)); }

TEST(Elementwise, FloatsBecomeTheNearestHalf) {
  Random random(5);
  std::vector<float> x;
  for (std::uint32_t h = 0; h < 65536; ++h) {  // every half, the midpoint above it, and what is beside both
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(to_float(Half{static_cast<std::uint16_t>(h)}));
    for (const std::uint32_t off : {0u, 1u, ~0u, 0x0FFFu, 0x1000u, 0x1001u})
      x.push_back(std::bit_cast<float>(bits + off));
  }
  for (int i = 0; i < 50000; ++i) x.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(random.bits())));
  for (int i = 0; i < 50000; ++i) x.push_back(random.normal() * 1e-7f);  // subnormal halves
  std::vector<Half> got(x.size());
  for_each_set([&](const KernelSet& set) {
    set.to_half(x.data(), x.size(), got.data());
    for (std::size_t i = 0; i < x.size(); ++i)
      ASSERT_TRUE(same_half(got[i], to_half(x[i]))) << x[i] << " became " << std::hex << got[i].bits;
    for (std::size_t n = 0; n < 40; ++n) {
      const Guarded from(std::span<const float>(x).first(n));
      GuardedBuffer<Half> few(n);
      set.to_half(from.data(), n, few.data());
      for (std::size_t i = 0; i < n; ++i) ASSERT_TRUE(same_half(few[i], to_half(x[i])));
    }
  });
}

TEST(Elementwise, Rope) {
  for_each_set([](const KernelSet& set) {
    Random random(7);
    for (const std::size_t pairs : {0, 1, 2, 3, 4, 5, 8, 16, 17, 24, 32, 48, 64}) {
      for (const std::size_t rest : {0, 3}) {
        for (const bool adjacent : {false, true}) {
          const std::size_t heads = 3, head_dim = 2 * pairs + rest;
          const Guarded angles(some_floats(random, 2 * pairs, pairs % 2 == 0));
          Guarded expected(some_floats(random, heads * head_dim, pairs % 2 == 0));
          Guarded got(std::span<const float>(expected.begin(), expected.size()));
          scalar().rope(expected.data(), heads, head_dim, angles.data(), pairs, adjacent);
          set.rope(got.data(), heads, head_dim, angles.data(), pairs, adjacent);
          SCOPED_TRACE(testing::Message() << pairs << " pairs, head " << head_dim << ", adjacent " << adjacent);
          expect_same(expected, got);
        }
      }
    }
  });
}

}  // namespace
}  // namespace edgek::test
