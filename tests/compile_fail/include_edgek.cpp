// Compiled with flags that edgek refuses, and with flags that it accepts.
#include "edgek/edgek.hpp"
