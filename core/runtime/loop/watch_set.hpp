#pragma once
/// The descriptors that one loop watches: an epoll set of their own, inside the loop's io_context.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>

#include <boost/asio/posix/stream_descriptor.hpp>

#include <weft/loop.hpp>

namespace weft {

/// Asio's own wait would close what it waits for, and is edge-triggered. Shared by the loop and its
/// watches; used on the loop's thread, and by whoever ends the loop after that thread has ended.
class WatchSet : public std::enable_shared_from_this<WatchSet> {
 public:
  explicit WatchSet(boost::asio::io_context& context) : context_(context) {}

  /// As Loop::watch.
  [[nodiscard]] Result<FdWatch> add(int fd, FdEvents events, UniqueFunction<void(FdEvents)> ready);
  /// Before the io_context ends. Watches that are left do no harm, and nothing.
  void close() noexcept;

 private:
  struct Watch;
  class Node;
  class Rearm;

  [[nodiscard]] Result<> open();
  void remove(std::uint64_t id) noexcept;
  void wait();
  void dispatch();

  boost::asio::io_context& context_;
  std::optional<boost::asio::posix::stream_descriptor> epoll_;  // from the first watch to `close`
  std::map<std::uint64_t, std::shared_ptr<Watch>> watches_;     // by an id that is never used again
  std::uint64_t next_id_ = 1;
  bool is_waiting_ = false;
};

}  // namespace weft
