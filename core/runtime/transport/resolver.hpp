#pragma once
/// Looks host names up on threads of its own. A DNS server that does not answer blocks a lookup for
/// a minute or more, and nothing can interrupt it: nobody else may have to wait for it.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <weft/export.hpp>
#include <weft/function.hpp>
#include <weft/net/ip.hpp>
#include <weft/result.hpp>

namespace weft {

/// Asks the system's resolver: nsswitch.conf, hosts, DNS. Blocks. Answers each address once.
/// Errors: Errc::not_found, with the resolver's words.
[[nodiscard]] WEFT_EXPORT Result<std::vector<net::IpAddress>> look_up_host(const std::string& host);

/// Shared by all plugins of a node; any thread.
class WEFT_EXPORT Resolver {
 public:
  using Addresses = Result<std::vector<net::IpAddress>>;
  using LookUp = std::function<Addresses(const std::string& host)>;
  /// Called on a thread of the resolver. Must not throw.
  using Found = UniqueFunction<void(const Addresses&)>;

  /// Names looked up at once. More names wait for their turn.
  static constexpr unsigned max_threads = 64;

  explicit Resolver(LookUp look_up = look_up_host);
  /// Waits for no lookup: what is under way ends whenever it does, and tells nobody.
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  /// Looks `host` up, or takes part in a lookup of it that has not ended yet: there is at most one
  /// for each name.
  void look_up(const std::string& host, Found found);

 private:
  struct State;

  std::shared_ptr<State> state_;  // the threads' too: they may outlive this object
};

}  // namespace weft
