/// The life of one control connection: read a line, dispatch it, write the answer.

#include "control/connection.hpp"

#include <utility>

#include <boost/asio/write.hpp>

#include "control/protocol.hpp"
#include "control/registry.hpp"

namespace weft::control {

namespace asio = boost::asio;

namespace {
constexpr std::size_t read_bytes = 16384;
}

Connection::Connection(LocalSocket socket, Loop& loop, Registry& registry,
                       const ServerLimits& limits, Gone gone)
    : socket_(std::move(socket)),
      loop_(loop),
      registry_(registry),
      limits_(limits),
      gone_(std::move(gone)) {}

void Connection::start() {
  expire_after(limits_.idle);
  read_more();
}

void Connection::close() noexcept {
  gone_ = {};
  deadline_.cancel();
  boost::system::error_code ignored;
  socket_.close(ignored);
}

void Connection::end() {
  if (gone_) {
    std::exchange(gone_, {})(shared_from_this());
  }
  close();
}

void Connection::expire_after(std::chrono::milliseconds limit) {
  deadline_ = loop_.after(limit, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) {
      self->end();
    }
  });
}

void Connection::read_more() {
  const std::size_t had = input_.size();
  input_.resize(had + read_bytes);
  socket_.async_read_some(
      asio::buffer(input_.data() + had, read_bytes),
      [self = shared_from_this(), had](const boost::system::error_code& error, std::size_t got) {
        self->input_.resize(had + got);
        if (error) {
          self->end();
        } else {
          self->on_data(had);
        }
      });
}

void Connection::on_data(std::size_t had) {
  const std::size_t newline = input_.find('\n', had);
  if (newline == std::string::npos ? input_.size() > max_request_bytes
                                   : newline > max_request_bytes) {
    answer(format_answer(fail(Errc::invalid, "read request: it is longer than 1 MiB")),
           /*is_last=*/true);
    return;
  }
  if (newline == std::string::npos) {
    if (had == 0) {
      expire_after(limits_.transfer);  // counts from the first byte, however it trickles
    }
    read_more();
    return;
  }
  const std::string line = input_.substr(0, newline);
  input_.erase(0, newline + 1);
  run(line);
}

void Connection::run(std::string_view line) {
  auto request = parse_request(line);
  if (!request) {
    answer(format_answer(tl::unexpected(std::move(request).error())), /*is_last=*/false);
    return;
  }
  deadline_.cancel();  // the command has its own deadlines
  registry_.dispatch(request->command, std::move(request->params),
                     Reply<std::string>(loop_, [weak = weak_from_this()](Result<std::string> got) {
                       if (const auto self = weak.lock(); self && self->socket_.is_open()) {
                         self->answer(format_answer(got), /*is_last=*/false);
                       }
                     }));
}

void Connection::answer(std::string line, bool is_last) {
  output_ = std::move(line);
  expire_after(limits_.transfer);
  asio::async_write(
      socket_, asio::buffer(output_),
      [self = shared_from_this(), is_last](const boost::system::error_code& error, std::size_t) {
        if (error || is_last) {
          self->end();
        } else if (self->input_.empty()) {
          self->expire_after(self->limits_.idle);
          self->read_more();
        } else {
          self->expire_after(self->limits_.transfer);
          self->on_data(0);
        }
      });
}

}  // namespace weft::control
