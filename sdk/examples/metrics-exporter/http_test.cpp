/// Requests as clients and attackers send them.

#include "http.hpp"

#include <gtest/gtest.h>

namespace weft::metrics_exporter {
namespace {

ByteView octets(std::string_view text) {
  return std::as_bytes(std::span(text));
}

RequestReader::Outcome read(std::string_view text) {
  RequestReader reader;
  reader.append(octets(text));
  return reader.next();
}

std::string text_of(const Bytes& octets) {
  return {reinterpret_cast<const char*>(octets.data()), octets.size()};
}

TEST(RequestReader, ReadsWhatPrometheusSends) {
  const auto outcome = read(
      "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:9782\r\nUser-Agent: Prometheus/2.42.0\r\n"
      "Accept: application/openmetrics-text;version=1.0.0,*/*;q=0.1\r\nAccept-Encoding: "
      "gzip\r\n\r\n");

  EXPECT_EQ(outcome.request, (Request{"GET", "/metrics", true}));
  EXPECT_FALSE(outcome.refusal);
}

TEST(RequestReader, WaitsForTheRestOctetByOctet) {
  const std::string text = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  RequestReader reader;
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    reader.append(octets(text.substr(i, 1)));
    const auto outcome = reader.next();
    ASSERT_FALSE(outcome.request || outcome.refusal) << i;
  }
  reader.append(octets("\n"));

  EXPECT_TRUE(reader.next().request);
  EXPECT_TRUE(reader.is_empty());
}

TEST(RequestReader, ReadsRequestsThatFollowAtOnce) {
  RequestReader reader;
  reader.append(octets("GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n"));

  EXPECT_EQ(reader.next().request->target, "/a");
  EXPECT_EQ(reader.next().request->target, "/b");
  EXPECT_FALSE(reader.next().request);
}

TEST(RequestReader, KnowsWhenTheClientWantsToClose) {
  EXPECT_FALSE(
      read("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").request->is_kept_alive);
  EXPECT_FALSE(read("GET / HTTP/1.0\r\n\r\n").request->is_kept_alive);
}

TEST(RequestReader, TakesARequestWithABodyAsTheLastOnItsConnection) {
  for (const char* const body : {"Content-Length: 3\r\n\r\nabc",
                                 "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"}) {
    const auto outcome = read(std::string("POST / HTTP/1.1\r\nHost: x\r\n") + body);
    EXPECT_EQ(outcome.request, (Request{"POST", "/", false})) << body;
  }
}

TEST(RequestReader, RefusesWhatIsNoRequest) {
  for (const char* const text :
       {"\x16\x03\x01\x02", "hello\r\n\r\n", "GET /metrics\r\n\r\n", "GET / HTTP/2.0\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : x\r\n\r\n"}) {
    const auto outcome = read(text);
    EXPECT_FALSE(outcome.request) << text;
    EXPECT_EQ(outcome.refusal, Status::bad_request) << text;
  }
}

TEST(RequestReader, RefusesARequestThatNeverEnds) {
  EXPECT_EQ(read("GET / HTTP/1.1\r\nX: " + std::string(max_request_bytes, 'a')).refusal,
            Status::header_too_large);
  EXPECT_EQ(read("GET /" + std::string(max_request_bytes, 'a')).refusal, Status::header_too_large);
}

TEST(HasPath, IgnoresTheQuery) {
  EXPECT_TRUE(has_path({"GET", "/metrics", true}, "/metrics"));
  EXPECT_TRUE(has_path({"GET", "/metrics?x=1", true}, "/metrics"));
  EXPECT_FALSE(has_path({"GET", "/metrics/", true}, "/metrics"));
  EXPECT_FALSE(has_path({"GET", "*", true}, "/metrics"));
}

TEST(Write, SaysHowLongTheBodyIs) {
  EXPECT_EQ(
      text_of(write({.body = "abc\n"}, true)),
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 4\r\n\r\n"
      "abc\n");
}

TEST(Write, LeavesTheBodyOfAHeadRequestOut) {
  EXPECT_EQ(
      text_of(write({.body = "abc\n"}, false)),
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 4\r\n\r\n");
}

TEST(Refuse, NamesTheMethodsThatAreAllowed) {
  const std::string text = text_of(write(refuse(Status::method_not_allowed), true));

  EXPECT_TRUE(text.starts_with("HTTP/1.1 405 Method Not Allowed\r\n")) << text;
  EXPECT_NE(text.find("\r\nAllow: GET, HEAD\r\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\r\nConnection: close\r\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace weft::metrics_exporter
