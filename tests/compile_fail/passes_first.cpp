// A file with Highway passes of its own (WRONG), or with declarations of edgek only (its twin).
#define HWY_TARGET_INCLUDE "passes_first.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#if HWY_ONCE
#include "edgek/edgek.hpp"
#endif
