#include "libs/admin/admin_server.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "libs/http/endpoint.hpp"

using namespace swarm;
using namespace swarm::admin;
namespace asio = boost::asio;

namespace {

/// Sends the text and reads until the server closes.
std::string talk(const AdminServer& server, const std::string& text) {
  asio::io_context io;
  asio::ip::tcp::socket socket(io);
  socket.connect(http::parse_endpoint(server.address()).value());
  asio::write(socket, asio::buffer(text));
  std::string answer;
  boost::system::error_code end;
  asio::read(socket, asio::dynamic_buffer(answer), end);
  return answer;
}

std::string get(const AdminServer& server, const std::string& target, const std::string& header = "") {
  return talk(server, "GET " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + header + "\r\n");
}

}  // namespace

TEST_CASE("the admin port serves metrics, liveness and readiness, and nothing else", "[admin]") {
  metrics::Registry registry;
  registry.counter("things_total", "Things.").add(3);
  bool store_ok = true;
  AdminServer server({}, registry, [&] {
    return std::vector<Readiness>{{"store", store_ok, "", true}, {"analyst", false, "connection refused", false}};
  });
  REQUIRE(server.start().has_value());

  CHECK(get(server, "/livez").find("200 OK") != std::string::npos);
  CHECK(get(server, "/metrics").find("things_total 3") != std::string::npos);
  CHECK(get(server, "/").find("404") != std::string::npos);
  CHECK(talk(server, "POST /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").find("405") != std::string::npos);

  const auto ready = get(server, "/readyz");
  CHECK(ready.find("200 OK") != std::string::npos);
  CHECK(ready.find("connection refused") != std::string::npos);
  CHECK(ready.find("\"version\":\"" SWARM_VERSION "\"") != std::string::npos);
  CHECK(ready.find("\"now_unix_ms\":") != std::string::npos);
  store_ok = false;
  CHECK(get(server, "/readyz").find("503") != std::string::npos);
  store_ok = true;
  server.set_draining();
  CHECK(get(server, "/readyz").find("503") != std::string::npos);
  CHECK(get(server, "/livez").find("200 OK") != std::string::npos);
}

TEST_CASE("metrics can be kept behind a token", "[admin]") {
  metrics::Registry registry;
  AdminServer server({"127.0.0.1:0", Secret("s3cret")}, registry, [] { return std::vector<Readiness>{}; });
  REQUIRE(server.start().has_value());
  CHECK(get(server, "/metrics").find("401") != std::string::npos);
  CHECK(get(server, "/metrics", "Authorization: Bearer s3creT\r\n").find("401") != std::string::npos);
  CHECK(get(server, "/metrics", "Authorization: Bearer s3cret\r\n").find("200 OK") != std::string::npos);
  CHECK(get(server, "/livez").find("200 OK") != std::string::npos);
}

TEST_CASE("garbage and oversize heads are answered and end the connection, not the server", "[admin]") {
  metrics::Registry registry;
  AdminServer server({}, registry, [] { return std::vector<Readiness>{}; });
  REQUIRE(server.start().has_value());
  CHECK(talk(server, "\x16\x03\x01 this is not HTTP\r\n\r\n").find(" 400 ") != std::string::npos);
  CHECK(talk(server, "GET /livez HTTP/1.1\r\nContent-Length: x\r\n\r\n").find(" 400 ") != std::string::npos);
  CHECK(talk(server, "GET /livez HTTP/1.1\r\nX: " + std::string(20'000, 'a') + "\r\n\r\n").find(" 431 ") != std::string::npos);
  CHECK(talk(server, "POST /livez HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello").find(" 4") != std::string::npos);
  CHECK(get(server, "/livez").find("200 OK") != std::string::npos);
}
