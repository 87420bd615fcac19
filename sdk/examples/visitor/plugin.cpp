/// Makes VisitorPlugin loadable.

#include "visitor_plugin.hpp"

WEFT_PLUGIN(example::VisitorPlugin)
