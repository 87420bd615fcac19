#pragma once
/// How many clients and commands the control server takes on at once.

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace weft::control {

/// A place is held by a connection and by the command that runs for it, until both are over: a
/// client that leaves cannot start more and more work. One of each command may run at any time, and
/// more only while fewer of it run than places are free. So those that wait, however many, leave
/// room for every other command.
///
/// Tokens may be released on any thread, and outlive this object.
class Places {
 public:
  using Token = std::shared_ptr<void>;

  explicit Places(std::size_t places) : counts_(std::make_shared<Counts>()) {
    counts_->free = places;
  }

  /// A place for a connection; empty when none is free.
  [[nodiscard]] Token take();
  /// Held while `command` runs; empty when as many of it run already as places are free.
  [[nodiscard]] Token run(const std::string& command);

 private:
  struct Counts {
    std::mutex mutex;  ///< guards what follows
    std::size_t free = 0;
    std::map<std::string, std::size_t, std::less<>> running;
  };
  std::shared_ptr<Counts> counts_;
};

}  // namespace weft::control
