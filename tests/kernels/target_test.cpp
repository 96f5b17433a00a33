// Which kernel sets this CPU runs, which one is chosen, and that no set has holes.
//
// EDGEK_EXPECT_TARGET, if set, names the set that must be the chosen one: jobs that emulate a CPU use it, so
// that a job can never pass by running other kernels than it claims.
#include "edgek/edgek.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

const edgek::KernelSet& scalar() { return *edgek::find_kernels("SCALAR"); }

std::string names() {
  std::string list;
  for (const edgek::KernelSet* set : edgek::all_kernels()) {
    if (!list.empty()) list += ' ';
    list += set->name;
  }
  return list;
}

TEST(Target, IsTheExpectedOne) {
  std::printf("kernel set: %s (of %s)\n", edgek::kernels().name, names().c_str());
  const char* expected = std::getenv("EDGEK_EXPECT_TARGET");
  // An emulated CPU names the set it should get; elsewhere it is the best of those that run.
  EXPECT_STREQ(edgek::kernels().name, expected != nullptr ? expected : edgek::all_kernels().front()->name);
}

TEST(Target, BestIsFirstAndScalarLast) {
  ASSERT_GE(edgek::all_kernels().size(), 2u) << "this CPU should run at least one vectorized set";
  EXPECT_EQ(&edgek::kernels(), edgek::all_kernels().front());
  EXPECT_EQ(std::string_view(edgek::all_kernels().back()->name), "SCALAR");
}

TEST(Target, EverySetIsFoundByItsName) {
  for (const edgek::KernelSet* set : edgek::all_kernels()) EXPECT_EQ(edgek::find_kernels(set->name), set) << set->name;
  EXPECT_EQ(edgek::find_kernels("avx2"), nullptr);
  EXPECT_EQ(edgek::find_kernels(""), nullptr);
}

TEST(Target, EverySetRunsOnThisCpu) {
  for (const edgek::KernelSet* set : edgek::all_kernels())
    EXPECT_TRUE(edgek::can_run(edgek::detect_cpu(), set->name)) << set->name;
}

void expect_complete(const edgek::MatmulKernels& k, const char* set, std::string_view format) {
  SCOPED_TRACE(testing::Message() << set << " " << format);
  EXPECT_NE(k.name, nullptr);
  EXPECT_NE(k.rows, nullptr);
  EXPECT_NE(k.panel, nullptr);
  EXPECT_GE(k.max_row_tokens, 1u);
  EXPECT_GE(k.row_tile, 1u);
  EXPECT_GE(k.panel_rows, 1u);
}

TEST(Target, NoSetHasHoles) {
  for (const edgek::KernelSet* set : edgek::all_kernels()) {
    for (const edgek::FormatInfo& format : edgek::kFormats) {
      expect_complete(set->by_format[edgek::index_of(format.format)], set->name, format.name);
      expect_complete(set->exact[edgek::index_of(format.format)], set->name, format.name);
      EXPECT_EQ(set->by_format[edgek::index_of(format.format)].activation, format.activation) << format.name;
      EXPECT_NE(set->unpack[edgek::index_of(format.format)], nullptr) << set->name << format.name;
    }
    for (const auto pack : set->pack) EXPECT_NE(pack, nullptr) << set->name;
    EXPECT_TRUE(set->rmsnorm && set->add && set->silu_mul && set->gelu_mul && set->softmax && set->to_half &&
                set->from_half && set->argmax && set->rope && set->attention_chunk && set->attention_merge &&
                set->attention_finish && set->stream)
        << set->name;
  }
}

TEST(Target, NoVectorizedSetBorrowsScalarProducts) {
  for (const edgek::KernelSet* set : edgek::all_kernels()) {
    if (set == &scalar()) continue;
    for (std::size_t f = 0; f < edgek::kFormatCount; ++f) {
      EXPECT_NE(set->by_format[f].rows, scalar().by_format[f].rows) << set->name << " " << edgek::kFormats[f].name;
      EXPECT_NE(set->by_format[f].panel, scalar().by_format[f].panel) << set->name << " " << edgek::kFormats[f].name;
    }
  }
}

}  // namespace
