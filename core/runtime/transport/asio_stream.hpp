#pragma once
/// One TCP connection as a weft::Stream.

#include <memory>

#include <boost/asio/ip/tcp.hpp>

#include <weft/transport.hpp>

namespace weft {

/// Takes over a connected socket: sets its options and wraps it. `loop` outlives the stream.
[[nodiscard]] std::unique_ptr<Stream> make_asio_stream(Loop& loop,
                                                       boost::asio::ip::tcp::socket socket);

[[nodiscard]] net::Endpoint from_asio(const boost::asio::ip::tcp::endpoint& endpoint);

/// What Asio reports, with the end of the stream as Errc::closed.
[[nodiscard]] Error from_asio(const boost::system::error_code& code, std::string context);

}  // namespace weft
