// Three files of one program, each compiling every kernel: alone, after Highway, and before it.
#include "edgek/edgek.hpp"

#include "answer.hpp"

Answer answer_with_highway_first();
Answer answer_with_highway_last();

int main() {
  const Answer plain = make_answer(), first = answer_with_highway_first(), last = answer_with_highway_last();
  bool ok = check("edgek alone", plain);
  ok = check("highway first", first, plain.best) && ok;
  ok = check("highway last", last, plain.best) && ok;
  const bool same = plain.table == first.table && plain.table == last.table && plain.sets == first.sets;
  if (!same) std::puts("the files do not share one table of kernels");
  return ok && same ? 0 : 1;
}
