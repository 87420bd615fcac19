/// What each kind of configuration field accepts, refuses and says about it.

#include <sys/stat.h>
#include <unistd.h>
#include <fstream>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <weft/config.hpp>

#include "config/units.hpp"

namespace weft {
namespace {

using namespace std::chrono_literals;

/// One declared field of type T, starting at `value`.
template <class T>
struct One {
  T value{};
  Schema schema;

  explicit One(T initial = {}) : value(std::move(initial)) {
    schema.field("field", value, "Help.");
  }
  Result<> set(ConfigValue given) { return schema.fields()[0].assign(given); }
  std::string refusal(ConfigValue given) {
    const auto result = set(std::move(given));
    return result ? "accepted" : result.error().context;
  }
};

TEST(Schema, KeepsTheMembersValueAsDefault) {
  One<std::chrono::milliseconds> duration(90s);
  One<ByteSize> size(ByteSize{64 << 10});
  One<std::vector<std::string>> list({"a", "b\"c"});
  One<PeerName> peer;

  EXPECT_EQ(duration.schema.fields()[0].default_value, "\"90s\"");
  EXPECT_EQ(size.schema.fields()[0].default_value, "\"64KiB\"");
  EXPECT_EQ(list.schema.fields()[0].default_value, "[\"a\", \"b\\\"c\"]");
  EXPECT_EQ(peer.schema.fields()[0].default_value, "");
}

TEST(Schema, ReadsEveryKind) {
  One<bool> flag;
  One<std::string> text;
  One<std::uint16_t> port;
  One<std::chrono::milliseconds> duration;
  One<ByteSize> size;
  One<net::Endpoint> endpoint;
  One<PeerName> peer;
  One<std::vector<net::Cidr>> cidrs;

  EXPECT_TRUE(flag.set(true));
  EXPECT_TRUE(text.set(std::string("x")));
  EXPECT_TRUE(port.set(std::int64_t{6783}));
  EXPECT_TRUE(duration.set(std::string("5m")));
  EXPECT_TRUE(size.set(std::string("10MiB")));
  EXPECT_TRUE(endpoint.set(std::string("[::]:6783")));
  EXPECT_TRUE(peer.set(std::string("::1")));
  EXPECT_TRUE(cidrs.set(std::vector<std::string>{"10.32.0.0/12", "fd00::/64"}));

  EXPECT_TRUE(flag.value);
  EXPECT_EQ(text.value, "x");
  EXPECT_EQ(port.value, 6783);
  EXPECT_EQ(duration.value, 5min);
  EXPECT_EQ(size.value.bytes, 10u << 20);
  EXPECT_EQ(endpoint.value.port, 6783);
  EXPECT_EQ(peer.value, PeerName{1});
  ASSERT_EQ(cidrs.value.size(), 2u);
  EXPECT_EQ(to_string(cidrs.value[1]), "fd00::/64");
}

TEST(Schema, RefusalsNameTheFieldTheValueAndTheFix) {
  One<std::chrono::milliseconds> duration;
  One<std::uint16_t> port;

  EXPECT_EQ(duration.refusal(std::int64_t{10}),
            "set field = 10: want a whole number with one unit, like \"250ms\", \"10s\", \"5m\" or "
            "\"1h\", from 0s to 8760h");
  EXPECT_EQ(port.refusal(std::int64_t{70000}),
            "set field = 70000: want an integer from 0 to 65535");
  EXPECT_EQ(port.refusal(std::string("80")), "set field = \"80\": want an integer from 0 to 65535");
  EXPECT_EQ(port.refusal(std::int64_t{-1}), "set field = -1: want an integer from 0 to 65535");
}

TEST(Schema, ARefusedNumberWithAFractionIsNotShownAsAnInteger) {
  One<std::uint16_t> port;
  const auto shown = [&port](double given) {
    const std::string text = port.refusal(given);
    return text.substr(0, text.find(':'));
  };

  EXPECT_EQ(shown(2.0), "set field = 2.0");
  EXPECT_EQ(shown(-0.0), "set field = -0.0");
  EXPECT_EQ(shown(0.5), "set field = 0.5");
  EXPECT_EQ(shown(1e300), "set field = 1e+300");
  EXPECT_EQ(shown(std::numeric_limits<double>::infinity()), "set field = inf");
}

/// "1.5s" is a duration, 1.5 seconds are within any limits, "16MB" is a size, 70000 is a number.
TEST(Schema, WhatIsWantedIsNotWhatWasGiven) {
  One<std::chrono::milliseconds> duration;
  One<ByteSize> size;
  One<net::Endpoint> endpoint;

  EXPECT_NE(duration.refusal(std::string("1.5s")).find("want a whole number with one unit"),
            std::string::npos);
  EXPECT_EQ(size.refusal(std::string("16MB")),
            "set field = \"16MB\": want a whole number with one of the units B, KiB, MiB, GiB and "
            "TiB, like \"64KiB\"");
  EXPECT_NE(endpoint.refusal(std::string("[::]:70000")).find("a port of at most 65535"),
            std::string::npos);
}

TEST(Schema, RefusesPeerNamesThatNoBridgeCanHave) {
  for (const char* const text : {"01:00:5e:00:00:01", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00",
                                 "::0", "33:33:00:00:00:01"}) {
    One<PeerName> peer;

    EXPECT_EQ(peer.refusal(std::string(text)),
              fmt::format("set field = \"{}\": want a peer name of six hex octets, like "
                          "\"02:00:00:00:00:01\": a MAC address of one interface, so not all "
                          "zeros, and the first octet even",
                          text));
    EXPECT_EQ(peer.value, unknown_peer);
  }
}

TEST(Schema, ARefusedValueLeavesTheDefault) {
  One<std::uint32_t> number(7);

  EXPECT_FALSE(number.set(std::int64_t{-5}));

  EXPECT_EQ(number.value, 7u);
}

TEST(Schema, ChoicesAcceptOnlyTheirWords) {
  std::string level = "info";
  Schema schema;
  schema.choice("log-level", level, {"debug", "info"}, "Help.");

  EXPECT_TRUE(schema.fields()[0].assign(std::string("debug")));
  const auto refused = schema.fields()[0].assign(std::string("loud"));

  EXPECT_EQ(level, "debug");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().context, "set log-level = \"loud\": want one of \"debug\", \"info\"");
}

TEST(Units, RefuseMissingUnitsSignsAndOverflow) {
  for (const char* text : {"", "10", "s", "-1s", "1.5s", "10 s", "10sec", "1h30m",
                           "9223372036854775807h", "99999999999999999999ms"}) {
    EXPECT_FALSE(config::parse_duration(text)) << text;
  }
  for (const char* text : {"", "10", "KiB", "10kb", "10MB", "-1B", "18446744073709551615KiB"}) {
    EXPECT_FALSE(config::parse_byte_size(text)) << text;
  }
}

TEST(Units, RoundTripInTheLargestExactUnit) {
  for (const char* text : {"0s", "1ms", "1500ms", "90s", "5m", "1h", "25h"}) {
    EXPECT_EQ(config::format_duration(*config::parse_duration(text)), text);
  }
  for (const char* text : {"0B", "1B", "1KiB", "1025B", "10MiB", "3GiB", "2TiB"}) {
    EXPECT_EQ(config::format_byte_size(*config::parse_byte_size(text)), text);
  }
}

/// A file in a directory of its own.
class SecretFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "weft-secret-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    path_ = pattern + "/password";
    schema_.secret_file("password-file", secret_, "Help.");
  }
  void TearDown() override {
    unlink(path_.c_str());
    rmdir(path_.substr(0, path_.rfind('/')).c_str());
  }

  void write(const std::string& text, mode_t mode) {
    std::ofstream(path_) << text;
    ASSERT_EQ(chmod(path_.c_str(), mode), 0);
  }
  Result<> load() { return schema_.fields()[0].assign(path_); }

  std::string path_;
  Secret secret_;
  Schema schema_;
};

TEST_F(SecretFileTest, ReadsAPrivateFileWithoutItsFinalNewline) {
  write("wfvAwt7sj\n", 0600);

  ASSERT_TRUE(load());

  EXPECT_EQ(secret_.text, "wfvAwt7sj");
}

TEST_F(SecretFileTest, RefusesAFileOthersCanRead) {
  for (const mode_t mode : {0640U, 0604U, 0660U}) {
    write("secret", mode);

    const auto loaded = load();

    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().code, Errc::denied);
    EXPECT_NE(loaded.error().context.find("chmod 600"), std::string::npos);
    EXPECT_FALSE(secret_.is_set());
  }
}

TEST_F(SecretFileTest, RefusesAFileOfAnotherUser) {
  write("secret", 0600);
  if (geteuid() != 0) {
    GTEST_SKIP() << "needs root to give a file away";
  }
  ASSERT_EQ(chown(path_.c_str(), 12345, 12345), 0);

  EXPECT_EQ(load().error().code, Errc::denied);
}

TEST_F(SecretFileTest, RefusesWhatWouldSilentlyMeanNoSecret) {
  write("\n", 0600);
  EXPECT_EQ(load().error().code, Errc::invalid);

  unlink(path_.c_str());
  EXPECT_EQ(load().error().code, std::error_code(ENOENT, std::generic_category()));

  ASSERT_EQ(mkfifo(path_.c_str(), 0600), 0);
  EXPECT_EQ(load().error().code, Errc::invalid);
}

TEST_F(SecretFileTest, RefusesAHugeFile) {
  write(std::string(1 << 20, 'x'), 0600);

  EXPECT_EQ(load().error().code, std::error_code(EFBIG, std::generic_category()));
}

}  // namespace
}  // namespace weft
