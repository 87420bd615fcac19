#pragma once
/// What the host has of pods: which interfaces and which addresses exist.

#include <optional>
#include <set>
#include <string>

#include <weft/net/ip.hpp>
#include <weft/result.hpp>

#include "common/attachment/attachment.hpp"

namespace weft::cni {

/// The network namespace of the daemon at one moment.
struct HostPorts {
  std::set<std::string> names;    ///< of all interfaces
  std::set<std::string> aliases;  ///< likewise
};

/// Looks at the host. A test has its own.
class HostProbe {
 public:
  virtual ~HostProbe() = default;
  /// Errors: the kernel's.
  [[nodiscard]] virtual Result<HostPorts> look() = 0;
  /// The addresses of all interfaces, and of the other ends of veth pairs, wherever those are.
  /// Costs a request for each pod. Errors: the kernel's.
  [[nodiscard]] virtual Result<std::set<net::IpAddress>> addresses() = 0;
  /// Whether weft-cni works at the attachment now. Empty: cannot be told.
  [[nodiscard]] virtual std::optional<bool> is_busy(const AttachmentId& attachment) = 0;
};

/// The calling thread's network namespace. `directory` is where weft-cni keeps its locks.
class KernelProbe final : public HostProbe {
 public:
  explicit KernelProbe(std::string directory) : directory_(std::move(directory)) {}

  [[nodiscard]] Result<HostPorts> look() override;
  [[nodiscard]] Result<std::set<net::IpAddress>> addresses() override;
  [[nodiscard]] std::optional<bool> is_busy(const AttachmentId& attachment) override;

 private:
  std::string directory_;
};

/// The id that the kernel got at its start. Empty when it does not tell.
[[nodiscard]] std::string boot_id();

}  // namespace weft::cni
