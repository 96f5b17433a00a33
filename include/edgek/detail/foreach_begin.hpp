// Opens the passes: hwy/foreach_target.h made safe to use from a header. Included once, by dispatch.hpp.
// It includes kernels/target-inl.hpp for every target but the static one.
#include "hwy/detect_targets.h"

#if HWY_TARGETS != HWY_STATIC_TARGET
#if defined(HIGHWAY_HWY_FOREACH_TARGET_H_) || defined(HWY_TARGET_INCLUDE)
#error "edgek: this file has Highway passes of its own (hwy/foreach_target.h), and that works once per file. Define EDGEK_DECLARE_ONLY here and EDGEK_IMPLEMENTATION in another file."
#endif
#ifdef HWY_HIGHWAY_INCLUDED
#define EDGEK_DETAIL_FLIP_FIRST_PASS  // read by target-inl.hpp
#define EDGEK_DETAIL_HIGHWAY_CAME_FIRST
#endif
#define HWY_TARGET_INCLUDE "edgek/kernels/target-inl.hpp"
#include "hwy/foreach_target.h"
#endif

#include "hwy/highway.h"
#ifdef EDGEK_DETAIL_HIGHWAY_CAME_FIRST
#include "hwy/ops/set_macros-inl.h"  // HWY_NAMESPACE names the static target again
#endif
