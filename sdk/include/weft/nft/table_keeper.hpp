#pragma once
/// Keeps one table in the kernel as it should be, whatever other programs do to it.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <weft/log.hpp>
#include <weft/loop.hpp>
#include <weft/netlink/socket.hpp>
#include <weft/result.hpp>

#include <weft/nft/table.hpp>
#include <weft/nft/watcher.hpp>

namespace weft::nft {

/// Owned by a plugin; used and destroyed on its loop. The table
/// outlives this object and its process: rules stay in force while the node restarts.
class TableKeeper {
 public:
  /// In the network namespace of the calling thread. Changes nothing yet. Errors: the kernel's.
  [[nodiscard]] static Result<std::unique_ptr<TableKeeper>> open(Loop& loop, Log& log,
                                                                 const TableName& name);
  /// Deletes the table of that name, which nobody keeps any more; succeeds when there is none.
  [[nodiscard]] static Result<> remove(const TableName& name);

  /// Puts `table`, which has the keeper's name, in force. Where only elements of sets differ from
  /// the last one, only they go to the kernel, in one transaction. What is wanted is remembered
  /// even when the kernel refuses it, and tried again. Errors: the kernel's.
  [[nodiscard]] Result<> keep(Table table);

  /// How many packets the rules with each comment have counted since this object exists. Reads the
  /// kernel. Errors: the kernel's; what was counted before is kept.
  [[nodiscard]] Result<std::map<std::string, std::uint64_t>> counts();

  /// What the kernel has now that is not as it should be, one sentence each.
  [[nodiscard]] Result<std::vector<std::string>> differences();

  /// The last change reached the kernel.
  [[nodiscard]] bool is_in_force() const noexcept { return is_in_force_; }
  /// How often another program's change was undone.
  [[nodiscard]] std::uint64_t repairs() const noexcept { return repairs_; }
  /// For reading what an earlier process left.
  [[nodiscard]] nl::Socket& socket() noexcept { return socket_; }
  [[nodiscard]] TableName name() const noexcept { return {name_, family_}; }

 private:
  TableKeeper(Loop& loop, Log& log, const TableName& name, nl::Socket socket, std::uint32_t port)
      : loop_(loop),
        log_(log),
        name_(name.name),
        family_(name.family),
        socket_(std::move(socket)),
        port_(port) {}

  [[nodiscard]] Result<> put();
  [[nodiscard]] Result<> change_elements(const Table& to);
  void repair_later(Duration delay);
  void repair();

  Loop& loop_;
  Log& log_;
  std::string name_;
  Family family_;
  nl::Socket socket_;
  std::uint32_t port_;  // marks the notifications of our own changes
  Table wanted_;
  bool is_in_force_ = false;
  bool is_damaged_ = false;  // somebody else changed it
  bool is_repair_pending_ = false;
  std::uint64_t repairs_ = 0;
  std::map<std::string, std::uint64_t> counted_;
  std::map<std::string, std::uint64_t> last_read_;  // what the kernel's counters said then
  std::unique_ptr<Watcher> watcher_;
  Timer repair_timer_;
};

}  // namespace weft::nft
