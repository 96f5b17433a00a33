#ifndef EDGEK_TESTS_SUPPORT_KERNEL_TESTS_HPP_
#define EDGEK_TESTS_SUPPORT_KERNEL_TESTS_HPP_

// For tests that compare every kernel set of this CPU with the set SCALAR, which defines the answers.

#include <gtest/gtest.h>

#include <bit>
#include <cstddef>
#include <cstdio>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "edgek/edgek.hpp"
#include "tests/support/guarded_buffer.hpp"
#include "tests/support/packed.hpp"
#include "tests/support/random.hpp"
#include "tests/support/wanted_sets.hpp"

namespace edgek::test {

inline const KernelSet& scalar() { return *find_kernels("SCALAR"); }

/// Calls fn(set) for every wanted set but SCALAR, and says which ran.
template <typename Fn>
void for_each_set(const Fn& fn) {
  std::string ran;
  for (const KernelSet* set : wanted_sets()) {
    if (set == &scalar()) continue;
    SCOPED_TRACE(set->name);
    fn(*set);
    ran += std::string(" ") + set->name;
  }
  std::printf("compared with SCALAR:%s\n", ran.empty() ? " nothing" : ran.c_str());
  EXPECT_FALSE(ran.empty()) << "this CPU should run at least one wanted set";
}

/// Fails at the first float that differs in its bits; a NaN equals a NaN.
inline void expect_same(std::span<const float> expected, std::span<const float> got) {
  ASSERT_EQ(expected.size(), got.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_TRUE(same_bits(expected[i], got[i]))
        << "element " << i << " of " << expected.size() << ": " << got[i] << " (" << std::hex
        << std::bit_cast<std::uint32_t>(got[i]) << "), SCALAR " << expected[i] << " ("
        << std::bit_cast<std::uint32_t>(expected[i]) << ")";
  }
}

/// Floats of all kinds: any bit pattern now and then, among them NaNs, infinities and subnormals; zeros of both
/// signs; the rest of ordinary size.
inline float any_float(Random& random) {
  switch (random.below(16)) {
    case 0: return std::bit_cast<float>(static_cast<std::uint32_t>(random.bits()));
    case 1: return random.below(2) == 0 ? 0.0f : -0.0f;
    case 2: return random.normal() * 1e-39f;
    case 3: return random.normal() * 1e30f;
    default: return random.normal() * 3.0f;
  }
}

/// n of them; with `finite` only ordinary ones, of deviation 1.
inline std::vector<float> some_floats(Random& random, std::size_t n, bool finite) {
  std::vector<float> v(n);
  for (float& x : v) x = finite ? random.normal() : any_float(random);
  return v;
}

}  // namespace edgek::test

#endif  // EDGEK_TESTS_SUPPORT_KERNEL_TESTS_HPP_
