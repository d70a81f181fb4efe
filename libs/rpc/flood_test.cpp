// Attacks on a real server over the loopback, with raw HTTP/2 as no gRPC client would speak it.
#include <arpa/inet.h>
#include <catch2/catch.hpp>
#include <grpcpp/grpcpp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "libs/rpc/channel.hpp"
#include "libs/rpc/chttp2_filter.hpp"
#include "libs/rpc/server.hpp"
#include "libs/testing/eventually.hpp"
#include "protos/orchestrator.grpc.pb.h"

namespace swarm::rpc {
namespace {

std::string frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream, std::string_view payload) {
  std::string bytes;
  for (const int shift : {16, 8, 0}) bytes += static_cast<char>(payload.size() >> shift);
  bytes += static_cast<char>(type);
  bytes += static_cast<char>(flags);
  for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(stream >> shift);
  return bytes.append(payload);
}

std::string literal(std::string_view name, std::string_view value) {
  std::string bytes(1, '\0');
  for (const auto text : {name, value}) bytes.append(1, static_cast<char>(text.size())).append(text);
  return bytes;
}

std::string call_headers() {
  return "\x83\x86" + literal(":path", "/orchestrator.Orchestrator/GetTask") + literal(":authority", "localhost") +
         literal("content-type", "application/grpc") + literal("te", "trailers");
}

/// A client that speaks whatever it is told to.
class RawClient {
 public:
  explicit RawClient(const std::string& address) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{5, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    REQUIRE(::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0);
    send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, ""));
  }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;
  ~RawClient() { ::close(socket_); }

  bool send(const std::string& bytes) {
    std::size_t sent = 0;
    while (sent < bytes.size()) {
      const auto n = ::send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) return false;
      sent += static_cast<std::size_t>(n);
    }
    return true;
  }

  /// Reads until the server closes; false when it has not within 5 s of silence.
  bool closed_by_server() {
    char buffer[4096];
    for (;;) {
      const auto n = ::recv(socket_, buffer, sizeof buffer, 0);
      if (n == 0) return true;
      if (n < 0) return errno == ECONNRESET || errno == EPIPE;
    }
  }

 private:
  int socket_;
};

struct Fixture {
  Fixture() : server(ServerOptions{}, registry, std::make_unique<auth::Guard>(auth::AccessTable{})) {
    server.add(service, orchestrator::Orchestrator::service_full_name());
    REQUIRE(server.start().has_value());
  }
  /// "yes", or what another client is told.
  std::string answers() {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    orchestrator::Task task;
    auto stub = orchestrator::Orchestrator::NewStub(connect(server.address(), grpc::InsecureChannelCredentials()));
    // The service has no handlers; to be told so is an answer.
    const auto status = stub->GetTask(&context, orchestrator::TaskRef(), &task);
    return status.error_code() == grpc::StatusCode::INVALID_ARGUMENT ? "yes" : status.error_message();
  }
  metrics::Registry registry;
  orchestrator::Orchestrator::CallbackService service;
  Server server;
};

}  // namespace

TEST_CASE("the filter stands before the gRPC library in use", "[grpc][flood]") { CHECK(frame_filter_active()); }

TEST_CASE("endless headers close the connection and nothing else", "[grpc][flood]") {
  Fixture f;
  const auto before = connections_broken_off();
  RawClient attacker(f.server.address());
  attacker.send(frame(1, 0, 1, call_headers()));
  const std::string filler = literal("x-filler", std::string(100, 'x'));
  std::size_t sent = 0;
  while (sent < (16u << 20)) {
    std::string block;
    while (block.size() + filler.size() < 16'000) block += filler;
    if (!attacker.send(frame(9, 0, 1, block))) break;
    sent += block.size();
  }
  CHECK(attacker.closed_by_server());
  CHECK(connections_broken_off() == before + 1);
  CHECK(f.answers() == "yes");
}

TEST_CASE("rapid resets close the connection and nothing else", "[grpc][flood]") {
  Fixture f;
  const auto before = connections_broken_off();
  RawClient attacker(f.server.address());
  std::uint32_t calls = 0;
  while (calls < 50'000 && attacker.send(frame(1, 4, 2 * calls + 1, call_headers()) + frame(3, 0, 2 * calls + 1, {"\0\0\0\x8", 4}))) {
    ++calls;
  }
  CHECK(attacker.closed_by_server());
  CHECK(connections_broken_off() == before + 1);
  CHECK(f.answers() == "yes");
}

TEST_CASE("streams are counted from their start to their end", "[grpc][flood]") {
  Fixture f;
  CHECK(f.answers() == "yes");
  CHECK(testing::eventually([] { return streams_open() == 0; }));
}

TEST_CASE("a header that aborts servers with an auth processor does no harm", "[grpc][flood]") {
  Fixture f;
  RawClient attacker(f.server.address());
  attacker.send(frame(1, 4, 1, call_headers() + literal("grpclb_client_stats", "x")));
  CHECK(f.answers() == "yes");
}

}  // namespace swarm::rpc
