#pragma once
/// Tells the service manager how far we are.

#include <string_view>

namespace weft::daemon {

/// Sends `state` ("READY=1") to the socket that NOTIFY_SOCKET names, if it names one; without a
/// service manager nothing happens. Source: sd_notify(3).
void notify(std::string_view state) noexcept;

}  // namespace weft::daemon
