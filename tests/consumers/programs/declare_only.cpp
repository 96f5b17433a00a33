// A file with Highway passes of its own, which edgek can share a file with only as declarations; the kernels
// come from cmake/edgek.cpp, the program's other file.
#ifndef EDGEK_DECLARE_ONLY
#error "this file is to be built with EDGEK_DECLARE_ONLY"
#endif
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "declare_only.cpp"
#include "hwy/foreach_target.h"

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace own {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

float Twice(float x) {
  const hn::ScalableTag<float> d;
  return hn::GetLane(hn::Add(hn::Set(d, x), hn::Set(d, x)));
}

}  // namespace HWY_NAMESPACE
}  // namespace own
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "edgek/edgek.hpp"

#include "answer.hpp"

int main() {
  const Answer answer = make_answer();
  const bool own_kernel = own::HWY_STATIC_DISPATCH(Twice)(1.5f) == 3.0f;
  const bool complete = &edgek::kernels<edgek::Format::kQ4_K>() == &edgek::kernels();
  return check("declare only", answer) && own_kernel && complete && answer.sets >= 2 ? 0 : 1;
}
#endif
