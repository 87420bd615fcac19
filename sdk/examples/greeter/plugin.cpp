/// Makes GreeterPlugin loadable.

#include "greeter_plugin.hpp"

WEFT_PLUGIN(example::GreeterPlugin)
