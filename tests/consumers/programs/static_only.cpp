// One target, that of this file's own flags, and SCALAR.
#ifndef EDGEK_STATIC_ONLY
#error "this file is to be built with EDGEK_STATIC_ONLY"
#endif
#include "edgek/edgek.hpp"

#include "answer.hpp"

int main() {
  const Answer answer = make_answer();
  const bool two = answer.sets == 2 && std::string_view(edgek::all_kernels().back()->name) == "SCALAR";
  return check("static only", answer) && two ? 0 : 1;
}
