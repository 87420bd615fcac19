/// Reads in chunks, writes gathered, and callbacks that may destroy the stream.

#include "runtime/transport/asio_stream.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <optional>

#include <boost/asio/error.hpp>
#include <boost/asio/socket_base.hpp>

namespace weft {
namespace {

using boost::asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t read_chunk_bytes = std::size_t{64} * 1024;
/// Queued pieces given to one writev; the kernel takes up to UIO_MAXIOV, 1024.
constexpr std::size_t gather_limit = 64;

/// The socket and its queues. Shared by the stream and by the operations Asio has under way, which
/// find out here whether the stream still exists. Loop's thread only.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Loop& loop, tcp::socket socket) : loop_(loop), socket_(std::move(socket)) {
    // Errors mean that the peer is gone already: the first read says so.
    error_code ignored;
    socket_.set_option(tcp::no_delay(true), ignored);
    socket_.set_option(boost::asio::socket_base::linger(true, 0), ignored);
    socket_.non_blocking(true, ignored);
    local_ = from_asio(socket_.local_endpoint(ignored));
    remote_ = from_asio(socket_.remote_endpoint(ignored));
  }

  void start(Stream::Callbacks callbacks) {
    WEFT_CHECK(!is_started_, "a stream is started once");
    callbacks_ = std::move(callbacks);
    is_started_ = true;
    schedule_pump();
  }

  void pause() noexcept { is_paused_ = true; }

  void resume() {
    is_paused_ = false;
    schedule_pump();
  }

  void write(Bytes octets) {
    if (octets.empty() || end_ || has_broken_writes_) {
      return;
    }
    queued_bytes_ += octets.size();
    queue_.push_back(std::move(octets));
    // Deferred to the end of this handler, so that what one handler writes leaves together.
    if (!is_writing_) {
      is_writing_ = true;
      loop_.post([self = shared_from_this()] { self->send(); });
    }
  }

  /// The owner destroyed the stream.
  void close() noexcept {
    is_owned_ = false;
    if (!is_in_callback_) {
      callbacks_ = {};
    }
    error_code ignored;
    socket_.close(ignored);
    queue_.clear();
    queued_bytes_ = 0;
  }

  [[nodiscard]] std::size_t queued_bytes() const noexcept { return queued_bytes_; }
  [[nodiscard]] net::Endpoint local() const noexcept { return local_; }
  [[nodiscard]] net::Endpoint remote() const noexcept { return remote_; }

 private:
  void schedule_pump() {
    loop_.post([self = shared_from_this()] { self->pump(); });
  }

  /// Continues reading, or tells the end, as far as the owner wants to hear of it.
  void pump() {
    if (!is_owned_ || !is_started_ || is_paused_ || is_in_callback_) {
      return;
    }
    if (end_) {
      tell_end();
    } else if (!is_waiting_) {
      is_waiting_ = true;
      // Waiting instead of reading: an idle stream needs no buffer of its own.
      socket_.async_wait(tcp::socket::wait_read,
                         [self = shared_from_this()](const error_code& error) {
                           self->is_waiting_ = false;
                           self->receive(error);
                         });
    }
  }

  void receive(error_code error) {
    if (!is_owned_ || is_paused_) {
      return;
    }
    if (!error) {
      std::array<std::byte, read_chunk_bytes> chunk;  // NOLINT: filled by the kernel
      const std::size_t got = socket_.read_some(boost::asio::buffer(chunk), error);
      if (got > 0) {
        call([&] {
          if (callbacks_.on_data) {
            callbacks_.on_data({chunk.data(), got});
          }
        });
      }
    }
    if (error && error != boost::asio::error::would_block && !end_) {
      finish(from_asio(error, "read from " + to_string(remote_)));
      return;
    }
    pump();
  }

  void send() {
    if (!is_owned_ || end_) {
      return;
    }
    if (queue_.empty()) {
      is_writing_ = false;
      call([&] {
        if (callbacks_.on_drained) {
          callbacks_.on_drained();
        }
      });
      return;
    }
    std::vector<boost::asio::const_buffer> pieces;
    pieces.reserve(std::min(queue_.size(), gather_limit));
    for (std::size_t i = 0; i < queue_.size() && i < gather_limit; ++i) {
      const std::size_t skip = i == 0 ? front_sent_ : 0;
      pieces.emplace_back(queue_[i].data() + skip, queue_[i].size() - skip);
    }
    socket_.async_write_some(
        pieces, [self = shared_from_this()](const error_code& error, std::size_t sent) {
          self->sent(error, sent);
        });
  }

  void sent(const error_code& error, std::size_t count) {
    if (!is_owned_ || end_) {
      return;
    }
    if (error) {
      // What the peer sent before it went is still to be read; reading then tells the end.
      has_broken_writes_ = true;
      queue_.clear();
      queued_bytes_ = 0;
      return;
    }
    queued_bytes_ -= count;
    count += std::exchange(front_sent_, 0);
    while (!queue_.empty() && count >= queue_.front().size()) {
      count -= queue_.front().size();
      queue_.pop_front();
    }
    front_sent_ = count;
    send();
  }

  void finish(Error reason) {
    end_ = std::move(reason);
    error_code ignored;
    socket_.close(ignored);
    queue_.clear();
    queued_bytes_ = 0;
    schedule_pump();
  }

  void tell_end() {
    if (!std::exchange(end_told_, true)) {
      call([&] {
        if (callbacks_.on_end) {
          callbacks_.on_end(*end_);
        }
      });
    }
  }

  /// Runs a callback that may destroy the stream.
  template <class Callback>
  void call(Callback callback) {
    is_in_callback_ = true;
    callback();
    is_in_callback_ = false;
    if (!is_owned_) {
      callbacks_ = {};
    }
  }

  Loop& loop_;
  tcp::socket socket_;
  net::Endpoint local_;
  net::Endpoint remote_;
  Stream::Callbacks callbacks_;
  std::deque<Bytes> queue_;
  std::size_t front_sent_ = 0;  // octets of queue_.front() that already left
  std::size_t queued_bytes_ = 0;
  std::optional<Error> end_;
  bool is_owned_ = true;
  bool is_started_ = false;
  bool is_paused_ = false;
  bool is_waiting_ = false;
  bool is_writing_ = false;
  bool has_broken_writes_ = false;
  bool is_in_callback_ = false;
  bool end_told_ = false;
};

class AsioStream final : public Stream {
 public:
  AsioStream(Loop& loop, tcp::socket socket)
      : connection_(std::make_shared<Connection>(loop, std::move(socket))) {}
  ~AsioStream() override { connection_->close(); }

  void start(Callbacks callbacks) override { connection_->start(std::move(callbacks)); }
  void pause() override { connection_->pause(); }
  void resume() override { connection_->resume(); }
  void write(Bytes octets) override { connection_->write(std::move(octets)); }
  [[nodiscard]] std::size_t queued_bytes() const noexcept override {
    return connection_->queued_bytes();
  }
  [[nodiscard]] net::Endpoint local() const noexcept override { return connection_->local(); }
  [[nodiscard]] net::Endpoint remote() const noexcept override { return connection_->remote(); }

 private:
  std::shared_ptr<Connection> connection_;
};

}  // namespace

std::unique_ptr<Stream> make_asio_stream(Loop& loop, tcp::socket socket) {
  return std::make_unique<AsioStream>(loop, std::move(socket));
}

net::Endpoint from_asio(const tcp::endpoint& endpoint) {
  return net::from_sockaddr(*endpoint.data());
}

Error from_asio(const error_code& code, std::string context) {
  if (code == boost::asio::error::eof) {
    return {make_error_code(Errc::closed), std::move(context)};
  }
  return {std::error_code(code.value(), std::generic_category()), std::move(context)};
}

}  // namespace weft
