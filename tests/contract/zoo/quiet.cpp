/// Does nothing, correctly.

#include "animal.hpp"

WEFT_PLUGIN(weft::zoo::Animal)
