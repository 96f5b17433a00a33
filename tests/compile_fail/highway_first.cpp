// Highway first, without the set of targets that edgek compiles (which CMake passes: the twin).
#include "hwy/highway.h"
#include "edgek/edgek.hpp"
