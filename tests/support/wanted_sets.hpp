#ifndef EDGEK_TESTS_SUPPORT_WANTED_SETS_HPP_
#define EDGEK_TESTS_SUPPORT_WANTED_SETS_HPP_

#include <cstdlib>
#include <string>
#include <vector>

#include "edgek/edgek.hpp"

namespace edgek::test {

/// The kernel sets to test: all that this CPU runs, or those of them that EDGEK_TEST_SETS names, as in
/// "AVX3_DL AVX2_VNNI": an emulated CPU is slow and has time only for what the real one lacks.
inline std::vector<const KernelSet*> wanted_sets() {
  const char* names = std::getenv("EDGEK_TEST_SETS");
  std::vector<const KernelSet*> wanted;
  for (const KernelSet* set : all_kernels())
    if (names == nullptr || (' ' + std::string(names) + ' ').find(' ' + std::string(set->name) + ' ') != std::string::npos)
      wanted.push_back(set);
  return wanted;
}

}  // namespace edgek::test

#endif  // EDGEK_TESTS_SUPPORT_WANTED_SETS_HPP_
