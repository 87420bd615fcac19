/// Listening, dialling and name lookup.

#include "runtime/transport/asio_transport.hpp"

#include <sys/socket.h>

#include <cstring>
#include <mutex>
#include <optional>
#include <utility>

#include <fmt/core.h>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>

#include "runtime/transport/asio_stream.hpp"
#include "runtime/transport/udp_datagrams.hpp"

namespace weft {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

/// How long accepting rests when the process is out of file descriptors: the kernel's backlog
/// holds the connections meanwhile.
constexpr Duration accept_rest = std::chrono::milliseconds{100};

tcp::endpoint to_asio(const net::Endpoint& endpoint) {
  sockaddr_storage storage{};
  const std::uint32_t size = net::to_sockaddr(endpoint, storage);
  tcp::endpoint result;
  result.resize(size);
  std::memcpy(result.data(), &storage, size);
  return result;
}

/// Shared by the listener and the accept that Asio has under way. Loop's thread only.
class Acceptor : public std::enable_shared_from_this<Acceptor> {
 public:
  Acceptor(ThreadLoop& loop, Transport::Accepted accepted)
      : loop_(loop), acceptor_(loop.io()), accepted_(std::move(accepted)) {}

  [[nodiscard]] Result<> open(const net::Endpoint& at) {
    auto opened = open_at(at);
    const bool lacks_ipv6 = !opened && !at.address.is_v4() && at.address.is_unspecified() &&
                            (opened.error().code == std::errc::address_family_not_supported ||
                             opened.error().code == std::errc::address_not_available);
    if (!lacks_ipv6) {
      return opened;
    }
    error_code ignored;
    acceptor_.close(ignored);
    return open_at({net::IpAddress::v4(0), at.port});
  }

  void pause() noexcept { is_paused_ = true; }

  void resume() {
    is_paused_ = false;
    loop_.post([self = shared_from_this()] { self->accept(); });
  }

  void close() noexcept {
    is_closed_ = true;
    error_code ignored;
    acceptor_.close(ignored);
    rest_.cancel();
    if (!is_in_callback_) {
      accepted_ = {};
    }
  }

  [[nodiscard]] const net::Endpoint& local() const noexcept { return local_; }

 private:
  [[nodiscard]] Result<> open_at(const net::Endpoint& at) {
    const tcp::endpoint endpoint = to_asio(at);
    error_code error;
    acceptor_.open(endpoint.protocol(), error);
    if (!error) {
      acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    }
    if (!error && !at.address.is_v4()) {
      acceptor_.set_option(boost::asio::ip::v6_only(!at.address.is_unspecified()), error);
    }
    if (!error) {
      acceptor_.bind(endpoint, error);
    }
    if (!error) {
      acceptor_.listen(boost::asio::socket_base::max_listen_connections, error);
    }
    if (error) {
      return fail(error.value(), "listen on TCP " + to_string(at));
    }
    local_ = {at.address, acceptor_.local_endpoint(error).port()};
    accept();
    return {};
  }

  void accept() {
    if (is_closed_ || is_paused_ || is_waiting_) {
      return;
    }
    is_waiting_ = true;
    // Waits first and accepts afterwards: a paused listener leaves connections in the backlog.
    acceptor_.async_wait(tcp::acceptor::wait_read,
                         [self = shared_from_this()](const error_code& error) {
                           self->is_waiting_ = false;
                           self->take(error);
                         });
  }

  void take(error_code error) {
    if (is_closed_ || is_paused_) {
      return;
    }
    tcp::socket socket(loop_.io());
    if (!error) {
      acceptor_.non_blocking(true, error);
    }
    if (!error) {
      acceptor_.accept(socket, error);
    }
    error_code gone;
    (void)socket.remote_endpoint(gone);
    if (!error && !gone) {
      is_in_callback_ = true;
      accepted_(make_asio_stream(loop_, std::move(socket)));
      is_in_callback_ = false;
      if (is_closed_) {
        accepted_ = {};
      }
    } else if (error.value() == EMFILE || error.value() == ENFILE || error.value() == ENOMEM) {
      rest_ = loop_.after(accept_rest, [this] { accept(); });
      return;
    }
    accept();  // a connection that died in the backlog is no reason to stop
  }

  ThreadLoop& loop_;
  tcp::acceptor acceptor_;
  Transport::Accepted accepted_;
  net::Endpoint local_;
  bool is_closed_ = false;
  bool is_paused_ = false;
  bool is_waiting_ = false;
  bool is_in_callback_ = false;
  Timer rest_;
};

class AsioListener final : public Listener {
 public:
  explicit AsioListener(std::shared_ptr<Acceptor> acceptor) : acceptor_(std::move(acceptor)) {}
  ~AsioListener() override { acceptor_->close(); }
  [[nodiscard]] net::Endpoint local() const noexcept override { return acceptor_->local(); }
  void pause() override { acceptor_->pause(); }
  void resume() override { acceptor_->resume(); }

 private:
  std::shared_ptr<Acceptor> acceptor_;
};

/// Shared by the request and by what Asio has under way. Loop's thread only.
class Dial : public std::enable_shared_from_this<Dial> {
 public:
  Dial(ThreadLoop& loop, const net::Endpoint& remote, Transport::Dialled done)
      : loop_(loop), socket_(loop.io()), remote_(remote), done_(std::move(done)) {}

  void start(Duration timeout) {
    deadline_ = loop_.after(
        timeout, [this] { finish(fail(Errc::timeout, "connect to TCP " + to_string(remote_))); });
    socket_.async_connect(to_asio(remote_), [self = shared_from_this()](const error_code& error) {
      if (error) {
        self->finish(fail(error.value(), "connect to TCP " + to_string(self->remote_)));
      } else if (!self->is_over_) {
        self->finish(make_asio_stream(self->loop_, std::move(self->socket_)));
      }
    });
  }

  void cancel() noexcept {
    is_over_ = true;
    deadline_.cancel();
    done_ = {};
    error_code ignored;
    socket_.close(ignored);
  }

 private:
  void finish(Result<std::unique_ptr<Stream>> outcome) {
    if (is_over_) {
      return;
    }
    const auto self = shared_from_this();  // the callback may destroy the request
    Transport::Dialled done = std::move(done_);
    cancel();
    done(std::move(outcome));
  }

  Loop& loop_;
  tcp::socket socket_;
  const net::Endpoint remote_;
  Transport::Dialled done_;
  bool is_over_ = false;
  Timer deadline_;
};

class PendingDial final : public Pending {
 public:
  explicit PendingDial(std::shared_ptr<Dial> dial) : dial_(std::move(dial)) {}
  ~PendingDial() override { dial_->cancel(); }

 private:
  std::shared_ptr<Dial> dial_;
};

/// Shared by the request and its answer: the work itself cannot be recalled.
struct Resolution {
  Transport::Resolved done;

  void answer(Resolver::Addresses addresses) {
    if (Transport::Resolved then = std::exchange(done, {})) {
      then(std::move(addresses));
    }
  }
};

class PendingResolution final : public Pending {
 public:
  explicit PendingResolution(std::shared_ptr<Resolution> resolution)
      : resolution_(std::move(resolution)) {}
  ~PendingResolution() override { resolution_->done = {}; }

 private:
  std::shared_ptr<Resolution> resolution_;
};

}  // namespace

/// A lookup may end after the plugin did, on a thread that knows nothing of it.
struct AsioTransport::Gate {
  std::mutex mutex;
  Loop* loop = nullptr;  // null: closed
};

AsioTransport::AsioTransport(ThreadLoop& loop, Resolver& resolver)
    : loop_(loop), resolver_(resolver), gate_(std::make_shared<Gate>()) {
  gate_->loop = &loop;
}

AsioTransport::~AsioTransport() {
  const std::lock_guard lock(gate_->mutex);
  gate_->loop = nullptr;
}

Result<std::unique_ptr<Listener>> AsioTransport::listen(net::Endpoint at, Accepted accepted) {
  auto acceptor = std::make_shared<Acceptor>(loop_, std::move(accepted));
  WEFT_TRY(acceptor->open(at));
  return std::make_unique<AsioListener>(std::move(acceptor));
}

Result<std::unique_ptr<Datagrams>> AsioTransport::bind_datagrams(net::Endpoint at,
                                                                 Datagrams::Callbacks callbacks) {
  return bind_udp_datagrams(loop_, at, std::move(callbacks));
}

std::unique_ptr<Pending> AsioTransport::dial(net::Endpoint remote, Duration timeout, Dialled done) {
  auto dial = std::make_shared<Dial>(loop_, remote, std::move(done));
  dial->start(timeout);
  return std::make_unique<PendingDial>(std::move(dial));
}

std::unique_ptr<Pending> AsioTransport::resolve(std::string host, Resolved done) {
  auto resolution = std::make_shared<Resolution>(Resolution{std::move(done)});
  if (const auto literal = net::parse_ip(host)) {
    loop_.post([resolution, address = *literal] { resolution->answer(std::vector{address}); });
  } else {
    resolver_.look_up(host, [gate = gate_, resolution](const Resolver::Addresses& addresses) {
      const std::lock_guard lock(gate->mutex);
      if (gate->loop != nullptr) {
        gate->loop->post([resolution, addresses] { resolution->answer(addresses); });
      }
    });
  }
  return std::make_unique<PendingResolution>(std::move(resolution));
}

}  // namespace weft
