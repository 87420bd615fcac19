/// The only file that knows this is a plugin.

#include "my-plugin.hpp"

WEFT_PLUGIN(my_plugin::MyPlugin)
