#define EDGEK_IMPLEMENTATION
#include "edgek/edgek.hpp"
