#pragma once
/// For tests: a file with a password.

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include <weft/result.hpp>

namespace weft::gossip {

/// A secret file that lives as long as the test.
class PasswordFile {
 public:
  explicit PasswordFile(const std::string& password) {
    const int file = mkstemp(path_.data());
    WEFT_CHECK(file >= 0, "a temporary file can be made");
    close(file);
    std::ofstream(path_) << password << "\n";
  }
  ~PasswordFile() { std::remove(path_.c_str()); }
  PasswordFile(const PasswordFile&) = delete;
  PasswordFile& operator=(const PasswordFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_ = "/tmp/weft-gossip-test-XXXXXX";
};

}  // namespace weft::gossip
