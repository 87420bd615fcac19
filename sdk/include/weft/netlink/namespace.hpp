#pragma once
/// Network namespaces: entering one for a while, and the settings of the one a thread is in.

#include <string>
#include <string_view>

#include <weft/net/ip.hpp>
#include <weft/net/mac.hpp>
#include <weft/result.hpp>

namespace weft::nl {

/// Puts the calling thread into another network namespace until it is destroyed, on that thread.
/// Sockets opened meanwhile stay in that namespace for good.
class [[nodiscard]] NamespaceScope {
 public:
  /// `path`: "/var/run/netns/x", "/proc/PID/ns/net". Errors: ENOENT, EPERM.
  [[nodiscard]] static Result<NamespaceScope> enter(const std::string& path);

  NamespaceScope(NamespaceScope&& other) noexcept;
  NamespaceScope& operator=(NamespaceScope&&) = delete;
  ~NamespaceScope();

 private:
  explicit NamespaceScope(int previous) : previous_(previous) {}

  int previous_;  // where the thread came from; -1 after a move
};

/// Makes a kernel setting of the calling thread's namespace be so: ("net/ipv4/ip_forward", "1").
/// Succeeds where it cannot be written and has this value already. Errors: ENOENT when the kernel
/// does not have it; EROFS, EACCES, EPERM where it cannot be written, as in many containers.
[[nodiscard]] Result<> write_setting(std::string_view name, std::string_view value);

/// The value of a kernel setting of the calling thread's namespace, without the final newline.
/// Errors: ENOENT when the kernel does not have it.
[[nodiscard]] Result<std::string> read_setting(std::string_view name);

/// The neighbour settings of `interface` that make a moved address known within seconds.
/// Source: weaveworks/weave net/arp.go, ConfigureARPCache.
[[nodiscard]] Result<> tune_arp(std::string_view interface);

/// Tells everyone on `link` (an interface index, up) the new MAC of `address`: by a gratuitous ARP
/// request, or an unsolicited neighbour advertisement. In the network namespace of the calling
/// thread, which must have an IPv6 address. Source: RFC 5227 section 3; RFC 4861 section 7.2.6.
[[nodiscard]] Result<> announce_address(int link, const net::Mac& mac,
                                        const net::IpAddress& address);

}  // namespace weft::nl
