/// Decides between namesakes, tells them, and remembers whose a name is.

#include "gossip/namesakes.hpp"

#include <utility>

#include <fmt/core.h>

namespace weft::gossip {
namespace {

/// Of a connection, uncontested, after which this node has its name at its address.
constexpr Duration name_proven_after = std::chrono::minutes{1};
/// Several peers come and go together.
constexpr Duration save_delay = std::chrono::seconds{1};
constexpr Duration refresh_interval = std::chrono::hours{1};
constexpr const char* name_remedy =
    "give one of them a 'host.name' of its own, or, if it is a copy, stop weftd there, remove its "
    "state directory and the bridge 'weave', make a new /etc/machine-id, and start it again";

std::string host_of(const net::Endpoint& endpoint) {
  return to_string(endpoint.address);
}

struct Namesake {
  std::string nickname;
  net::IpAddress address;
};

Error two_of_one_name(PeerName name, const Namesake& owner, const Namesake& other) {
  return {make_error_code(Errc::conflict),
          fmt::format("connect: the name {} belongs to '{}' at {}, and '{}' at {} has it too; {}",
                      to_string(name), owner.nickname, to_string(owner.address), other.nickname,
                      to_string(other.address), name_remedy)};
}

}  // namespace

Namesakes::Namesakes(const Environment& environment)
    : env_(environment),
      conflicts_(env_.metrics.counter("weft_gossip_name_conflicts_total",
                                      "Meetings of two peers that have one name.")) {
  refresh_ = env_.loop.every(refresh_interval, [this] { save(); });
}

void Namesakes::load(std::string_view saved) {
  const TimePoint now = env_.loop.now();
  homes_.load(saved, now, env_.loop.wall_now());
  env_.links.for_each([&](Link& link) {
    const Homes::Home* const home =
        link.is_added ? homes_.kept_from(link.remote, link.address.address, now) : nullptr;
    if (home != nullptr) {
      const Topology::Peer* const known = env_.peers.find(link.remote);
      reject(link,
             {DropReason::name_taken,
              two_of_one_name(link.remote, {home->nickname, home->address},
                              {known == nullptr ? "" : known->nickname, link.address.address})});
    }
  });
}

void Namesakes::save_soon() {
  if (!std::exchange(is_save_due_, true)) {
    save_ = env_.loop.after(save_delay, [this] { save(); });
  }
}

void Namesakes::save() {
  is_save_due_ = false;
  const TimePoint now = env_.loop.now();
  for (const auto& [id, link] : env_.links.all()) {
    if (link.is_added) {
      homes_.left(link.remote, link.address.address, now);  // seen until now
    }
  }
  if (std::string saved = homes_.save(now, env_.loop.wall_now()); !saved.empty()) {
    env_.events.on_homes(std::move(saved));
  }
}

Admission Namesakes::check_name(const Link& link, const mesh::Features& remote) const {
  const Topology::Peer& self = env_.peers.self();
  if (remote.name == self.name && remote.uid == self.uid) {
    return tl::unexpected(
        Rejection{DropReason::self, Error{make_error_code(Errc::conflict), "connect to ourself"}});
  }
  if (remote.name == self.name) {
    return tl::unexpected(Rejection{
        DropReason::name_collision,
        Error{make_error_code(Errc::conflict),
              fmt::format("connect: '{}' at {} and '{}' at {} have one "
                          "name, {}; {}",
                          self.nickname, host_of(link.connection->local()), remote.nickname,
                          host_of(link.address), to_string(remote.name), name_remedy)}});
  }
  if (!link.is_direct && env_.peers.find(remote.name) == nullptr) {
    return tl::unexpected(
        Rejection{DropReason::unknown_remote,
                  Error{make_error_code(Errc::not_found),
                        fmt::format("connect: Found unknown remote name: {} at {}",
                                    to_string(remote.name), to_string(link.address))}});
  }
  return {};
}

Admission Namesakes::check_holder(const Link& link, const mesh::Features& remote) {
  const TimePoint now = env_.loop.now();
  const net::IpAddress& address = link.address.address;
  Link* const holder = env_.links.to(remote.name);
  if (holder == nullptr) {
    const Homes::Home* const home = homes_.kept_from(remote.name, address, now);
    return home == nullptr ? Admission{}
                           : tl::unexpected(Rejection{
                                 DropReason::name_taken,
                                 two_of_one_name(remote.name, {home->nickname, home->address},
                                                 {remote.nickname, address})});
  }
  if (holder->process == remote.uid) {
    return {};
  }
  const Topology::Peer* const known = env_.peers.find(remote.name);
  const Namesake there{known == nullptr ? "" : known->nickname, holder->address.address};
  const Namesake here{remote.nickname, address};
  if (homes_.claim_back(remote.name, address, holder->address.address, now)) {
    Error error = two_of_one_name(remote.name, here, there);
    reject(*holder, {DropReason::name_lost, error});
    return tl::unexpected(Rejection{DropReason::name_taken, std::move(error)});
  }
  homes_.contest(remote.name, address, holder->address.address, now);
  holder->connection->probe();
  Error error = two_of_one_name(remote.name, there, here);
  warn(*holder, error);
  return tl::unexpected(Rejection{DropReason::name_taken, std::move(error)});
}

void Namesakes::warn(Link& holder, const Error& error) {
  if (holder.is_weft && std::exchange(holder.warned, error.context) != error.context) {
    (void)holder.connection->send(
        mesh::encode_message(mesh::Notice{mesh::Notice::Kind::warning, error.context}));
  }
}

void Namesakes::established(Link& link) {
  const Topology::Peer* const known = env_.peers.find(link.remote);
  homes_.meet(link.remote, link.address.address, known == nullptr ? "" : known->nickname,
              env_.loop.now());
  link.proof = env_.loop.after(name_proven_after,
                               [this, id = link.id()] { on_lasting(*env_.links.find(id)); });
}

void Namesakes::on_lasting(const Link& link) {
  const Topology::Peer* const known = env_.peers.find(link.remote);
  homes_.settle(link.remote, link.address.address, known == nullptr ? "" : known->nickname,
                env_.loop.now());
  save_soon();
  if (!refused_by_) {
    env_.events.on_name_proven(link.connection->local().address);
  }
}

void Namesakes::left(const Link& link) {
  homes_.left(link.remote, link.address.address, env_.loop.now());
}

void Namesakes::on_notice(const Link& link, const mesh::Notice& notice, bool is_named) {
  const net::IpAddress local = link.connection->local().address;
  const bool is_dialled = link.is_direct && link.connection->is_outbound();
  const bool is_lost = notice.kind == mesh::Notice::Kind::name_lost;
  if (is_lost && (is_dialled || is_named)) {
    env_.events.on_name_lost(local);
  }
  if ((is_lost && (is_dialled || is_named)) ||
      (notice.kind == mesh::Notice::Kind::name_taken && is_dialled)) {
    refused_by_ = link.address.address;
    env_.events.on_name_refused(local, "cannot " + notice.text);
  }
}

void Namesakes::refusal_is_over() {
  refused_by_.reset();
  env_.events.on_name_refused({}, "");
}

}  // namespace weft::gossip
