#pragma once
/// Network namespaces of this process, and wires between them.

#include <memory>
#include <string>

#include <weft/result.hpp>
#include <weft/unique_fd.hpp>

namespace weft::conformance {

/// A namespace with a working loopback. Lives as long as this object or a thread inside.
class Network {
 public:
  /// Makes one and puts the calling thread into it. Errors: EPERM without the right to, not even
  /// inside a user namespace.
  [[nodiscard]] static Result<Network> make();

  /// Puts the calling thread into it; threads it starts later follow.
  void enter() const;
  [[nodiscard]] int fd() const noexcept { return fd_->get(); }

 private:
  explicit Network(int fd) : fd_(std::make_unique<UniqueFd>(fd)) {}

  std::unique_ptr<UniqueFd> fd_;
};

/// One end of a wire.
struct WireEnd {
  const Network& network;
  std::string interface;
  std::string address;  ///< with prefix length: "10.99.0.1/24"
};

/// Joins two networks; both interfaces are up. The calling thread is in the second one's
/// afterwards.
[[nodiscard]] Result<> lay_wire(const WireEnd& first, const WireEnd& second);

/// In the calling thread's network. Errors: ENODEV.
[[nodiscard]] Result<> set_interface(const std::string& interface, bool is_up);

}  // namespace weft::conformance
