#pragma once
/// The one header every plugin starts with.

#include <exception>
#include <memory>
#include <string>
#include <string_view>

#include <weft/abi.hpp>
#include <weft/bus.hpp>
#include <weft/config.hpp>
#include <weft/control.hpp>
#include <weft/export.hpp>
#include <weft/lane.hpp>
#include <weft/log.hpp>
#include <weft/loop.hpp>
#include <weft/metrics.hpp>
#include <weft/net/ip.hpp>
#include <weft/net/peer_name.hpp>
#include <weft/result.hpp>
#include <weft/service.hpp>
#include <weft/transport.hpp>

namespace weft {

/// Who this node is. Constant for the process.
struct NodeInfo {
  PeerName name{};
  std::string nickname;         ///< for humans; the host name unless configured
  std::string state_directory;  ///< survives restarts
  std::string run_directory;    ///< sockets
  /// Where other nodes reach this one. What several plugins open there agrees by it: the mesh TCP,
  /// an overlay UDP at the same port or the next.
  net::Endpoint listen{};
  std::string bridge{};  ///< the Linux bridge that pods attach to
};

/// Everything the node gives one plugin. Outlives the plugin; each plugin has its own.
class Host {
 public:
  [[nodiscard]] virtual Loop& loop() noexcept = 0;
  [[nodiscard]] virtual Transport& transport() noexcept = 0;
  [[nodiscard]] virtual Bus& bus() noexcept = 0;
  [[nodiscard]] virtual Services& services() noexcept = 0;
  [[nodiscard]] virtual Log& log() noexcept = 0;
  [[nodiscard]] virtual Metrics& metrics() noexcept = 0;
  [[nodiscard]] virtual Lanes& lanes() noexcept = 0;
  [[nodiscard]] virtual Control& control() noexcept = 0;
  [[nodiscard]] virtual const NodeInfo& node() const noexcept = 0;

  /// The plugin cannot go on. The host logs it, stops the plugin and starts a new instance after a
  /// wait, again and again with growing waits; when the plugin is critical the node stops instead.
  virtual void fail(Error error) noexcept = 0;

 protected:
  ~Host() = default;
};

/// A plugin. Created, configured, started and stopped on its own loop; destroyed after that loop
/// ran its last handler.
class Plugin {
 public:
  virtual ~Plugin() = default;

  /// Declares the configuration. No side effects.
  virtual void describe(Schema& /*schema*/) {}
  /// What no single field can tell, after the fields have their values: `weft config check` asks,
  /// and no plugin starts unless all agree. No side effects. Errors: Errc::invalid, naming the
  /// field and the fix.
  [[nodiscard]] virtual Result<> validate() { return {}; }
  /// Acquires resources, registers services, subscribes. At most 10 s. After an error `stop` is
  /// called too, so it must cope with a half-started plugin, and a new instance starts later.
  [[nodiscard]] virtual Result<> start() = 0;
  /// Ends the plugin's work. At most 5 s.
  virtual void stop() noexcept = 0;
};

namespace detail {

/// Hands an exception of a plugin's constructor to the host as an error.
template <class P>
void* create_plugin(void* host) noexcept {
  auto* const typed = static_cast<Host*>(host);
  try {
    return static_cast<Plugin*>(std::make_unique<P>(*typed).release());
  } catch (const std::exception& error) {
    typed->fail(Error{make_error_code(Errc::invalid),
                      std::string("construct the plugin: ") + error.what()});
  } catch (...) {
    typed->fail(Error{make_error_code(Errc::invalid), "construct the plugin"});
  }
  return nullptr;
}

}  // namespace detail
}  // namespace weft

/// Exports `Class`, derived from weft::Plugin with a constructor taking weft::Host&.
#define WEFT_PLUGIN(Class)                                 \
  extern "C" WEFT_EXPORT const weft_plugin_v1 weft_plugin; \
  const weft_plugin_v1 weft_plugin{                        \
      sizeof(weft_plugin_v1),                              \
      weft::abi::sdk_major,                                \
      weft::abi::sdk_minor,                                \
      WEFT_ABI_STAMP,                                      \
      &weft::detail::create_plugin<Class>,                 \
      [](void* plugin) { delete static_cast<weft::Plugin*>(plugin); }};
