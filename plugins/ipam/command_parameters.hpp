#pragma once
/// The control commands `ipam.*`: what they take and answer.

#include <optional>
#include <string>

#include <weft/control.hpp>
#include <weft/net/ip.hpp>

namespace weft::ipam {

/// An address that a caller gave. Without a prefix length in the text it has that of its family.
struct AddressParameter {
  std::optional<std::string> text;
  std::optional<net::Cidr> value;  ///< since `read`

  /// Errors: Errc::invalid.
  [[nodiscard]] Result<> read();
};

struct OwnerParameters {
  std::string owner;

  void describe(Schema& schema);
  [[nodiscard]] Result<> validate() const;
};

struct AllocateParameters {
  OwnerParameters holder;
  std::optional<net::Cidr> subnet;

  void describe(Schema& schema);
  [[nodiscard]] Result<> validate() const { return holder.validate(); }
};

struct ClaimParameters {
  OwnerParameters holder;
  std::string text;
  net::Cidr address;
  bool is_lenient = false;

  void describe(Schema& schema);
  [[nodiscard]] Result<> validate();
};

struct ReleaseParameters {
  OwnerParameters holder;
  AddressParameter address;

  void describe(Schema& schema);
  [[nodiscard]] Result<> validate();
};

struct TakeOverParameters {
  std::string peer;

  void describe(Schema& schema);
};

struct ExposeParameters {
  AddressParameter address;
  std::optional<net::Cidr> subnet;
  bool masquerade = true;

  void describe(Schema& schema);
  [[nodiscard]] Result<> validate() { return address.read(); }
};

struct HideParameters {
  AddressParameter address;

  void describe(Schema& schema);
  [[nodiscard]] Result<> validate() { return address.read(); }
};

[[nodiscard]] CommandInfo status_command();
[[nodiscard]] CommandInfo list_command();
[[nodiscard]] CommandInfo take_over_command();
/// A command that answers {}.
[[nodiscard]] CommandInfo empty_command(std::string name, std::string help);
/// A command that answers {"addresses": [...]}.
[[nodiscard]] CommandInfo addresses_command(std::string name, std::string help);

}  // namespace weft::ipam
