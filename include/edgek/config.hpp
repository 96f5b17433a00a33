#ifndef EDGEK_CONFIG_HPP_
#define EDGEK_CONFIG_HPP_

// How the kernels reach a program. Choose once for all of its files (the CMake targets do it):
//   nothing defined        every file that includes edgek compiles every target; choice at run time
//   EDGEK_STATIC_ONLY      one target: the one that this file's -m flags name
//   EDGEK_DECLARE_ONLY     this file sees declarations; exactly one file of the program defines
//                          EDGEK_IMPLEMENTATION instead and compiles the kernels (edgek::compiled)
// docs/dispatch.md explains the modes and their limits.

#if defined(__FAST_MATH__) && !defined(EDGEK_ALLOW_FAST_MATH)
#error "edgek: -ffast-math changes results. Compile without it, or define EDGEK_ALLOW_FAST_MATH and lose the promise of one answer."
#endif

#ifdef EDGEK_IMPLEMENTATION
#undef EDGEK_DECLARE_ONLY
#endif

#ifndef EDGEK_DECLARE_ONLY

#if defined(EDGEK_STATIC_ONLY) && !defined(HWY_COMPILE_ONLY_STATIC)
#define HWY_COMPILE_ONLY_STATIC
#endif

// The targets worth compiling. Older x86 ones would add 1.5 s to every including file and serve CPUs
// that SSE2 serves as well; AES, BF16 and the fixed-length SVE targets add nothing that edgek uses.
// Highway reads these two when it is first included: a file that includes it before edgek must have
// them too (the CMake targets pass them), or the passes below would not match its own.
#ifdef HWY_HIGHWAY_INCLUDED
#ifndef EDGEK_STATIC_ONLY
#if HWY_DISABLED_TARGETS == 0  // Highway's own default
#error "edgek: this file included Highway first, with another set of targets. Include <edgek/edgek.hpp> first, link edgek::edgek (it passes the set), or define EDGEK_DECLARE_ONLY here."
#endif
#endif
#else
#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS                                                            \
  (HWY_SSSE3 | HWY_SSE4 | HWY_AVX3 | HWY_AVX3_ZEN4 | HWY_AVX3_SPR | HWY_NEON | HWY_NEON_BF16 | HWY_SVE_256 | \
   HWY_SVE2_128)
#endif
#ifndef HWY_WANT_AVX3_DL
#define HWY_WANT_AVX3_DL
#endif
#endif  // HWY_HIGHWAY_INCLUDED

#endif  // !EDGEK_DECLARE_ONLY

#endif  // EDGEK_CONFIG_HPP_
