// Files of one program built with different flags: this one for any x86-64, one for AVX2 and later, one with
// the checks of a debug build. Each has kernels of its own; all give the same bits.
#include "edgek/edgek.hpp"

#include "answer.hpp"

Answer answer_for_avx2();
Answer answer_with_checks();

int main() {
  const Answer plain = make_answer(), checked = answer_with_checks();
  bool ok = check("baseline", plain);
  ok = check("with checks", checked, plain.best) && ok;
  bool apart = plain.table != checked.table;
  if (edgek::detect_cpu().avx2) {
    const Answer avx2 = answer_for_avx2();
    ok = check("for AVX2", avx2, plain.best) && ok;
    apart = apart && plain.table != avx2.table && avx2.sets < plain.sets;  // SSE2 is not among its sets
  } else {
    std::puts("for AVX2: this CPU has none, not run");
  }
  if (!apart) std::puts("files with different flags share kernels");
  return ok && apart ? 0 : 1;
}
