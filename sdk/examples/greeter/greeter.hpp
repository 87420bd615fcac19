#pragma once
/// The interface that this plugin provides, for others to include.
///
/// A published interface is frozen: nothing in Greeter may be added, removed or moved, because
/// plugins compiled against it call its functions by position. What came later is Greeter2, under
/// an id of its own; one object serves both, and plugins that know only the first go on working.

#include <string>
#include <string_view>

#include <weft/reply.hpp>

namespace example {

/// Control: any plugin loop; the answer comes on the asker's.
class Greeter {
 public:
  static constexpr std::string_view service = "example.greeter/1";

  /// Answers a greeting for `name`, in English. Errors: Errc::invalid when `name` is empty;
  /// Errc::abandoned when the provider stopped before it answered.
  virtual void greet(std::string name, weft::Reply<std::string> reply) = 0;

 protected:
  ~Greeter() = default;  // owned by its plugin; never deleted through this interface
};

class Greeter2 : public Greeter {
 public:
  static constexpr std::string_view service = "example.greeter/2";

  /// The same in `language`, an ISO 639 code of two letters. Errors: those of `greet`, and
  /// Errc::not_found for a language the provider does not speak.
  virtual void greet_in(std::string language, std::string name, weft::Reply<std::string> reply) = 0;

 protected:
  ~Greeter2() = default;
};

}  // namespace example
