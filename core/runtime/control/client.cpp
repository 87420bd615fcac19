/// A blocking client of the control socket with one deadline for everything.

#include "runtime/control/client.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "runtime/control/protocol.hpp"

namespace weft::control {
namespace {

using Clock = std::chrono::steady_clock;

class Connection {
 public:
  Connection(std::string path, Clock::time_point deadline)
      : path_(std::move(path)), deadline_(deadline) {}
  ~Connection() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  Result<> open() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path_.size() >= sizeof(address.sun_path)) {
      return fail(ENAMETOOLONG, attempt());
    }
    std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
    fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd_ < 0) {
      return fail(errno, attempt());
    }
    // EAGAIN: the server's backlog is full; a unix socket cannot be waited for then.
    while (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) < 0) {
      if (errno != EAGAIN && errno != EINTR) {
        return fail(errno, attempt());
      }
      if (Clock::now() >= *deadline_) {
        return fail(Errc::timeout, attempt());
      }
      ::poll(nullptr, 0, /*timeout=*/10);
    }
    return {};
  }

  Result<> send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent >= 0) {
        text.remove_prefix(static_cast<std::size_t>(sent));
      } else if (errno == EAGAIN) {
        WEFT_TRY(wait_for(POLLOUT));
      } else if (errno == EPIPE || errno == ECONNRESET) {
        return {};  // refused before it read everything: its reason is waiting to be read
      } else if (errno != EINTR) {
        return fail(errno, "send to weftd at '" + path_ + "'");
      }
    }
    return {};
  }

  /// From now on it waits for lines without end.
  void forget_deadline() { deadline_.reset(); }

  Result<std::string> receive_line() {
    std::array<char, 16384> chunk;
    std::size_t searched = 0;
    while (true) {
      if (const std::size_t end = received_.find('\n', searched); end != std::string::npos) {
        std::string line = received_.substr(0, end);
        received_.erase(0, end + 1);
        return line;
      }
      searched = received_.size();
      const ssize_t got = ::recv(fd_, chunk.data(), chunk.size(), 0);
      if (got > 0) {
        received_.append(chunk.data(), static_cast<std::size_t>(got));
      } else if (got == 0 || errno == ECONNRESET) {
        return fail(Errc::closed, "get an answer from weftd at '" + path_ + "'");
      } else if (errno == EAGAIN) {
        WEFT_TRY(wait_for(POLLIN));
      } else if (errno != EINTR) {
        return fail(errno, "receive from weftd at '" + path_ + "'");
      }
    }
  }

 private:
  std::string attempt() const { return "connect to weftd at '" + path_ + "'"; }

  Result<> wait_for(short events) {
    pollfd entry{fd_, events, 0};
    if (!deadline_) {
      ::poll(&entry, 1, /*timeout=*/-1);
      return {};
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline_ - Clock::now());
    const int ready = left.count() <= 0 ? 0 : ::poll(&entry, 1, static_cast<int>(left.count()));
    if (ready == 0) {
      return fail(Errc::timeout, "get an answer from weftd at '" + path_ + "'");
    }
    return {};  // interrupted or ready: the caller tries again
  }

  const std::string path_;
  std::optional<Clock::time_point> deadline_;
  std::string received_;  // and not taken yet
  int fd_ = -1;
};

}  // namespace

Result<std::string> exchange_line(const std::string& path, std::string_view line,
                                  std::chrono::milliseconds timeout) {
  Connection connection(path, Clock::now() + timeout);
  WEFT_TRY(connection.open());
  WEFT_TRY(connection.send(line));
  return connection.receive_line();
}

Result<std::string> call(const std::string& path, std::string_view command, std::string_view params,
                         std::chrono::milliseconds timeout) {
  std::string request;
  WEFT_TRY(request, format_request(command, params));
  std::string answer;
  WEFT_TRY(answer, exchange_line(path, request, timeout));
  return parse_answer(answer);
}

Result<> follow(const std::string& path, std::string_view command, std::string_view params,
                std::chrono::milliseconds timeout,
                const std::function<bool(const std::string&)>& on_line) {
  std::string request;
  WEFT_TRY(request, format_request(command, params));
  Connection connection(path, Clock::now() + timeout);
  WEFT_TRY(connection.open());
  WEFT_TRY(connection.send(request));
  std::string line;
  WEFT_TRY(line, connection.receive_line());
  WEFT_TRY(line, parse_answer(line));
  connection.forget_deadline();
  while (on_line(line)) {
    WEFT_TRY(line, connection.receive_line());
  }
  return {};
}

}  // namespace weft::control
