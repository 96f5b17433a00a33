// Built without NDEBUG; see mixed_flags.cpp.
#ifdef NDEBUG
#error "this file is to be built with asserts"
#endif
#include "edgek/edgek.hpp"

#include "answer.hpp"

Answer answer_with_checks();
Answer answer_with_checks() { return make_answer(); }
