/// The life of one control connection: read a line, dispatch it, write the answer.

#include "runtime/control/connection.hpp"

#include <cerrno>
#include <utility>

#include <boost/asio/write.hpp>

#include "runtime/control/protocol.hpp"

namespace weft::control {

namespace asio = boost::asio;

namespace {
constexpr std::size_t read_bytes = 16384;
}

Connection::Connection(LocalSocket socket, Loop& loop, Registry& registry,
                       const StreamCommands& streams, Places& places, Places::Token place,
                       const ServerLimits& limits, Gone gone)
    : socket_(std::move(socket)),
      loop_(loop),
      registry_(registry),
      streams_(streams),
      places_(places),
      place_(std::move(place)),
      limits_(limits),
      gone_(std::move(gone)) {}

void Connection::start() {
  wait_for_request();
}

void Connection::wait_for_request() {
  clients_turn_since_ = loop_.now();
  expire_after(limits_.idle);
  read_more();
}

void Connection::close() noexcept {
  gone_ = {};
  deadline_.cancel();
  place_.reset();  // now, not when the last handler is gone
  streaming_.reset();
  lines_.reset();
  boost::system::error_code ignored;
  socket_.close(ignored);
}

void Connection::end() {
  if (gone_) {
    std::exchange(gone_, {})(shared_from_this());
  }
  call_.cancel();
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
  auto running = places_.run(request->command);
  if (!running) {
    answer(format_answer(fail(EAGAIN, "run command '" + request->command + "': too many wait")),
           /*is_last=*/true);
    return;
  }
  if (const auto stream = streams_.find(request->command); stream != streams_.end()) {
    open_stream(stream->second, request->params, std::move(running));
    return;
  }
  clients_turn_since_.reset();
  deadline_.cancel();  // the command has its own deadlines
  Reply<std::string> reply(loop_, [weak = weak_from_this(), place = place_,
                                   running = std::move(running)](Result<std::string> got) mutable {
    running.reset();
    if (const auto self = weak.lock(); self && self->socket_.is_open()) {
      self->answer(format_answer(got), /*is_last=*/false);
    }
  });
  call_ = registry_.dispatch(request->command, std::move(request->params), std::move(reply));
  end_when_client_hangs_up();
}

void Connection::open_stream(const StreamCommand& command, std::string_view params,
                             Places::Token running) {
  auto opened = command.open(params, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) {
      self->write_next_line();
    }
  });
  if (!opened) {
    answer(format_answer(tl::unexpected(std::move(opened).error())), /*is_last=*/false);
    return;
  }
  deadline_.cancel();
  streaming_ = std::move(running);
  lines_ = std::move(opened->lines);
  end_when_client_hangs_up();
  write_line(format_answer(std::move(opened->answer)));
}

void Connection::write_line(std::string line) {
  is_writing_line_ = true;
  clients_turn_since_ = loop_.now();
  output_ = std::move(line);
  asio::async_write(
      socket_, asio::buffer(output_),
      [self = shared_from_this()](const boost::system::error_code& error, std::size_t) {
        if (error) {
          self->end();
          return;
        }
        self->is_writing_line_ = false;
        self->clients_turn_since_.reset();
        self->write_next_line();
      });
}

void Connection::write_next_line() {
  if (is_writing_line_ || !lines_) {
    return;
  }
  if (auto line = lines_->next()) {
    write_line(*std::move(line) + "\n");
  }
}

/// The kernel tells of a close, but not of a client that only ends its sending side.
void Connection::end_when_client_hangs_up() {
  socket_.async_wait(LocalSocket::wait_error,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       if (!error) {
                         self->end();
                       }
                     });
}

void Connection::answer(std::string line, bool is_last) {
  boost::system::error_code ignored;
  socket_.cancel(ignored);
  output_ = std::move(line);
  clients_turn_since_ = loop_.now();
  expire_after(limits_.transfer);
  asio::async_write(
      socket_, asio::buffer(output_),
      [self = shared_from_this(), is_last](const boost::system::error_code& error, std::size_t) {
        if (error || is_last) {
          self->end();
          return;
        }
        self->call_.answered();
        if (self->input_.empty()) {
          self->wait_for_request();
        } else {
          self->expire_after(self->limits_.transfer);
          self->on_data(0);
        }
      });
}

}  // namespace weft::control
