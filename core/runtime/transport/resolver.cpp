/// One queue of names, and threads that come and go with it.

#include "runtime/transport/resolver.hpp"

#include <netdb.h>
#include <pthread.h>
#include <sys/socket.h>

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include <fmt/core.h>

namespace weft {

Result<std::vector<net::IpAddress>> look_up_host(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int status = getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (status != 0) {
    return fail(Errc::not_found, fmt::format("resolve '{}': {}", host, gai_strerror(status)));
  }
  std::vector<net::IpAddress> addresses;
  for (const addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    const net::IpAddress address = net::from_sockaddr(*entry->ai_addr).address;
    if (std::find(addresses.begin(), addresses.end(), address) == addresses.end()) {
      addresses.push_back(address);
    }
  }
  freeaddrinfo(found);
  return addresses;
}

/// A thread takes names while there are any, and ends.
struct Resolver::State {
  explicit State(LookUp look_up_name) : look_up(std::move(look_up_name)) {}

  void run();

  const LookUp look_up;
  std::mutex mutex;  // guards what follows
  std::deque<std::string> waiting;
  std::map<std::string, std::vector<Found>> asked;  // by name; waiting or under way
  unsigned threads = 0;
  bool is_closed = false;
};

void Resolver::State::run() {
  std::unique_lock lock(mutex);
  while (!waiting.empty() && !is_closed) {
    const std::string host = std::move(waiting.front());
    waiting.pop_front();
    lock.unlock();
    const Addresses answer = look_up(host);
    lock.lock();
    const auto at = asked.find(host);
    if (at == asked.end()) {
      break;  // closed meanwhile
    }
    std::vector<Found> askers = std::move(at->second);
    asked.erase(at);
    lock.unlock();
    for (Found& found : askers) {
      found(answer);
    }
    askers.clear();
    lock.lock();
  }
  --threads;
}

Resolver::Resolver(LookUp look_up) : state_(std::make_shared<State>(std::move(look_up))) {}

Resolver::~Resolver() {
  std::map<std::string, std::vector<Found>> dropped;  // destroyed after the lock was released
  const std::lock_guard lock(state_->mutex);
  state_->is_closed = true;
  state_->waiting.clear();
  dropped.swap(state_->asked);
}

void Resolver::look_up(const std::string& host, Found found) {
  Found refused;
  {
    const std::lock_guard lock(state_->mutex);
    const auto [at, is_first] = state_->asked.try_emplace(host);
    at->second.push_back(std::move(found));
    if (!is_first) {
      return;
    }
    state_->waiting.push_back(host);
    if (state_->threads == max_threads) {
      return;
    }
    try {
      std::thread([state = state_] {
        pthread_setname_np(pthread_self(), "resolver");
        state->run();
      }).detach();
      ++state_->threads;
      return;
    } catch (const std::system_error&) {
      if (state_->threads != 0) {
        return;  // one that runs gets to it
      }
      state_->waiting.pop_back();
      refused = std::move(at->second.front());
      state_->asked.erase(at);
    }
  }
  refused(fail(EAGAIN, fmt::format("start a thread to resolve '{}'", host)));
}

}  // namespace weft
