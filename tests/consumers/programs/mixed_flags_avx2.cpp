// Built with -mavx2 and what goes with it; see mixed_flags.cpp.
#ifndef __AVX2__
#error "this file is to be built for AVX2"
#endif
#include "edgek/edgek.hpp"

#include "answer.hpp"

Answer answer_for_avx2();
Answer answer_for_avx2() { return make_answer(); }
