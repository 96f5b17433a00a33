// A file with Highway code of its own, which comes before edgek.
#include "hwy/highway.h"

namespace hn = hwy::HWY_NAMESPACE;

namespace {
float first_lane_of_sum() {
  const hn::ScalableTag<float> d;
  return hn::GetLane(hn::Add(hn::Set(d, 1.5f), hn::Set(d, 2.0f)));
}
}  // namespace

#include "edgek/edgek.hpp"

#include "answer.hpp"

Answer answer_with_highway_first();
Answer answer_with_highway_first() {
  Answer answer = make_answer();
  if (first_lane_of_sum() != 3.5f) answer.best = 0;
  return answer;
}
