// Leaves Highway's guards as one plain #include "hwy/highway.h" leaves them.
#undef HWY_TARGET_INCLUDE
#undef HWY_TARGET_TOGGLE
#ifndef HWY_HIGHWAY_PER_TARGET
#define HWY_HIGHWAY_PER_TARGET
#endif
#undef EDGEK_DETAIL_HIGHWAY_CAME_FIRST
