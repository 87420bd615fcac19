#pragma once
/// Who holds which address of one range. Pure.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <weft/net/ip.hpp>
#include <weft/result.hpp>
#include <weft/service/ipam.hpp>

namespace my_plugin {

class Pool {
 public:
  /// The first and the last address of `range` are never given out.
  explicit Pool(weft::net::Cidr range) : range_(range) {}

  /// The address that `owner` holds, or the lowest free one, which it holds from now on.
  /// Errors: Errc::pool_exhausted.
  [[nodiscard]] weft::Result<weft::AllocatedAddress> allocate(const std::string& owner);
  /// Errors: Errc::conflict, naming who holds it; Errc::invalid outside the range.
  [[nodiscard]] weft::Result<> claim(const std::string& owner, const weft::net::Cidr& address);
  /// Succeeds when `owner` holds nothing.
  void release(const std::string& owner);
  /// The same for those of `addresses` that it holds.
  void release(const std::string& owner, const std::vector<weft::net::IpAddress>& addresses);
  [[nodiscard]] std::vector<weft::net::Cidr> lookup(const std::string& owner) const;

  /// One line "address owner" for each; `load` reads what `save` wrote.
  /// Errors of load: Errc::malformed.
  [[nodiscard]] std::string save() const;
  [[nodiscard]] weft::Result<> load(std::string_view text);

 private:
  [[nodiscard]] weft::net::Cidr at(std::uint32_t address) const;

  weft::net::Cidr range_;
  std::map<std::uint32_t, std::string> owners_;  // by address
};

}  // namespace my_plugin
