// Refused by name where exceptions are off.
#include "edgek/model.hpp"
