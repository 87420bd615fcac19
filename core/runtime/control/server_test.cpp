/// The control server over its real socket, with the real client and with hostile ones.

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include <weft/testing/running_loop.hpp>

#include <weft/json.hpp>

#include "runtime/control/client.hpp"
#include "runtime/control/server.hpp"
#include "runtime/control/stream.hpp"
#include "runtime/loop/thread_loop.hpp"

namespace weft::control {
namespace {

using namespace std::chrono_literals;

class SilentLog final : public Log {
 public:
  bool is_enabled(LogLevel /*level*/) const noexcept override { return false; }

 private:
  void write(LogLevel, std::string_view, std::span<const LogField>) noexcept override {}
};

/// A client that may send anything, and waits for answers with a deadline.
class RawClient {
 public:
  explicit RawClient(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy(path.begin(), path.end(), address.sun_path);
    is_connected_ =
        ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
    const timeval limit{5, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  }
  ~RawClient() { ::close(fd_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool is_connected() const { return is_connected_; }
  /// Sends no more, but reads on.
  void end_sending() const { ::shutdown(fd_, SHUT_WR); }
  bool send(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t sent = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) {
        return false;
      }
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  /// Until there is something to read.
  void wait_for_answer() const {
    char c = 0;
    ASSERT_EQ(::recv(fd_, &c, 1, MSG_PEEK), 1);
  }
  /// The next line, or what came before the server closed.
  std::string line() const {
    std::string text;
    char c = 0;
    while (::recv(fd_, &c, 1, 0) == 1 && c != '\n') {
      text += c;
    }
    return text;
  }

 private:
  int fd_;
  bool is_connected_ = false;
};

struct EchoParameters {
  std::optional<std::string> text;
  std::optional<std::int64_t> number;
  bool is_polite = true;

  void describe(Schema& schema) {
    schema.field("text", text, "Some text.");
    schema.field("number", number, "A number.");
    schema.field("polite", is_polite, "Whether the text is.");
  }
  [[nodiscard]] Result<> validate() const {
    return is_polite ? Result<>() : fail(Errc::denied, "be rude");
  }
  [[nodiscard]] std::string json() const {
    JsonObject object;
    if (text) {
      object.text("text", *text);
    }
    if (number) {
      object.number("number", *number);
    }
    return object.take();
  }
};

/// A thread for the server, which needs the host's own kind of loop.
struct ServerLoop {
  ServerLoop() { loop.start(); }
  template <class F>
  auto run(F task) {
    std::packaged_task<decltype(task())()> packaged(std::move(task));
    auto result = packaged.get_future();
    loop.post([&packaged] { packaged(); });
    return result.get();
  }

  BlockingPool pool;
  ThreadLoop loop{"server", pool, [](const Error& error) { FAIL() << error.message(); }};
};

class ControlServerTest : public ::testing::Test {
 protected:
  ControlServerTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "weft-control-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    path_ = (directory_ / "weft.sock").string();
  }
  ~ControlServerTest() override {
    plugin_.run([&] {
      commands_.clear();
      return 0;
    });
    main_.run([&] {
      server_.reset();
      return 0;
    });
    std::filesystem::remove_all(directory_);
  }

  Result<> start(ServerLimits limits = {}) {
    return main_.run([&] {
      server_ = std::make_unique<ControlServer>(main_.loop, log_, path_, limits);
      return server_->start();
    });
  }
  template <class Parameters = NoParameters, class Handler>
  void serve(std::string name, Handler handler) {
    plugin_.run([&] {
      auto view = server_->view(plugin_);
      auto registration = view.serve<Parameters>({std::move(name), "Test."}, std::move(handler));
      EXPECT_TRUE(registration);
      commands_.push_back(std::move(*registration));
    });
  }
  /// `is_true` runs on the plugin's loop.
  template <class Condition>
  void wait_until(Condition is_true) {
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    while (!plugin_.run([&] { return is_true(); })) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
      std::this_thread::yield();
    }
  }
  void serve_echo() {
    serve<EchoParameters>("echo", [this](const EchoParameters& given, Reply<std::string> reply) {
      EXPECT_TRUE(plugin_.loop().is_current());
      reply(given.json());
    });
  }
  Result<std::string> ask(std::string_view command, std::string_view params = "") {
    return call(path_, command, params, 5s);
  }

  std::filesystem::path directory_;
  std::string path_;
  SilentLog log_;
  ServerLoop main_;
  testing::RunningLoop plugin_;
  std::unique_ptr<ControlServer> server_;
  std::vector<CommandRegistration> commands_;
};

TEST_F(ControlServerTest, AnswersWithWhatTheCommandReturned) {
  ASSERT_TRUE(start());
  serve_echo();

  EXPECT_EQ(*ask("echo", R"({"number":1,"text":"ü"})"), R"({"text":"ü","number":1})");
  EXPECT_EQ(*ask("echo"), "{}");
}

TEST_F(ControlServerTest, LeavesTheMembersOfAnAnswerInTheirOrder) {
  ASSERT_TRUE(start());
  serve("unsorted", [](Reply<std::string> reply) { reply(R"({"b":{"z":1,"y":2},"a":3})"); });

  EXPECT_EQ(ask("unsorted").value(), R"({"b":{"z":1,"y":2},"a":3})");
}

TEST_F(ControlServerTest, CarriesErrorsWithTheirCode) {
  ASSERT_TRUE(start());
  serve("refuse", [](Reply<std::string> reply) {
    reply(fail(Errc::pool_exhausted, "allocate from 10.32.0.0/12"));
  });
  serve("break", [](Reply<std::string> reply) { reply(fail(EPERM, "bind")); });
  serve("drop", [](Reply<std::string>) {});

  EXPECT_EQ(ask("refuse").error().message(),
            "cannot allocate from 10.32.0.0/12: no addresses left");
  EXPECT_EQ(ask("break").error().code, std::errc::operation_not_permitted);
  EXPECT_EQ(ask("drop").error().code, make_error_code(Errc::abandoned));
}

TEST_F(ControlServerTest, RefusesParametersThatDoNotFitBeforeTheCommandRuns) {
  ASSERT_TRUE(start());
  serve_echo();
  const auto refusal = [&](std::string_view params) {
    const auto answer = ask("echo", params);
    return answer ? *answer : answer.error().context;
  };

  EXPECT_EQ(refusal(R"({"txt":"a"})"),
            "use parameter 'txt': the command has none; did you mean 'text'?");
  EXPECT_EQ(refusal(R"({"text":1})"), "set text = 1: want a string in quotes");
  EXPECT_EQ(refusal(R"({"number":-1})"), "set number = -1: want an integer of at least 0");
  EXPECT_EQ(refusal(R"({"number":18446744073709551615})"),
            "set number to so large a number: want integer");
  EXPECT_EQ(refusal(R"({"text":{}})"), "set text to an object: want string");
  EXPECT_EQ(refusal(R"({"polite":false})"), "be rude");
  EXPECT_EQ(refusal(R"({"text":null})"), "{}");
}

TEST_F(ControlServerTest, DescribesItsCommands) {
  ASSERT_TRUE(start());
  serve_echo();
  serve("drop", [](Reply<std::string>) {});

  EXPECT_EQ(
      server_->commands_json(),
      R"([{"name":"drop","help":"Test.","parameters":[],"answer":"null","fields":[]},)"
      R"({"name":"echo","help":"Test.","parameters":[)"
      R"({"name":"text","type":"string","required":false,"default":"","help":"Some text."},)"
      R"({"name":"number","type":"integer","required":false,"default":"","help":"A number."},)"
      R"({"name":"polite","type":"boolean","required":false,"default":"true","help":"Whether the text is."}],)"
      R"("answer":"null","fields":[]}])");
}

TEST_F(ControlServerTest, NamesTheNearestCommand) {
  ASSERT_TRUE(start());
  serve("mesh.peers", [](Reply<std::string> reply) { reply("[]"); });

  const auto answer = ask("mesh.peer");

  EXPECT_EQ(answer.error().code, make_error_code(Errc::not_found));
  EXPECT_NE(answer.error().message().find("did you mean 'mesh.peers'?"), std::string::npos);
}

TEST_F(ControlServerTest, ServesSeveralRequestsOnOneConnectionInOrder) {
  ASSERT_TRUE(start());
  serve_echo();

  const RawClient client(path_);
  client.send(
      "{\"command\":\"echo\",\"params\":{\"number\":1}}\n{\"command\":\"echo\",\"params\":{"
      "\"number\":2}}\n{"
      "\"comm");
  client.send("and\":\"echo\"}\n");

  EXPECT_EQ(client.line(), R"({"ok":true,"result":{"number":1}})");
  EXPECT_EQ(client.line(), R"({"ok":true,"result":{"number":2}})");
  EXPECT_EQ(client.line(), R"({"ok":true,"result":{}})");
}

TEST_F(ControlServerTest, SurvivesGarbageOnAConnectionThatStaysUsable) {
  ASSERT_TRUE(start());
  serve_echo();
  const RawClient client(path_);

  for (const std::string& garbage :
       {std::string("garbage"), std::string(), std::string("\0\xff\xfe", 3), std::string("[]"),
        std::string("{\"command\":7}"), std::string("{\"command\":\"echo\",\"params\":3}"),
        std::string(500'000, '['),
        "{\"command\":\"echo\",\"params\":{\"x\":" + std::string(200, '[') + std::string(200, ']') +
            "}}"}) {
    ASSERT_TRUE(client.send(garbage + "\n"));
    EXPECT_EQ(client.line().substr(0, 11), "{\"error\":{\"") << garbage.substr(0, 40);
  }
  client.send("{\"command\":\"echo\"}\n");

  EXPECT_EQ(client.line(), R"({"ok":true,"result":{}})");
}

TEST_F(ControlServerTest, EndsAConnectionWhoseRequestIsTooLong) {
  ASSERT_TRUE(start());
  serve_echo();
  const RawClient client(path_);

  client.send(std::string((1U << 20U) + 100, 'x'));

  EXPECT_NE(client.line().find("longer than 1 MiB"), std::string::npos);
  EXPECT_EQ(client.line(), "");
  EXPECT_TRUE(ask("echo"));
}

TEST_F(ControlServerTest, EndsAConnectionThatNeverFinishesItsRequest) {
  ServerLimits limits;
  limits.transfer = 50ms;
  ASSERT_TRUE(start(limits));
  const RawClient slow(path_);

  slow.send("{\"comm");

  EXPECT_EQ(slow.line(), "");  // closed well before the client's own 5 s
}

TEST_F(ControlServerTest, RefusesMoreConnectionsThanItsLimitAndServesAgainAfterwards) {
  ServerLimits limits;
  limits.connections = 2;
  ASSERT_TRUE(start(limits));
  std::vector<Reply<std::string>> held;  // on the plugin's loop
  serve("wait", [&](Reply<std::string> reply) { held.push_back(std::move(reply)); });
  serve("wait-too", [&](Reply<std::string> reply) { held.push_back(std::move(reply)); });
  serve_echo();
  const RawClient first(path_);
  first.send("{\"command\":\"wait\"}\n");
  const RawClient second(path_);
  second.send("{\"command\":\"wait-too\"}\n");
  wait_until([&] { return held.size() == 2; });

  EXPECT_EQ(ask("echo").error().code, std::errc::resource_unavailable_try_again);

  plugin_.run([&] { held.clear(); });
  EXPECT_NE(first.line(), "");
  EXPECT_TRUE(ask("echo"));
}

TEST_F(ControlServerTest, EndsTheLongestIdleConnectionForOneThatWantsSomething) {
  ServerLimits limits;
  limits.connections = 3;
  ASSERT_TRUE(start(limits));
  std::optional<Reply<std::string>> held;  // on the plugin's loop
  serve("wait", [&](Reply<std::string> reply) { held = std::move(reply); });
  serve_echo();
  const RawClient busy(path_);
  busy.send("{\"command\":\"wait\"}\n");
  wait_until([&] { return held.has_value(); });
  const RawClient idle(path_);
  const RawClient used(path_);
  for (const RawClient* client : {&idle, &used}) {
    client->send("{\"command\":\"echo\"}\n");
    EXPECT_EQ(client->line(), R"({"ok":true,"result":{}})");
  }

  EXPECT_TRUE(ask("echo"));

  EXPECT_EQ(idle.line(), "");
  used.send("{\"command\":\"echo\"}\n");
  EXPECT_EQ(used.line(), R"({"ok":true,"result":{}})");
  plugin_.run([&] { (*held)("1"); });
  EXPECT_EQ(busy.line(), R"({"ok":true,"result":1})");
}

TEST_F(ControlServerTest, ClientsThatAskOrReadSlowlyLeaveRoomForOthers) {
  ServerLimits limits;
  limits.connections = 2;
  ASSERT_TRUE(start(limits));
  const std::string long_answer(std::size_t{4} << 20U, 'x');
  serve("long", [&](Reply<std::string> reply) { reply('"' + long_answer + '"'); });
  serve_echo();
  const RawClient asks_slowly(path_);
  asks_slowly.send("{\"comm");
  const RawClient reads_slowly(path_);
  reads_slowly.send("{\"command\":\"long\"}\n");
  reads_slowly.wait_for_answer();

  const RawClient next(path_);
  EXPECT_TRUE(ask("echo"));
  next.send("{\"command\":\"echo\"}\n");

  EXPECT_EQ(next.line(), R"({"ok":true,"result":{}})");
  EXPECT_EQ(asks_slowly.line(), "");
  EXPECT_LT(reads_slowly.line().size(), long_answer.size());
}

TEST_F(ControlServerTest, ThoseThatWaitLeaveRoomForEveryOtherCommand) {
  ServerLimits limits;
  limits.connections = 8;
  ASSERT_TRUE(start(limits));
  std::vector<Reply<std::string>> held;  // on the plugin's loop
  serve("wait", [&](Reply<std::string> reply) { held.push_back(std::move(reply)); });
  serve("wait-too", [&](Reply<std::string> reply) { held.push_back(std::move(reply)); });
  serve_echo();
  std::vector<std::unique_ptr<RawClient>> clients;
  for (const auto& [command, most] : {std::pair{"wait", 4U}, std::pair{"wait-too", 2U}}) {
    const std::string request = std::string("{\"command\":\"") + command + "\"}\n";
    for (unsigned i = 0; i < most; ++i) {
      clients.push_back(std::make_unique<RawClient>(path_));
      clients.back()->send(request);
      wait_until([&] { return held.size() == clients.size(); });
    }
    const RawClient refused(path_);
    refused.send(request);
    EXPECT_NE(refused.line().find("too many wait"), std::string::npos) << command;
    EXPECT_EQ(refused.line(), "") << "it takes no place any more";
    EXPECT_TRUE(ask("echo"));
  }

  plugin_.run([&] { held.clear(); });

  EXPECT_NE(clients.front()->line().find("abandoned"), std::string::npos);
  const RawClient again(path_);
  again.send("{\"command\":\"wait\"}\n");
  wait_until([&] { return held.size() == 1; });
  plugin_.run([&] { held.clear(); });
}

TEST_F(ControlServerTest, CancelsWhatAClientThatLeftWaitedFor) {
  ServerLimits limits;
  limits.connections = 2;
  ASSERT_TRUE(start(limits));
  std::optional<Reply<std::string>> held;  // on the plugin's loop, as is the next
  int cancelled = 0;
  serve("wait", [&](Reply<std::string> reply) -> Task {
    held = std::move(reply);
    return [&] {
      ++cancelled;
      held.reset();
    };
  });
  for (int i = 1; i <= 8; ++i) {
    {
      const RawClient client(path_);
      client.send("{\"command\":\"wait\"}\n");
      wait_until([&] { return held.has_value(); });
    }
    wait_until([&] { return cancelled == i; });
  }
}

TEST_F(ControlServerTest, CancelsWhatIsAnsweredToNobody) {
  ServerLimits limits;
  limits.transfer = 50ms;
  ASSERT_TRUE(start(limits));
  int cancelled = 0;  // on the plugin's loop
  serve("answer", [&](Reply<std::string> reply) {
    reply('"' + std::string(std::size_t{8} << 20U, 'x') + '"');  // more than the socket takes
    return [&] { ++cancelled; };
  });
  const RawClient deaf(path_);

  deaf.send("{\"command\":\"answer\"}\n");

  wait_until([&] { return cancelled == 1; });
}

TEST_F(ControlServerTest, CancelsNothingThatWasAnswered) {
  ServerLimits limits;
  limits.connections = 1;  // so each connection ends before the next
  ASSERT_TRUE(start(limits));
  int cancelled = 0;  // on the plugin's loop
  serve("answer", [&](Reply<std::string> reply) {
    reply("1");
    return [&] { ++cancelled; };
  });

  EXPECT_EQ(*ask("answer"), "1");
  EXPECT_EQ(*ask("answer"), "1");

  EXPECT_EQ(plugin_.run([&] { return cancelled; }), 0);
}

TEST_F(ControlServerTest, AnswersAClientThatOnlyEndedItsSendingSide) {
  ASSERT_TRUE(start());
  std::optional<Reply<std::string>> held;  // on the plugin's loop, as is the next
  bool is_cancelled = false;
  serve("wait", [&](Reply<std::string> reply) -> Task {
    held = std::move(reply);
    return [&] { is_cancelled = true; };
  });
  serve_echo();
  const RawClient client(path_);
  client.send("{\"command\":\"wait\"}\n");
  client.end_sending();
  wait_until([&] { return held.has_value(); });
  EXPECT_TRUE(ask("echo"));  // the server has seen what there was to see

  plugin_.run([&] { (*held)("1"); });

  EXPECT_EQ(client.line(), R"({"ok":true,"result":1})");
  EXPECT_FALSE(plugin_.run([&] { return is_cancelled; }));
}

TEST_F(ControlServerTest, ACommandThatIsWithdrawnIsNotCancelledAnyMore) {
  ServerLimits limits;
  limits.connections = 1;
  ASSERT_TRUE(start(limits));
  std::optional<Reply<std::string>> held;  // on the plugin's loop, as is the next
  bool is_cancelled = false;
  serve("wait", [&](Reply<std::string> reply) -> Task {
    held = std::move(reply);
    return [&] { is_cancelled = true; };
  });
  {
    const RawClient client(path_);
    client.send("{\"command\":\"wait\"}\n");
    wait_until([&] { return held.has_value(); });
    plugin_.run([&] {
      commands_.clear();
      held.reset();
    });
    EXPECT_NE(client.line().find("abandoned"), std::string::npos);
  }
  EXPECT_EQ(ask("wait").error().code, make_error_code(Errc::not_found));  // the client is gone

  EXPECT_FALSE(plugin_.run([&] { return is_cancelled; }));
}

TEST_F(ControlServerTest, AClientThatLeavesDoesNotDisturbTheCommand) {
  ASSERT_TRUE(start());
  std::promise<Reply<std::string>> held;
  serve("hold", [&](Reply<std::string> reply) { held.set_value(std::move(reply)); });
  serve_echo();
  auto answer = held.get_future();
  {
    const RawClient client(path_);
    client.send("{\"command\":\"hold\"}\n");
    answer.wait();
  }
  answer.get()("{}");

  EXPECT_TRUE(ask("echo"));
}

TEST_F(ControlServerTest, AWithdrawnCommandIsUnknown) {
  ASSERT_TRUE(start());
  serve_echo();
  plugin_.run([&] {
    commands_.clear();
    return 0;
  });

  EXPECT_EQ(ask("echo").error().code, make_error_code(Errc::not_found));
}

TEST_F(ControlServerTest, RefusesTwoServersForOneCommand) {
  ASSERT_TRUE(start());
  serve_echo();

  const auto second = plugin_.run([&] {
    auto view = server_->view(plugin_);
    return view.serve({"echo", "Test."}, [](Reply<std::string>) {}).error().code;
  });

  EXPECT_EQ(second, make_error_code(Errc::conflict));
}

TEST_F(ControlServerTest, ReplacesAStaleSocketButNeverALiveOneOrAFile) {
  ASSERT_TRUE(start());
  {
    ControlServer second(main_.loop, log_, path_);
    EXPECT_EQ(second.start().error().code, make_error_code(Errc::conflict));
  }
  EXPECT_EQ(ask("none").error().code, make_error_code(Errc::not_found));  // the first still serves
  main_.run([&] {
    server_.reset();
    return 0;
  });
  EXPECT_FALSE(std::filesystem::exists(path_));

  const int stale = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy(path_.begin(), path_.end(), address.sun_path);
  ASSERT_EQ(::bind(stale, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  ::close(stale);
  EXPECT_TRUE(start());
  struct stat info{};
  ASSERT_EQ(::stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0660U);
  main_.run([&] {
    server_.reset();
    return 0;
  });

  std::ofstream(path_) << "precious";
  EXPECT_EQ(start().error().code, make_error_code(Errc::conflict));
  EXPECT_EQ(std::filesystem::file_size(path_), 8U);
}

class ControlStreamTest : public ControlServerTest {
 protected:
  ControlStreamTest() {
    EXPECT_TRUE(start());
    main_.run([&] {
      server_->serve_stream({{{"follow", "Test."}, {}},
                             [this](std::string_view params, Task wake) -> Result<OpenStream> {
                               if (params != "{}") {
                                 return fail(Errc::invalid, "follow that");
                               }
                               wake_ = std::move(wake);
                               return OpenStream{"7", std::make_unique<Lines>(*this)};
                             }});
    });
  }
  void add(std::vector<std::string> lines) {
    main_.run([&] {
      std::ranges::move(lines, std::back_inserter(lines_));
      wake_();
    });
  }
  [[nodiscard]] bool closes(unsigned streams) {
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    while (main_.run([&] { return closed_; }) < streams) {
      if (std::chrono::steady_clock::now() > deadline) {
        return false;
      }
      std::this_thread::yield();
    }
    return true;
  }

 private:
  struct Lines final : LineStream {
    explicit Lines(ControlStreamTest& in) : test(in) {}
    ~Lines() override { ++test.closed_; }
    std::optional<std::string> next() override {
      if (test.lines_.empty()) {
        return std::nullopt;
      }
      std::string first = std::move(test.lines_.front());
      test.lines_.erase(test.lines_.begin());
      return first;
    }
    ControlStreamTest& test;
  };

  // On the server's loop.
  std::vector<std::string> lines_;
  Task wake_;
  unsigned closed_ = 0;
};

TEST_F(ControlStreamTest, WritesLinesUntilTheClientHangsUp) {
  {
    const RawClient client(path_);
    client.send("{\"command\":\"follow\"}\n");
    EXPECT_EQ(client.line(), R"({"ok":true,"result":7})");
    add({"1", "2"});
    EXPECT_EQ(client.line(), "1");
    EXPECT_EQ(client.line(), "2");
    add({"3"});
    EXPECT_EQ(client.line(), "3");
  }

  EXPECT_TRUE(closes(1));
}

TEST_F(ControlStreamTest, AReaderMayTakeItsTimeAndLosesNothingOfALine) {
  const RawClient client(path_);
  client.send("{\"command\":\"follow\"}\n");
  ASSERT_EQ(client.line(), R"({"ok":true,"result":7})");
  const std::string large(std::size_t{1} << 20U, 'x');  // more than the socket takes

  add({large, "2"});
  serve_echo();
  EXPECT_TRUE(ask("echo")) << "others are served meanwhile";

  EXPECT_EQ(client.line(), large);
  EXPECT_EQ(client.line(), "2");
}

TEST_F(ControlStreamTest, ARefusedStreamLeavesTheConnectionUsable) {
  serve_echo();
  const RawClient client(path_);
  client.send("{\"command\":\"follow\",\"params\":{\"x\":1}}\n{\"command\":\"echo\"}\n");

  EXPECT_NE(client.line().find("cannot follow that"), std::string::npos);
  EXPECT_EQ(client.line(), R"({"ok":true,"result":{}})");
}

TEST_F(ControlStreamTest, TheClientTakesLineAfterLine) {
  std::vector<std::string> seen;
  const auto followed = follow(path_, "follow", "", 5s, [&](const std::string& line) {
    seen.push_back(line);
    if (seen.size() == 1) {
      add({"1", "2", "3"});
    }
    return seen.size() < 3;
  });

  EXPECT_TRUE(followed) << followed.error().message();
  EXPECT_EQ(seen, (std::vector<std::string>{"7", "1", "2"}));
  EXPECT_TRUE(closes(1));
  EXPECT_EQ(follow(path_, "none", "", 5s, [](const auto&) { return true; }).error().code,
            make_error_code(Errc::not_found));
}

class ControlSocketRemovalTest : public ControlServerTest {
 protected:
  /// Whether somebody is served at the path within ten seconds.
  bool comes_to_serve() {
    const auto deadline = std::chrono::steady_clock::now() + 10s;
    while (std::chrono::steady_clock::now() < deadline) {
      if (RawClient(path_).is_connected()) {
        return true;
      }
      std::this_thread::yield();
    }
    return false;
  }
};

TEST_F(ControlSocketRemovalTest, ASocketThatSomebodyRemovesIsMadeAgain) {
  ASSERT_TRUE(start());
  const RawClient before(path_);

  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(std::filesystem::remove(path_));
    ASSERT_TRUE(comes_to_serve());
  }

  ASSERT_TRUE(before.send("{\"cmd\":\"nothing\"}\n"));
  EXPECT_NE(before.line(), "") << "an open connection goes on";
}

TEST_F(ControlSocketRemovalTest, SoIsOneWhoseWholeDirectoryIsRemoved) {
  ASSERT_TRUE(start());

  // The server may have made the socket again before its directory goes.
  std::error_code error;
  do {
    std::filesystem::remove_all(directory_, error);
  } while (error == std::errc::directory_not_empty);
  ASSERT_FALSE(error) << error.message();

  EXPECT_TRUE(comes_to_serve());
}

TEST_F(ControlSocketRemovalTest, SoIsOneThatSomebodyMovesAway) {
  ASSERT_TRUE(start());

  std::filesystem::rename(path_, path_ + ".old");

  EXPECT_TRUE(comes_to_serve());
}

TEST_F(ControlServerTest, RefusesADirectoryEveryoneMayWriteTo) {
  ::chmod(directory_.c_str(), 0777);

  EXPECT_EQ(start().error().code, make_error_code(Errc::denied));
}

TEST_F(ControlServerTest, TheClientNamesAnAbsentDaemonAndASlowOne) {
  EXPECT_EQ(ask("echo").error().code, std::errc::no_such_file_or_directory);
  ASSERT_TRUE(start());
  std::optional<Reply<std::string>> held;  // on the plugin's loop
  serve("hold", [&](Reply<std::string> reply) { held = std::move(reply); });

  EXPECT_EQ(call(path_, "hold", "", 50ms).error().code, make_error_code(Errc::timeout));
  plugin_.run([&] { held.reset(); });
}

}  // namespace
}  // namespace weft::control
