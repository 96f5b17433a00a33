// One unit of a pass: all kernel families, compiled for one target with or without its dot products, and
// the table of them. Included by target-inl.hpp alone, which defines
//   EDGEK_UNIT         the unit's namespace
//   EDGEK_UNIT_TARGET  the compiler's name for the instructions, if it needs one
//   EDGEK_UNIT_DOT     1 if four-way integer dot products may be used
// Every kernel file is written between EDGEK_BEFORE_UNIT and EDGEK_AFTER_UNIT, and guarded by
// EDGEK_UNIT_TOGGLE, which flips after each unit; families without integer dot products are compiled once per
// target and guarded by EDGEK_TARGET_TOGGLE.
// Lambdas need EDGEK_UNIT_ATTR: clang does not give them the unit's instructions otherwise. Those of an inner loop get
// EDGEK_UNIT_INLINE, lest a compiler that counts their uses calls them.
#ifdef EDGEK_UNIT_TARGET
#define EDGEK_UNIT_ATTR __attribute__((target(EDGEK_UNIT_TARGET)))
#define EDGEK_UNIT_INLINE __attribute__((target(EDGEK_UNIT_TARGET), always_inline))
#define EDGEK_BEFORE_UNIT                \
  HWY_PUSH_ATTRIBUTES(EDGEK_UNIT_TARGET) \
  namespace edgek { inline namespace EDGEK_ABI { namespace HWY_NAMESPACE { namespace EDGEK_UNIT {
#define EDGEK_AFTER_UNIT \
  } } } }                \
  HWY_POP_ATTRIBUTES
#else
#define EDGEK_UNIT_ATTR
#define EDGEK_UNIT_INLINE __attribute__((always_inline))
#define EDGEK_BEFORE_UNIT \
  namespace edgek { inline namespace EDGEK_ABI { namespace HWY_NAMESPACE { namespace EDGEK_UNIT {
#define EDGEK_AFTER_UNIT \
  } } } }
#endif

#ifdef EDGEK_UNIT_SECOND
// What needs no dot products is there already. (Not between the macros: clang warns of attributes without a function.)
namespace edgek { inline namespace EDGEK_ABI { namespace HWY_NAMESPACE { namespace EDGEK_UNIT {
using namespace base;
} } } }
#endif

#include "edgek/kernels/set-inl.hpp"

#undef EDGEK_UNIT_ATTR
#undef EDGEK_UNIT_INLINE
#undef EDGEK_BEFORE_UNIT
#undef EDGEK_AFTER_UNIT
#ifdef EDGEK_UNIT_TOGGLE
#undef EDGEK_UNIT_TOGGLE
#else
#define EDGEK_UNIT_TOGGLE
#endif
