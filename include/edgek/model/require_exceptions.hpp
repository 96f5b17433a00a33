#ifndef EDGEK_MODEL_REQUIRE_EXCEPTIONS_HPP_
#define EDGEK_MODEL_REQUIRE_EXCEPTIONS_HPP_

// Every header of the model layer includes this first: without exceptions the compiler's own
// message would point at some `throw` deep inside.
#if !defined(__cpp_exceptions) && !defined(__EXCEPTIONS) && !defined(_CPPUNWIND)
#error "edgek: the model layer reports errors by exceptions; with -fno-exceptions include edgek/edgek.hpp instead"
#endif

#endif  // EDGEK_MODEL_REQUIRE_EXCEPTIONS_HPP_
