#pragma once
/// What other plugins may ask this one. They include this header and nothing else of it.

#include <string>
#include <string_view>

#include <weft/reply.hpp>

namespace my_plugin {

/// Control: any plugin loop; replies arrive on the asker's. Never changes once released: what comes
/// later goes into a derived class with the id "example.my-plugin/2".
class Service {
 public:
  static constexpr std::string_view service = "example.my-plugin/1";

  /// Answers `question` in capitals. Errors: Errc::invalid when it is empty.
  virtual void ask(std::string question, weft::Reply<std::string> reply) = 0;

 protected:
  ~Service() = default;  // owned by its plugin; never deleted through this interface
};

}  // namespace my_plugin
